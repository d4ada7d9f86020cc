/*
 * The parts of containers, in the order in which Python gives them.
 *
 * Objects/listobject.c, tupleobject.c, setobject.c (2.7: entries are hash, key), dictobject.c,
 * odictobject.c (a list of nodes beside the dict), Modules/_collectionsmodule.c (deque: a list of
 * blocks).
 */
#include "python/value_private.h"

#include <string.h>

struct walk {
	struct pw_values *v;
	pw_pair_fn fn;
	void *data;
};

bool pw_values_items(struct pw_values *v, uint64_t object, const struct pw_vtype *t, uint64_t *ret)
{
	if (t->kind == PW_VALUE_LIST)
		return pw_values_field(v, object, v->l->list_items, ret);
	*ret = object + (uint64_t)v->l->tuple_items.offset;
	return true;
}

static bool walk_array(const struct walk *w, uint64_t array, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t item;
		if (!pw_values_u64(w->v, array + i * 8, &item))
			return false;
		if (!w->fn(w->data, 0, item))
			return true;
	}
	return true;
}

static bool walk_items(const struct walk *w, uint64_t object, const struct pw_vtype *t)
{
	uint64_t array, count;
	return pw_values_count(w->v, object, t, &count) &&
	       pw_values_items(w->v, object, t, &array) && walk_array(w, array, count);
}

/* ---- dict ---- */

/* A step that an error object of dict.c tells of. */
static bool took(struct pw_values *v, struct pw_error *error, uint64_t at)
{
	if (!error)
		return true;
	v->bad = pw_error_address(error) ? pw_error_address(error) : at;
	pw_error_destroy(error);
	return false;
}

static bool spend(struct pw_values *v, unsigned reads)
{
	v->bad = 0;
	if (v->left < reads) {
		v->left = 0;
		return false;
	}
	v->left -= reads;
	return true;
}

static bool walk_table(const struct walk *w, const struct pw_dict_table *table)
{
	for (uint64_t i = 0; i < table->count; i++) {
		uint64_t key, value;
		if (!spend(w->v, 2) ||
		    !took(w->v, pw_dict_entry(w->v->python, table, i, &key, &value),
			  table->entries))
			return false;
		if (key && value && !w->fn(w->data, key, value))
			return true;
	}
	return true;
}

bool pw_values_walk_dict(struct pw_values *v, uint64_t dict, pw_pair_fn fn, void *data)
{
	struct walk w = {v, fn, data};
	struct pw_dict_table table = {0};
	return spend(v, 8) && took(v, pw_dict_open(v->python, dict, &table), dict) &&
	       walk_table(&w, &table);
}

bool pw_values_walk_own(struct pw_values *v, uint64_t object, pw_pair_fn fn, void *data)
{
	struct walk w = {v, fn, data};
	struct pw_dict_table table = {0};
	uint64_t dict;
	if (!spend(v, 8) || !took(v, pw_object_own(v->python, object, &dict, &table), object))
		return false;
	return dict ? pw_values_walk_dict(v, dict, fn, data) : walk_table(&w, &table);
}

struct lookup {
	struct pw_values *v;
	const char *name;
	uint64_t found;
};

static bool visit_lookup(void *data, uint64_t key, uint64_t value)
{
	struct lookup *lookup = data;
	if (!spend(lookup->v, 2) || !pw_object_string_is(lookup->v->python, key, lookup->name))
		return true;
	lookup->found = value;
	return false;
}

bool pw_values_dict_get(struct pw_values *v, uint64_t dict, const char *name, uint64_t *ret)
{
	struct lookup lookup = {v, name, 0};
	struct pw_budget budget = v->python->budget;
	v->python->budget.bytes = 64 << 20;
	bool ok = pw_values_walk_dict(v, dict, visit_lookup, &lookup);
	v->python->budget = budget;
	*ret = lookup.found;
	return ok;
}

/* ---- set ---- */

/* 2.7 marks a place that was left by a string of this text. */
static bool is_dummy2(struct pw_values *v, uint64_t key)
{
	pw_auto_buffer struct pw_buffer text = {0};
	return v->l->traits.python2 && pw_values_name(v, key, &text) &&
	       strcmp(text.data, "<dummy key>") == 0;
}

static bool walk_set(const struct walk *w, uint64_t set)
{
	const struct pw_layout *l = w->v->l;
	uint64_t mask, table;
	if (!pw_values_field(w->v, set, l->set_mask, &mask) ||
	    !pw_values_field(w->v, set, l->set_table, &table))
		return false;
	if (mask > PW_COUNT_MAX) {
		w->v->bad = set;
		return false;
	}
	for (uint64_t i = 0; i <= mask; i++) {
		uint64_t key, hash;
		uint64_t entry = table + i * (uint64_t)l->setentry_sizeof.offset;
		if (!pw_values_field(w->v, entry, l->setentry_key, &key))
			return false;
		if (!key)
			continue;
		if (!pw_values_field(w->v, entry, l->setentry_hash, &hash))
			return false;
		/* No object has this hash; 3.x gives it to places that were left. */
		if (hash == UINT64_MAX || is_dummy2(w->v, key))
			continue;
		if (!w->fn(w->data, 0, key))
			return true;
	}
	return true;
}

/* ---- deque ---- */

static bool walk_deque(const struct walk *w, uint64_t deque, const struct pw_vtype *t)
{
	const struct pw_layout *l = w->v->l;
	uint64_t block, index, count;
	uint64_t room = ((uint64_t)l->dequeblock_sizeof.offset - 16) / 8;
	if (!pw_values_count(w->v, deque, t, &count) ||
	    !pw_values_field(w->v, deque, l->deque_block, &block) ||
	    !pw_values_field(w->v, deque, l->deque_index, &index))
		return false;
	/* 2.7 keeps the index in an int. */
	index &= UINT32_MAX;
	for (uint64_t i = 0; i < count; i++, index++) {
		uint64_t item;
		if (index >= room) {
			index = 0;
			if (!pw_values_field(w->v, block, l->dequeblock_next, &block))
				return false;
		}
		if (!pw_values_u64(w->v, block + (uint64_t)l->dequeblock_data.offset + index * 8,
				   &item))
			return false;
		if (!w->fn(w->data, 0, item))
			return true;
	}
	return true;
}

/* ---- OrderedDict ---- */

struct wanted {
	uint64_t key, value;
};

static bool visit_wanted(void *data, uint64_t key, uint64_t value)
{
	struct wanted *wanted = data;
	if (key != wanted->key)
		return true;
	wanted->value = value;
	return false;
}

struct in_step {
	uint64_t node;
	bool agrees;
	unsigned left; /* no more than will be shown */
	struct pw_values *v;
};

static bool visit_step(void *data, uint64_t key, uint64_t value)
{
	struct in_step *step = data;
	uint64_t node_key;
	if (!step->node ||
	    !pw_values_field(step->v, step->node, step->v->l->odictnode_key, &node_key) ||
	    !pw_values_field(step->v, step->node, step->v->l->odictnode_next, &step->node) ||
	    node_key != key) {
		step->agrees = false;
		return false;
	}
	return step->left-- > 0;
}

/* The order of the nodes; nearly always it is the dict's own. */
static bool walk_odict(const struct walk *w, uint64_t dict)
{
	const struct pw_layout *l = w->v->l;
	uint64_t node, count, used;
	if (!pw_values_field(w->v, dict, l->odict_first, &node) ||
	    !pw_values_field(w->v, dict, l->dict_used, &used))
		return false;
	struct in_step step = {node, true, w->v->limits.items, w->v};
	if (!pw_values_walk_dict(w->v, dict, visit_step, &step))
		return false;
	if (step.agrees)
		return pw_values_walk_dict(w->v, dict, w->fn, w->data);
	for (count = 0; node && count < used; count++) {
		struct wanted wanted = {0};
		if (!pw_values_field(w->v, node, l->odictnode_key, &wanted.key) ||
		    !pw_values_walk_dict(w->v, dict, visit_wanted, &wanted) ||
		    !pw_values_field(w->v, node, l->odictnode_next, &node))
			return false;
		if (wanted.value && !w->fn(w->data, wanted.key, wanted.value))
			return true;
	}
	return true;
}

/* ---- what is common ---- */

/* The dict that a view or proxy is of. */
static struct pw_field viewed(const struct pw_layout *l, enum pw_value_kind kind)
{
	return kind == PW_VALUE_MAPPINGPROXY ? l->mappingproxy_mapping : l->dictview_dict;
}

bool pw_values_count(struct pw_values *v, uint64_t object, const struct pw_vtype *t, uint64_t *ret)
{
	const struct pw_layout *l = v->l;
	uint64_t dict;
	switch (t->kind) {
	case PW_VALUE_LIST:
	case PW_VALUE_TUPLE:
		return pw_values_field(v, object, l->var_size, ret);
	case PW_VALUE_DEQUE:
		return pw_values_field(
			v, object, pw_has(l, deque_length) ? l->deque_length : l->var_size, ret);
	case PW_VALUE_SET:
	case PW_VALUE_FROZENSET:
		return pw_values_field(v, object, l->set_used, ret);
	case PW_VALUE_DICT:
	case PW_VALUE_DEFAULTDICT:
	case PW_VALUE_ORDEREDDICT:
		return pw_values_field(v, object, l->dict_used, ret);
	case PW_VALUE_DICT_KEYS:
	case PW_VALUE_DICT_VALUES:
	case PW_VALUE_DICT_ITEMS:
	case PW_VALUE_MAPPINGPROXY:
		return pw_values_field(v, object, viewed(l, t->kind), &dict) &&
		       pw_values_field(v, dict, l->dict_used, ret);
	default:
		v->bad = object;
		return false;
	}
}

bool pw_values_walk(struct pw_values *v, uint64_t object, const struct pw_vtype *t, pw_pair_fn fn,
		    void *data)
{
	struct walk w = {v, fn, data};
	uint64_t dict;
	switch (t->kind) {
	case PW_VALUE_LIST:
	case PW_VALUE_TUPLE:
		return walk_items(&w, object, t);
	case PW_VALUE_DEQUE:
		return walk_deque(&w, object, t);
	case PW_VALUE_SET:
	case PW_VALUE_FROZENSET:
		return walk_set(&w, object);
	case PW_VALUE_ORDEREDDICT:
		return pw_has(v->l, odict_first) ? walk_odict(&w, object)
						 : pw_values_walk_dict(v, object, fn, data);
	case PW_VALUE_DICT:
	case PW_VALUE_DEFAULTDICT:
		return pw_values_walk_dict(v, object, fn, data);
	case PW_VALUE_DICT_KEYS:
	case PW_VALUE_DICT_VALUES:
	case PW_VALUE_DICT_ITEMS:
	case PW_VALUE_MAPPINGPROXY:
		return pw_values_field(v, object, viewed(v->l, t->kind), &dict) &&
		       pw_values_walk_dict(v, dict, fn, data);
	default:
		v->bad = object;
		return false;
	}
}
