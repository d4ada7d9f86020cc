/*
 * Include/pystate.h, cpython/pystate.h (PyThreadState, _PyErr_StackItem), Python/errors.c
 * (_PyErr_GetTopmostException), Python/sysmodule.c (sys.exc_info): 2.7, 3.6-3.15.  Tracebacks:
 * Include/traceback.h, cpython/traceback.h, Python/traceback.c (tb_lineno is -1 until somebody asks
 * for it: 3.11.6, 3.12.1 and later).
 */
#include "python/exception.h"
#include "base/cycle.h"
#include "python/code.h"
#include "python/value_private.h"

#include <inttypes.h>
#include <string.h>

/* ---- of a thread ---- */

/* Where an exception is told: one member from 3.11 or 3.12 on, three before. */
struct place {
	uint64_t base;
	struct pw_field type, value, traceback;
};

static bool is_absent(struct pw_values *v, uint64_t object)
{
	struct pw_vtype t;
	return !object || (pw_values_type(v, object, &t) && t.kind == PW_VALUE_NONE);
}

static struct pw_error *read_member(struct pw_python *python, uint64_t base, struct pw_field field,
				    uint64_t *ret)
{
	*ret = 0;
	return field.offset < 0 ? NULL : pw_read_field(python, base, field, ret);
}

/* *ret_found is false when there is none. */
static struct pw_error *read_exception(struct pw_values *v, const struct place *place,
				       struct pw_thread_exception *ret, bool *ret_found)
{
	struct pw_error *error = read_member(v->python, place->base, place->value, &ret->value);
	if (!error)
		error = read_member(v->python, place->base, place->type, &ret->type);
	if (!error)
		error = read_member(v->python, place->base, place->traceback, &ret->traceback);
	if (error)
		return error;
	bool typed = place->type.offset >= 0;
	*ret_found = !is_absent(v, typed ? ret->type : ret->value);
	if (!*ret_found)
		return NULL;
	if (is_absent(v, ret->value))
		ret->value = 0;
	if (is_absent(v, ret->traceback))
		ret->traceback = 0;
	struct pw_exception e;
	struct pw_vtype t;
	if (!typed)
		ret->type = pw_values_type(v, ret->value, &t) ? t.address : 0;
	if (!ret->traceback && ret->value) {
		pw_auto_error struct pw_error *other = pw_exception_read(v->python, ret->value, &e);
		ret->traceback = other || is_absent(v, e.traceback) ? 0 : e.traceback;
	}
	return NULL;
}

static struct pw_error *visit_place(struct pw_values *v, const struct place *place, bool raised,
				    pw_thread_exception_visit visit, void *data, bool *more)
{
	struct pw_thread_exception e = {.raised = raised};
	bool found;
	v->left = v->limits.reads;
	struct pw_error *error = read_exception(v, place, &e, &found);
	if (!error && found)
		*more = visit(data, &e);
	return error;
}

/* 3.7+: generators that run have an item each, above that of who called them. */
static struct pw_error *visit_items(struct pw_values *v, uint64_t tstate,
				    pw_thread_exception_visit visit, void *data)
{
	const struct pw_layout *l = v->l;
	struct pw_cycle cycle = {0};
	uint64_t item;
	bool more = true;
	struct pw_error *error = pw_read_field(v->python, tstate, l->tstate_exc_info, &item);
	for (size_t i = 0; !error && item && more; i++) {
		struct place place = {item, l->excitem_type, l->excitem_value,
				      l->excitem_traceback};
		if (i == PW_HANDLED_MAX || pw_cycle_step(&cycle, item, i))
			return pw_error_create_at(
				PW_ERROR_CORRUPT, item,
				"the chain of exceptions being handled does not end");
		error = visit_place(v, &place, false, visit, data, &more);
		if (!error)
			error = pw_read_field(v->python, item, l->exc_previous, &item);
	}
	return error;
}

struct pw_error *pw_thread_exceptions(struct pw_python *python, uint64_t tstate,
				      pw_thread_exception_visit visit, void *data)
{
	const struct pw_layout *l = &python->layout;
	static const struct pw_field none = {.offset = -1};
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	bool more = true;
	bool single = pw_has(l, tstate_raised);
	if ((!single && !pw_has(l, tstate_raised_type)) ||
	    (!pw_has(l, tstate_exc_info) && !pw_has(l, tstate_handled_type)) ||
	    (pw_has(l, tstate_exc_info) && !pw_has(l, excitem_value)))
		return pw_error_create(PW_ERROR_LAYOUT,
				       "the layout of this version lacks what exceptions need");
	pw_values_init(&v, python, NULL, &unused);
	struct place raised = {tstate, l->tstate_raised_type, l->tstate_raised_value,
			       l->tstate_raised_traceback};
	if (single)
		raised = (struct place){tstate, none, l->tstate_raised, none};
	struct pw_error *error = visit_place(&v, &raised, true, visit, data, &more);
	if (!error && more && pw_has(l, tstate_exc_info)) {
		error = visit_items(&v, tstate, visit, data);
	} else if (!error && more) {
		struct place handled = {tstate, l->tstate_handled_type, l->tstate_handled_value,
					l->tstate_handled_traceback};
		error = visit_place(&v, &handled, false, visit, data, &more);
	}
	return pw_error_prefix(error, "exceptions of thread state 0x%" PRIx64, tstate);
}

/* ---- tracebacks ---- */

/* An entry's frame has gone on since: where it was then is in the entry. */
static int entry_line(struct pw_python *python, const struct pw_code *code, uint32_t line,
		      uint32_t lasti)
{
	if ((int32_t)line > 0 || !code->table.data)
		return (int32_t)line > 0 ? (int32_t)line : 0;
	return pw_lines_find(python->layout.traits.lines, (const uint8_t *)code->table.data,
			     code->table.length, code->firstlineno, (int32_t)lasti)
		.line;
}

/* What cannot be read of one entry is missing from it. */
static bool visit_entry(struct pw_python *python, uint64_t frame, uint32_t line, uint32_t lasti,
			pw_traceback_visit visit, void *data)
{
	struct pw_traceback_entry entry = {.frame = frame};
	struct pw_pyframe read;
	struct pw_code code = {0};
	pw_object_budget(python);
	pw_auto_error struct pw_error *error = pw_pyframe_read(python, frame, true, &read);
	if (!error) {
		entry.code = read.code;
		pw_code_load(python, read.code, &code);
		entry.name = code.name;
		entry.qualname = code.qualname;
		entry.file = code.filename;
	}
	entry.line = entry_line(python, &code, line, lasti);
	bool more = visit(data, &entry);
	pw_code_deinit(&code);
	return more;
}

struct pw_error *pw_traceback_walk(struct pw_python *python, uint64_t traceback,
				   pw_traceback_visit visit, void *data)
{
	const struct pw_layout *l = &python->layout;
	struct pw_cycle cycle = {0};
	if (!pw_has(l, traceback_next))
		return pw_error_create(PW_ERROR_LAYOUT,
				       "the layout of this version lacks what tracebacks need");
	for (size_t i = 0; traceback; i++) {
		char type[PW_TYPE_NAME_MAX + 1];
		uint64_t frame;
		uint32_t line, lasti;
		struct pw_error *error = NULL;
		/* A core may lack the names of types: read-only data. */
		pw_auto_error struct pw_error *nameless =
			pw_object_type_name(python, traceback, type);
		if (!nameless && strcmp(type, "traceback") != 0)
			error = pw_error_create_at(PW_ERROR_CORRUPT, traceback,
						   "it is a %s, expected a traceback", type);
		if (!error && (i == PW_TRACEBACK_MAX || pw_cycle_step(&cycle, traceback, i)))
			error = pw_error_create_at(PW_ERROR_CORRUPT, traceback,
						   "the chain does not end");
		if (!error)
			error = pw_read_field(python, traceback, l->traceback_frame, &frame);
		if (!error)
			error = pw_read_u32(python->target,
					    traceback + (uint64_t)l->traceback_lineno.offset,
					    &line);
		if (!error)
			error = pw_read_u32(python->target,
					    traceback + (uint64_t)l->traceback_lasti.offset,
					    &lasti);
		if (error)
			return pw_error_prefix(error, "traceback at 0x%" PRIx64, traceback);
		if (!visit_entry(python, frame, line, lasti, visit, data))
			return NULL;
		error = pw_read_field(python, traceback, l->traceback_next, &traceback);
		if (error)
			return pw_error_prefix(error, "traceback");
	}
	return NULL;
}
