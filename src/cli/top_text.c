/* Text that fits into columns of a terminal. */
#include "cli/top.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next code point; of bytes that are no UTF-8, the byte's value and *bad. */
static size_t next(const unsigned char *p, uint32_t *ret, bool *bad)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc2 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf5 ? 4
				      : 0;
	uint32_t c = length == 1 ? p[0] : length ? p[0] & (0x7fu >> length) : 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			length = 0;
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*bad = !length || (length > 1 && c < least[length]) || c > 0x10ffff ||
	       (c >= 0xd800 && c < 0xe000);
	*ret = *bad ? p[0] : c;
	return *bad ? 1 : length;
}

/* One character, or an escape in Python's notation, as wide characters; how many. */
static size_t one(uint32_t c, bool bad, bool wide, wchar_t *to, unsigned *width)
{
	char escape[12];
	int cells = bad || (!wide && c >= 0x7f) ? -1 : wcwidth((wchar_t)c);
	if (cells > 0 && c >= 0x20 && !(c >= 0x7f && c < 0xa0)) {
		to[0] = (wchar_t)c;
		*width = (unsigned)cells;
		return 1;
	}
	int length = snprintf(escape, sizeof(escape),
			      c < 0x100	    ? "\\x%02x"
			      : c < 0x10000 ? "\\u%04x"
					    : "\\U%08x",
			      c);
	for (int i = 0; i < length; i++)
		to[i] = (wchar_t)escape[i];
	*width = (unsigned)length;
	return (size_t)length;
}

unsigned top_fit(const char *utf8, unsigned columns, bool wide, wchar_t *to)
{
	const wchar_t *ellipsis = wide ? L"\u2026" : L"...";
	unsigned dots = wide ? 1 : 3, used = 0, cut_used = 0;
	size_t at = 0, cut = 0; /* cut: where an ellipsis would still fit */
	const unsigned char *p = (const unsigned char *)utf8;
	if (dots > columns)
		dots = columns;
	while (*p) {
		wchar_t piece[12];
		uint32_t c;
		bool bad;
		unsigned width;
		p += next(p, &c, &bad);
		size_t count = one(c, bad, wide, piece, &width);
		if (used + width > columns) {
			wmemcpy(to + cut, ellipsis, dots);
			to[cut + dots] = 0;
			return cut_used + dots;
		}
		wmemcpy(to + at, piece, count);
		at += count;
		used += width;
		if (used + dots <= columns) {
			cut = at;
			cut_used = used;
		}
	}
	to[at] = 0;
	return used;
}
