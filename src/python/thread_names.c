/* Lib/threading.py: _active and Thread._name (3.6-3.15), Thread.__name (2.7). */
#include "python/thread_names.h"

#include "python/object.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 1 << 13 };

struct visit {
	struct pw_python *python;
	struct pw_thread_names *names;
};

static bool visit_thread(void *data, uint64_t key, uint64_t thread)
{
	struct visit *visit = data;
	struct pw_thread_names *names = visit->names;
	struct pw_python *python = visit->python;
	uint64_t ident, name;
	const char *attribute = python->layout.traits.python2 ? "_Thread__name" : "_name";
	pw_auto_buffer struct pw_buffer text = {0};
	if (names->count == THREADS_MAX)
		return false;
	pw_auto_error struct pw_error *e1 = pw_object_int(python, key, &ident);
	if (e1 || (names->only && names->only != ident))
		return true;
	pw_auto_error struct pw_error *e2 = pw_object_attribute(python, thread, attribute, &name);
	if (e2 || !name)
		return true;
	pw_auto_error struct pw_error *e3 = pw_object_string(python, name, &text);
	if (e3)
		return true;
	if (!(names->count & (names->count - 1))) {
		struct pw_thread_name *more = realloc(
			names->items, (names->count ? names->count * 2 : 1) * sizeof(*more));
		if (!more)
			return false;
		names->items = more;
	}
	char *copy = pw_buffer_steal(&text);
	if (copy)
		names->items[names->count++] = (struct pw_thread_name){ident, copy};
	return true;
}

void pw_thread_names_read(struct pw_python *python, const struct pw_interp *interp,
			  struct pw_thread_names *names)
{
	const struct pw_layout *l = &python->layout;
	uint64_t modules, threading = 0, active = 0;
	struct visit visit = {python, names};
	if (!pw_has(l, interp_modules))
		return;
	struct pw_error *error = pw_read_u64(
		python->target, interp->address + (uint64_t)l->interp_modules.offset, &modules);
	if (!error && modules)
		error = pw_dict_get(python, modules, "threading", &threading);
	if (!error && threading)
		error = pw_object_attribute(python, threading, "_active", &active);
	if (!error && active)
		error = pw_dict_walk(python, active, visit_thread, &visit);
	pw_error_destroy(error);
}

void pw_thread_names_deinit(struct pw_thread_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (struct pw_thread_names){0};
}

const char *pw_thread_names_find(const struct pw_thread_names *names, uint64_t thread_id)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->items[i].thread_id == thread_id)
			return names->items[i].name;
	return NULL;
}
