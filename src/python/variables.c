/*
 * Variables of frames.
 *
 * -3.10: Include/frameobject.h, cpython/frameobject.h: f_localsplus holds the locals, then cells,
 * then free variables; Include/code.h: co_varnames, co_cellvars, co_freevars.  3.11+:
 * internal/pycore_frame.h, pycore_interpframe_structs.h (localsplus; from 3.14 on tagged
 * pointers), Include/cpython/code.h and internal/pycore_code.h (co_localsplusnames,
 * co_localspluskinds).  Module and class bodies keep their names in f_locals.
 */
#include "python/variables.h"

#include "python/dict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* co_flags, Include/code.h, the same in all versions. */
enum { CO_OPTIMIZED = 1, CO_VARARGS = 4, CO_VARKEYWORDS = 8 };
/* co_localspluskinds, internal/pycore_code.h, 3.11+. */
enum { KIND_HIDDEN = 0x10, KIND_LOCAL = 0x20, KIND_CELL = 0x40, KIND_FREE = 0x80 };

struct reading {
	struct pw_python *python;
	const struct pw_layout *l;
	uint64_t code, slots;
	uint32_t flags, argcount, kwonly;
	struct pw_variables *ret;
};

void pw_variables_deinit(struct pw_variables *variables)
{
	for (size_t i = 0; i < variables->count; i++)
		free(variables->items[i].name);
	free(variables->items);
	pw_error_destroy(variables->error);
	*variables = (struct pw_variables){0};
}

/* Tagged pointers (_PyStackRef, 3.14+) use the lowest bits, also for NULL. */
static uint64_t untag(uint64_t pointer)
{
	return pointer & ~UINT64_C(7);
}

static struct pw_error *add(struct reading *r, uint64_t name, enum pw_variable_kind kind,
			    uint64_t object)
{
	struct pw_variables *to = r->ret;
	pw_auto_buffer struct pw_buffer text = {0};
	if (to->count == to->capacity) {
		size_t capacity = to->capacity ? to->capacity * 2 : 16;
		struct pw_variable_slot *items = realloc(to->items, capacity * sizeof(*items));
		if (!items)
			return &pw_error_nomem;
		to->items = items;
		to->capacity = capacity;
	}
	pw_auto_error struct pw_error *unreadable = pw_object_string(r->python, name, &text);
	char *copy =
		unreadable || !text.data ? strdup(unreadable ? "?" : "") : pw_buffer_steal(&text);
	if (!copy)
		return &pw_error_nomem;
	to->items[to->count++] = (struct pw_variable_slot){copy, kind, object};
	return NULL;
}

/* The value in a cell; *value stays when it is not a cell: a variable is put into its cell by the
 * first instructions. */
static struct pw_error *look_into_cell(struct reading *r, uint64_t *value)
{
	char name[PW_TYPE_NAME_MAX + 1];
	if (!*value)
		return NULL;
	struct pw_error *error = pw_object_type_name(r->python, *value, name);
	if (error || strcmp(name, "cell") != 0)
		return error;
	return pw_read_field(r->python, *value, r->l->cell_value, value);
}

/* A tuple of names: where they stand and how many. */
struct names {
	uint64_t items, count;
};

static struct pw_error *open_names(struct reading *r, struct pw_field field, struct names *ret)
{
	uint64_t tuple;
	*ret = (struct names){0};
	struct pw_error *error = pw_read_field(r->python, r->code, field, &tuple);
	if (!error)
		error = pw_read_field(r->python, tuple, r->l->var_size, &ret->count);
	if (error)
		return error;
	if (ret->count > PW_VARIABLES_MAX)
		return pw_error_create_at(PW_ERROR_CORRUPT, tuple,
					  "names of variables at 0x%" PRIx64 ": %" PRId64
					  " of them, expected 0 to %d",
					  tuple, (int64_t)ret->count, PW_VARIABLES_MAX);
	ret->items = tuple + (uint64_t)r->l->tuple_items.offset;
	return NULL;
}

static struct pw_error *name_at(struct reading *r, const struct names *names, uint64_t i,
				uint64_t *ret)
{
	return pw_read_u64(r->python->target, names->items + i * 8, ret);
}

static struct pw_error *slot_at(struct reading *r, uint64_t i, uint64_t *ret)
{
	struct pw_error *error = pw_read_u64(r->python->target, r->slots + i * 8, ret);
	if (!error)
		*ret = untag(*ret);
	return error;
}

/* Slots hold positional arguments, those by name only, *args, **kwargs; listed is the order of the
 * signature.  -1: this place of the list is none of them. */
static int64_t argument_slot(const struct reading *r, uint64_t place, enum pw_variable_kind *kind)
{
	uint64_t varargs = r->flags & CO_VARARGS ? 1 : 0;
	uint64_t varkeywords = r->flags & CO_VARKEYWORDS ? 1 : 0;
	if (place < r->argcount) {
		*kind = PW_VARIABLE_ARGUMENT;
		return (int64_t)place;
	}
	place -= r->argcount;
	if (varargs && place == 0) {
		*kind = PW_VARIABLE_VARARGS;
		return r->argcount + r->kwonly;
	}
	place -= varargs;
	if (place < r->kwonly) {
		*kind = PW_VARIABLE_KEYWORD;
		return (int64_t)(r->argcount + place);
	}
	place -= r->kwonly;
	*kind = PW_VARIABLE_VARKEYWORDS;
	return varkeywords && place == 0 ? (int64_t)(r->argcount + r->kwonly + varargs) : -1;
}

static uint64_t argument_count(const struct reading *r)
{
	return (uint64_t)r->argcount + r->kwonly + (r->flags & CO_VARARGS ? 1 : 0) +
	       (r->flags & CO_VARKEYWORDS ? 1 : 0);
}

/* ---- 3.11+ ---- */

struct localsplus {
	struct names names;
	uint8_t *kinds; /* one a name */
};

static struct pw_error *open_localsplus(struct reading *r, struct pw_buffer *kinds,
					struct localsplus *ret)
{
	uint64_t object;
	struct pw_error *error = open_names(r, r->l->code_localsplusnames, &ret->names);
	if (!error)
		error = pw_read_field(r->python, r->code, r->l->code_localspluskinds, &object);
	if (!error)
		error = pw_object_bytes(r->python, object, kinds);
	if (!error && kinds->length != ret->names.count)
		error = pw_error_create_at(PW_ERROR_CORRUPT, object,
					   "kinds of variables at 0x%" PRIx64
					   ": %zu of them for %" PRIu64 " names",
					   object, kinds->length, ret->names.count);
	ret->kinds = (uint8_t *)kinds->data;
	return error;
}

static struct pw_error *add_localplus(struct reading *r, const struct localsplus *lp, uint64_t i,
				      enum pw_variable_kind kind, bool even_unbound)
{
	uint64_t name, value;
	struct pw_error *error = name_at(r, &lp->names, i, &name);
	if (!error)
		error = slot_at(r, i, &value);
	if (!error && lp->kinds[i] & (KIND_CELL | KIND_FREE))
		error = look_into_cell(r, &value);
	return error || (!value && !even_unbound) ? error : add(r, name, kind, value);
}

static struct pw_error *read_localsplus(struct reading *r)
{
	struct localsplus lp;
	pw_auto_buffer struct pw_buffer kinds = {0};
	struct pw_error *error = open_localsplus(r, &kinds, &lp);
	bool optimized = r->flags & CO_OPTIMIZED;
	uint64_t arguments = argument_count(r);
	if (!error && arguments > lp.names.count)
		arguments = lp.names.count;
	for (uint64_t i = 0; !error && i < arguments; i++) {
		enum pw_variable_kind kind;
		int64_t slot = argument_slot(r, i, &kind);
		if (slot >= 0 && (uint64_t)slot < lp.names.count)
			error = add_localplus(r, &lp, (uint64_t)slot, kind, true);
	}
	for (uint64_t i = arguments; !error && i < lp.names.count; i++) {
		uint8_t kind = lp.kinds[i];
		/* What is hidden belongs to a comprehension, and is there only while that runs. */
		if (kind & KIND_HIDDEN)
			error = add_localplus(r, &lp, i, PW_VARIABLE_COMPREHENSION, false);
		else if (kind & KIND_FREE)
			error = add_localplus(r, &lp, i, PW_VARIABLE_FREE, true);
		else if (optimized)
			error = add_localplus(
				r, &lp, i, kind & KIND_CELL ? PW_VARIABLE_CELL : PW_VARIABLE_LOCAL,
				true);
	}
	return error;
}

/* ---- -3.10 ---- */

struct objects {
	struct names vars, cells, frees;
};

/* Whether two objects are strings of the same text. */
static bool same_name(struct reading *r, uint64_t a, uint64_t b)
{
	pw_auto_buffer struct pw_buffer text = {0};
	if (a == b)
		return true;
	pw_auto_error struct pw_error *error = pw_object_string(r->python, a, &text);
	return !error && text.data && pw_object_string_is(r->python, b, text.data);
}

/* An argument that inner functions use stands in a cell of its name. */
static struct pw_error *from_cell_of(struct reading *r, const struct objects *o, uint64_t name,
				     uint64_t *value)
{
	for (uint64_t i = 0; i < o->cells.count; i++) {
		uint64_t cell_name, cell;
		struct pw_error *error = name_at(r, &o->cells, i, &cell_name);
		if (!error && !same_name(r, name, cell_name))
			continue;
		if (!error)
			error = slot_at(r, o->vars.count + i, &cell);
		if (!error && cell) {
			error = look_into_cell(r, &cell);
			*value = cell;
		}
		return error;
	}
	return NULL;
}

static struct pw_error *add_var(struct reading *r, const struct objects *o, uint64_t i,
				enum pw_variable_kind kind)
{
	uint64_t name, value;
	struct pw_error *error = name_at(r, &o->vars, i, &name);
	if (!error)
		error = slot_at(r, i, &value);
	if (!error && kind != PW_VARIABLE_LOCAL)
		error = from_cell_of(r, o, name, &value);
	return error ? error : add(r, name, kind, value);
}

static bool is_argument(struct reading *r, const struct objects *o, uint64_t name)
{
	uint64_t arguments = argument_count(r);
	for (uint64_t i = 0; i < arguments && i < o->vars.count; i++) {
		uint64_t other;
		pw_auto_error struct pw_error *error = name_at(r, &o->vars, i, &other);
		if (!error && same_name(r, name, other))
			return true;
	}
	return false;
}

/* Cells, or free variables behind them. */
static struct pw_error *add_cells(struct reading *r, const struct objects *o,
				  const struct names *names, uint64_t first,
				  enum pw_variable_kind kind)
{
	struct pw_error *error = NULL;
	for (uint64_t i = 0; !error && i < names->count; i++) {
		uint64_t name, value;
		error = name_at(r, names, i, &name);
		if (!error && kind == PW_VARIABLE_CELL && is_argument(r, o, name))
			continue;
		if (!error)
			error = slot_at(r, first + i, &value);
		if (!error)
			error = look_into_cell(r, &value);
		if (!error)
			error = add(r, name, kind, value);
	}
	return error;
}

static struct pw_error *read_objects(struct reading *r)
{
	struct objects o;
	struct pw_error *error = open_names(r, r->l->code_varnames, &o.vars);
	if (!error)
		error = open_names(r, r->l->code_cellvars, &o.cells);
	if (!error)
		error = open_names(r, r->l->code_freevars, &o.frees);
	uint64_t arguments = argument_count(r);
	bool optimized = r->flags & CO_OPTIMIZED;
	uint32_t nlocals = 0;
	if (!error)
		error = pw_read_u32(r->python->target,
				    r->code + (uint64_t)r->l->code_nlocals.offset, &nlocals);
	if (!error && nlocals < o.vars.count)
		o.vars.count = nlocals;
	for (uint64_t i = 0; !error && i < arguments && i < o.vars.count; i++) {
		enum pw_variable_kind kind;
		int64_t slot = argument_slot(r, i, &kind);
		if (slot >= 0 && (uint64_t)slot < o.vars.count)
			error = add_var(r, &o, (uint64_t)slot, kind);
	}
	for (uint64_t i = arguments; !error && optimized && i < o.vars.count; i++)
		error = add_var(r, &o, i, PW_VARIABLE_LOCAL);
	if (!error && optimized)
		error = add_cells(r, &o, &o.cells, o.vars.count, PW_VARIABLE_CELL);
	if (!error)
		error = add_cells(r, &o, &o.frees, o.vars.count + o.cells.count, PW_VARIABLE_FREE);
	return error;
}

/* ---- module and class bodies ---- */

static struct pw_error *read_namespace(struct reading *r, uint64_t dict)
{
	struct pw_dict_table table = {0};
	uint64_t seen = 0, used = 0;
	struct pw_error *error = pw_dict_open(r->python, dict, &table);
	if (!error)
		error = pw_dict_used(r->python, dict, &used);
	for (uint64_t i = 0; !error && i < table.count && seen < PW_NAMESPACE_MAX; i++) {
		uint64_t key, value;
		error = pw_dict_entry(r->python, &table, i, &key, &value);
		if (error || !key || !value)
			continue;
		error = add(r, key, PW_VARIABLE_NAME, value);
		seen++;
	}
	r->ret->more = used > seen && seen == PW_NAMESPACE_MAX ? used - seen : 0;
	return error;
}

/* What f_locals is, when it is a dict at all: a metaclass may give something else. */
static struct pw_error *read_locals_dict(struct reading *r, uint64_t dict)
{
	static const uint64_t flag_dict = UINT64_C(1) << 29;
	uint64_t type, flags;
	struct pw_error *error = pw_object_type(r->python, dict, &type);
	if (!error)
		error = pw_read_field(r->python, type, r->l->type_flags, &flags);
	if (error)
		return error;
	if (!(flags & flag_dict))
		return pw_error_create_at(
			PW_ERROR_CORRUPT, dict,
			"namespace at 0x%" PRIx64 " is no dict: its names are not shown", dict);
	return read_namespace(r, dict);
}

/* ---- frames ---- */

static struct pw_error *read_code(struct reading *r)
{
	struct pw_target *target = r->python->target;
	struct pw_error *error = pw_object_check_code(r->python, r->code);
	if (!error)
		error = pw_read_u32(target, r->code + (uint64_t)r->l->code_flags.offset, &r->flags);
	if (!error)
		error = pw_read_u32(target, r->code + (uint64_t)r->l->code_argcount.offset,
				    &r->argcount);
	if (!error && pw_has(r->l, code_kwonly))
		error = pw_read_u32(target, r->code + (uint64_t)r->l->code_kwonly.offset,
				    &r->kwonly);
	if (!error && (r->argcount > PW_VARIABLES_MAX || r->kwonly > PW_VARIABLES_MAX))
		error = pw_error_create_at(PW_ERROR_CORRUPT, r->code,
					   "code object 0x%" PRIx64 ": %u and %u arguments",
					   r->code, r->argcount, r->kwonly);
	return error;
}

struct frame_fields {
	struct pw_field locals, globals, builtins, slots;
};

static struct frame_fields frame_fields(const struct pw_layout *l)
{
	if (pw_has(l, iframe_code))
		return (struct frame_fields){l->iframe_locals, l->iframe_globals,
					     l->iframe_builtins, l->iframe_localsplus};
	return (struct frame_fields){l->frame_locals, l->frame_globals, l->frame_builtins,
				     l->frame_localsplus};
}

static struct pw_error *read_frame(struct reading *r, uint64_t frame)
{
	struct frame_fields f = frame_fields(r->l);
	uint64_t locals = 0;
	if (f.locals.offset < 0 || f.slots.offset < 0)
		return pw_error_create(PW_ERROR_LAYOUT,
				       "the layout of this version lacks what variables need");
	r->slots = frame + (uint64_t)f.slots.offset;
	struct pw_error *error = pw_read_field(r->python, frame, f.globals, &r->ret->globals);
	if (!error)
		error = pw_read_field(r->python, frame, f.builtins, &r->ret->builtins);
	if (!error)
		error = pw_read_field(r->python, frame, f.locals, &locals);
	if (!error)
		error = read_code(r);
	/* A function may have an f_locals too, of what somebody asked for once. */
	if (!error && !(r->flags & CO_OPTIMIZED) && locals) {
		r->ret->names = locals;
		error = read_locals_dict(r, locals);
	}
	if (error)
		return error;
	return pw_has(r->l, code_localsplusnames) ? read_localsplus(r) : read_objects(r);
}

void pw_variables_read(struct pw_python *python, const struct pw_pyframe *frame,
		       struct pw_variables *ret)
{
	*ret = (struct pw_variables){0};
	struct reading r = {
		.python = python, .l = &python->layout, .code = frame->code, .ret = ret};
	ret->error = pw_error_prefix(read_frame(&r, frame->address),
				     "variables of frame 0x%" PRIx64, frame->address);
}

/* ---- generators ---- */

struct pw_error *pw_generator_frame(struct pw_python *python, uint64_t generator,
				    struct pw_pyframe *ret, bool *ret_found)
{
	const struct pw_layout *l = &python->layout;
	bool objects = !pw_has(l, gen_iframe);
	struct pw_error *error = NULL;
	*ret_found = false;
	*ret = (struct pw_pyframe){.address = generator + (uint64_t)l->gen_iframe.offset};
	if (objects)
		error = pw_read_field(python, generator, l->gen_frame, &ret->address);
	if (error || !ret->address)
		return error;
	error = pw_read_field(python, ret->address, objects ? l->frame_code : l->iframe_code,
			      &ret->code);
	ret->code = untag(ret->code);
	if (error || !ret->code)
		return error;
	/* A frame that was cleared has no code object any more. */
	pw_auto_error struct pw_error *gone = pw_object_check_code(python, ret->code);
	*ret_found = !gone;
	return NULL;
}
