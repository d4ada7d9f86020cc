/*
 * The list of a target's modules: which mappings belong together, where the file was loaded, and
 * whether the file on disk is the one that is mapped.
 */
#include "binary/cfi.h"
#include "binary/debuginfod.h"
#include "binary/elf_private.h"
#include "binary/names.h"
#include "binary/source_lines.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PAGE = 4096, /* the smallest page of any supported machine */
	SMALL_SEGMENT = 64 << 10,
	SEGMENT_GAP_MAX = 1 << 30, /* bytes of address space between two segments of a file */
	VDSO_MAX = 1 << 20,
};

static const char default_debug_dir[] = "/usr/lib/debug";
static const char deleted_suffix[] = " (deleted)";

/* Consecutive mappings of one file. */
struct group {
	const struct pw_mapping *first, *last; /* anonymous ones may lie between */
};

static bool is_vdso(const struct pw_mapping *mapping)
{
	return mapping->path && strcmp(mapping->path, "[vdso]") == 0;
}

static bool is_anonymous(const struct pw_mapping *mapping)
{
	return !mapping->path || !mapping->path[0] || strcmp(mapping->path, "[heap]") == 0;
}

static bool continues(const struct group *group, const struct pw_mapping *mapping)
{
	const struct pw_mapping *last = group->last;

	if (strcmp(last->path, mapping->path) != 0 || mapping->offset < last->offset)
		return false;
	uint64_t distance = mapping->offset - last->offset;
	if (mapping->start - last->end > distance &&
	    mapping->start - last->end - distance > SEGMENT_GAP_MAX)
		return false;
	/* A tiny file's segments share its first page.  Otherwise it is the next copy of the file:
	 * some programs map their own libraries as data. */
	if (mapping->offset == 0)
		return last->offset == 0 && mapping->start == last->end &&
		       last->end - last->start <= SMALL_SEGMENT;
	return true;
}

/* The next group at or behind *index. */
static bool next_group(const struct pw_target *target, size_t *index, struct group *ret)
{
	struct group group = {0};

	for (; *index < target->mapping_count; (*index)++) {
		const struct pw_mapping *mapping = &target->mappings[*index];
		bool named = mapping->path && (mapping->path[0] == '/' || is_vdso(mapping));
		if (!group.first && named)
			group.first = group.last = mapping;
		else if (named && continues(&group, mapping))
			group.last = mapping;
		else if (group.first && !is_anonymous(mapping))
			break;
	}
	*ret = group;
	return group.first;
}

static bool in_group(const struct group *group, const struct pw_mapping *mapping)
{
	return mapping->path && strcmp(mapping->path, group->first->path) == 0;
}

static bool is_executable(const struct group *group)
{
	for (const struct pw_mapping *m = group->first; m <= group->last; m++) {
		if (in_group(group, m) && m->executable)
			return true;
	}
	return false;
}

/* Some debuggers do not tell permissions: then nothing can be concluded from them. */
static bool knows_permissions(const struct pw_target *target)
{
	for (size_t i = 0; i < target->mapping_count; i++) {
		if (target->mappings[i].executable)
			return true;
	}
	return false;
}

/* A mapping tells the bias when its file offset lies in a PT_LOAD segment. */
static bool bias_of(const struct pw_mapping *mapping, const struct pw_elf_headers *headers,
		    bool exact, uint64_t *ret)
{
	for (size_t i = 0; i < headers->phdr_count; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		uint64_t page = phdr->p_offset & ~(uint64_t)(PAGE - 1);
		if (phdr->p_type != PT_LOAD || mapping->offset < page ||
		    (exact && mapping->offset != page) ||
		    mapping->offset - page >= phdr->p_filesz + (phdr->p_offset - page))
			continue;
		if (mapping->offset && mapping->executable != !!(phdr->p_flags & PF_X))
			continue;
		uint64_t bias = mapping->start - mapping->offset + phdr->p_offset - phdr->p_vaddr;
		if (bias % PAGE)
			continue;
		*ret = bias;
		return true;
	}
	return false;
}

static uint64_t find_bias(const struct group *group, const struct pw_elf_headers *headers)
{
	uint64_t bias;

	if (headers->ehdr.e_type == ET_EXEC)
		return 0;
	for (int exact = 1; exact >= 0; exact--) {
		for (const struct pw_mapping *m = group->first; m <= group->last; m++) {
			if (in_group(group, m) && bias_of(m, headers, exact, &bias))
				return bias;
		}
	}
	return group->first->start - group->first->offset;
}

/* .bss lies in anonymous memory right behind the file's last mapping. */
static uint64_t find_end(const struct pw_target *target, const struct group *group,
			 const struct pw_elf_headers *headers, uint64_t bias)
{
	uint64_t end = group->last->end, limit = 0;

	for (size_t i = 0; i < headers->phdr_count; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		uint64_t to = bias + phdr->p_vaddr + phdr->p_memsz;
		if (phdr->p_type == PT_LOAD && phdr->p_memsz < INT64_MAX && to > limit &&
		    to < UINT64_MAX - PAGE)
			limit = to;
	}
	limit = (limit + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	const struct pw_mapping *stop = target->mappings + target->mapping_count;
	for (const struct pw_mapping *m = group->last + 1; m < stop; m++) {
		if (m->start != end || !is_anonymous(m) || end >= limit)
			break;
		end = m->end < limit ? m->end : limit;
	}
	return end;
}

/* What memory and file say about themselves. */
struct image {
	bool is_elf;
	bool from_file; /* memory, but its bytes came from a file on disk: they prove nothing */
	struct pw_elf_headers headers;
	uint8_t id[PW_BUILD_ID_MAX];
	size_t id_length;
};

static void read_memory_image(struct pw_target *target, const struct group *group,
			      struct image *ret)
{
	const struct pw_mapping *first = group->first;
	uint16_t machine = target->arch ? target->arch->elf_machine : 0;

	*ret = (struct image){0};
	if (first->offset != 0)
		return;
	struct pw_bytes bytes = pw_bytes_memory(target, first->start, &ret->from_file);
	ret->is_elf = pw_elf_headers_read(&bytes, machine, &ret->headers);
	if (!ret->is_elf)
		return;
	bytes.base = find_bias(group, &ret->headers);
	ret->id_length = pw_elf_build_id(&bytes, &ret->headers, true, ret->id);
}

static void read_file_image(const struct pw_target *target, const char *path, struct image *ret)
{
	uint16_t machine = target->arch ? target->arch->elf_machine : 0;

	*ret = (struct image){0};
	int fd = path ? pw_open_regular(path) : -1;
	if (fd < 0)
		return;
	const struct pw_bytes bytes = pw_bytes_file(fd);
	ret->is_elf = pw_elf_headers_read(&bytes, machine, &ret->headers);
	if (ret->is_elf)
		ret->id_length = pw_elf_build_id(&bytes, &ret->headers, false, ret->id);
	close(fd);
}

static bool is_deleted(const char *path)
{
	size_t length = strlen(path), suffix = sizeof(deleted_suffix) - 1;

	return length > suffix && strcmp(path + length - suffix, deleted_suffix) == 0;
}

static const char *judge(const char *path, bool exists, const struct image *memory,
			 const struct image *file)
{
	const char *other = is_deleted(path) ? "deleted" : "other build";

	if (!exists)
		return is_deleted(path) ? "deleted" : "missing";
	if (!file->is_elf)
		return other;
	if (!memory->is_elf || memory->from_file)
		return "unchecked";
	if (memory->id_length && file->id_length)
		return memory->id_length == file->id_length &&
				       memcmp(memory->id, file->id, file->id_length) == 0
			       ? "ok"
			       : other;
	/* Without a build-id on both sides, the program headers of another build differ, almost
	 * surely. */
	return memory->headers.phdr_count == file->headers.phdr_count &&
			       memory->headers.ehdr.e_entry == file->headers.ehdr.e_entry &&
			       memcmp(memory->headers.phdrs, file->headers.phdrs,
				      file->headers.phdr_count * sizeof(Elf64_Phdr)) == 0
		       ? "unchecked"
		       : other;
}

static char *host_path_of(const struct pw_target *target, const struct group *group)
{
	for (const struct pw_mapping *m = group->first; m <= group->last; m++) {
		if (in_group(group, m) && m->host_path)
			return strdup(m->host_path);
	}
	/* The target may have refused a file that is there: it is looked at, to say what is wrong.
	 */
	return is_vdso(group->first) ? NULL : pw_target_host_path(target, group->first->path);
}

static void elf_destroy(struct pw_elf *elf)
{
	if (!elf)
		return;
	struct pw_lookup *lists[] = {elf->lookups, elf->names};
	for (size_t i = 0; i < 2; i++) {
		for (struct pw_lookup *l = lists[i], *next; l; l = next) {
			next = l->next;
			free(l);
		}
	}
	pw_source_destroy(elf->source);
	pw_function_index_deinit(&elf->own_functions);
	pw_function_index_deinit(&elf->debug_functions);
	pw_symtabs_deinit(&elf->own);
	pw_symtabs_deinit(&elf->debug);
	pw_cfi_destroy(elf->cfi);
	elf_end(elf->debug_elf);
	elf_end(elf->elf);
	free(elf->image);
	free(elf->host_path);
	pw_elf_headers_deinit(&elf->headers);
	free(elf);
}

static void adopt(struct pw_module *module, struct image *image)
{
	module->elf->headers = image->headers;
	image->headers = (struct pw_elf_headers){0};
	memcpy(module->build_id, image->id, image->id_length);
	module->build_id_length = image->id_length;
}

static struct pw_error *fill_module(struct pw_target *target, const struct group *group,
				    struct image *memory, struct image *file, char *host_path,
				    struct pw_module *ret)
{
	struct pw_module module = {
		.path = strdup(group->first->path),
		.start = group->first->start,
		.begins = group->first->offset == 0,
		.elf = calloc(1, sizeof(*module.elf)),
	};
	if (!module.path || !module.elf) {
		free(module.path);
		free(module.elf);
		return &pw_error_nomem;
	}
	module.elf->is_vdso = is_vdso(group->first);
	module.file_state =
		module.elf->is_vdso ? "ok" : judge(module.path, host_path, memory, file);
	bool use_file = !module.elf->is_vdso && (strcmp(module.file_state, "ok") == 0 ||
						 strcmp(module.file_state, "unchecked") == 0);
	if (use_file && !(module.elf->host_path = strdup(host_path))) {
		free(module.path);
		free(module.elf);
		return &pw_error_nomem;
	}
	adopt(&module, memory->is_elf ? memory : file);
	if (!module.build_id_length && use_file && file->id_length) {
		memcpy(module.build_id, file->id, file->id_length);
		module.build_id_length = file->id_length;
	}
	module.bias = find_bias(group, &module.elf->headers);
	module.end = find_end(target, group, &module.elf->headers, module.bias);
	uint64_t size = group->last->end - group->first->start;
	module.elf->image_size = size < VDSO_MAX ? size : VDSO_MAX;
	*ret = module;
	return NULL;
}

static struct pw_module *same_as(struct pw_modules *known, const struct group *group)
{
	for (size_t i = 0; i < known->count; i++) {
		struct pw_module *item = &known->items[i];
		if (item->path && item->start == group->first->start &&
		    strcmp(item->path, group->first->path) == 0)
			return item;
	}
	return NULL;
}

/*
 * The file of a library that was loaded and unloaded while it was looked at seems to be of another
 * build: what was in memory was another library's.  What is so for good is asked a few times.
 */
static bool is_doubtful(const struct pw_module *module)
{
	enum { DOUBTS_MAX = 3 };
	return module->doubts < DOUBTS_MAX && strcmp(module->file_state, "other build") == 0;
}

/* Where another one was before, it may have been until now. */
static uint64_t appeared(const struct pw_modules *known, const struct pw_module *module)
{
	for (size_t i = 0; i < known->count; i++) {
		const struct pw_module *item = &known->items[i];
		if (item->path && item->start < module->end && module->start < item->end)
			return pw_now();
	}
	return known->updated;
}

static struct pw_error *add_group(struct pw_modules *modules, const struct group *group,
				  struct pw_modules *known, size_t *room)
{
	struct image memory, file;
	struct pw_error *error = NULL;

	if (modules->count == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct pw_module *grown = realloc(modules->items, more * sizeof(*grown));
		if (!grown)
			return &pw_error_nomem;
		modules->items = grown;
		*room = more;
	}
	struct pw_module *same = same_as(known, group);
	if (same && !is_doubtful(same)) {
		modules->items[modules->count++] = *same;
		*same = (struct pw_module){0};
		return NULL;
	}
	read_memory_image(modules->target, group, &memory);
	/* Unreadable headers: only code is worth a look at its file, the rest are fonts and the
	 * like. */
	char *host_path =
		memory.is_elf || is_executable(group) ? host_path_of(modules->target, group) : NULL;
	read_file_image(modules->target, host_path, &file);
	if (memory.is_elf || file.is_elf || is_executable(group)) {
		error = fill_module(modules->target, group, &memory, &file, host_path,
				    &modules->items[modules->count]);
		if (!error) {
			struct pw_module *added = &modules->items[modules->count++];
			added->doubts = same ? same->doubts + 1 : 0;
			added->since = appeared(known, added);
		}
	}
	free(host_path);
	pw_elf_headers_deinit(&memory.headers);
	pw_elf_headers_deinit(&file.headers);
	return error;
}

/* All that the target has; those of `known` that are still there are taken out of it. */
static struct pw_error *add_groups(struct pw_modules *modules, struct pw_modules *known)
{
	struct pw_error *error = NULL;
	struct group group;
	size_t index = 0, room = 0;
	bool permissions = knows_permissions(modules->target);
	while (!error && next_group(modules->target, &index, &group)) {
		/* A file without code that is mapped whole is being read, not run. */
		if (permissions && !is_executable(&group))
			continue;
		error = add_group(modules, &group, known, &room);
	}
	return error;
}

struct pw_error *pw_modules_create(struct pw_target *target, const char *debug_dir,
				   struct pw_modules **ret)
{
	struct pw_modules *modules = calloc(1, sizeof(*modules));
	struct pw_error *error = NULL;

	if (!modules)
		return &pw_error_nomem;
	modules->target = target;
	modules->debug_dir = strdup(debug_dir ? debug_dir : default_debug_dir);
	if (!modules->debug_dir)
		error = &pw_error_nomem;
	if (!error)
		error = add_groups(modules, &(struct pw_modules){0});
	modules->updated = pw_now();
	if (error) {
		pw_modules_destroy(modules);
		return error;
	}
	*ret = modules;
	return NULL;
}

static void forget_items(struct pw_modules *modules)
{
	for (size_t i = 0; i < modules->count; i++) {
		elf_destroy(modules->items[i].elf);
		free(modules->items[i].path);
	}
	free(modules->items);
}

/* Whether each group that would be a module is one, and there are no others. */
static bool is_current(struct pw_modules *modules)
{
	struct group group;
	size_t index = 0, found = 0;
	bool permissions = knows_permissions(modules->target);
	while (next_group(modules->target, &index, &group)) {
		if (permissions && !is_executable(&group))
			continue;
		const struct pw_module *same = same_as(modules, &group);
		if (!same || is_doubtful(same))
			return false;
		found++;
	}
	return found == modules->count;
}

struct pw_error *pw_modules_update(struct pw_modules *modules, bool *ret_changed)
{
	*ret_changed = !is_current(modules);
	struct pw_modules known = *modules;
	modules->updated = pw_now();
	if (!*ret_changed)
		return NULL;
	/* What is known of addresses names modules. */
	pw_name_cache_destroy(modules->names);
	pw_row_cache_destroy(modules->rows);
	modules->names = NULL;
	modules->rows = NULL;
	modules->items = NULL;
	modules->count = 0;
	struct pw_error *error = add_groups(modules, &known);
	forget_items(&known);
	return error;
}

bool pw_modules_are_doubtful(const struct pw_modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		if (is_doubtful(&modules->items[i]))
			return true;
	return false;
}

bool pw_module_is_there(struct pw_modules *modules, const struct pw_module *module)
{
	const struct pw_elf_headers *headers = &module->elf->headers;
	size_t table = headers->phdr_count * sizeof(Elf64_Phdr), done = 0;
	uint64_t at = headers->ehdr.e_phoff;
	uint8_t bytes[PAGE];
	enum pw_supplier supplier;

	if (is_doubtful(module))
		return false;
	/* Linkers put the program headers right behind the ELF header. */
	if (!module->begins || module->elf->is_vdso || !table || at > PAGE || table > PAGE - at)
		return true;
	pw_error_destroy(pw_read_some(modules->target, module->start, bytes, (size_t)at + table,
				      &done, &supplier));
	return done == at + table && !memcmp(bytes, &headers->ehdr, sizeof(headers->ehdr)) &&
	       !memcmp(bytes + at, headers->phdrs, table);
}

void pw_modules_destroy(struct pw_modules *modules)
{
	if (!modules)
		return;
	pw_name_cache_destroy(modules->names);
	pw_row_cache_destroy(modules->rows);
	forget_items(modules);
	pw_debuginfod_destroy(modules->debuginfod);
	free(modules->debug_dir);
	free(modules);
}
