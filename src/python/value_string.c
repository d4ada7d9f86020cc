/*
 * str, bytes and bytearray as repr() writes them: Objects/unicodeobject.c, bytesobject.c; 2.7
 * escapes everything beyond ASCII.
 *
 * str: PEP 393 in Include/cpython/unicodeobject.h; before 3.12 a legacy string that is not ready
 * has only its wchar_t text.  What is not printable: Unicode's Cc, Cf, Cs, Co, Zl, Zp and Zs, and
 * planes without characters; code points that are assigned in one version of Unicode and not in
 * another are written as they are.
 */
#include "python/value_private.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct string {
	uint64_t data, length;
	unsigned width;	  /* bytes of a code unit */
	bool utf16;	  /* pairs of surrogates are one character */
	bool apostrophes; /* are escaped whatever the quotes are */
};

static const struct range {
	uint32_t first, last;
} unprintable[] = {
	{0x00, 0x1f},	    {0x7f, 0xa0},	{0xad, 0xad},	    {0x600, 0x605},
	{0x61c, 0x61c},	    {0x6dd, 0x6dd},	{0x70f, 0x70f},	    {0x890, 0x891},
	{0x8e2, 0x8e2},	    {0x1680, 0x1680},	{0x180e, 0x180e},   {0x2000, 0x200f},
	{0x2028, 0x202f},   {0x205f, 0x206f},	{0x3000, 0x3000},   {0xd800, 0xf8ff},
	{0xfeff, 0xfeff},   {0xfff0, 0xfffb},	{0xfffe, 0xffff},   {0x110bd, 0x110bd},
	{0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	{0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x323b0, 0xe00ff}, {0xe01f0, 0x10ffff},
};

static bool is_printable(uint32_t c)
{
	size_t low = 0, high = sizeof(unprintable) / sizeof(unprintable[0]);
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (c > unprintable[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low == sizeof(unprintable) / sizeof(unprintable[0]) || c < unprintable[low].first;
}

static void append_character(struct pw_buffer *b, uint32_t c, char quote, bool ascii)
{
	if (c == (uint32_t)quote || c == '\\')
		pw_buffer_printf(b, "\\%c", (char)c);
	else if (c == '\n' || c == '\r' || c == '\t')
		pw_buffer_append_string(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
	else if (c >= 0x20 && c < 0x7f)
		pw_buffer_append_char(b, (char)c);
	else if (!ascii && c <= 0x10ffff && is_printable(c))
		pw_text_append_codepoint(b, c);
	else if (c < 0x100)
		pw_buffer_printf(b, "\\x%02x", c);
	else if (c < 0x10000)
		pw_buffer_printf(b, "\\u%04x", c);
	else
		pw_buffer_printf(b, "\\U%08x", c);
}

static uint32_t unit_at(const unsigned char *data, size_t i, unsigned width)
{
	uint16_t u16;
	uint32_t u32;
	if (width == 1)
		return data[i];
	if (width == 2) {
		memcpy(&u16, data + i * 2, 2);
		return u16;
	}
	memcpy(&u32, data + i * 4, 4);
	return u32;
}

static char choose_quote(const unsigned char *data, size_t count, unsigned width)
{
	bool apostrophe = false;
	for (size_t i = 0; i < count; i++) {
		uint32_t c = unit_at(data, i, width);
		if (c == '"')
			return '\'';
		apostrophe |= c == '\'';
	}
	return apostrophe ? '"' : '\'';
}

static void append_quoted(struct pw_values *v, const unsigned char *data, size_t count,
			  const struct string *s, bool ascii)
{
	char quote = choose_quote(data, count, s->width);
	pw_buffer_append_char(v->out, quote);
	for (size_t i = 0; i < count; i++) {
		uint32_t c = unit_at(data, i, s->width);
		if (s->utf16 && c >= 0xd800 && c < 0xdc00 && i + 1 < count) {
			uint32_t low = unit_at(data, i + 1, s->width);
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i++;
			}
		}
		if (s->apostrophes && c == '\'' && c != (uint32_t)quote)
			pw_buffer_append_char(v->out, '\\');
		append_character(v->out, c, quote, ascii);
	}
	pw_buffer_append_char(v->out, quote);
}

static void print_string(struct pw_values *v, uint64_t object, const struct string *s,
			 const char *prefix, const char *what, bool ascii)
{
	size_t shown = s->length < v->limits.characters ? s->length : v->limits.characters;
	if (s->length > PW_COUNT_MAX) {
		pw_values_emitf(v, "<%s at 0x%" PRIx64 ": length %" PRId64 " is not believed>",
				what, object, (int64_t)s->length);
		return;
	}
	unsigned char *data = malloc(shown * s->width + 1);
	if (!data) {
		v->out->failed = true;
		return;
	}
	if (shown && !pw_values_read(v, s->data, data, shown * s->width)) {
		pw_values_unreadable(v);
	} else {
		pw_values_emit(v, prefix);
		append_quoted(v, data, shown, s, ascii);
		if (shown < s->length)
			pw_values_emitf(v, "... (%" PRIu64 " %s)", s->length,
					ascii && !s->utf16 && s->width == 1 ? "bytes"
									    : "characters");
	}
	free(data);
}

/* ---- str ---- */

static unsigned bits_of(uint32_t word, struct pw_field field)
{
	return word >> field.bit & ((1u << field.bits) - 1);
}

/* A string made by the old interface and not looked at since: wchar_t. */
static bool find_unready(struct pw_values *v, uint64_t object, struct string *ret)
{
	ret->width = 4;
	return pw_values_field(v, object, v->l->unicode_wstr, &ret->data) &&
	       pw_values_field(v, object, v->l->unicode_wstr_length, &ret->length);
}

/* What is wrong with it, or NULL. */
static const char *find_pep393(struct pw_values *v, uint64_t object, struct string *ret)
{
	const struct pw_layout *l = v->l;
	uint32_t word;
	if (!pw_values_field(v, object, l->unicode_length, &ret->length) ||
	    !pw_values_u32(v, object + (uint64_t)l->unicode_kind.offset, &word))
		return "";
	if (pw_has(l, unicode_ready) && !bits_of(word, l->unicode_ready))
		return find_unready(v, object, ret) ? NULL : "";
	ret->width = bits_of(word, l->unicode_kind);
	if (ret->width != 1 && ret->width != 2 && ret->width != 4)
		return "its kind is not 1, 2 or 4";
	if (bits_of(word, l->unicode_compact))
		ret->data = object + (uint64_t)(bits_of(word, l->unicode_ascii)
							? l->unicode_ascii_data.offset
							: l->unicode_compact_data.offset);
	else if (!pw_values_field(v, object, l->unicode_legacy_data, &ret->data))
		return "";
	return NULL;
}

static bool find_unicode2(struct pw_values *v, uint64_t object, struct string *ret)
{
	ret->width = pw_locate_symbol(v->python, "PyUnicodeUCS4_AsUTF8String") ? 4 : 2;
	ret->utf16 = ret->width == 2;
	return pw_values_field(v, object, v->l->unicode2_length, &ret->length) &&
	       pw_values_field(v, object, v->l->unicode2_str, &ret->data);
}

void pw_print_str(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct string s = {0};
	if (v->l->traits.python2) {
		if (!find_unicode2(v, object, &s))
			pw_values_unreadable(v);
		else
			print_string(v, object, &s, "u", "unicode", true);
		return;
	}
	const char *wrong = find_pep393(v, object, &s);
	if (!wrong)
		print_string(v, object, &s, "", "str", false);
	else if (*wrong)
		pw_values_emitf(v, "<str at 0x%" PRIx64 ": %s>", object, wrong);
	else
		pw_values_unreadable(v);
}

void pw_print_text(struct pw_values *v, const char *utf8)
{
	size_t length = strlen(utf8);
	struct string s = {.length = length, .width = 1};
	char quote = choose_quote((const unsigned char *)utf8, length, s.width);
	pw_buffer_append_char(v->out, quote);
	for (const char *at = utf8; *at; at++)
		if (*at == quote)
			pw_buffer_printf(v->out, "\\%c", quote);
		else
			pw_buffer_append_char(v->out, *at);
	pw_buffer_append_char(v->out, quote);
}

/* ---- bytes ---- */

void pw_print_bytes(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct string s = {.data = object + (uint64_t)v->l->bytes_data.offset, .width = 1};
	if (!pw_values_field(v, object, v->l->var_size, &s.length))
		pw_values_unreadable(v);
	else
		print_string(v, object, &s, v->l->traits.python2 ? "" : "b", "bytes", true);
}

void pw_print_bytearray(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct string s = {.width = 1, .apostrophes = v->l->traits.bytearray_escapes};
	if (!pw_values_field(v, object, v->l->var_size, &s.length) ||
	    !pw_values_field(v, object, v->l->bytearray_start, &s.data)) {
		pw_values_unreadable(v);
		return;
	}
	pw_values_type_short(v, t->address, v->out);
	pw_values_emit(v, "(");
	print_string(v, object, &s, "b", "bytearray", true);
	pw_values_emit(v, ")");
}

/* ---- without quotes ---- */

static bool find_string(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			struct string *ret)
{
	if (t->kind == PW_VALUE_BYTES && v->l->traits.python2) {
		ret->width = 1;
		ret->data = object + (uint64_t)v->l->bytes_data.offset;
		return pw_values_field(v, object, v->l->var_size, &ret->length);
	}
	if (t->kind != PW_VALUE_STR)
		return false;
	return v->l->traits.python2 ? find_unicode2(v, object, ret) : !find_pep393(v, object, ret);
}

bool pw_print_str_plain(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			uint64_t *ret_length)
{
	struct string s = {0};
	if (!find_string(v, object, t, &s) || s.length > PW_COUNT_MAX)
		return false;
	size_t shown = s.length < v->limits.characters ? s.length : v->limits.characters;
	unsigned char *data = malloc(shown * s.width + 1);
	bool ok = data && (!shown || pw_values_read(v, s.data, data, shown * s.width));
	if (ok && t->kind == PW_VALUE_BYTES)
		pw_text_append_bytes(v->out, data, shown);
	else if (ok)
		pw_text_append_units(v->out, data, shown, s.width, s.utf16);
	free(data);
	*ret_length = s.length;
	return ok;
}

bool pw_value_string(struct pw_python *python, uint64_t object,
		     const struct pw_value_limits *limits, struct pw_buffer *ret,
		     uint64_t *ret_length)
{
	struct pw_values v;
	struct pw_vtype t;
	pw_values_init(&v, python, limits, ret);
	return pw_values_type(&v, object, &t) && pw_print_str_plain(&v, object, &t, ret_length);
}

bool pw_values_character(struct pw_values *v, uint64_t object, uint64_t index, uint32_t *ret)
{
	struct string s = {0};
	struct pw_vtype t;
	unsigned char unit[4];
	if (!pw_values_type(v, object, &t) || !find_string(v, object, &t, &s) ||
	    index >= s.length || s.length > PW_COUNT_MAX ||
	    !pw_values_read(v, s.data + index * s.width, unit, s.width))
		return false;
	*ret = unit_at(unit, 0, s.width);
	return true;
}
