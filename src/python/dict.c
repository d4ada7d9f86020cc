/*
 * Dictionaries: open tables (2.7, Include/dictobject.h), compact dicts (3.6+,
 * Objects/dict-common.h, later internal/pycore_dict.h), split tables, and where an instance keeps
 * its attributes (Objects/dictobject.c, Objects/object.c: _PyObject_ComputedDictPointer and its
 * successors).
 */
#include "python/dict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*visit_fn)(void *data, uint64_t key, uint64_t value);

/* The entry that is the i-th in order; its key or value may be 0. */
struct pw_error *pw_dict_entry(struct pw_python *python, const struct pw_dict_table *t, uint64_t i,
			       uint64_t *ret_key, uint64_t *ret_value)
{
	uint64_t place = i;
	*ret_key = *ret_value = 0;
	if (t->order) {
		uint8_t byte = 0;
		struct pw_error *error = pw_read_u8(
			python->target, t->order + (uint64_t)((int64_t)i * t->order_step), &byte);
		if (error)
			return error;
		if (byte >= t->places)
			return NULL;
		place = byte;
	}
	uint64_t entry = t->entries + place * t->stride;
	struct pw_error *error = pw_read_u64(python->target, entry + t->key_at, ret_key);
	if (error)
		return error;
	return pw_read_u64(python->target, t->values ? t->values + place * 8 : entry + t->value_at,
			   ret_value);
}

/* *ret_index: where `visit` put an end to it; NULL: no matter. */
static struct pw_error *walk_table(struct pw_python *python, const struct pw_dict_table *t,
				   visit_fn visit, void *data, uint64_t *ret_index)
{
	for (uint64_t i = 0; i < t->count; i++) {
		uint64_t key, value;
		if (python->budget.entries-- == 0) {
			python->budget.entries = 0;
			return pw_error_create_at(PW_ERROR_CORRUPT, t->entries,
						  "table at 0x%" PRIx64
						  ": dictionaries are too large in all",
						  t->entries);
		}
		struct pw_error *error = pw_dict_entry(python, t, i, &key, &value);
		if (error)
			return error;
		if (!key || !value || visit(data, key, value))
			continue;
		if (ret_index)
			*ret_index = i;
		return NULL;
	}
	return NULL;
}

static struct pw_error *too_big(uint64_t dict, uint64_t count)
{
	return pw_error_create_at(PW_ERROR_CORRUPT, dict,
				  "dict at 0x%" PRIx64 " claims %" PRIu64
				  " entries, expected at most %d",
				  dict, count, PW_DICT_MAX);
}

static struct pw_error *open_python2(struct pw_python *python, uint64_t dict,
				     struct pw_dict_table *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t mask, table;
	struct pw_error *error = pw_read_field(python, dict, l->dict2_mask, &mask);
	if (!error)
		error = pw_read_field(python, dict, l->dict2_table, &table);
	if (error)
		return error;
	if (mask >= PW_DICT_MAX)
		return too_big(dict, mask + 1);
	*ret = (struct pw_dict_table){.entries = table,
				      .places = mask + 1,
				      .count = mask + 1,
				      .stride = (uint64_t)l->entry_sizeof.offset,
				      .key_at = (uint64_t)l->entry_key.offset,
				      .value_at = (uint64_t)l->entry_value.offset};
	return NULL;
}

/* Where the entries behind dk_indices begin. */
static struct pw_error *entries_of(struct pw_python *python, uint64_t keys, uint64_t *ret,
				   bool *ret_unicode)
{
	const struct pw_layout *l = &python->layout;
	uint64_t index_bytes;
	*ret_unicode = false;
	if (l->traits.log2_keys) {
		uint8_t log2_bytes, kind;
		struct pw_error *error =
			pw_read_u8(python->target, keys + (uint64_t)l->keys_log2_index_bytes.offset,
				   &log2_bytes);
		if (!error)
			error = pw_read_u8(python->target, keys + (uint64_t)l->keys_kind.offset,
					   &kind);
		if (error)
			return error;
		if (log2_bytes > 30)
			return too_big(keys, UINT64_C(1) << (log2_bytes & 63));
		index_bytes = UINT64_C(1) << log2_bytes;
		*ret_unicode = kind != 0; /* DICT_KEYS_GENERAL is 0 */
	} else {
		uint64_t size;
		struct pw_error *error = pw_read_field(python, keys, l->keys_size, &size);
		if (error)
			return error;
		if (size > (uint64_t)PW_DICT_MAX * 4)
			return too_big(keys, size);
		index_bytes = size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
	}
	*ret = keys + (uint64_t)l->keys_indices.offset + index_bytes;
	return NULL;
}

/*
 * The order in which the values of a split table were inserted.  3.11, 3.12: their number in the
 * byte at -2, their places in the bytes before it, backwards; 3.13+: the number in a member, the
 * places behind all values.
 */
static struct pw_error *find_order(struct pw_python *python, uint64_t block,
				   struct pw_dict_table *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t values = block + (uint64_t)l->values_values.offset;
	bool members = pw_has(l, values_capacity) && pw_has(l, values_size);
	uint8_t size, capacity = 0;
	struct pw_error *error =
		pw_read_u8(python->target,
			   members ? block + (uint64_t)l->values_size.offset : block - 2, &size);
	if (!error && members)
		error = pw_read_u8(python->target, block + (uint64_t)l->values_capacity.offset,
				   &capacity);
	if (error)
		return error;
	ret->values = values;
	ret->order = members ? values + (uint64_t)capacity * 8 : block - 3;
	ret->order_step = members ? 1 : -1;
	if (size < ret->count)
		ret->count = size;
	return NULL;
}

/* `block`: the values of a split table, or 0. */
static struct pw_error *open_keys(struct pw_python *python, uint64_t keys, uint64_t block,
				  struct pw_dict_table *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t entries = 0, count = 0;
	bool unicode = false;
	struct pw_error *error = entries_of(python, keys, &entries, &unicode);
	if (!error)
		error = pw_read_field(python, keys, l->keys_nentries, &count);
	if (error)
		return error;
	if (count > PW_DICT_MAX)
		return too_big(keys, count);
	*ret = (struct pw_dict_table){
		.entries = entries, .places = count, .count = count, .values = block};
	if (unicode) {
		ret->stride = (uint64_t)l->unicode_entry_sizeof.offset;
		ret->key_at = (uint64_t)l->unicode_entry_key.offset;
		ret->value_at = (uint64_t)l->unicode_entry_value.offset;
	} else {
		ret->stride = (uint64_t)l->entry_sizeof.offset;
		ret->key_at = (uint64_t)l->entry_key.offset;
		ret->value_at = (uint64_t)l->entry_value.offset;
	}
	return block && pw_has(l, values_values) ? find_order(python, block, ret) : NULL;
}

struct pw_error *pw_dict_open(struct pw_python *python, uint64_t dict, struct pw_dict_table *ret)
{
	const struct pw_layout *l = &python->layout;
	if (l->traits.python2)
		return open_python2(python, dict, ret);
	uint64_t keys = 0, values = 0;
	struct pw_error *error = pw_read_field(python, dict, l->dict_keys, &keys);
	if (!error)
		error = pw_read_field(python, dict, l->dict_values, &values);
	return error ? error : open_keys(python, keys, values, ret);
}

struct pw_error *pw_dict_used(struct pw_python *python, uint64_t dict, uint64_t *ret)
{
	return pw_read_field(python, dict, python->layout.dict_used, ret);
}

struct pw_error *pw_dict_walk(struct pw_python *python, uint64_t dict, visit_fn visit, void *data)
{
	struct pw_dict_table table = {0};
	struct pw_error *error = pw_dict_open(python, dict, &table);
	return error ? error : walk_table(python, &table, visit, data, NULL);
}

struct lookup {
	struct pw_python *python;
	const char *name;
	uint64_t value;
};

static bool visit_lookup(void *data, uint64_t key, uint64_t value)
{
	struct lookup *lookup = data;
	if (!pw_object_string_is(lookup->python, key, lookup->name))
		return true;
	lookup->value = value;
	return false;
}

static struct pw_dict_hint *hint_for(struct pw_python *python, uint64_t dict, const char *key)
{
	enum { COUNT = sizeof(python->hints) / sizeof(python->hints[0]) };
	uint64_t hash = dict >> 4;
	for (const char *c = key; *c; c++)
		hash = hash * 31 + (uint8_t)*c;
	return &python->hints[hash % COUNT];
}

/* Where the key stood the last time.  The same key is nowhere else. */
static bool try_hint(struct pw_python *python, const struct pw_dict_table *t, uint64_t dict,
		     const struct pw_dict_hint *hint, const char *key, uint64_t *ret)
{
	uint64_t found, value;
	if (hint->dict != dict || hint->index >= t->count)
		return false;
	pw_auto_error struct pw_error *error =
		pw_dict_entry(python, t, hint->index, &found, &value);
	if (error || !found || !value || !pw_object_string_is(python, found, key))
		return false;
	*ret = value;
	return true;
}

struct pw_error *pw_dict_get(struct pw_python *python, uint64_t dict, const char *key,
			     uint64_t *ret)
{
	struct lookup lookup = {python, key, 0};
	struct pw_dict_table table = {0};
	struct pw_dict_hint *hint = hint_for(python, dict, key);
	struct pw_error *error = pw_dict_open(python, dict, &table);
	if (error || try_hint(python, &table, dict, hint, key, ret))
		return error;
	uint64_t index = 0;
	error = walk_table(python, &table, visit_lookup, &lookup, &index);
	if (!error && lookup.value)
		*hint = (struct pw_dict_hint){dict, index};
	if (!error)
		*ret = lookup.value;
	return error;
}

/* tp_flags, Include/object.h: 3.11+ Py_TPFLAGS_MANAGED_DICT, 3.12+ Py_TPFLAGS_INLINE_VALUES. */
static const uint64_t flag_managed_dict = UINT64_C(1) << 4, flag_inline_values = UINT64_C(1) << 2;

/*
 * The attributes of an instance whose type has a managed dict.  The pointer before the object is
 * 3.11: dict at -3 words, values at -4 words; 3.12: one word at -3, values when its lowest bit is
 * set; 3.13+: dict at -3 words (free-threaded: -1), values behind the object while it has no dict
 * of its own.  *ret_block: the split table's values.
 */
static struct pw_error *managed(struct pw_python *python, uint64_t object, uint64_t type,
				uint64_t flags, uint64_t *ret_dict, uint64_t *ret_block)
{
	const struct pw_layout *l = &python->layout;
	uint64_t word, basicsize;
	struct pw_error *error =
		pw_read_u64(python->target, object - (l->free_threaded ? 8 : 24), &word);
	if (error)
		return error;
	if (l->traits.inline_values) {
		*ret_dict = word;
		if (word || !(flags & flag_inline_values))
			return NULL;
		error = pw_read_field(python, type, l->type_basicsize, &basicsize);
		if (!error && basicsize < 1 << 20)
			*ret_block = object + basicsize;
		return error;
	}
	if (l->traits.frames == PW_FRAMES_CFRAME) {
		*ret_dict = word;
		return word ? NULL : pw_read_u64(python->target, object - 32, ret_block);
	}
	if (word & 1)
		*ret_block = word + 1;
	else
		*ret_dict = word;
	return NULL;
}

/* tp_dictoffset counts from the end of an object of variable size when it is below zero. */
static struct pw_error *plain(struct pw_python *python, uint64_t object, uint64_t type,
			      uint64_t *ret_dict)
{
	const struct pw_layout *l = &python->layout;
	uint64_t offset, basic, item, size;
	struct pw_error *error = pw_read_field(python, type, l->type_dictoffset, &offset);
	if (error || offset == 0)
		return error;
	if ((int64_t)offset < 0) {
		error = pw_read_field(python, type, l->type_basicsize, &basic);
		if (!error)
			error = pw_read_field(python, type, l->type_itemsize, &item);
		if (!error)
			error = pw_read_field(python, object, l->var_size, &size);
		if (error)
			return error;
		if ((int64_t)size < 0)
			size = -size; /* of an int: the sign is there */
		offset += (basic + item * size + 7) & ~UINT64_C(7);
	}
	return pw_read_u64(python->target, object + offset, ret_dict);
}

struct pw_error *pw_object_own(struct pw_python *python, uint64_t object, uint64_t *ret_dict,
			       struct pw_dict_table *ret_table)
{
	const struct pw_layout *l = &python->layout;
	uint64_t type, flags, block = 0, keys;
	*ret_dict = 0;
	*ret_table = (struct pw_dict_table){0};
	struct pw_error *error = pw_object_type(python, object, &type);
	if (!error)
		error = pw_read_field(python, type, l->type_flags, &flags);
	if (error)
		return error;
	error = l->traits.managed_dicts && flags & flag_managed_dict
			? managed(python, object, type, flags, ret_dict, &block)
			: plain(python, object, type, ret_dict);
	if (error || *ret_dict || !block)
		return error;
	error = pw_read_field(python, type, l->heaptype_cached_keys, &keys);
	return error || !keys ? error : open_keys(python, keys, block, ret_table);
}

struct pw_error *pw_object_attribute(struct pw_python *python, uint64_t object, const char *name,
				     uint64_t *ret)
{
	uint64_t dict;
	struct pw_dict_table table = {0};
	struct lookup lookup = {python, name, 0};
	*ret = 0;
	struct pw_error *error = pw_object_own(python, object, &dict, &table);
	if (!error && dict)
		return pw_dict_get(python, dict, name, ret);
	if (!error)
		error = walk_table(python, &table, visit_lookup, &lookup, NULL);
	if (!error)
		*ret = lookup.value;
	return error;
}
