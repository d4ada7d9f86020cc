/*
 * Which layouts may fit an interpreter, best first.
 */
#include "python/layout.h"

#include "base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEF_MAX_LENGTH = 1 << 20,
	TABLE_MAX_LENGTH = 1 << 16,
	VARIANT_MAX = 48,
};

/* The search of one call. */
struct finder {
	const struct pw_python_id *id;
	const char *dir;	   /* NULL: built in */
	char variant[VARIANT_MAX]; /* of the interpreter */
	struct pw_layout *candidates;
	size_t max, count;
	struct pw_buffer def;	   /* text of the file of this minor version */
	char *def_name;		   /* with its folder; NULL: there is none; owned */
	struct pw_error *bad_file; /* the first that no version could be taken from */
};

static void finder_init(struct finder *f, const struct pw_python_id *id, const char *dir,
			struct pw_layout *candidates, size_t max)
{
	*f = (struct finder){.id = id, .dir = dir, .candidates = candidates, .max = max};
	snprintf(f->variant, sizeof(f->variant), "%s%s%s", id->debug ? "+debug" : "",
		 id->trace_refs ? "+trace-refs" : "", id->free_threaded ? "+free-threaded" : "");
	if (f->variant[0])
		memmove(f->variant, f->variant + 1, strlen(f->variant));
	else
		strcpy(f->variant, "default");
}

static void finder_deinit(struct finder *f)
{
	pw_buffer_deinit(&f->def);
	free(f->def_name);
	pw_error_destroy(f->bad_file);
}

static void add_candidate(struct finder *f, const struct pw_layout *layout)
{
	if (f->count < f->max)
		f->candidates[f->count++] = *layout;
}

/* ---- .def files ---- */

static struct pw_error *read_def(const char *path, struct pw_buffer *text)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return pw_error_create(PW_ERROR_LAYOUT, "%s: %s", path, strerror(errno));
	size_t got = 0;
	text->length = 0;
	do {
		char *room = pw_buffer_reserve(text, 4096);
		got = room ? fread(room, 1, 4096, file) : 0;
		text->length += got;
	} while (got && text->length <= DEF_MAX_LENGTH);
	fclose(file);
	if (text->failed)
		return &pw_error_nomem;
	if (text->length > DEF_MAX_LENGTH)
		return pw_error_create(PW_ERROR_LAYOUT, "%s: expected at most %d bytes", path,
				       DEF_MAX_LENGTH);
	return NULL;
}

/* Whether the file at hand is of the interpreter's version.  A file that says so and is bad is an
 * error; one that does not get as far as its version is remembered. */
static struct pw_error *is_wanted(struct finder *f, const char *text, size_t length,
				  const char *name, bool *ret_wanted)
{
	struct pw_layout layout;
	bool found;
	struct pw_error *error = pw_layout_parse(text, length, name, "default", &layout, &found);
	*ret_wanted = layout.major == f->id->major && layout.minor == f->id->minor;
	if (*ret_wanted || !error)
		return error;
	if (layout.major == 0 && !f->bad_file)
		f->bad_file = error;
	else
		pw_error_destroy(error);
	return NULL;
}

static int is_def(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return entry->d_name[0] != '.' && length > 4 &&
	       strcmp(entry->d_name + length - 4, ".def") == 0;
}

static struct pw_error *consider_file(struct finder *f, const char *name, bool *ret_wanted)
{
	pw_auto_buffer struct pw_buffer path;
	pw_buffer_init(&path);
	pw_buffer_printf(&path, "%s/%s", f->dir, name);
	if (path.failed)
		return &pw_error_nomem;
	struct pw_error *error = read_def(path.data, &f->def);
	if (!error)
		error = is_wanted(f, f->def.data ? f->def.data : "", f->def.length, path.data,
				  ret_wanted);
	if (!error && *ret_wanted)
		f->def_name = pw_buffer_steal(&path);
	return error;
}

static struct pw_error *find_def_in_dir(struct finder *f)
{
	struct dirent **entries;
	int count = scandir(f->dir, &entries, is_def, alphasort);
	if (count < 0)
		return pw_error_create(PW_ERROR_USAGE, "folder of layout files %s: %s", f->dir,
				       strerror(errno));
	struct pw_error *error = NULL;
	bool wanted = false;
	for (int i = 0; i < count; i++) {
		if (!error && !wanted)
			error = consider_file(f, entries[i]->d_name, &wanted);
		free(entries[i]);
	}
	free(entries);
	return error;
}

static struct pw_error *find_def_built_in(struct finder *f)
{
	char version[32];
	snprintf(version, sizeof(version), "version %u.%u\n", f->id->major, f->id->minor);
	for (size_t i = 0; i < pw_builtin_layout_count; i++) {
		const struct pw_builtin_layout *file = &pw_builtin_layouts[i];
		bool wanted;
		/* The tests parse them all. */
		if (!memmem(file->text, file->length, version, strlen(version)))
			continue;
		struct pw_error *error =
			is_wanted(f, file->text, file->length, file->name, &wanted);
		if (error)
			return error;
		if (!wanted)
			continue;
		pw_buffer_append(&f->def, file->text, file->length);
		f->def_name = strdup(file->name);
		return f->def.failed || !f->def_name ? &pw_error_nomem : NULL;
	}
	return NULL;
}

/* ---- _Py_DebugOffsets ------------------------------------------------------------------ */

/* Adds the layout with the target's table laid over it.  A table that does not fit is worth a note:
 * the layout without it comes next. */
static void add_overlaid(struct finder *f, const struct pw_layout *layout)
{
	const struct pw_python_id *id = f->id;
	size_t size = pw_layout_table_size(layout);
	if (id->debug_offsets == 0 || !id->modules || size == 0 || size > TABLE_MAX_LENGTH)
		return;
	struct pw_target *target = id->modules->target;
	char *table = malloc(size);
	if (!table)
		return;
	struct pw_layout overlaid = *layout;
	pw_auto_error struct pw_error *error = pw_read(target, id->debug_offsets, table, size);
	if (!error)
		error = pw_layout_overlay(&overlaid, table, size);
	if (!error)
		error = pw_layout_finish(&overlaid);
	free(table);
	if (error) {
		pw_notes_add(&target->notes, "_Py_DebugOffsets is not used: %s",
			     pw_error_message(error));
		return;
	}
	snprintf(overlaid.description, sizeof(overlaid.description), "_Py_DebugOffsets + %.120s",
		 layout->description);
	add_candidate(f, &overlaid);
}

/* ---- candidates ------------------------------------------------------------------------ */

static void describe_def(const struct finder *f, const char *variant, struct pw_layout *layout)
{
	char section[VARIANT_MAX + 16] = "";
	if (strcmp(variant, "default") != 0 || strcmp(f->variant, "default") != 0)
		snprintf(section, sizeof(section), " [%s]", variant);
	if (f->dir)
		snprintf(layout->description, sizeof(layout->description), "%s%s in %.80s",
			 layout->def_name, section, f->dir);
	else
		snprintf(layout->description, sizeof(layout->description), "%u.%u%s (built in)",
			 layout->major, layout->minor, section);
}

static struct pw_error *add_def(struct finder *f, const char *variant)
{
	struct pw_layout layout;
	bool found;
	if (!f->def_name)
		return NULL;
	struct pw_error *error =
		pw_layout_parse(f->def.data, f->def.length, f->def_name, variant, &layout, &found);
	if (error || !found)
		return error;
	layout.debug = f->id->debug;
	layout.trace_refs = f->id->trace_refs;
	layout.free_threaded = f->id->free_threaded;
	describe_def(f, variant, &layout);
	error = pw_layout_finish(&layout);
	if (error)
		return error;
	add_overlaid(f, &layout);
	add_candidate(f, &layout);
	return NULL;
}

static struct pw_error *add_dwarf(struct finder *f)
{
	const struct pw_python_id *id = f->id;
	struct pw_dwarf *dwarf = NULL;
	struct pw_layout layout;
	bool found = false;
	if (!id->modules || !id->module)
		return NULL;
	struct pw_error *error = pw_dwarf_open(id->modules, id->module, &dwarf);
	if (error || !dwarf)
		return error;
	pw_layout_from_dwarf(dwarf, &layout, &found);
	pw_dwarf_close(dwarf);
	if (!found)
		return NULL;
	layout.major = id->major;
	layout.minor = id->minor;
	layout.debug = id->debug;
	layout.trace_refs = id->trace_refs;
	layout.free_threaded = id->free_threaded;
	const char *path = id->module->path ? id->module->path : "the interpreter";
	const char *slash = strrchr(path, '/');
	snprintf(layout.description, sizeof(layout.description), "DWARF of %.100s",
		 slash ? slash + 1 : path);
	error = pw_layout_finish(&layout);
	if (error)
		return pw_error_prefix(error, "%s", layout.description);
	add_candidate(f, &layout);
	add_overlaid(f, &layout);
	return NULL;
}

static struct pw_error *not_found(struct finder *f, struct pw_error *dwarf_error)
{
	const struct pw_python_id *id = f->id;
	const char *module = id->module && id->module->path ? id->module->path : "the interpreter";
	struct pw_error *error = pw_error_create(
		PW_ERROR_LAYOUT,
		"no layout for CPython %u.%u [%s]: looked in %s%s and in debug information of "
		"%s%s%s",
		id->major, id->minor, f->variant,
		f->dir ? "the .def files of " : "the layouts built in", f->dir ? f->dir : "",
		module, dwarf_error || f->bad_file ? "; " : "",
		dwarf_error   ? pw_error_message(dwarf_error)
		: f->bad_file ? pw_error_message(f->bad_file)
			      : "");
	pw_error_destroy(dwarf_error);
	return error;
}

static struct pw_error *find(struct finder *f)
{
	struct pw_error *error = f->dir ? find_def_in_dir(f) : find_def_built_in(f);
	if (!error)
		error = add_def(f, f->variant);
	if (error || f->count)
		return error;
	struct pw_error *dwarf_error = add_dwarf(f);
	if (f->count == 0 && strcmp(f->variant, "default") != 0)
		error = add_def(f, "default");
	if (f->count == 0 && !error)
		return not_found(f, dwarf_error);
	pw_error_destroy(dwarf_error);
	return error;
}

struct pw_error *pw_layout_find(const struct pw_python_id *id, const char *layouts_dir,
				struct pw_layout *ret_candidates, size_t max, size_t *ret_count)
{
	struct finder f;
	finder_init(&f, id, layouts_dir, ret_candidates, max);
	struct pw_error *error = find(&f);
	if (!error)
		*ret_count = f.count;
	finder_deinit(&f);
	return error;
}

struct pw_error *pw_layout_find_dwarf(const struct pw_python_id *id,
				      struct pw_layout *ret_candidates, size_t max,
				      size_t *ret_count)
{
	struct finder f;
	finder_init(&f, id, NULL, ret_candidates, max);
	struct pw_error *error = add_dwarf(&f);
	if (!error)
		*ret_count = f.count;
	finder_deinit(&f);
	return error;
}

bool pw_version_possible(unsigned major, unsigned minor)
{
	return (major == 2 && minor == 7) || (major == 3 && minor >= 6 && minor < 1000);
}
