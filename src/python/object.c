/*
 * Strings: Include/stringobject.h and unicodeobject.h (2.7), PEP 393 in cpython/unicodeobject.h
 * (3.6-3.15); integers: Include/longintrepr.h, cpython/longintrepr.h, 2.7's intobject.h.
 */
#include "python/object.h"

#include "base/text.h"
#include "python/salvage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* tp_flags of str's and bytes' subclasses, Include/object.h, the same in all versions. */
static const uint64_t flag_bytes = UINT64_C(1) << 27, flag_unicode = UINT64_C(1) << 28,
		      flag_long = UINT64_C(1) << 24, flag_int2 = UINT64_C(1) << 23;

void pw_object_budget(struct pw_python *python)
{
	python->budget =
		(struct pw_budget){.bytes = 256 << 20, .entries = 1 << 20, .touched = 64 << 20};
}

struct pw_error *pw_object_type(struct pw_python *python, uint64_t object, uint64_t *ret)
{
	return pw_read_u64(python->target, object + (uint64_t)python->layout.object_type.offset,
			   ret);
}

struct pw_error *pw_object_type_name(struct pw_python *python, uint64_t object, char *name)
{
	uint64_t type, text;
	struct pw_error *error = pw_object_type(python, object, &type);
	if (!error)
		error = pw_read_u64(python->target,
				    type + (uint64_t)python->layout.type_name.offset, &text);
	if (!error)
		error = pw_read_string(python->target, text, name, PW_TYPE_NAME_MAX);
	return error;
}

/* The type of a type's type is itself. */
static bool is_type(struct pw_python *python, uint64_t object)
{
	uint64_t meta, above;
	pw_auto_error struct pw_error *e1 = pw_object_type(python, object, &meta);
	if (e1)
		return false;
	pw_auto_error struct pw_error *e2 = pw_object_type(python, meta, &above);
	return !e2 && above == meta;
}

/*
 * Whether a type that the core lacks is the one that a symbol names.  Where nothing tells the
 * symbol's place (the module is lost too) it may be: what the object holds is checked anyway.
 */
static bool is_lost_type(struct pw_python *python, uint64_t type, const char *symbol)
{
	uint64_t expected;
	if (!pw_may_be_cut(python))
		return false;
	expected = pw_locate_symbol(python, symbol);
	return expected ? type == expected : !python->id.module;
}

static struct pw_error *not_code(uint64_t object, const char *why)
{
	return pw_error_create_at(PW_ERROR_CORRUPT, object, "code object 0x%" PRIx64 ": %s", object,
				  why);
}

struct pw_error *pw_object_check_code(struct pw_python *python, uint64_t object)
{
	char name[PW_TYPE_NAME_MAX + 1], why[PW_TYPE_NAME_MAX + 64];
	uint64_t type;
	if (object < 4096 || object % 8)
		return not_code(object, "not an address");
	struct pw_error *error = pw_object_type(python, object, &type);
	if (error)
		return pw_error_prefix(error, "code object 0x%" PRIx64, object);
	if (python->code_type && type == python->code_type)
		return NULL;
	error = pw_object_type_name(python, object, name);
	if (error) {
		if (!is_type(python, type) && !is_lost_type(python, type, "PyCode_Type"))
			return pw_error_prefix(error, "type of code object 0x%" PRIx64, object);
		pw_error_destroy(error);
		return NULL;
	}
	if (strcmp(name, "code") != 0) {
		snprintf(why, sizeof(why), "its type is \"%s\", expected \"code\"", name);
		return not_code(object, why);
	}
	python->code_type = type;
	return NULL;
}

/* The flags of the type of an object that is expected to be a string or bytes. */
static struct pw_error *type_flags(struct pw_python *python, uint64_t object, uint64_t expected,
				   uint64_t *ret)
{
	bool python2 = python->layout.traits.python2;
	uint64_t type;
	struct pw_error *error = pw_object_type(python, object, &type);
	if (error)
		return error;
	error = pw_read_u64(python->target, type + (uint64_t)python->layout.type_flags.offset, ret);
	if (!error)
		return NULL;
	const struct {
		uint64_t flag;
		const char *symbol;
	} types[] = {
		{flag_bytes, python2 ? "PyString_Type" : "PyBytes_Type"},
		{flag_unicode, "PyUnicode_Type"},
	};
	for (size_t i = 0; i < 2; i++) {
		if (!(expected & types[i].flag) || !is_lost_type(python, type, types[i].symbol))
			continue;
		pw_error_destroy(error);
		*ret = types[i].flag;
		return NULL;
	}
	return error;
}

static struct pw_error *bad_length(uint64_t object, const char *what, uint64_t length,
				   uint64_t most)
{
	return pw_error_create_at(PW_ERROR_CORRUPT, object,
				  "%s at 0x%" PRIx64 " has length %" PRId64
				  ", expected 0 to %" PRIu64,
				  what, object, (int64_t)length, most);
}

/* Reads `size` bytes at `address` straight into the buffer. */
static struct pw_error *append_memory(struct pw_python *python, uint64_t address, size_t size,
				      struct pw_buffer *b)
{
	if (size > python->budget.bytes)
		return pw_error_create_at(
			PW_ERROR_CORRUPT, address,
			"the %zu bytes at 0x%" PRIx64
			" are not read: names and line tables are too large in all",
			size, address);
	python->budget.bytes -= size;
	char *to = pw_buffer_reserve(b, size);
	if (!to)
		return &pw_error_nomem;
	struct pw_error *error = pw_read(python->target, address, to, size);
	if (!error) {
		b->length += size;
		b->data[b->length] = 0;
	}
	return error;
}

struct pw_error *pw_object_bytes(struct pw_python *python, uint64_t object, struct pw_buffer *b)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t flags, size;
	struct pw_error *error = type_flags(python, object, flag_bytes, &flags);
	if (error)
		return error;
	if (!(flags & flag_bytes))
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 " is not bytes", object);
	error = pw_read_u64(python->target, object + (uint64_t)layout->var_size.offset, &size);
	if (error)
		return error;
	if (size > PW_BYTES_MAX)
		return bad_length(object, "bytes object", size, PW_BYTES_MAX);
	return append_memory(python, object + (uint64_t)layout->bytes_data.offset, size, b);
}

static struct pw_error *append_units(struct pw_python *python, uint64_t data, size_t count,
				     unsigned width, bool utf16, struct pw_buffer *b)
{
	pw_auto_buffer struct pw_buffer raw = {0};
	struct pw_error *error = append_memory(python, data, count * width, &raw);
	if (error)
		return error;
	if (count)
		pw_text_append_units(b, raw.data, count, width, utf16);
	return b->failed ? &pw_error_nomem : NULL;
}

static struct pw_error *read_bits(struct pw_python *python, uint64_t object, struct pw_field field,
				  unsigned *ret)
{
	uint32_t word;
	struct pw_error *error =
		pw_read_u32(python->target, object + (uint64_t)field.offset, &word);
	if (!error)
		*ret = word >> field.bit & ((1u << field.bits) - 1);
	return error;
}

static struct pw_error *string_pep393(struct pw_python *python, uint64_t object,
				      struct pw_buffer *b)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t length, data;
	unsigned kind, compact, ascii;
	struct pw_error *error = pw_read_u64(
		python->target, object + (uint64_t)layout->unicode_length.offset, &length);
	if (!error)
		error = read_bits(python, object, layout->unicode_kind, &kind);
	if (!error)
		error = read_bits(python, object, layout->unicode_compact, &compact);
	if (!error)
		error = read_bits(python, object, layout->unicode_ascii, &ascii);
	if (error)
		return error;
	if (length > PW_STRING_MAX)
		return bad_length(object, "str", length, PW_STRING_MAX);
	if (kind != 1 && kind != 2 && kind != 4)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "str at 0x%" PRIx64 " has kind %u, expected 1, 2 or 4",
					  object, kind);
	if (compact) {
		data = object + (uint64_t)(ascii ? layout->unicode_ascii_data.offset
						 : layout->unicode_compact_data.offset);
	} else {
		error = pw_read_u64(python->target,
				    object + (uint64_t)layout->unicode_legacy_data.offset, &data);
		if (error)
			return error;
	}
	return append_units(python, data, length, kind, false, b);
}

/* 2.7: UCS-2 or UCS-4 by configuration; the export that carries the width in its name tells. */
static struct pw_error *string_unicode2(struct pw_python *python, uint64_t object,
					struct pw_buffer *b)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t length, data;
	struct pw_error *error = pw_read_u64(
		python->target, object + (uint64_t)layout->unicode2_length.offset, &length);
	if (!error)
		error = pw_read_u64(python->target, object + (uint64_t)layout->unicode2_str.offset,
				    &data);
	if (error)
		return error;
	if (length > PW_STRING_MAX)
		return bad_length(object, "unicode", length, PW_STRING_MAX);
	unsigned width = pw_locate_symbol(python, "PyUnicodeUCS4_AsUTF8String") ? 4 : 2;
	return append_units(python, data, length, width, width == 2, b);
}

struct pw_error *pw_object_string(struct pw_python *python, uint64_t object, struct pw_buffer *b)
{
	uint64_t flags;
	struct pw_error *error = type_flags(
		python, object,
		python->layout.traits.python2 ? flag_bytes | flag_unicode : flag_unicode, &flags);
	if (error)
		return error;
	if (python->layout.traits.python2 && flags & flag_bytes) {
		pw_auto_buffer struct pw_buffer raw = {0};
		error = pw_object_bytes(python, object, &raw);
		if (!error && raw.length > PW_STRING_MAX)
			error = bad_length(object, "str", raw.length, PW_STRING_MAX);
		if (!error && raw.length)
			pw_text_append_bytes(b, raw.data, raw.length);
		return error ? error : b->failed ? &pw_error_nomem : NULL;
	}
	if (!(flags & flag_unicode))
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 " is not a str", object);
	return python->layout.traits.python2 ? string_unicode2(python, object, b)
					     : string_pep393(python, object, b);
}

bool pw_object_string_is(struct pw_python *python, uint64_t object, const char *text)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t length;
	/* In both major versions the length stands where it is cheap to compare. */
	struct pw_field field = layout->traits.python2 ? layout->var_size : layout->unicode_length;
	pw_auto_error struct pw_error *e1 =
		pw_read_u64(python->target, object + (uint64_t)field.offset, &length);
	if (e1 || length != strlen(text))
		return false;
	pw_auto_buffer struct pw_buffer found = {0};
	pw_auto_error struct pw_error *e2 = pw_object_string(python, object, &found);
	return !e2 && found.data && strcmp(found.data, text) == 0;
}

struct pw_error *pw_object_int(struct pw_python *python, uint64_t object, uint64_t *ret)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t flags, tag;
	struct pw_error *error = type_flags(python, object, 0, &flags);
	if (error)
		return error;
	if (python->layout.traits.python2 && flags & flag_int2)
		return pw_read_u64(python->target, object + (uint64_t)layout->int_value.offset,
				   ret);
	if (!(flags & flag_long))
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 " is not an int", object);
	bool tagged = pw_has(layout, long_tag);
	error = pw_read_u64(
		python->target,
		object + (uint64_t)(tagged ? layout->long_tag.offset : layout->var_size.offset),
		&tag);
	if (error)
		return error;
	/* Digits of 30 bits; the sign is in the tag (3.12+, two low bits: 2 is negative) or in
	 * ob_size. */
	bool negative = tagged ? (tag & 3) == 2 : (int64_t)tag < 0;
	uint64_t count = tagged ? tag >> 3 : negative ? -tag : tag;
	if (tagged && (tag & 3) == 1)
		count = 0;
	if (count > 3)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "int at 0x%" PRIx64 " does not fit into 64 bits", object);
	uint64_t value = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint32_t digit;
		error = pw_read_u32(python->target,
				    object + (uint64_t)layout->long_digits.offset + i * 4, &digit);
		if (error)
			return error;
		value |= (uint64_t)digit << (30 * i);
	}
	*ret = negative ? -value : value;
	return NULL;
}
