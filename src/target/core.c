/*
 * A core file, mapped and not copied: kernel cores and gcore's.
 *
 * A cut core opens as long as its program headers are there.  Bytes that it does not hold are
 * missing, never zero; a file supplies them only where core_files.c says so.
 */
#include "target/core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- reading ---- */

size_t core_read_segments(const struct pw_core *core, uint64_t address, void *buffer, size_t length)
{
	size_t done = 0, low = 0, high = core->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (core->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; done < length && low < core->segment_count; low++) {
		const struct core_segment *segment = &core->segments[low];
		if (segment->start > address + done ||
		    address + done - segment->start >= segment->present)
			break;
		uint64_t skip = address + done - segment->start;
		size_t piece = length - done;
		if (piece > segment->present - skip)
			piece = (size_t)(segment->present - skip);
		memcpy((char *)buffer + done, core->data + segment->offset + skip, piece);
		done += piece;
		if (address + done < segment->end)
			break;
	}
	return done;
}

/* Reads inside one mapping; how many bytes. */
static size_t read_range(struct pw_core *core, size_t index, uint64_t address, void *buffer,
			 size_t length, enum pw_supplier *ret_supplier)
{
	const struct pw_mapping *mapping = &core->base.mappings[index];
	const struct core_range *range = &core->ranges[index];
	uint64_t skip = address - mapping->start;
	if (length > mapping->end - address)
		length = (size_t)(mapping->end - address);
	if (skip < range->present) {
		if (length > range->present - skip)
			length = (size_t)(range->present - skip);
		memcpy(buffer, core->data + range->offset + skip, length);
		*ret_supplier = PW_SUPPLIER_CORE;
		return length;
	}
	if (mapping->writable || range->file == SIZE_MAX)
		return 0;
	struct core_file *file = &core->files[range->file];
	uint64_t covered = core_file_covers(file, address, mapping->offset + skip);
	if (length > covered)
		length = (size_t)covered;
	if (!length || !core_file_read(file, mapping->offset + skip, buffer, length))
		return 0;
	*ret_supplier = PW_SUPPLIER_FILE;
	return length;
}

static struct pw_error *core_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct pw_core *core = (struct pw_core *)target;
	*ret_done = 0;
	while (*ret_done < length) {
		enum pw_supplier supplier;
		uint64_t at = address + *ret_done;
		const struct pw_mapping *mapping = pw_target_mapping(target, at);
		size_t got = mapping ? read_range(core, (size_t)(mapping - target->mappings), at,
						  (char *)buffer + *ret_done, length - *ret_done,
						  &supplier)
				     : 0;
		if (!got)
			break;
		/* Of the first byte, when several had a part. */
		if (!*ret_done)
			*ret_supplier = supplier;
		*ret_done += got;
	}
	return NULL;
}

static void core_destroy(struct pw_target *target)
{
	struct pw_core *core = (struct pw_core *)target;
	core_free_files(core);
	if (core->data)
		munmap((void *)core->data, core->size);
	free(core->path);
	free(core->segments);
	for (size_t i = 0; i < core->recovered_count; i++)
		free(core->recovered[i]);
	free(core->recovered);
	free(core->names);
	free(core->ranges);
	free(core);
}

static const struct pw_target_ops core_ops = {
	.kind = "core",
	.read = core_read,
	.destroy = core_destroy,
};

/* ---- the file ---- */

static struct pw_error *map_file(struct pw_core *core)
{
	struct stat st;
	/* O_NONBLOCK: a pipe of that name must not hold us up. */
	pw_auto_close int fd = open(core->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st))
		return pw_error_from_errno(errno, "cannot open %s", core->path);
	if (S_ISDIR(st.st_mode))
		return pw_error_create(PW_ERROR_FORMAT, "%s is a folder, not a core file",
				       core->path);
	if (!S_ISREG(st.st_mode))
		return pw_error_create(PW_ERROR_FORMAT, "%s is not a regular file", core->path);
	if (!st.st_size)
		return pw_error_create(PW_ERROR_FORMAT, "%s is empty, not a core file", core->path);
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return pw_error_from_errno(errno, "cannot map %s", core->path);
	core->data = data;
	core->size = (size_t)st.st_size;
	return NULL;
}

static const char *compression(const struct pw_core *core)
{
	static const struct {
		const char *magic, *name;
	} known[] = {
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"\x04\x22\x4d\x18", "lz4"},
		{"\xfd"
		 "7zX",
		 "xz"},
		{"\x1f\x8b", "gzip"},
		{"BZh", "bzip2"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t length = strlen(known[i].magic);
		if (core->size >= length && !memcmp(core->data, known[i].magic, length))
			return known[i].name;
	}
	return NULL;
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
		const void *at = core_at(core, header->e_phoff + i * sizeof(phdr), sizeof(phdr));
		if (!at)
			break;
		memcpy(&phdr, at, sizeof(phdr));
		if (phdr.p_type == PT_INTERP)
			return "an executable";
	}
	return "a shared library";
}

static struct pw_error *check_magic(const struct pw_core *core)
{
	if (core->size >= SELFMAG && !memcmp(core->data, ELFMAG, SELFMAG))
		return NULL;
	const char *packed = compression(core);
	if (packed)
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "%s is compressed (%s): unpack it first", core->path,
				       packed);
	size_t shown = core->size < 512 ? core->size : 512;
	bool text = true;
	for (size_t i = 0; i < shown; i++)
		text &= (core->data[i] >= 0x20 && core->data[i] != 0x7f) ||
			(core->data[i] && strchr("\t\n\r\f\v", core->data[i]));
	return pw_error_create(PW_ERROR_FORMAT, "%s is %s, not a core file", core->path,
			       text ? "a text file" : "not an ELF file");
}

static struct pw_error *check_header(struct pw_core *core, Elf64_Ehdr *header)
{
	struct pw_error *error = check_magic(core);
	if (error)
		return error;
	if (core->size > EI_CLASS && core->data[EI_CLASS] == ELFCLASS32)
		return pw_error_create(
			PW_ERROR_UNSUPPORTED,
			"%s is a 32-bit ELF file; cores of 64-bit processes can be read",
			core->path);
	if (core->size < sizeof(*header))
		return pw_error_create(PW_ERROR_FORMAT,
				       "%s is cut in its ELF header: %zu bytes of %zu", core->path,
				       core->size, sizeof(*header));
	memcpy(header, core->data, sizeof(*header));
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

/* The program headers; with 0xffff or more, their number stands in section header 0. */
static struct pw_error *find_phdrs(const struct pw_core *core, const Elf64_Ehdr *header,
				   const uint8_t **ret, uint64_t *ret_count)
{
	uint64_t count = header->e_phnum;
	if (count == PN_XNUM) {
		Elf64_Shdr section;
		const void *at = core_at(core, header->e_shoff, sizeof(section));
		/* The kernel puts it behind everything else: the first to be cut off. */
		if (!at || !header->e_shoff)
			return pw_error_create(
				PW_ERROR_FORMAT,
				"%s is cut: the number of its program headers stands in a "
				"section header at offset %#llx, its size is %#zx",
				core->path, (unsigned long long)header->e_shoff, core->size);
		memcpy(&section, at, sizeof(section));
		count = section.sh_info;
	}
	uint64_t size = count * sizeof(Elf64_Phdr);
	const void *at = core_at(core, header->e_phoff, size);
	if (!at)
		return pw_error_create(
			PW_ERROR_FORMAT,
			"%s is cut in its program headers: %llu bytes at offset %#llx "
			"expected, its size is %#zx",
			core->path, (unsigned long long)size, (unsigned long long)header->e_phoff,
			core->size);
	if (!count)
		return pw_error_create(PW_ERROR_FORMAT, "%s has no program headers", core->path);
	*ret = at;
	*ret_count = count;
	return NULL;
}

/* ---- segments ---- */

static void add_segment(struct pw_core *core, const Elf64_Phdr *phdr)
{
	uint64_t memsz = phdr->p_memsz, filesz = phdr->p_filesz;
	if (memsz > UINT64_MAX - phdr->p_vaddr)
		memsz = UINT64_MAX - phdr->p_vaddr;
	if (!memsz)
		return;
	if (filesz > memsz)
		filesz = memsz;
	uint64_t have = phdr->p_offset < core->size ? core->size - phdr->p_offset : 0;
	core->segments[core->segment_count++] = (struct core_segment){
		.start = phdr->p_vaddr,
		.end = phdr->p_vaddr + memsz,
		.offset = phdr->p_offset,
		.present = filesz < have ? filesz : have,
		.cut = filesz > have ? filesz - have : 0,
		.flags = phdr->p_flags,
	};
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
	uint64_t bytes = 0;
	size_t segments = 0;
	for (size_t i = 0; i < core->segment_count; i++) {
		bytes += core->segments[i].cut;
		segments += core->segments[i].cut > 0;
	}
	if (segments)
		pw_notes_add(&core->base.notes,
			     "the core is cut: %llu bytes of %zu of its %zu segments are missing",
			     (unsigned long long)bytes, segments, core->segment_count);
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
	const uint8_t *phdrs = NULL;
	uint64_t count = 0;
	struct pw_error *error = check_header(core, &header);
	if (!error)
		error = find_phdrs(core, &header, &phdrs, &count);
	if (error)
		return error;
	core->segments = calloc(count, sizeof(*core->segments));
	if (!core->segments)
		return &pw_error_nomem;
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Phdr phdr;
		memcpy(&phdr, phdrs + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_type == PT_LOAD)
			add_segment(core, &phdr);
		else if (phdr.p_type == PT_NOTE)
			error = core_parse_notes(core, phdr.p_offset, phdr.p_filesz);
		if (error)
			return error;
	}
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
		const char *found = !error && name[0] ? name : core->comm[0] ? core->comm : NULL;
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
	if (!core->base.root || !core->path)
		error = &pw_error_nomem;
	if (!error)
		error = map_file(core);
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
	if (error) {
		pw_target_destroy(&core->base);
		return error;
	}
	*ret = &core->base;
	return NULL;
}
