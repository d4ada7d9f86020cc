/* Opening a core: kernel cores and gcore's.  A cut one opens as long as its program headers are
 * there. */
#include "target/core.h"
#include "target/core_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* A process may have as many as vm.max_map_count, 65530 unless somebody raised it. */
enum { SEGMENTS_MAX = 1 << 21 };

/* ---- the file ---- */

/* Who keeps cores may say of which program they are: systemd-coredump does, as an attribute. */
static char *read_hint(int fd)
{
	char path[PATH_MAX];
	ssize_t length = fgetxattr(fd, "user.coredump.exe", path, sizeof(path));
	return length > 0 && path[0] == '/' ? strndup(path, (size_t)length) : NULL;
}

static struct pw_error *open_regular(const char *path, int *ret)
{
	struct stat st;
	/* O_NONBLOCK: a pipe of that name must not hold us up. */
	*ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*ret < 0 || fstat(*ret, &st))
		return pw_error_from_errno(errno, "cannot open %s", path);
	if (S_ISDIR(st.st_mode))
		return pw_error_create(PW_ERROR_FORMAT, "%s is a folder, not a core file", path);
	if (!S_ISREG(st.st_mode))
		return pw_error_create(PW_ERROR_FORMAT, "%s is not a regular file", path);
	if (!st.st_size)
		return pw_error_create(PW_ERROR_FORMAT, "%s is empty, not a core file", path);
	return NULL;
}

/* Opens the core, or what a packed one is unpacked to. */
static struct pw_error *open_file(struct pw_core *core)
{
	struct core_unpacked unpacked;
	struct stat st;
	struct pw_error *error = open_regular(core->path, &core->fd);
	if (error)
		return error;
	core->hint = read_hint(core->fd);
	error = core_unpack(core->fd, core->path, &unpacked);
	if (error)
		return error;
	if (unpacked.fd >= 0) {
		close(core->fd);
		core->fd = unpacked.fd;
		core->packed = unpacked.kind;
	}
	if (unpacked.executable) {
		free(core->hint);
		core->hint = unpacked.executable;
	}
	if (fstat(core->fd, &st))
		error = pw_error_from_errno(errno, "cannot open %s", core->path);
	else
		core->size = (uint64_t)st.st_size;
	if (unpacked.trouble)
		pw_notes_add(
			&core->base.notes,
			"%s is cut or damaged: its stream (%s) breaks off where it is unpacked "
			"to %llu bytes (%s); what stood behind is missing",
			core->path, unpacked.kind, (unsigned long long)core->size,
			unpacked.trouble);
	free(unpacked.trouble);
	return error;
}

/* What an ELF file is that is no core. */
static const char *elf_type_name(const struct pw_core *core, const Elf64_Ehdr *header)
{
	switch (header->e_type) {
	case ET_REL:
		return "an object file";
	case ET_EXEC:
		return "an executable";
	case ET_DYN:
		break;
	default:
		return "an ELF file of an unknown kind";
	}
	for (unsigned i = 0; header->e_phentsize == sizeof(Elf64_Phdr) && i < header->e_phnum;
	     i++) {
		Elf64_Phdr phdr;
		if (!core_get(core, header->e_phoff + i * sizeof(phdr), &phdr, sizeof(phdr)))
			break;
		if (phdr.p_type == PT_INTERP)
			return "an executable";
	}
	return "a shared library";
}

static struct pw_error *check_magic(const struct pw_core *core)
{
	uint8_t first[512];
	size_t shown = core_cache_read(core->cache, 0, core->fd, 0, first, sizeof(first));
	if (shown >= SELFMAG && !memcmp(first, ELFMAG, SELFMAG))
		return NULL;
	bool text = true;
	for (size_t i = 0; i < shown; i++)
		text &= (first[i] >= 0x20 && first[i] != 0x7f) ||
			(first[i] && strchr("\t\n\r\f\v", first[i]));
	return pw_error_create(PW_ERROR_FORMAT, "%s is %s%s%s%s, not a core file", core->path,
			       text ? "a text file" : "not an ELF file", core->packed ? " (" : "",
			       core->packed ? core->packed : "", core->packed ? ", unpacked)" : "");
}

static struct pw_error *check_header(struct pw_core *core, Elf64_Ehdr *header)
{
	struct pw_error *error = check_magic(core);
	if (error)
		return error;
	uint8_t class;
	if (core_get(core, EI_CLASS, &class, 1) && class == ELFCLASS32)
		return pw_error_create(
			PW_ERROR_UNSUPPORTED,
			"%s is a 32-bit ELF file; cores of 64-bit processes can be read",
			core->path);
	if (!core_get(core, 0, header, sizeof(*header)))
		return pw_error_create(PW_ERROR_FORMAT,
				       "%s is cut in its ELF header: %llu bytes of %zu", core->path,
				       (unsigned long long)core->size, sizeof(*header));
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return pw_error_create(PW_ERROR_FORMAT, "%s has the unknown ELF class %u",
				       core->path, header->e_ident[EI_CLASS]);
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "%s is not little-endian, which x86_64 and aarch64 are",
				       core->path);
	if (header->e_type != ET_CORE)
		return pw_error_create(PW_ERROR_FORMAT, "%s is %s, not a core file", core->path,
				       elf_type_name(core, header));
	core->base.arch = pw_arch_by_machine(header->e_machine);
	if (!core->base.arch)
		return pw_error_create(
			PW_ERROR_UNSUPPORTED,
			"%s is a core of machine %u (e_machine); x86_64 and aarch64 can be "
			"read",
			core->path, header->e_machine);
	if (header->e_phentsize != sizeof(Elf64_Phdr))
		return pw_error_create(PW_ERROR_FORMAT,
				       "%s has program headers of %u bytes, expected %zu",
				       core->path, header->e_phentsize, sizeof(Elf64_Phdr));
	return NULL;
}

/* The kernel writes the notes right behind the program headers, of which theirs is the first (Linux
 * fs/binfmt_elf.c, elf_core_dump). */
static uint64_t guess_phdrs(const struct pw_core *core, const Elf64_Ehdr *header)
{
	Elf64_Phdr first;
	if (!core_get(core, header->e_phoff, &first, sizeof(first)) || first.p_type != PT_NOTE ||
	    first.p_offset < header->e_phoff)
		return 0;
	uint64_t size = first.p_offset - header->e_phoff;
	return size % sizeof(first) || size / sizeof(first) < PN_XNUM ? 0 : size / sizeof(first);
}

/* The number of program headers; with 0xffff or more, it stands in section header 0. */
static struct pw_error *count_phdrs(const struct pw_core *core, const Elf64_Ehdr *header,
				    uint64_t *ret)
{
	*ret = header->e_phnum;
	if (*ret == PN_XNUM) {
		Elf64_Shdr section;
		/* The kernel puts it behind everything else: the first to be cut off. */
		if (header->e_shoff && core_get(core, header->e_shoff, &section, sizeof(section)))
			*ret = section.sh_info;
		else
			*ret = guess_phdrs(core, header);
	}
	if (!*ret && header->e_phnum == PN_XNUM)
		return pw_error_create(
			PW_ERROR_FORMAT,
			"%s is cut: the number of its program headers stands in a section header "
			"at offset %#llx, its size is %#llx",
			core->path, (unsigned long long)header->e_shoff,
			(unsigned long long)core->size);
	uint64_t size = *ret * sizeof(Elf64_Phdr);
	if (header->e_phoff > core->size || size > core->size - header->e_phoff)
		return pw_error_create(
			PW_ERROR_FORMAT,
			"%s is cut in its program headers: %llu bytes at offset %#llx "
			"expected, its size is %#llx",
			core->path, (unsigned long long)size, (unsigned long long)header->e_phoff,
			(unsigned long long)core->size);
	if (!*ret)
		return pw_error_create(PW_ERROR_FORMAT, "%s has no program headers", core->path);
	return NULL;
}

/* ---- segments ---- */

static struct pw_error *add_segment(struct pw_core *core, const Elf64_Phdr *phdr)
{
	uint64_t memsz = phdr->p_memsz, filesz = phdr->p_filesz;
	if (memsz > UINT64_MAX - phdr->p_vaddr)
		memsz = UINT64_MAX - phdr->p_vaddr;
	if (!memsz)
		return NULL;
	if (filesz > memsz)
		filesz = memsz;
	size_t n = core->segment_count;
	if (n == SEGMENTS_MAX)
		return pw_error_create(PW_ERROR_UNSUPPORTED, "%s has more than %d segments",
				       core->path, SEGMENTS_MAX);
	if (!(n & (n - 1))) {
		struct core_segment *more =
			realloc(core->segments, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return &pw_error_nomem;
		core->segments = more;
	}
	uint64_t have = phdr->p_offset < core->size ? core->size - phdr->p_offset : 0;
	core->segments[core->segment_count++] = (struct core_segment){
		.start = phdr->p_vaddr,
		.end = phdr->p_vaddr + memsz,
		.offset = phdr->p_offset,
		.present = filesz < have ? filesz : have,
		.cut = filesz > have ? filesz - have : 0,
		.flags = phdr->p_flags,
	};
	return NULL;
}

static int compare_segments(const void *a, const void *b)
{
	const struct core_segment *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int compare_names(const void *a, const void *b)
{
	const struct core_name *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts, and takes from each what an earlier one covers already. */
static void settle_segments(struct pw_core *core)
{
	size_t kept = 0;
	uint64_t end = 0;
	if (!core->segment_count)
		return;
	qsort(core->segments, core->segment_count, sizeof(core->segments[0]), compare_segments);
	for (size_t i = 0; i < core->segment_count; i++) {
		struct core_segment segment = core->segments[i];
		if (segment.end <= end)
			continue;
		uint64_t skip = segment.start < end ? end - segment.start : 0;
		segment.start += skip;
		segment.offset += skip;
		segment.present = segment.present > skip ? segment.present - skip : 0;
		end = segment.end;
		core->segments[kept++] = segment;
	}
	core->segment_count = kept;
}

static void settle_names(struct pw_core *core)
{
	size_t kept = 0;
	uint64_t end = 0;
	if (!core->name_count)
		return;
	qsort(core->names, core->name_count, sizeof(core->names[0]), compare_names);
	for (size_t i = 0; i < core->name_count; i++) {
		struct core_name name = core->names[i];
		if (name.end <= end)
			continue;
		uint64_t skip = name.start < end ? end - name.start : 0;
		name.start += skip;
		name.offset += skip;
		end = name.end;
		core->names[kept++] = name;
	}
	core->name_count = kept;
}

static void note_cut(struct pw_core *core)
{
	uint64_t bytes = 0, present = 0;
	size_t segments = 0;
	for (size_t i = 0; i < core->segment_count; i++) {
		bytes += core->segments[i].cut;
		present += core->segments[i].present;
		segments += core->segments[i].cut > 0;
	}
	if (segments)
		pw_notes_add(&core->base.notes,
			     "the core is cut: %llu bytes of %zu of its %zu segments are missing, "
			     "%llu bytes are there",
			     (unsigned long long)bytes, segments, core->segment_count,
			     (unsigned long long)present);
	if (!core->has_prstatus)
		pw_notes_add(&core->base.notes,
			     "the core's notes are %s: its threads and registers are unknown",
			     core->notes_cut ? "cut off" : "missing");
	else if (core->notes_cut)
		pw_notes_add(&core->base.notes,
			     "the core's notes are cut: threads or file names may be missing");
	if (!core->names)
		pw_notes_add(&core->base.notes,
			     "the core does not name the files that were mapped (no NT_FILE note)");
}

static struct pw_error *parse(struct pw_core *core)
{
	Elf64_Ehdr header = {0};
	uint64_t count = 0;
	struct pw_error *error = check_header(core, &header);
	if (!error)
		error = count_phdrs(core, &header, &count);
	for (uint64_t i = 0; !error && i < count; i++) {
		Elf64_Phdr phdr;
		if (!core_get(core, header.e_phoff + i * sizeof(phdr), &phdr, sizeof(phdr)))
			break;
		if (phdr.p_type == PT_LOAD)
			error = add_segment(core, &phdr);
		else if (phdr.p_type == PT_NOTE)
			error = core_parse_notes(core, phdr.p_offset, phdr.p_filesz);
	}
	if (error)
		return error;
	settle_segments(core);
	note_cut(core);
	return NULL;
}

/* ---- opening ---- */

/* Says early what the user named wrongly. */
static struct pw_error *check_executable(const char *path)
{
	uint8_t magic[SELFMAG];
	struct stat st;
	pw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st))
		return pw_error_from_errno(errno, "cannot open the executable %s", path);
	if (!S_ISREG(st.st_mode) || pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, ELFMAG, SELFMAG))
		return pw_error_create(PW_ERROR_FORMAT, "%s is not an executable (no ELF file)",
				       path);
	return NULL;
}

/* The process as a whole, when the notes of files did not say. */
static struct pw_error *describe_process(struct pw_core *core)
{
	struct pw_target *target = &core->base;
	if (!target->executable) {
		char name[PW_PAGE];
		pw_auto_error struct pw_error *error =
			core->execfn ? pw_read_string(target, core->execfn, name, sizeof(name) - 1)
				     : &pw_error_unreadable;
		const char *found = !error && name[0] ? name
				    : core->hint      ? core->hint
				    : core->comm[0]   ? core->comm
						      : NULL;
		if (found && !(target->executable = strdup(found)))
			return &pw_error_nomem;
	}
	if (target->executable && !target->executable_host)
		target->executable_host = pw_target_host_path(target, target->executable);
	for (size_t i = 0; i < target->lwp_count; i++)
		if (target->lwps[i].tid == (uint64_t)target->pid)
			memcpy(target->lwps[i].name, core->comm, sizeof(core->comm));
	pw_target_sort_lwps(target);
	return NULL;
}

struct pw_error *pw_target_open_core(const char *path, const struct pw_options *options,
				     struct pw_target **ret)
{
	struct pw_error *error =
		options && options->executable ? check_executable(options->executable) : NULL;
	if (error)
		return error;
	struct pw_core *core = calloc(1, sizeof(*core));
	if (!core)
		return &pw_error_nomem;
	core->base.ops = &core_ops;
	core->base.arch = pw_arch_host();
	core->base.root = pw_host_root(options ? options->sysroot : NULL, NULL);
	core->path = strdup(path);
	core->cache = core_cache_create();
	core->fd = -1;
	for (size_t i = 0; i < CORE_OPEN_MAX; i++)
		core->opened[i].fd = -1;
	if (!core->base.root || !core->path || !core->cache)
		error = &pw_error_nomem;
	if (!error)
		error = open_file(core);
	if (!error)
		error = parse(core);
	if (!error && !core->name_count)
		error = core_recover_names(core, options);
	if (!error) {
		settle_names(core);
		error = core_find_files(core, options);
	}
	if (!error)
		error = core_make_mappings(core);
	if (!error)
		error = describe_process(core);
	if (!error)
		error = core_note_missing(core);
	if (error) {
		pw_target_destroy(&core->base);
		return error;
	}
	*ret = &core->base;
	return NULL;
}
