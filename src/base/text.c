#include "base/text.h"

#include <string.h>

static void append_utf8(struct pw_buffer *b, uint32_t c)
{
	char out[4];
	size_t n;
	if (c < 0x80) {
		out[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		out[0] = (char)(0xf0 | c >> 18);
		out[1] = (char)(0x80 | (c >> 12 & 0x3f));
		out[2] = (char)(0x80 | (c >> 6 & 0x3f));
		out[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	pw_buffer_append(b, out, n);
}

static void append_escape(struct pw_buffer *b, uint32_t c)
{
	if (c < 0x100)
		pw_buffer_printf(b, "\\x%02x", c);
	else if (c < 0x10000)
		pw_buffer_printf(b, "\\u%04x", c);
	else
		pw_buffer_printf(b, "\\U%08x", c);
}

void pw_text_append_codepoint(struct pw_buffer *b, uint32_t c)
{
	if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		append_escape(b, c);
	else
		append_utf8(b, c);
}

static uint32_t unit_at(const void *units, size_t i, unsigned width)
{
	const unsigned char *p = (const unsigned char *)units + i * width;
	uint16_t u16;
	uint32_t u32;
	switch (width) {
	case 1:
		return *p;
	case 2:
		memcpy(&u16, p, 2);
		return u16;
	default:
		memcpy(&u32, p, 4);
		return u32;
	}
}

void pw_text_append_units(struct pw_buffer *b, const void *units, size_t count, unsigned width,
			  bool utf16)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t c = unit_at(units, i, width);
		if (utf16 && c >= 0xd800 && c < 0xdc00 && i + 1 < count) {
			uint32_t low = unit_at(units, i + 1, width);
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i++;
			}
		}
		pw_text_append_codepoint(b, c);
	}
}

/* Length of the valid UTF-8 sequence at p, or 0; *ret is its code point. */
static size_t utf8_sequence(const unsigned char *p, size_t left, uint32_t *ret)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	if (n == 0 || n > left)
		return 0;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/* How many bytes from p on are printable ASCII: most text is, and goes over in one piece.  Eight at
 * a time: a byte that is not has, or gives, a highest bit. */
static size_t plain_run(const unsigned char *p, size_t left)
{
	static const uint64_t ones = 0x0101010101010101;
	size_t n = 0;
	for (uint64_t eight; left - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, p + n, sizeof(eight));
		if ((eight | (eight + ones) | (eight - ones * 0x20)) & ones * 0x80)
			break;
	}
	while (n < left && p[n] >= 0x20 && p[n] < 0x7f)
		n++;
	return n;
}

/* The same, appended; returns the index behind it. */
static size_t append_plain(struct pw_buffer *b, const unsigned char *p, size_t i, size_t length)
{
	size_t plain = plain_run(p + i, length - i);
	pw_buffer_append(b, p + i, plain);
	return i + plain;
}

void pw_text_append_bytes(struct pw_buffer *b, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < length;) {
		uint32_t c;
		i = append_plain(b, p, i, length);
		if (i == length)
			break;
		size_t n = utf8_sequence(p + i, length - i, &c);
		if (n == 0) {
			append_escape(b, p[i]);
			i++;
		} else {
			pw_text_append_codepoint(b, c);
			i += n;
		}
	}
}

/* Whether a terminal might do something else with it than draw it. */
static bool steers_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void pw_text_append_printable(struct pw_buffer *b, const char *utf8)
{
	const unsigned char *p = (const unsigned char *)utf8;
	size_t length = strlen(utf8);
	for (size_t i = 0; i < length;) {
		uint32_t c;
		i = append_plain(b, p, i, length);
		if (i == length)
			break;
		size_t n = utf8_sequence(p + i, length - i, &c);
		if (n == 0) {
			append_escape(b, p[i]);
			i++;
			continue;
		}
		if (steers_terminal(c))
			append_escape(b, c);
		else
			append_utf8(b, c);
		i += n;
	}
}
