/*
 * The files that a core names, and whether they may stand in for bytes that it left out.
 *
 * A file is proved by its build-id: the kernel and gcore put the first page of each mapped ELF file
 * into the core.  Pages that a segment may write are never taken from a file, also when they were
 * made read-only after relocation.
 */
#include "target/core.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FILES = 16384 };

/* ---- what a file's segments cover ---- */

static void take_loads(struct core_file *file, const struct core_image *image)
{
	uint64_t highest = 0;
	for (unsigned i = 0; i < image->phdr_count && file->load_count < CORE_MAX_LOADS; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		if (phdr->p_type != PT_LOAD || phdr->p_vaddr + phdr->p_memsz < phdr->p_vaddr)
			continue;
		file->loads[file->load_count++] = *phdr;
		if (phdr->p_vaddr + phdr->p_memsz > highest)
			highest = phdr->p_vaddr + phdr->p_memsz;
	}
	file->bias = file->start - image->first_vaddr;
	uint64_t span = pw_page_up(highest) - image->first_vaddr;
	file->end = file->start + span < file->start ? UINT64_MAX : file->start + span;
}

/* The only segment whose pages hold an address; NULL: none, or more than one. */
static const Elf64_Phdr *load_at(const struct core_file *file, uint64_t address)
{
	uint64_t vaddr = address - file->bias;
	const Elf64_Phdr *found = NULL;
	for (unsigned i = 0; i < file->load_count; i++) {
		const Elf64_Phdr *load = &file->loads[i];
		uint64_t start = pw_page_down(load->p_vaddr);
		uint64_t end = pw_page_up(load->p_vaddr + load->p_filesz);
		if (vaddr < start || vaddr >= end)
			continue;
		if (found)
			return NULL;
		found = load;
	}
	return found;
}

uint64_t core_file_covers(const struct core_file *file, uint64_t address, uint64_t file_offset)
{
	const Elf64_Phdr *load = file->usable ? load_at(file, address) : NULL;
	uint64_t vaddr = address - file->bias;
	if (!load || (load->p_flags & PF_W) ||
	    load->p_offset + (vaddr - load->p_vaddr) != file_offset)
		return 0;
	return pw_page_up(load->p_vaddr + load->p_filesz) - vaddr;
}

unsigned core_file_flags(const struct core_file *file, uint64_t address)
{
	const Elf64_Phdr *load = load_at(file, address);
	return load ? load->p_flags : 0;
}

int core_open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Remembers which file was looked at; false: it cannot be asked. */
static bool identify(int fd, struct core_file *file)
{
	struct stat st;
	if (fstat(fd, &st))
		return false;
	file->device = st.st_dev;
	file->inode = st.st_ino;
	file->changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	return true;
}

/* Opens the file that was examined, and no other that has its name by now. */
static int open_again(const struct core_file *file)
{
	struct core_file now;
	int fd = core_open_regular(file->host_path);
	if (fd >= 0 && (!identify(fd, &now) || now.device != file->device ||
			now.inode != file->inode || now.changed != file->changed)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A descriptor of the file: few are open at a time, since a core may name thousands. */
static int descriptor(struct pw_core *core, size_t index)
{
	for (size_t i = 0; i < CORE_OPEN_MAX; i++)
		if (core->opened[i].fd >= 0 && core->opened[i].file == index)
			return core->opened[i].fd;
	struct core_open_file *slot = &core->opened[core->opened_clock++ % CORE_OPEN_MAX];
	if (slot->fd >= 0)
		close(slot->fd);
	*slot = (struct core_open_file){index, open_again(&core->files[index])};
	if (slot->fd < 0)
		core->files[index].usable = false;
	return slot->fd;
}

size_t core_file_read(struct pw_core *core, size_t index, uint64_t file_offset, void *buffer,
		      size_t length)
{
	int fd = descriptor(core, index);
	if (fd < 0)
		return 0;
	return core_cache_read(core->cache, (uint32_t)index + 1, fd, file_offset, buffer, length);
}

void core_free_files(struct pw_core *core)
{
	for (size_t i = 0; i < CORE_OPEN_MAX; i++)
		if (core->opened[i].fd >= 0)
			close(core->opened[i].fd);
	for (size_t i = 0; i < core->file_count; i++)
		free(core->files[i].host_path);
	free(core->files);
}

/* ---- which file it is ---- */

/* Names for one note instead of one each. */
struct tally {
	struct pw_buffer names;
	size_t count;
};

static void tally_add(struct tally *tally, const char *path)
{
	enum { SHOWN = 5 };
	if (tally->count < SHOWN) {
		pw_buffer_append_string(&tally->names, tally->count ? ", " : "");
		pw_text_append_bytes(&tally->names, path, strlen(path));
	} else if (tally->count == SHOWN) {
		pw_buffer_append_string(&tally->names, ", ...");
	}
	tally->count++;
}

struct finder {
	struct pw_core *core;
	const char *executable;	     /* what stands for the executable, NULL: its own path */
	const char *executable_path; /* as the core names it, NULL: unknown */
	struct tally absent, unchecked;
};

static void format_build_id(const struct core_image *image, char text[2 * CORE_BUILD_ID_MAX + 16])
{
	if (!image->build_id_length)
		strcpy(text, "none");
	for (size_t i = 0; i < image->build_id_length; i++)
		snprintf(text + 2 * i, 3, "%02x", image->build_id[i]);
}

bool core_same_build_id(const struct core_image *a, const struct core_image *b)
{
	return a->build_id_length == b->build_id_length &&
	       !memcmp(a->build_id, b->build_id, a->build_id_length);
}

static void note_other_build(struct finder *finder, const struct core_file *file,
			     const struct core_image *memory, const struct core_image *disk)
{
	char was[2 * CORE_BUILD_ID_MAX + 16], is[2 * CORE_BUILD_ID_MAX + 16];
	format_build_id(memory, was);
	format_build_id(disk, is);
	pw_auto_buffer struct pw_buffer path;
	pw_buffer_init(&path);
	pw_text_append_bytes(&path, file->host_path, strlen(file->host_path));
	pw_notes_add(
		&finder->core->base.notes,
		"%s is not the file that the core was made with and is not used: its build-id is "
		"%s, expected %s",
		path.failed ? "a file" : path.data, is, was);
}

/* Compares what the core holds of the mapping with the file. */
static void check_file(struct finder *finder, struct core_file *file,
		       const struct core_image *memory, const struct core_image *disk,
		       bool needs_proof)
{
	bool has_id = memory->build_id_length;
	if (!memory->is_elf && memory->first_length)
		return;
	if (!disk->is_elf) {
		if (memory->is_elf)
			pw_notes_add(&finder->core->base.notes,
				     "%s is not the ELF file that the core was made with and is "
				     "not used",
				     file->host_path);
		return;
	}
	if (!memory->first_length) {
		file->usable = !needs_proof;
		if (file->usable)
			tally_add(&finder->unchecked, file->path);
		return;
	}
	/* Without a build-id the first page itself is compared. */
	size_t common = memory->first_length < disk->first_length ? memory->first_length
								  : disk->first_length;
	if (has_id ? core_same_build_id(memory, disk) : !memcmp(memory->first, disk->first, common))
		file->usable = true;
	else
		note_other_build(finder, file, memory, disk);
}

static bool is_executable(const struct finder *finder, const char *path)
{
	return finder->executable_path && !strcmp(path, finder->executable_path);
}

/* Takes " (deleted)" off; true when it was there: another file may have the name by now. */
static bool strip_deleted(char *path)
{
	static const char suffix[] = " (deleted)";
	size_t length = strlen(path), tail = sizeof(suffix) - 1;
	if (length <= tail || strcmp(path + length - tail, suffix))
		return false;
	path[length - tail] = 0;
	return true;
}

static struct pw_error *examine(struct finder *finder, struct core_file *file)
{
	struct pw_core *core = finder->core;
	pw_auto_free char *path = strdup(file->path);
	if (!path)
		return &pw_error_nomem;
	bool deleted = strip_deleted(path),
	     chosen = is_executable(finder, file->path) && finder->executable;
	file->host_path =
		chosen ? strdup(finder->executable) : pw_target_host_path(&core->base, path);

	struct core_image memory = {.core = core, .start = file->start, .fd = -1};
	core_image_read(&memory);
	struct core_image disk = {.fd = file->host_path ? core_open_regular(file->host_path) : -1};
	if (disk.fd >= 0) {
		core_image_read(&disk);
		if (identify(disk.fd, file))
			check_file(finder, file, &memory, &disk, deleted);
		close(disk.fd);
	} else if (memory.is_elf) {
		tally_add(&finder->absent, file->path);
	}
	if (memory.is_elf)
		take_loads(file, &memory);
	else if (disk.is_elf)
		take_loads(file, &disk);
	return NULL;
}

/* The name that holds AT_ENTRY is the program's; without it, the lowest one that is mapped from its
 * start. */
static const char *find_executable_path(const struct pw_core *core)
{
	for (size_t i = 0; i < core->name_count; i++)
		if (core->names[i].start <= core->entry && core->entry < core->names[i].end)
			return core->names[i].path;
	for (size_t i = 0; i < core->name_count && !core->entry && !core->recovered; i++)
		if (!core->names[i].offset)
			return core->names[i].path;
	return NULL;
}

static struct pw_error *find_each(struct finder *finder)
{
	struct pw_core *core = finder->core;
	struct core_file *last = NULL;
	for (size_t i = 0; i < core->name_count; i++) {
		struct core_name *name = &core->names[i];
		bool same = last && !strcmp(last->path, name->path) &&
			    (!last->load_count || name->start < last->end);
		if (!same && (name->offset || core->file_count == MAX_FILES)) {
			last = NULL;
			continue;
		}
		if (!same) {
			last = &core->files[core->file_count++];
			*last = (struct core_file){.path = name->path, .start = name->start};
			struct pw_error *error = examine(finder, last);
			if (error)
				return error;
		}
		name->file = (size_t)(last - core->files);
	}
	return NULL;
}

static struct pw_error *set_executable(const struct finder *finder)
{
	struct pw_core *core = finder->core;
	const char *host = finder->executable;
	if (finder->executable_path) {
		core->base.executable = strdup(finder->executable_path);
		if (!core->base.executable)
			return &pw_error_nomem;
		for (size_t i = 0; i < core->file_count && !host; i++)
			if (is_executable(finder, core->files[i].path))
				host = core->files[i].host_path;
	}
	if (host && !(core->base.executable_host = strdup(host)))
		return &pw_error_nomem;
	return NULL;
}

struct pw_error *core_find_files(struct pw_core *core, const struct pw_options *options)
{
	struct finder finder = {
		.core = core,
		.executable = options ? options->executable : NULL,
		.executable_path = find_executable_path(core),
	};
	size_t most = core->name_count < MAX_FILES ? core->name_count : MAX_FILES;
	core->files = calloc(most ? most : 1, sizeof(*core->files));
	if (!core->files)
		return &pw_error_nomem;
	struct pw_error *error = find_each(&finder);
	if (!error)
		error = set_executable(&finder);
	if (finder.absent.count && !finder.absent.names.failed)
		pw_notes_add(&core->base.notes,
			     "%zu files that the core was made with are not here: %s; bytes that "
			     "the core "
			     "left out are missing",
			     finder.absent.count, finder.absent.names.data);
	if (finder.unchecked.count && !finder.unchecked.names.failed)
		pw_notes_add(
			&core->base.notes,
			"%zu files are used without a check of their build-id, because their first "
			"pages are not in the core: %s",
			finder.unchecked.count, finder.unchecked.names.data);
	pw_buffer_deinit(&finder.absent.names);
	pw_buffer_deinit(&finder.unchecked.names);
	return error;
}
