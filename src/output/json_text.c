#include "output/json_text.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Code points that steer terminals are written as \uNNNN, for the reader who prints JSON to one. */
static bool needs_ascii(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p == 0x7f || (*p == 0xc2 && p[1] < 0xa0) || (*p == 0xe2 && p[1] <= 0x81) ||
		    *p == 0xef)
			return true;
	}
	return false;
}

json_t *pw_json_text(const char *s, size_t *flags)
{
	if (!s)
		return json_null();
	if (needs_ascii(s))
		*flags |= JSON_ENSURE_ASCII;
	json_t *value = json_string(s);
	if (value)
		return value;
	struct pw_buffer pw_auto_buffer b = {0};
	pw_text_append_bytes(&b, s, strlen(s));
	return b.failed ? NULL : json_string(b.data);
}

static int append_piece(const char *piece, size_t length, void *data)
{
	pw_buffer_append(data, piece, length);
	return 0;
}

/* Most names are: they need no escaping. */
static bool is_plain(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
			return false;
	return true;
}

void pw_json_append_text(struct pw_buffer *b, const char *s)
{
	size_t flags = JSON_ENCODE_ANY;
	if (s && is_plain(s)) {
		pw_buffer_append_char(b, '"');
		pw_buffer_append_string(b, s);
		pw_buffer_append_char(b, '"');
		return;
	}
	json_t *value = pw_json_text(s, &flags);
	if (!value || json_dump_callback(value, append_piece, b, flags) != 0)
		b->failed = true;
	json_decref(value);
}

void pw_json_append_member(struct pw_buffer *b, const char *key, const char *s)
{
	if (!s)
		return;
	pw_buffer_printf(b, ", \"%s\": ", key);
	pw_json_append_text(b, s);
}

void pw_json_append_count(struct pw_buffer *b, const char *key, uint64_t number)
{
	pw_buffer_append_string(b, ", \"");
	pw_buffer_append_string(b, key);
	pw_buffer_append_string(b, "\": ");
	pw_buffer_append_number(b, number, 0);
}

void pw_json_append_integer(struct pw_buffer *b, int64_t number)
{
	if (number < 0)
		pw_buffer_append_char(b, '-');
	pw_buffer_append_number(b, number < 0 ? -(uint64_t)number : (uint64_t)number, 0);
}

void pw_json_append_fixed(struct pw_buffer *b, uint64_t number, unsigned digits)
{
	uint64_t unit = 1;
	for (unsigned i = 0; i < digits; i++)
		unit *= 10;
	pw_buffer_append_number(b, number / unit, 0);
	uint64_t rest = number % unit;
	if (!rest)
		return;
	pw_buffer_append_char(b, '.');
	for (; rest; rest %= unit) {
		unit /= 10;
		pw_buffer_append_char(b, (char)('0' + rest / unit));
	}
}

void pw_json_append_real(struct pw_buffer *b, double number)
{
	/* %g would obey the locale's decimal point. */
	if (!isfinite(number) || fabs(number) >= 1e12)
		number = 0;
	if (number < 0) {
		pw_buffer_append_char(b, '-');
		number = -number;
	}
	pw_json_append_fixed(b, (uint64_t)(number * 1e6 + 0.5), 6);
}
