/*
 * Containers as repr() writes them.
 */
#include "python/value_private.h"

#include <inttypes.h>
#include <string.h>

enum item_form {
	FORM_VALUE, /* value */
	FORM_KEY,   /* key */
	FORM_PAIR,  /* key: value */
	FORM_TUPLE, /* (key, value) */
};

struct printing {
	struct pw_row row;
	enum item_form form;
};

static bool visit_item(void *data, uint64_t key, uint64_t value)
{
	struct printing *p = data;
	struct pw_values *v = p->row.v;
	if (!pw_row_next(&p->row))
		return false;
	if (p->form == FORM_TUPLE)
		pw_values_emit(v, "(");
	if (p->form != FORM_VALUE)
		pw_values_print(v, key);
	if (p->form == FORM_PAIR || p->form == FORM_TUPLE)
		pw_values_emit(v, p->form == FORM_PAIR ? ": " : ", ");
	if (p->form != FORM_KEY)
		pw_values_print(v, value);
	if (p->form == FORM_TUPLE)
		pw_values_emit(v, ")");
	return true;
}

/* "<list at 0x..: length -1 is not believed>" instead of anything else. */
static bool credible(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
		     uint64_t *count)
{
	if (!pw_values_count(v, object, t, count)) {
		pw_values_unreadable(v);
		return false;
	}
	if (*count <= PW_COUNT_MAX)
		return true;
	pw_values_emit(v, "<");
	if (t->address)
		pw_values_type_label(v, t->address, v->out);
	pw_values_emitf(v, " at 0x%" PRIx64 ": length %" PRId64 " is not believed>", object,
			(int64_t)*count);
	return false;
}

/* The items between two brackets. */
static void print_items(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			enum item_form form, const char *brackets, const char *cycle)
{
	uint64_t count;
	char open[2] = {brackets[0], 0}, close[2] = {brackets[1], 0};
	if (!credible(v, object, t, &count) || !pw_values_enter(v, object, cycle))
		return;
	struct printing p = {{.v = v, .total = count}, form};
	pw_values_emit(v, open);
	bool readable = pw_values_walk(v, object, t, visit_item, &p);
	pw_row_end(&p.row, readable);
	/* A table that says it has more than can be found in it. */
	pw_values_emit(v, close);
	pw_values_leave(v);
}

/* ---- structure sequences (Objects/structseq.c): os.stat_result, sys.version_info ---- */

static bool is_structseq(struct pw_values *v, const struct pw_vtype *t, uint64_t *ret_members)
{
	uint64_t slots = 1, mark;
	/* 2.7: no tuples, but laid out as such. */
	if (v->l->traits.python2 && t->kind == PW_VALUE_OBJECT && !pw_values_is_heap(t))
		return pw_values_class_own(v, t->address, "n_sequence_fields", &mark) && mark &&
		       pw_values_field(v, t->address, v->l->type_members, ret_members);
	if (t->kind != PW_VALUE_TUPLE || t->base == t->address ||
	    !pw_values_field(v, t->address, v->l->type_members, ret_members) || !*ret_members)
		return false;
	/* A class of Python's has a pointer there even when it has no __slots__. */
	if (pw_values_is_heap(t) && !pw_values_field(v, t->address, v->l->var_size, &slots))
		return false;
	return slots > 0;
}

bool pw_print_structseq(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE};
	uint64_t count, item, text, members;
	char name[PW_TYPE_NAME_MAX + 1];
	if (!is_structseq(v, t, &members))
		return false;
	if (!credible(v, object, &tuple, &count) || !pw_values_enter(v, object, "(...)"))
		return true;
	pw_values_type_label(v, t->address, v->out);
	pw_values_emit(v, "(");
	struct pw_row row = {.v = v, .total = count};
	bool readable = true;
	for (uint64_t i = 0; readable && i < count; i++) {
		uint64_t at = members + i * (uint64_t)v->l->member_sizeof.offset;
		readable = pw_values_field(v, at, v->l->member_name, &text) &&
			   pw_values_cstring(v, text, name) &&
			   pw_values_u64(v, object + (uint64_t)v->l->tuple_items.offset + i * 8,
					 &item);
		if (!readable || !pw_row_next(&row))
			break;
		pw_values_emitf(v, "%s=", name);
		pw_values_print(v, item);
	}
	pw_row_end(&row, readable);
	pw_values_emit(v, ")");
	pw_values_leave(v);
	return true;
}

/* ---- sequences and sets ---- */

void pw_print_tuple(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t count, item;
	if (!pw_values_count(v, object, t, &count) || count != 1) {
		print_items(v, object, t, FORM_VALUE, "()", "(...)");
		return;
	}
	if (!pw_values_enter(v, object, "(...)"))
		return;
	struct pw_row row = {.v = v, .total = 1};
	pw_values_emit(v, "(");
	bool readable = pw_values_u64(v, object + (uint64_t)v->l->tuple_items.offset, &item);
	if (readable && pw_row_next(&row)) {
		pw_values_print(v, item);
		pw_values_emit(v, ",");
	}
	pw_row_end(&row, readable);
	pw_values_emit(v, ")");
	pw_values_leave(v);
}

void pw_print_list(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	print_items(v, object, t, FORM_VALUE, "[]", "[...]");
}

void pw_print_set(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t count;
	bool plain = t->kind == PW_VALUE_SET && t->base == t->address;
	bool named = v->l->traits.python2 || !plain;
	bool known = pw_values_count(v, object, t, &count);
	if (named || (known && count == 0)) {
		pw_values_type_short(v, t->address, v->out);
		pw_values_emit(v, "(");
	}
	if (!known || count)
		print_items(v, object, t, FORM_VALUE, v->l->traits.python2 ? "[]" : "{}", "...");
	else if (v->l->traits.python2)
		pw_values_emit(v, "[]");
	if (named || (known && count == 0))
		pw_values_emit(v, ")");
}

void pw_print_deque(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t most = UINT64_MAX;
	if (pw_values_around(v, object)) {
		pw_values_emit(v, "[...]");
		return;
	}
	if (v->l->traits.deque_named)
		pw_values_type_short(v, t->address, v->out);
	else
		pw_values_emit(v, "deque");
	pw_values_emit(v, "(");
	print_items(v, object, t, FORM_VALUE, "[]", "[...]");
	if (pw_values_field(v, object, v->l->deque_maxlen, &most) && (int64_t)most >= 0)
		pw_values_emitf(v, ", maxlen=%" PRIu64, most);
	pw_values_emit(v, ")");
}

/* ---- dicts ---- */

void pw_print_pairs(struct pw_values *v, uint64_t dict, const struct pw_vtype *t)
{
	print_items(v, dict, t, FORM_PAIR, "{}", "{...}");
}

void pw_print_pair_list(struct pw_values *v, uint64_t dict, const struct pw_vtype *t)
{
	print_items(v, dict, t, FORM_TUPLE, "[]", "...");
}

void pw_print_dict(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_print_pairs(v, object, t);
}

void pw_print_defaultdict(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t factory;
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	/* It follows the dict that the object begins with. */
	if (!pw_values_field(v, object, v->l->dict_sizeof, &factory))
		pw_values_unreadable(v);
	else if (!factory)
		pw_values_emit(v, "None");
	else if (pw_values_enter(v, object, "...")) {
		pw_values_print(v, factory);
		pw_values_leave(v);
	}
	pw_values_emit(v, ", ");
	pw_print_pairs(v, object, t);
	pw_values_emit(v, ")");
}

void pw_print_ordereddict(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t count;
	if (pw_values_around(v, object)) {
		pw_values_emit(v, "...");
		return;
	}
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	if (!pw_values_count(v, object, t, &count) || count == 0)
		;
	else if (v->l->traits.ordereddict_as_dict)
		pw_print_pairs(v, object, t);
	else
		pw_print_pair_list(v, object, t);
	pw_values_emit(v, ")");
}

void pw_print_dict_view(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	print_items(v, object, t,
		    t->kind == PW_VALUE_DICT_KEYS     ? FORM_KEY
		    : t->kind == PW_VALUE_DICT_VALUES ? FORM_VALUE
						      : FORM_TUPLE,
		    "[]", "...");
	pw_values_emit(v, ")");
}

void pw_print_mappingproxy(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t mapping;
	pw_values_emit(v, v->l->traits.python2 ? "dict_proxy(" : "mappingproxy(");
	if (!pw_values_field(v, object, v->l->mappingproxy_mapping, &mapping))
		pw_values_unreadable(v);
	else if (pw_values_enter(v, object, "...")) {
		pw_values_print(v, mapping);
		pw_values_leave(v);
	}
	pw_values_emit(v, ")");
}

/* ---- slice and range ---- */

static void print_members(struct pw_values *v, uint64_t object, const char *name,
			  const struct pw_field *fields, size_t count)
{
	uint64_t member;
	pw_values_emitf(v, "%s(", name);
	if (!pw_values_enter(v, object, "..."))
		return;
	for (size_t i = 0; i < count; i++) {
		if (i)
			pw_values_emit(v, ", ");
		if (pw_values_field(v, object, fields[i], &member))
			pw_values_print(v, member);
		else
			pw_values_unreadable(v);
	}
	pw_values_leave(v);
	pw_values_emit(v, ")");
}

void pw_print_slice(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct pw_field fields[] = {v->l->slice_start, v->l->slice_stop, v->l->slice_step};
	print_members(v, object, "slice", fields, 3);
}

/* 2.7: C longs, and the end follows from the length. */
static void print_xrange(struct pw_values *v, uint64_t object)
{
	uint64_t start, step, length;
	if (!pw_values_field(v, object, v->l->range_start, &start) ||
	    !pw_values_field(v, object, v->l->range_step, &step) ||
	    !pw_values_field(v, object, v->l->range_length, &length)) {
		pw_values_unreadable(v);
		return;
	}
	int64_t stop = (int64_t)(start + length * step);
	if (start == 0 && step == 1)
		pw_values_emitf(v, "xrange(%" PRId64 ")", stop);
	else if (step == 1)
		pw_values_emitf(v, "xrange(%" PRId64 ", %" PRId64 ")", (int64_t)start, stop);
	else
		pw_values_emitf(v, "xrange(%" PRId64 ", %" PRId64 ", %" PRId64 ")", (int64_t)start,
				stop, (int64_t)step);
}

void pw_print_range(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t step;
	int64_t number = 0;
	if (v->l->traits.python2) {
		print_xrange(v, object);
		return;
	}
	struct pw_field fields[] = {v->l->range_start, v->l->range_stop, v->l->range_step};
	bool by_one = pw_values_field(v, object, v->l->range_step, &step) &&
		      pw_values_int(v, step, &number) && number == 1;
	print_members(v, object, "range", fields, by_one ? 2 : 3);
}
