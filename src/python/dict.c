/*
 * Dictionaries: open tables (2.7, Include/dictobject.h), compact dicts (3.6+,
 * Objects/dict-common.h, later internal/pycore_dict.h), split tables, and where an instance keeps
 * its attributes (Objects/dictobject.c, Objects/object.c: _PyObject_ComputedDictPointer and its
 * successors).
 */
#include "python/object.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*visit_fn)(void *data, uint64_t key, uint64_t value);

static struct pw_error *walk_table(struct pw_python *python, uint64_t table, uint64_t count,
				   uint64_t stride, uint64_t key_at, uint64_t value_at,
				   uint64_t values, visit_fn visit, void *data)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t key, value;
		if (python->budget.entries-- == 0) {
			python->budget.entries = 0;
			return pw_error_create_at(
				PW_ERROR_CORRUPT, table,
				"table at 0x%" PRIx64 ": dictionaries are too large in all", table);
		}
		struct pw_error *error =
			pw_read_u64(python->target, table + i * stride + key_at, &key);
		if (!error)
			error = pw_read_u64(python->target,
					    values ? values + i * 8 : table + i * stride + value_at,
					    &value);
		if (error)
			return error;
		if (key && value && !visit(data, key, value))
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

static struct pw_error *walk_python2(struct pw_python *python, uint64_t dict, visit_fn visit,
				     void *data)
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
	return walk_table(python, table, mask + 1, (uint64_t)l->entry_sizeof.offset,
			  (uint64_t)l->entry_key.offset, (uint64_t)l->entry_value.offset, 0, visit,
			  data);
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

/* `values`: of a split table, or 0. */
static struct pw_error *walk_keys(struct pw_python *python, uint64_t keys, uint64_t values,
				  visit_fn visit, void *data)
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
	if (unicode)
		return walk_table(python, entries, count, (uint64_t)l->unicode_entry_sizeof.offset,
				  (uint64_t)l->unicode_entry_key.offset,
				  (uint64_t)l->unicode_entry_value.offset, values, visit, data);
	return walk_table(python, entries, count, (uint64_t)l->entry_sizeof.offset,
			  (uint64_t)l->entry_key.offset, (uint64_t)l->entry_value.offset, values,
			  visit, data);
}

struct pw_error *pw_dict_walk(struct pw_python *python, uint64_t dict, visit_fn visit, void *data)
{
	const struct pw_layout *l = &python->layout;
	if (l->traits.python2)
		return walk_python2(python, dict, visit, data);
	uint64_t keys = 0, values = 0;
	struct pw_error *error = pw_read_field(python, dict, l->dict_keys, &keys);
	if (!error)
		error = pw_read_field(python, dict, l->dict_values, &values);
	if (error)
		return error;
	if (values && pw_has(l, values_values))
		values += (uint64_t)l->values_values.offset;
	return walk_keys(python, keys, values, visit, data);
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

struct pw_error *pw_dict_get(struct pw_python *python, uint64_t dict, const char *key,
			     uint64_t *ret)
{
	struct lookup lookup = {python, key, 0};
	struct pw_error *error = pw_dict_walk(python, dict, visit_lookup, &lookup);
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
 * of its own.
 */
static struct pw_error *managed(struct pw_python *python, uint64_t object, uint64_t type,
				uint64_t flags, uint64_t *ret_dict, uint64_t *ret_values)
{
	const struct pw_layout *l = &python->layout;
	uint64_t word, basicsize;
	*ret_dict = *ret_values = 0;
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
			*ret_values = object + basicsize + (uint64_t)l->values_values.offset;
		return error;
	}
	if (l->traits.frames == PW_FRAMES_CFRAME) {
		*ret_dict = word;
		if (word)
			return NULL;
		error = pw_read_u64(python->target, object - 32, &word);
		if (!error && word)
			*ret_values = word + (uint64_t)l->values_values.offset;
		return error;
	}
	if (word & 1)
		*ret_values = word + 1 + (uint64_t)l->values_values.offset;
	else
		*ret_dict = word;
	return NULL;
}

struct pw_error *pw_object_attribute(struct pw_python *python, uint64_t object, const char *name,
				     uint64_t *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t type, flags, dictoffset, dict = 0, values = 0;
	*ret = 0;
	struct pw_error *error = pw_object_type(python, object, &type);
	if (!error)
		error = pw_read_field(python, type, l->type_flags, &flags);
	if (error)
		return error;
	if (l->traits.managed_dicts && flags & flag_managed_dict) {
		error = managed(python, object, type, flags, &dict, &values);
	} else {
		error = pw_read_field(python, type, l->type_dictoffset, &dictoffset);
		if (!error && dictoffset && dictoffset < 1 << 20)
			error = pw_read_u64(python->target, object + dictoffset, &dict);
	}
	if (error)
		return error;
	if (dict)
		return pw_dict_get(python, dict, name, ret);
	if (!values)
		return NULL;
	uint64_t keys;
	struct lookup lookup = {python, name, 0};
	error = pw_read_field(python, type, l->heaptype_cached_keys, &keys);
	if (!error && keys)
		error = walk_keys(python, keys, values, visit_lookup, &lookup);
	if (!error)
		*ret = lookup.value;
	return error;
}
