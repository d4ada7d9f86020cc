/*
 * From sys.modules down: Include/funcobject.h, classobject.h, moduleobject.h, object.h (tp_dict),
 * code.h (co_consts); `__wrapped__` of Lib/functools.py, members of Objects/descrobject.c's
 * property.  2.7, 3.6-3.15.
 */
#include "python/code_search.h"
#include "python/interp.h"
#include "python/value_private.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	DEPTH_MAX = 12,	    /* objects that hold each other */
	SEEN_MAX = 1 << 23, /* objects that are looked at */
	READS = 1 << 28,
	OPTIMIZED = 1, /* CO_OPTIMIZED: of a function, not of a module or class body */
	CONSTANTS_MAX = 1 << 16,
};

struct seen {
	uint64_t address;
	UT_hash_handle hh;
};

/* Types are few, and asking for one costs. */
struct type_kind {
	uint64_t type;
	struct pw_vtype t;
	UT_hash_handle hh;
};

struct search {
	struct pw_values v;
	struct seen *seen;
	struct type_kind *kinds;
	size_t seen_count;
	pw_code_visit visit;
	void *data;
	uint64_t class; /* whose functions are looked at */
	uint64_t *late; /* functions that are not called what their code is called */
	size_t late_count;
	bool at_last;
	unsigned depth;
	bool stopped, nomem;
};

/* false: it was there before, or there are too many. */
static bool is_new(struct search *s, uint64_t address)
{
	struct seen *found;
	HASH_FIND(hh, s->seen, &address, sizeof(address), found);
	if (found || s->seen_count == SEEN_MAX)
		return false;
	found = calloc(1, sizeof(*found));
	if (!found) {
		s->stopped = s->nomem = true;
		return false;
	}
	found->address = address;
	HASH_ADD(hh, s->seen, address, sizeof(found->address), found);
	s->seen_count++;
	return true;
}

static const struct pw_vtype *type_of(struct search *s, uint64_t object)
{
	uint64_t type;
	struct type_kind *found;
	if (!object || object % 8 || !pw_values_field(&s->v, object, s->v.l->object_type, &type))
		return NULL;
	HASH_FIND(hh, s->kinds, &type, sizeof(type), found);
	if (found)
		return &found->t;
	found = calloc(1, sizeof(*found));
	if (!found) {
		s->stopped = s->nomem = true;
		return NULL;
	}
	found->type = type;
	if (!pw_values_type_at(&s->v, type, &found->t))
		found->t.kind = PW_VALUE_NONE; /* nothing to look into */
	HASH_ADD(hh, s->kinds, type, sizeof(found->type), found);
	return &found->t;
}

static void visit_object(struct search *s, uint64_t object);

/* ---- code ---- */

static void visit_code(struct search *s, uint64_t code, const char *path);

static void visit_constants(struct search *s, uint64_t code, const char *path, bool optimized)
{
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE};
	struct pw_values *v = &s->v;
	uint64_t constants, count, item, name;
	if (!pw_values_field(v, code, v->l->code_consts, &constants) ||
	    !pw_values_count(v, constants, &tuple, &count) || count > CONSTANTS_MAX)
		return;
	for (uint64_t i = 0; i < count && !s->stopped; i++) {
		pw_auto_buffer struct pw_buffer inner = {0};
		const struct pw_vtype *t;
		if (!pw_values_u64(v, constants + (uint64_t)v->l->tuple_items.offset + i * 8,
				   &item))
			return;
		t = type_of(s, item);
		if (!t || t->kind != PW_VALUE_CODE)
			continue;
		if (path)
			pw_buffer_printf(&inner, "%s%s", path, optimized ? ".<locals>." : ".");
		if (pw_values_field(v, item, v->l->code_name, &name))
			pw_values_name(v, name, &inner);
		visit_code(s, item, inner.data);
	}
}

/* `path`: its qualified name, for versions that do not keep it in the code. */
static void visit_code(struct search *s, uint64_t code, const char *path)
{
	struct pw_values *v = &s->v;
	uint64_t object;
	uint32_t line = 0, flags = 0;
	pw_auto_buffer struct pw_buffer name = {0}, qualname = {0}, file = {0};
	const struct pw_vtype *t = type_of(s, code);
	if (s->stopped || !t || t->kind != PW_VALUE_CODE || s->depth == DEPTH_MAX ||
	    !is_new(s, code) || !pw_values_field(v, code, v->l->code_name, &object) ||
	    !pw_values_name(v, object, &name) ||
	    !pw_values_field(v, code, v->l->code_filename, &object) ||
	    !pw_values_name(v, object, &file) ||
	    !pw_values_u32(v, code + (uint64_t)v->l->code_firstlineno.offset, &line) ||
	    !pw_values_u32(v, code + (uint64_t)v->l->code_flags.offset, &flags))
		return;
	if (pw_has(v->l, code_qualname) && pw_values_field(v, code, v->l->code_qualname, &object) &&
	    pw_values_name(v, object, &qualname))
		path = qualname.data;
	struct pw_code_found found = {
		.code = code,
		.name = name.data,
		.qualname = path ? path : name.data,
		.file = file.data,
		.firstlineno = (int)line,
		.function = flags & OPTIMIZED,
	};
	s->stopped = !s->visit(s->data, &found);
	s->depth++;
	visit_constants(s, code, strcmp(name.data, "<module>") ? found.qualname : NULL,
			flags & OPTIMIZED);
	s->depth--;
}

/* ---- what holds functions ---- */

static void visit_attribute(struct search *s, uint64_t object, const struct pw_vtype *t,
			    const char *name)
{
	uint64_t found = 0;
	if (pw_values_attribute(&s->v, object, t, name, &found) && found)
		visit_object(s, found);
}

static void visit_closure(struct search *s, uint64_t function)
{
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE};
	struct pw_values *v = &s->v;
	uint64_t closure, count, cell, value;
	if (!pw_values_field(v, function, v->l->function_closure, &closure) || !closure ||
	    !pw_values_count(v, closure, &tuple, &count) || count > CONSTANTS_MAX)
		return;
	for (uint64_t i = 0; i < count && !s->stopped; i++)
		if (pw_values_u64(v, closure + (uint64_t)v->l->tuple_items.offset + i * 8, &cell) &&
		    pw_values_field(v, cell, v->l->cell_value, &value))
			visit_object(s, value);
}

/* A function that took over the name of another (functools.wraps): the one that made it may tell
 * its own. */
static bool put_off(struct search *s, uint64_t function)
{
	uint64_t *late = realloc(s->late, (s->late_count + 1) * sizeof(*late));
	if (!late)
		return false;
	s->late = late;
	s->late[s->late_count++] = function;
	return true;
}

static bool ends_in(const struct pw_buffer *path, const struct pw_buffer *name)
{
	return path->length >= name->length && name->length &&
	       strcmp(path->data + path->length - name->length, name->data) == 0;
}

static void visit_function(struct search *s, uint64_t function, const struct pw_vtype *t)
{
	struct pw_values *v = &s->v;
	uint64_t code, name;
	pw_auto_buffer struct pw_buffer path = {0}, own = {0};
	if (!pw_values_field(v, function, v->l->function_code, &code))
		return;
	/* 2.7 has no qualified names. */
	if (v->l->traits.python2 && s->class) {
		pw_values_type_short(v, s->class, &path);
		pw_buffer_append_char(&path, '.');
	}
	if (!pw_values_field(v, function, v->l->function_name, &name) ||
	    !pw_values_name(v, name, &path))
		path.length = 0;
	if (pw_values_field(v, code, v->l->code_name, &name))
		pw_values_name(v, name, &own);
	bool named = ends_in(&path, &own);
	if (named || s->at_last || !put_off(s, function))
		visit_code(s, code, named ? path.data : NULL);
	visit_closure(s, function);
	visit_attribute(s, function, t, "__wrapped__");
}

static void visit_late(struct search *s)
{
	s->at_last = true;
	for (size_t i = 0; i < s->late_count && !s->stopped; i++) {
		uint64_t code;
		if (pw_values_field(&s->v, s->late[i], s->v.l->function_code, &code))
			visit_code(s, code, NULL);
	}
}

static bool visit_value(void *data, uint64_t key, uint64_t value)
{
	struct search *s = data;
	visit_object(s, value);
	return !s->stopped;
}

static void visit_dict(struct search *s, uint64_t holder, struct pw_field field)
{
	uint64_t dict;
	if (pw_values_field(&s->v, holder, field, &dict) && dict)
		pw_values_walk_dict(&s->v, dict, visit_value, s);
}

static void visit_held(struct search *s, uint64_t object, struct pw_field field)
{
	uint64_t held;
	if (pw_values_field(&s->v, object, field, &held))
		visit_object(s, held);
}

/* Instances of a few classes that stand in the place of a function. */
static void visit_instance(struct search *s, uint64_t object, const struct pw_vtype *t)
{
	static const char *const property[] = {"fget", "fset", "fdel"};
	if (strcmp(t->name, "property") == 0)
		for (size_t i = 0; i < sizeof(property) / sizeof(property[0]); i++)
			visit_attribute(s, object, t, property[i]);
	else if (strstr(t->name, "lru_cache_wrapper") || strstr(t->name, "singledispatch"))
		visit_attribute(s, object, t, "__wrapped__");
	else if (strcmp(t->name, "cached_property") == 0)
		visit_attribute(s, object, t, "func");
}

static void look_into(struct search *s, uint64_t object, const struct pw_vtype *t)
{
	const struct pw_layout *l = s->v.l;
	uint64_t class = s->class;
	switch (t->kind) {
	case PW_VALUE_FUNCTION:
		visit_function(s, object, t);
		break;
	case PW_VALUE_METHOD:
		visit_held(s, object, l->method_function);
		break;
	case PW_VALUE_STATICMETHOD:
		visit_held(s, object, l->staticmethod_callable);
		break;
	case PW_VALUE_CLASSMETHOD:
		visit_held(s, object, l->classmethod_callable);
		break;
	case PW_VALUE_PARTIAL:
		visit_held(s, object, l->partial_function);
		break;
	case PW_VALUE_TYPE:
		s->class = object;
		visit_dict(s, object, l->type_dict);
		s->class = class;
		break;
	case PW_VALUE_OLD_CLASS:
		visit_dict(s, object, l->oldclass_dict);
		break;
	default:
		visit_instance(s, object, t);
	}
}

/* Modules are looked into from their list only. */
static bool may_hold(const struct pw_vtype *t)
{
	return t->kind == PW_VALUE_OBJECT || t->kind == PW_VALUE_FUNCTION ||
	       t->kind == PW_VALUE_METHOD || t->kind == PW_VALUE_STATICMETHOD ||
	       t->kind == PW_VALUE_CLASSMETHOD || t->kind == PW_VALUE_PARTIAL ||
	       t->kind == PW_VALUE_TYPE || t->kind == PW_VALUE_OLD_CLASS;
}

static void visit_object(struct search *s, uint64_t object)
{
	const struct pw_vtype *t = s->stopped ? NULL : type_of(s, object);
	if (!t || !may_hold(t) || s->depth == DEPTH_MAX || !is_new(s, object))
		return;
	s->depth++;
	look_into(s, object, t);
	s->depth--;
}

static bool visit_module(void *data, uint64_t key, uint64_t value)
{
	struct search *s = data;
	const struct pw_vtype *t = type_of(s, value);
	if (t && t->kind == PW_VALUE_MODULE && is_new(s, value))
		visit_dict(s, value, s->v.l->module_dict);
	return !s->stopped;
}

/* ---- the whole ---- */

static void visit_frames(struct search *s, uint64_t tstate)
{
	enum { FRAMES = 1 << 12 };
	struct pw_pyframes frames;
	pw_frames_walk(s->v.python, tstate, FRAMES, &frames);
	for (size_t i = 0; i < frames.count; i++)
		visit_code(s, frames.items[i].code, NULL);
	pw_frames_deinit(&frames);
}

static void search_deinit(struct search *s)
{
	free(s->late);
	struct seen *seen, *next_seen;
	struct type_kind *kind, *next_kind;
	HASH_ITER (hh, s->seen, seen, next_seen) {
		HASH_DEL(s->seen, seen);
		free(seen);
	}
	HASH_ITER (hh, s->kinds, kind, next_kind) {
		HASH_DEL(s->kinds, kind);
		free(kind);
	}
}

struct pw_error *pw_code_search(struct pw_python *python, pw_code_visit visit, void *data)
{
	static const struct pw_value_limits limits = {.reads = READS};
	pw_auto_buffer struct pw_buffer unused = {0};
	struct search s = {.visit = visit, .data = data};
	struct pw_runtime_lists lists;
	struct pw_notes notes = {0};
	if (!pw_has(&python->layout, code_consts) || !pw_has(&python->layout, function_code) ||
	    !pw_has(&python->layout, interp_modules) || !pw_has(&python->layout, code_flags))
		return pw_error_create(
			PW_ERROR_LAYOUT,
			"the layout of this version lacks what looking for functions needs");
	struct pw_error *error = pw_lists_read(python, &lists, &notes);
	pw_notes_deinit(&notes);
	if (error)
		return error;
	pw_values_init(&s.v, python, &limits, &unused);
	for (size_t i = 0; i < lists.interp_count && !s.stopped; i++) {
		uint64_t modules;
		if (pw_values_field(&s.v, lists.interps[i].address, python->layout.interp_modules,
				    &modules) &&
		    modules)
			pw_values_walk_dict(&s.v, modules, visit_module, &s);
	}
	visit_late(&s);
	/* Those that hold others with their names come first. */
	for (size_t i = 0; i < lists.tstate_count && !s.stopped; i++)
		visit_frames(&s, lists.tstates[i].address);
	search_deinit(&s);
	pw_lists_deinit(&lists);
	return s.nomem ? &pw_error_nomem : NULL;
}
