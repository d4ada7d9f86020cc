/*
 * Classes written in Python whose __repr__ is known: what it would say, from their attributes.
 *
 * Lib/enum.py, collections/__init__.py (namedtuple, Counter, 2.7's OrderedDict), dataclasses.py,
 * fractions.py; pathlib is in value_path.c.  A class is known by the function that is its __repr__,
 * so that one which replaces it is not.
 */
#include "python/value_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- enum ---- */

static void print_enum(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t name = 0, value = 0;
	struct pw_vtype of = {0};
	pw_values_attribute(v, object, t, "_name_", &name);
	pw_values_attribute(v, object, t, "_value_", &value);
	pw_values_emit(v, "<");
	pw_values_type_short(v, t->address, v->out);
	if (name && pw_values_type(v, name, &of) && of.kind == PW_VALUE_STR) {
		pw_values_emit(v, ".");
		pw_values_name(v, name, v->out);
	}
	pw_values_emit(v, ": ");
	pw_values_print(v, value);
	pw_values_emit(v, ">");
}

/* ---- namedtuple ---- */

static void print_namedtuple(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			     uint64_t fields)
{
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE};
	uint64_t count = 0, names = 0, name, item;
	bool readable = pw_values_count(v, object, &tuple, &count) &&
			pw_values_count(v, fields, &tuple, &names);
	if (!pw_values_enter(v, object, "(...)"))
		return;
	struct pw_row row = {.v = v, .total = count};
	uint64_t at = (uint64_t)v->l->tuple_items.offset;
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	for (uint64_t i = 0; readable && i < count && i < names; i++) {
		readable = pw_values_u64(v, fields + at + i * 8, &name) &&
			   pw_values_u64(v, object + at + i * 8, &item);
		if (!readable || !pw_row_next(&row))
			break;
		pw_values_name(v, name, v->out);
		pw_values_emit(v, "=");
		pw_values_print(v, item);
	}
	pw_row_end(&row, readable);
	pw_values_emit(v, ")");
	pw_values_leave(v);
}

/* ---- dataclass ---- */

struct dataclass {
	struct pw_row row;
	uint64_t object;
	const struct pw_vtype *t;
};

/* A field of its own, and wanted in the text. */
static bool is_shown_field(struct pw_values *v, uint64_t field)
{
	struct pw_vtype t;
	uint64_t repr = 0, kind = 0, name = 0;
	int64_t shown = 0;
	pw_auto_buffer struct pw_buffer text = {0};
	if (!pw_values_type(v, field, &t) || !pw_values_attribute(v, field, &t, "repr", &repr) ||
	    !pw_values_attribute(v, field, &t, "_field_type", &kind) || !repr || !kind ||
	    !pw_values_int(v, repr, &shown) || !shown)
		return false;
	return pw_values_type(v, kind, &t) && pw_values_attribute(v, kind, &t, "name", &name) &&
	       name && pw_values_name(v, name, &text) && strcmp(text.data, "_FIELD") == 0;
}

static bool visit_field(void *data, uint64_t key, uint64_t field)
{
	struct dataclass *d = data;
	struct pw_values *v = d->row.v;
	uint64_t value = 0;
	pw_auto_buffer struct pw_buffer name = {0};
	if (!is_shown_field(v, field))
		return true;
	d->row.total++;
	if (d->row.total > d->row.shown + 1 || !pw_row_next(&d->row))
		return true;
	if (pw_values_name(v, key, &name)) {
		pw_values_emit(v, name.data);
		pw_values_attribute(v, d->object, d->t, name.data, &value);
		/* A default is the class's. */
		if (!value)
			pw_values_class_find(v, d->t->address, name.data, &value, NULL);
	}
	pw_values_emit(v, "=");
	pw_values_print(v, value);
	return true;
}

static void print_dataclass(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			    uint64_t fields)
{
	uint64_t name;
	if (!pw_values_enter(v, object, "..."))
		return;
	struct dataclass d = {{.v = v}, object, t};
	if (!pw_values_field(v, t->address, v->l->heaptype_qualname, &name) ||
	    !pw_values_name(v, name, v->out))
		pw_values_emit(v, "?");
	pw_values_emit(v, "(");
	bool readable = pw_values_walk_dict(v, fields, visit_field, &d);
	pw_row_end(&d.row, readable);
	pw_values_emit(v, ")");
	pw_values_leave(v);
}

/* ---- Counter ---- */

struct counted {
	uint64_t key, value;
	int64_t number;
	size_t place;
};

struct counts {
	struct pw_values *v;
	struct counted *items;
	size_t count;
	bool numbers; /* all are ints */
};

enum { SORTED_MAX = 4096 };

static bool visit_count(void *data, uint64_t key, uint64_t value)
{
	struct counts *c = data;
	int64_t number = 0;
	if (c->count == SORTED_MAX || !pw_values_int(c->v, value, &number)) {
		c->numbers = false;
		return false;
	}
	c->items[c->count] = (struct counted){key, value, number, c->count};
	c->count++;
	return true;
}

/* The largest first, and among equals the first. */
static int compare_counts(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? 1 : -1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void print_sorted(struct pw_values *v, uint64_t object, struct counts *c)
{
	struct pw_row row = {.v = v, .total = c->count};
	if (!pw_values_enter(v, object, "..."))
		return;
	qsort(c->items, c->count, sizeof(*c->items), compare_counts);
	pw_values_emit(v, "{");
	for (size_t i = 0; i < c->count && pw_row_next(&row); i++) {
		pw_values_print(v, c->items[i].key);
		pw_values_emit(v, ": ");
		pw_values_print(v, c->items[i].value);
	}
	pw_row_end(&row, true);
	pw_values_emit(v, "}");
	pw_values_leave(v);
}

static void print_counter(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct counts c = {v, malloc(SORTED_MAX * sizeof(struct counted)), 0, true};
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	bool readable = c.items && pw_values_walk_dict(v, object, visit_count, &c);
	if (readable && c.numbers && c.count)
		print_sorted(v, object, &c);
	else if (!readable || !c.numbers)
		pw_print_pairs(v, object, t);
	pw_values_emit(v, ")");
	free(c.items);
}

/* ---- 2.7's OrderedDict: lists [previous, next, key] in a ring ---- */

struct by_key {
	uint64_t key, value;
};

static bool visit_key(void *data, uint64_t key, uint64_t value)
{
	struct by_key *by_key = data;
	if (key != by_key->key)
		return true;
	by_key->value = value;
	return false;
}

static void print_ring(struct pw_values *v, uint64_t object, uint64_t root, uint64_t count)
{
	struct pw_row row = {.v = v, .total = count};
	uint64_t link = root, items;
	bool readable = true;
	pw_values_emit(v, "[");
	while (row.shown < count) {
		struct by_key entry = {0};
		readable = pw_values_field(v, link, v->l->list_items, &items) &&
			   pw_values_u64(v, items + 8, &link) && link != root &&
			   pw_values_field(v, link, v->l->list_items, &items) &&
			   pw_values_u64(v, items + 16, &entry.key) &&
			   pw_values_walk_dict(v, object, visit_key, &entry);
		if (!readable || !pw_row_next(&row))
			break;
		pw_values_emit(v, "(");
		pw_values_print(v, entry.key);
		pw_values_emit(v, ", ");
		pw_values_print(v, entry.value);
		pw_values_emit(v, ")");
	}
	pw_row_end(&row, readable);
	pw_values_emit(v, "]");
}

static void print_ordereddict2(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t root = 0, count = 0;
	pw_values_attribute(v, object, t, "_OrderedDict__root", &root);
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	if (pw_values_field(v, object, v->l->dict_used, &count) && count && root &&
	    pw_values_enter(v, object, "...")) {
		print_ring(v, object, root, count);
		pw_values_leave(v);
	}
	pw_values_emit(v, ")");
}

/* ---- Fraction and pathlib ---- */

static void print_fraction(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t numerator = 0, denominator = 0;
	pw_values_attribute(v, object, t, "_numerator", &numerator);
	pw_values_attribute(v, object, t, "_denominator", &denominator);
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	pw_values_print(v, numerator);
	pw_values_emit(v, ", ");
	pw_values_print(v, denominator);
	pw_values_emit(v, ")");
}

static bool print_path(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_auto_buffer struct pw_buffer path = {0};
	if (!pw_values_path(v, object, t, &path) || !path.data)
		return false;
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	pw_print_text(v, path.data);
	pw_values_emit(v, ")");
	return true;
}

/* ---- which it is ---- */

struct repr {
	const char *module, *name;
	uint64_t class;
};

static bool is_from(const struct repr *r, const char *module, const char *name)
{
	return strcmp(r->module, module) == 0 && strcmp(r->name, name) == 0;
}

/* Those that are known by what the class with the __repr__ has besides. */
static bool print_made_class(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			     const struct repr *r)
{
	uint64_t fields = 0;
	if (t->kind == PW_VALUE_TUPLE &&
	    (strcmp(r->module, "collections") == 0 ||
	     strncmp(r->module, "namedtuple_", strlen("namedtuple_")) == 0) &&
	    pw_values_class_own(v, r->class, "_fields", &fields) && fields) {
		print_namedtuple(v, object, t, fields);
		return true;
	}
	if ((strcmp(r->module, "dataclasses") == 0 || strcmp(r->module, "reprlib") == 0) &&
	    pw_values_class_own(v, r->class, "__dataclass_fields__", &fields) && fields) {
		print_dataclass(v, object, t, fields);
		return true;
	}
	return false;
}

bool pw_print_known_class(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct repr r;
	pw_auto_buffer struct pw_buffer module = {0}, name = {0};
	if (!pw_values_is_heap(t) ||
	    !pw_values_repr_from(v, t->address, &module, &name, &r.class) || !module.data ||
	    !name.data)
		return false;
	r.module = module.data;
	r.name = name.data;
	if (is_from(&r, "enum", "Enum.__repr__") || is_from(&r, "enum", "Flag.__repr__") ||
	    is_from(&r, "enum", "IntFlag.__repr__"))
		print_enum(v, object, t);
	else if (is_from(&r, "collections", "Counter.__repr__"))
		print_counter(v, object, t);
	else if (is_from(&r, "collections", "OrderedDict.__repr__"))
		print_ordereddict2(v, object, t);
	else if (is_from(&r, "fractions", "Fraction.__repr__"))
		print_fraction(v, object, t);
	else if (strncmp(r.module, "pathlib", strlen("pathlib")) == 0 &&
		 strcmp(r.name, "PurePath.__repr__") == 0)
		return print_path(v, object, t);
	else
		return print_made_class(v, object, t, &r);
	return true;
}
