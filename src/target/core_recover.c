/*
 * Names for the ELF files in a core whose NT_FILE note is lost: gcore writes its notes last, so
 * that a cut core has none.
 *
 * Each image's first page is in the core, with its build-id.  Where a file of its soname is looked
 * for (beside the executable, in its run path, in the system's folders) is a guess; that it is the
 * file is proved by the build-id.
 */
#include "target/core.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
	MAX_IMAGES = 4096,
	MAX_DYNAMIC = 256,
	MAX_DIRS = 32,
	MAX_LOADS = CORE_MAX_LOADS,
	MAX_FOLDER = 1 << 16
};

struct search {
	struct pw_core *core;
	const char *executable; /* as the user, or who kept the core, named it; or NULL */
	bool named_by_user;
	char *dirs[MAX_DIRS]; /* owned */
	size_t dir_count;
	size_t run_dir_count; /* those that the program's run path names come first */
	size_t images, named;
};

static void add_dir(struct search *search, const char *dir, size_t length)
{
	if (!length || dir[0] != '/' || search->dir_count == MAX_DIRS)
		return;
	char *copy = strndup(dir, length);
	if (copy)
		search->dirs[search->dir_count++] = copy;
}

/* A run path: "$ORIGIN" stands for the executable's folder. */
static void add_run_path(struct search *search, const char *path)
{
	static const char origin[] = "$ORIGIN";
	const char *slash = search->executable ? strrchr(search->executable, '/') : NULL;
	for (size_t length; *path; path += length + (path[length] == ':')) {
		length = strcspn(path, ":");
		if (strncmp(path, origin, sizeof(origin) - 1)) {
			add_dir(search, path, length);
		} else if (slash) {
			char dir[PATH_MAX];
			int n = snprintf(dir, sizeof(dir), "%.*s%.*s",
					 (int)(slash - search->executable), search->executable,
					 (int)(length - (sizeof(origin) - 1)),
					 path + sizeof(origin) - 1);
			if (n > 0 && (size_t)n < sizeof(dir))
				add_dir(search, dir, (size_t)n);
		}
	}
}

static void add_usual_dirs(struct search *search)
{
	static const char *const usual[] = {"/lib64", "/usr/lib64", "/usr/local/lib", "/usr/lib",
					    "/lib"};
	const char *slash = search->executable ? strrchr(search->executable, '/') : NULL;
	char dir[PATH_MAX];
	if (slash && snprintf(dir, sizeof(dir), "%.*s/../lib", (int)(slash - search->executable),
			      search->executable) < (int)sizeof(dir))
		add_dir(search, dir, strlen(dir));
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		add_dir(search, usual[i], strlen(usual[i]));
		snprintf(dir, sizeof(dir), "%s/%s-linux-gnu", usual[i],
			 search->core->base.arch->name);
		add_dir(search, dir, strlen(dir));
	}
}

/* The string of the first dynamic entry with one of two tags; false: none that can be read. */
static bool dynamic_string(const struct core_image *image, int64_t tag, int64_t other,
			   char text[PATH_MAX])
{
	uint64_t bias = image->start - image->first_vaddr, strings = 0, offset = 0;
	bool found = false;
	for (unsigned i = 0; i < image->phdr_count; i++) {
		Elf64_Dyn table[MAX_DYNAMIC];
		if (image->phdrs[i].p_type != PT_DYNAMIC)
			continue;
		size_t size = image->phdrs[i].p_filesz < sizeof(table)
				      ? (size_t)image->phdrs[i].p_filesz
				      : sizeof(table);
		size = core_read_segments(image->core, bias + image->phdrs[i].p_vaddr, table, size);
		for (size_t k = 0; k < size / sizeof(table[0]) && table[k].d_tag != DT_NULL; k++) {
			if (table[k].d_tag == DT_STRTAB)
				strings = table[k].d_un.d_ptr;
			if (!found && (table[k].d_tag == tag || table[k].d_tag == other)) {
				offset = table[k].d_un.d_val;
				found = true;
			}
		}
	}
	if (!found || !strings)
		return false;
	/* The dynamic linker has added the bias, or not. */
	uint64_t at = (strings < image->start ? strings + bias : strings) + offset;
	size_t got = core_read_segments(image->core, at, text, PATH_MAX);
	return memchr(text, 0, got) && text[0];
}

static bool is_same_file(const struct core_image *memory, const char *host)
{
	pw_auto_close int fd = core_open_regular(host);
	struct core_image disk = {.fd = fd};
	if (fd < 0)
		return false;
	core_image_read(&disk);
	return disk.is_elf && core_same_build_id(memory, &disk);
}

/* A shared library that can be run, like libc, has an interpreter, too, but also a soname. */
static bool is_program(const struct core_image *image)
{
	char soname[PATH_MAX];
	for (unsigned i = 0; i < image->phdr_count; i++)
		if (image->phdrs[i].p_type == PT_INTERP)
			return !dynamic_string(image, DT_SONAME, DT_SONAME, soname);
	return false;
}

static char *found_program(struct search *search, const struct core_image *image, const char *path)
{
	search->core->entry = image->start - image->first_vaddr + image->entry;
	return strdup(path);
}

/* A program in a folder, whatever its name: its build-id is all that is known of it. */
static char *find_in_folder(struct search *search, const struct core_image *image,
			    const char *folder)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s%s", search->core->base.root, folder);
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *found = NULL;
	for (unsigned seen = 0; dir && !found && seen < MAX_FOLDER && (entry = readdir(dir));
	     seen++) {
		if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
			continue;
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		pw_auto_free char *host = n < (int)sizeof(path)
						  ? pw_target_host_path(&search->core->base, path)
						  : NULL;
		if (host && is_same_file(image, host))
			found = found_program(search, image, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static char *find_program(struct search *search, const struct core_image *image)
{
	char *found = find_in_folder(search, image, "/usr/bin");
	if (!found)
		found = find_in_folder(search, image, "/usr/local/bin");
	for (size_t i = 0; !found && i < search->run_dir_count; i++) {
		/* "/opt/x/lib" is beside "/opt/x/bin". */
		char dir[PATH_MAX];
		const char *slash = strrchr(search->dirs[i], '/');
		int n = snprintf(dir, sizeof(dir), "%.*s/bin", (int)(slash - search->dirs[i]),
				 search->dirs[i]);
		if (n < (int)sizeof(dir))
			found = find_in_folder(search, image, dir);
	}
	return found;
}

/* The path of an image, owned by the caller; NULL: not found. */
static char *find_path(struct search *search, const struct core_image *image)
{
	char soname[PATH_MAX];
	if (search->executable && is_same_file(image, search->executable))
		return found_program(search, image, search->executable);
	if (is_program(image))
		return search->named_by_user ? NULL : find_program(search, image);
	if (!dynamic_string(image, DT_SONAME, DT_SONAME, soname) || strchr(soname, '/'))
		return NULL;
	for (size_t i = 0; i < search->dir_count; i++) {
		char *path;
		if (asprintf(&path, "%s/%s", search->dirs[i], soname) < 0)
			return NULL;
		pw_auto_free char *host = pw_target_host_path(&search->core->base, path);
		if (host && is_same_file(image, host))
			return path;
		free(path);
	}
	return NULL;
}

/* What NT_FILE would have said of an image; takes `path` over. */
static void add_names(struct pw_core *core, const struct core_image *image, char *path)
{
	core->recovered[core->recovered_count++] = path;
	for (unsigned i = 0, loads = 0; i < image->phdr_count && loads < MAX_LOADS; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		uint64_t start = pw_page_down(phdr->p_vaddr - image->first_vaddr);
		uint64_t end = pw_page_up(phdr->p_vaddr - image->first_vaddr + phdr->p_filesz);
		if (phdr->p_type != PT_LOAD || start >= end || image->start + end < image->start)
			continue;
		loads++;
		core->names[core->name_count++] = (struct core_name){
			.start = image->start + start,
			.end = image->start + end,
			.offset = pw_page_down(phdr->p_offset),
			.path = path,
			.file = SIZE_MAX,
		};
	}
}

static bool image_at(const struct pw_core *core, const struct core_segment *segment,
		     struct core_image *ret)
{
	uint8_t magic[SELFMAG];
	if (segment->present < SELFMAG || !core_get(core, segment->offset, magic, sizeof(magic)) ||
	    memcmp(magic, ELFMAG, SELFMAG) != 0)
		return false;
	*ret = (struct core_image){.core = core, .start = segment->start, .fd = -1};
	core_image_read(ret);
	return ret->is_elf && ret->build_id_length;
}

/* The program's own run path says where its libraries are. */
static void add_program_run_path(struct search *search)
{
	struct core_image image;
	char run_path[PATH_MAX];
	for (size_t i = 0, seen = 0; i < search->core->segment_count && seen < MAX_IMAGES; i++) {
		if (!image_at(search->core, &search->core->segments[i], &image))
			continue;
		seen++;
		if (is_program(&image) && dynamic_string(&image, DT_RUNPATH, DT_RPATH, run_path))
			add_run_path(search, run_path);
	}
}

static struct pw_error *name_images(struct search *search)
{
	struct pw_core *core = search->core;
	struct core_image image;
	free(core->names);
	core->names = calloc(MAX_IMAGES * MAX_LOADS, sizeof(*core->names));
	core->recovered = calloc(MAX_IMAGES, sizeof(*core->recovered));
	if (!core->names || !core->recovered)
		return &pw_error_nomem;
	for (size_t i = 0; i < core->segment_count && search->images < MAX_IMAGES; i++) {
		if (!image_at(core, &core->segments[i], &image))
			continue;
		search->images++;
		char *path = find_path(search, &image);
		if (path) {
			add_names(core, &image, path);
			search->named++;
		}
	}
	return NULL;
}

struct pw_error *core_recover_names(struct pw_core *core, const struct pw_options *options)
{
	struct search search = {.core = core};
	/* Folders beside it need its whole path. */
	search.named_by_user = options && options->executable;
	pw_auto_free char *executable = search.named_by_user
						? realpath(options->executable, NULL)
						: pw_target_host_path(&core->base, core->hint);
	search.executable = executable;
	add_program_run_path(&search);
	search.run_dir_count = search.dir_count;
	add_usual_dirs(&search);
	struct pw_error *error = name_images(&search);
	if (search.images)
		pw_notes_add(
			&core->base.notes,
			"%zu of the %zu ELF files that the core holds were found again by build-id",
			search.named, search.images);
	for (size_t i = 0; i < search.dir_count; i++)
		free(search.dirs[i]);
	return error;
}
