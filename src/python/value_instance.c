/*
 * Instances: their attributes, wherever they are kept.
 *
 * __slots__ are members of heap types (Objects/typeobject.c, type_new; Include/structmember.h for
 * the types of members); the rest is in a dict or in values (dict.c).
 */
#include "python/value_private.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum {
	MEMBER_OBJECT = 6,     /* T_OBJECT */
	MEMBER_OBJECT_EX = 16, /* T_OBJECT_EX: NULL is "no such attribute" */
	MEMBERS_MAX = 1 << 12, /* of one type */
	MEMBER_END_MAX = 1 << 20,
};

struct attributes {
	struct pw_values *v;
	pw_attribute_fn fn;
	void *data;
	bool stopped;
};

static bool visit_member(struct attributes *a, uint64_t object, uint64_t member)
{
	struct pw_values *v = a->v;
	const struct pw_layout *l = v->l;
	uint64_t text, offset, value;
	uint32_t kind;
	char name[PW_TYPE_NAME_MAX + 1];
	pw_auto_buffer struct pw_buffer utf8 = {0};
	if (!pw_values_field(v, member, l->member_name, &text) ||
	    !pw_values_u32(v, member + (uint64_t)l->member_type.offset, &kind) ||
	    !pw_values_field(v, member, l->member_offset, &offset))
		return false;
	if (!text || (kind != MEMBER_OBJECT && kind != MEMBER_OBJECT_EX) || offset > MEMBER_END_MAX)
		return true;
	if (!pw_values_u64(v, object + offset, &value) || !pw_values_cstring(v, text, name))
		return false;
	pw_text_append_bytes(&utf8, name, strlen(name));
	if (value && utf8.data)
		a->stopped = !a->fn(a->data, utf8.data, value);
	return true;
}

/* The members of one type: a heap type says how many, an array of C's ends in a NULL. */
static bool visit_members(struct attributes *a, uint64_t object, uint64_t type, bool heap)
{
	struct pw_values *v = a->v;
	uint64_t members, count = MEMBERS_MAX, name;
	if (!pw_values_field(v, type, v->l->type_members, &members) ||
	    (heap && !pw_values_field(v, type, v->l->var_size, &count)))
		return false;
	if (!members || count > MEMBERS_MAX)
		return true;
	for (uint64_t i = 0; i < count && !a->stopped; i++) {
		uint64_t member = members + i * (uint64_t)v->l->member_sizeof.offset;
		if (!pw_values_field(v, member, v->l->member_name, &name))
			return false;
		if (!name)
			break;
		if (!visit_member(a, object, member))
			return false;
	}
	return true;
}

/* The oldest class's members first, as they stand in the object. */
static bool visit_all_members(struct attributes *a, uint64_t object, uint64_t type, bool static_too)
{
	struct pw_values *v = a->v;
	uint64_t chain[PW_BASES_MAX], flags;
	bool heap[PW_BASES_MAX];
	size_t count = 0;
	while (type && count < PW_BASES_MAX) {
		if (!pw_values_field(v, type, v->l->type_flags, &flags))
			return false;
		heap[count] = flags >> 9 & 1;
		chain[count++] = type;
		if (!pw_values_field(v, type, v->l->type_base, &type))
			return false;
	}
	while (count-- > 0 && !a->stopped)
		if ((heap[count] || static_too) &&
		    !visit_members(a, object, chain[count], heap[count]))
			return false;
	return true;
}

static bool visit_own(void *data, uint64_t key, uint64_t value)
{
	struct attributes *a = data;
	pw_auto_buffer struct pw_buffer name = {0};
	struct pw_budget budget = a->v->python->budget;
	a->v->python->budget.bytes = PW_STRING_MAX;
	pw_auto_error struct pw_error *error = pw_object_string(a->v->python, key, &name);
	a->v->python->budget = budget;
	a->stopped = !a->fn(a->data, error || !name.data ? "?" : name.data, value);
	return !a->stopped;
}

static bool visit_attributes(struct attributes *a, uint64_t object, const struct pw_vtype *t,
			     bool static_too)
{
	struct pw_values *v = a->v;
	uint64_t dict;
	if (t->kind == PW_VALUE_OLD_INSTANCE)
		return pw_values_field(v, object, v->l->instance_dict, &dict) &&
		       pw_values_walk_dict(v, dict, visit_own, a);
	if (t->kind != PW_VALUE_TYPE && !visit_all_members(a, object, t->address, static_too))
		return false;
	return a->stopped || pw_values_walk_own(v, object, visit_own, a);
}

bool pw_values_attributes(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			  pw_attribute_fn fn, void *data)
{
	struct attributes a = {v, fn, data, false};
	return visit_attributes(&a, object, t, false);
}

struct wanted {
	const char *name;
	uint64_t value;
};

static bool visit_wanted(void *data, const char *name, uint64_t value)
{
	struct wanted *wanted = data;
	if (strcmp(name, wanted->name) != 0)
		return true;
	wanted->value = value;
	return false;
}

bool pw_values_attribute(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			 const char *name, uint64_t *ret)
{
	struct wanted wanted = {name, 0};
	struct attributes a = {v, visit_wanted, &wanted, false};
	bool readable = visit_attributes(&a, object, t, true);
	*ret = wanted.value;
	return readable || wanted.value;
}

/* ---- text ---- */

static bool visit_print(void *data, const char *name, uint64_t value)
{
	struct pw_row *row = data;
	struct pw_values *v = row->v;
	/* One more than is shown tells that there are more. */
	row->total++;
	if (row->total > row->shown + 1 || !pw_row_next(row))
		return true;
	pw_text_append_printable(v->out, name);
	pw_values_emit(v, "=");
	pw_values_print(v, value);
	return true;
}

void pw_print_attributes(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct pw_row row = {.v = v};
	bool readable = pw_values_attributes(v, object, t, visit_print, &row);
	pw_row_end(&row, readable);
}

struct any {
	bool found;
};

static bool visit_any(void *data, const char *name, uint64_t value)
{
	((struct any *)data)->found = true;
	return false;
}

/* "<module.Class object at 0x..: a=1>" */
static void print_with_attributes(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct any any = {false};
	if (pw_values_attributes(v, object, t, visit_any, &any) && !any.found)
		return;
	if (!pw_values_enter(v, object, ": ..."))
		return;
	pw_values_emit(v, ": ");
	pw_print_attributes(v, object, t);
	pw_values_leave(v);
}

void pw_print_instance(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	if (pw_print_structseq(v, object, t) || pw_print_known_class(v, object, t))
		return;
	pw_values_emit(v, "<");
	pw_values_type_label(v, t->address, v->out);
	pw_values_emitf(v, " object at 0x%" PRIx64, object);
	print_with_attributes(v, object, t);
	pw_values_emit(v, ">");
}

void pw_print_old_instance(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t class;
	pw_values_emit(v, "<");
	if (pw_values_field(v, object, v->l->instance_class, &class))
		pw_values_old_class_name(v, class, true, v->out);
	else
		pw_values_emit(v, "?");
	pw_values_emitf(v, " instance at 0x%" PRIx64, object);
	print_with_attributes(v, object, t);
	pw_values_emit(v, ">");
}

void pw_print_namespace(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	if (t->base == t->address)
		pw_values_emit(v, "namespace");
	else
		pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	if (pw_values_enter(v, object, "...")) {
		pw_print_attributes(v, object, t);
		pw_values_leave(v);
	}
	pw_values_emit(v, ")");
}
