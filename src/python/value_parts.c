/*
 * Parts of an object: for those who expand it, and for paths such as self.queue[0]['name'].
 */
#include "python/value_private.h"
#include "python/variables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct pw_value_limits generous = {
	.depth = 3, .items = 100, .characters = 200, .bytes = 400, .reads = 1 << 22};

static struct pw_error *failure(const struct pw_values *v, uint64_t object)
{
	if (v->left == 0)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 ": more than %u reads", object,
					  v->limits.reads);
	return pw_error_create_at(PW_ERROR_UNREADABLE, v->bad,
				  "object at 0x%" PRIx64 ": cannot read 0x%" PRIx64, object,
				  v->bad);
}

/* ---- children ---- */

enum child_form { CHILD_NUMBER, CHILD_KEY, CHILD_ATTRIBUTE };

struct children {
	struct pw_values v;
	enum child_form form;
	uint64_t at, start, end, total;
	pw_value_visit visit;
	void *data;
};

static bool give(struct children *c, const char *name, uint64_t value)
{
	if (c->at < c->start) {
		c->at++;
		return true;
	}
	return c->at++ < c->end && c->visit(c->data, name, value);
}

static bool visit_child(void *data, uint64_t key, uint64_t value)
{
	struct children *c = data;
	pw_auto_buffer struct pw_buffer name = {0};
	if (c->at < c->start) {
		c->at++;
		return true;
	}
	if (c->at >= c->end)
		return false;
	if (c->form == CHILD_KEY) {
		pw_buffer_append_char(&name, '[');
		pw_value_text(c->v.python, key, &generous, &name);
		pw_buffer_append_char(&name, ']');
	} else {
		pw_buffer_printf(&name, "[%" PRIu64 "]", c->at);
	}
	return name.data && give(c, name.data, value);
}

static bool visit_attribute(void *data, const char *name, uint64_t value)
{
	struct children *c = data;
	pw_auto_buffer struct pw_buffer text = {0};
	c->total++;
	if (c->at < c->start || c->at >= c->end) {
		c->at++;
		return true;
	}
	pw_buffer_printf(&text, ".%s", name);
	return text.data && give(c, text.data, value);
}

/* Those of its frame, while it has one. */
static struct pw_error *visit_generator(struct children *c, uint64_t generator)
{
	struct pw_pyframe frame;
	struct pw_variables variables;
	bool found, more = true;
	struct pw_error *error = pw_generator_frame(c->v.python, generator, &frame, &found);
	if (error || !found)
		return error;
	pw_object_budget(c->v.python);
	pw_variables_read(c->v.python, &frame, &variables);
	for (size_t i = 0; i < variables.count && more; i++)
		if (variables.items[i].object)
			more = visit_attribute(c, variables.items[i].name,
					       variables.items[i].object);
	error = variables.error;
	variables.error = NULL;
	pw_variables_deinit(&variables);
	return error;
}

static bool is_pairs(enum pw_value_kind kind)
{
	return kind == PW_VALUE_DICT || kind == PW_VALUE_DEFAULTDICT ||
	       kind == PW_VALUE_ORDEREDDICT || kind == PW_VALUE_MAPPINGPROXY ||
	       kind == PW_VALUE_DICT_ITEMS;
}

static bool is_row(enum pw_value_kind kind)
{
	return kind == PW_VALUE_LIST || kind == PW_VALUE_TUPLE || kind == PW_VALUE_DEQUE ||
	       kind == PW_VALUE_SET || kind == PW_VALUE_FROZENSET || kind == PW_VALUE_DICT_KEYS ||
	       kind == PW_VALUE_DICT_VALUES;
}

struct pw_error *pw_value_children(struct pw_python *python, uint64_t object, size_t start,
				   size_t count, pw_value_visit visit, void *data,
				   uint64_t *ret_total)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_vtype t;
	struct children c = {.start = start, .visit = visit, .data = data};
	c.end = count > UINT64_MAX - start ? UINT64_MAX : start + count;
	pw_values_init(&c.v, python, &generous, &unused);
	if (!pw_values_type(&c.v, object, &t))
		return failure(&c.v, object);
	bool readable = true;
	if (t.kind == PW_VALUE_GENERATOR) {
		struct pw_error *error = visit_generator(&c, object);
		if (error)
			return error;
	} else if (is_row(t.kind) || is_pairs(t.kind)) {
		c.form = is_pairs(t.kind) ? CHILD_KEY : CHILD_NUMBER;
		readable = pw_values_count(&c.v, object, &t, &c.total) &&
			   pw_values_walk(&c.v, object, &t, visit_child, &c);
	} else {
		c.form = CHILD_ATTRIBUTE;
		readable = pw_values_attributes(&c.v, object, &t, visit_attribute, &c);
	}
	if (!readable)
		return failure(&c.v, object);
	*ret_total = c.total;
	return NULL;
}

/* ---- by name and number ---- */

struct pw_error *pw_value_attribute(struct pw_python *python, uint64_t object, const char *name,
				    uint64_t *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	uint64_t found = 0;
	pw_values_init(&v, python, &generous, &unused);
	if (!pw_values_type(&v, object, &t))
		return failure(&v, object);
	/* What a class has it has from its bases too; then there is its own class. */
	bool readable = t.kind == PW_VALUE_TYPE
				? pw_values_class_find(&v, object, name, &found, NULL)
				: pw_values_attribute(&v, object, &t, name, &found);
	if (readable && !found)
		readable = pw_values_class_find(&v, t.address, name, &found, NULL);
	if (!readable)
		return failure(&v, object);
	*ret = found;
	return NULL;
}

struct position {
	uint64_t wanted, at, found;
};

static bool visit_position(void *data, uint64_t key, uint64_t value)
{
	struct position *p = data;
	if (p->at++ < p->wanted)
		return true;
	p->found = value;
	return false;
}

struct pw_error *pw_value_item_index(struct pw_python *python, uint64_t object, int64_t index,
				     uint64_t *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	uint64_t count, items;
	struct position position = {0};
	pw_values_init(&v, python, &generous, &unused);
	if (!pw_values_type(&v, object, &t))
		return failure(&v, object);
	*ret = 0;
	if (!is_row(t.kind) || t.kind == PW_VALUE_SET || t.kind == PW_VALUE_FROZENSET)
		return NULL;
	if (!pw_values_count(&v, object, &t, &count))
		return failure(&v, object);
	uint64_t place = index < 0 ? count + (uint64_t)index : (uint64_t)index;
	if (place >= count || count > PW_COUNT_MAX)
		return NULL;
	position.wanted = place;
	bool readable = t.kind == PW_VALUE_LIST || t.kind == PW_VALUE_TUPLE
				? pw_values_items(&v, object, &t, &items) &&
					  pw_values_u64(&v, items + place * 8, &position.found)
				: pw_values_walk(&v, object, &t, visit_position, &position);
	if (!readable)
		return failure(&v, object);
	*ret = position.found;
	return NULL;
}

/* ---- by key ---- */

static bool equals_key(struct pw_values *v, uint64_t object, const struct pw_value_key *key);

static bool equals_text(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			const struct pw_value_key *key)
{
	pw_auto_buffer struct pw_buffer text = {0};
	bool either = v->l->traits.python2;
	struct pw_error *error;
	pw_object_budget(v->python);
	if (t->kind == PW_VALUE_STR && (either || key->kind == PW_KEY_TEXT))
		error = pw_object_string(v->python, object, &text);
	else if (t->kind == PW_VALUE_BYTES && (either || key->kind == PW_KEY_BYTES))
		error = pw_object_bytes(v->python, object, &text);
	else
		return false;
	pw_auto_error struct pw_error *unreadable = error;
	return !unreadable && text.length == key->length &&
	       (!key->length || memcmp(text.data, key->text, key->length) == 0);
}

static bool equals_tuple(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			 const struct pw_value_key *key)
{
	uint64_t count, items, item;
	if (t->kind != PW_VALUE_TUPLE || !pw_values_count(v, object, t, &count) ||
	    count != key->item_count || !pw_values_items(v, object, t, &items))
		return false;
	for (uint64_t i = 0; i < count; i++)
		if (!pw_values_u64(v, items + i * 8, &item) || !equals_key(v, item, &key->items[i]))
			return false;
	return true;
}

static bool equals_key(struct pw_values *v, uint64_t object, const struct pw_value_key *key)
{
	struct pw_vtype t;
	int64_t number;
	if (!pw_values_type(v, object, &t))
		return false;
	switch (key->kind) {
	case PW_KEY_TEXT:
	case PW_KEY_BYTES:
		return equals_text(v, object, &t, key);
	case PW_KEY_NUMBER:
	case PW_KEY_BOOL:
		return (t.kind == PW_VALUE_INT || t.kind == PW_VALUE_INT2 ||
			t.kind == PW_VALUE_BOOL) &&
		       pw_values_int(v, object, &number) && number == key->number;
	case PW_KEY_NONE:
		return t.kind == PW_VALUE_NONE;
	case PW_KEY_TUPLE:
		return equals_tuple(v, object, &t, key);
	}
	return false;
}

struct keyed {
	struct pw_values *v;
	const struct pw_value_key *key;
	uint64_t found;
};

static bool visit_keyed(void *data, uint64_t key, uint64_t value)
{
	struct keyed *keyed = data;
	if (!equals_key(keyed->v, key, keyed->key))
		return true;
	keyed->found = value;
	return false;
}

struct pw_error *pw_value_item_key(struct pw_python *python, uint64_t object,
				   const struct pw_value_key *key, uint64_t *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	struct keyed keyed = {&v, key, 0};
	pw_values_init(&v, python, &generous, &unused);
	if (!pw_values_type(&v, object, &t))
		return failure(&v, object);
	*ret = 0;
	if (!is_pairs(t.kind))
		return NULL;
	if (!pw_values_walk(&v, object, &t, visit_keyed, &keyed))
		return failure(&v, object);
	*ret = keyed.found;
	return NULL;
}

/* ---- exceptions ---- */

static uint64_t member_or_none(struct pw_values *v, uint64_t object, struct pw_field field)
{
	uint64_t value = 0;
	return pw_values_field(v, object, field, &value) ? value : 0;
}

struct pw_error *pw_exception_read(struct pw_python *python, uint64_t object,
				   struct pw_exception *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	uint8_t suppressed = 0;
	pw_values_init(&v, python, &generous, &unused);
	if (!pw_values_type(&v, object, &t))
		return failure(&v, object);
	if (t.kind != PW_VALUE_EXCEPTION)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 " is a %s, expected an exception",
					  object, t.name);
	const struct pw_layout *l = v.l;
	if (pw_has(l, exception_suppress_context) &&
	    !pw_values_u8(&v, object + (uint64_t)l->exception_suppress_context.offset, &suppressed))
		return failure(&v, object);
	*ret = (struct pw_exception){
		.type = t.address,
		.args = member_or_none(&v, object, l->exception_args),
		.cause = member_or_none(&v, object, l->exception_cause),
		.context = member_or_none(&v, object, l->exception_context),
		.traceback = member_or_none(&v, object, l->exception_traceback),
		.suppress_context = suppressed,
	};
	return NULL;
}
