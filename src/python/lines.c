#include "python/lines.h"

static const struct pw_location nowhere = {0, 0, -1, -1};

static struct pw_location at_line(int64_t line)
{
	struct pw_location location = nowhere;
	if (line > 0 && line <= INT32_MAX)
		location.line = (int)line;
	return location;
}

/* Pairs (bytes, lines): a pair's line holds from its own offset on. */
static struct pw_location find_lnotab(bool is_signed, const uint8_t *table, size_t size,
				      int firstlineno, int64_t lasti, int64_t *ret_end)
{
	int64_t line = firstlineno, address = 0;
	for (size_t i = 0; i + 1 < size; i += 2) {
		address += table[i];
		if (address > lasti) {
			*ret_end = address;
			break;
		}
		line += is_signed ? (int8_t)table[i + 1] : table[i + 1];
	}
	return at_line(line);
}

/* Pairs (bytes, lines): the line is added first and holds for that many bytes; -128 means no line.
 */
static struct pw_location find_linetable(const uint8_t *table, size_t size, int firstlineno,
					 int64_t lasti, int64_t *ret_end)
{
	int64_t line = firstlineno, end = 0;
	for (size_t i = 0; i + 1 < size; i += 2) {
		int8_t delta = (int8_t)table[i + 1];
		end += table[i];
		if (delta != -128)
			line += delta;
		if (lasti < end) {
			*ret_end = end;
			return delta == -128 ? nowhere : at_line(line);
		}
	}
	return nowhere;
}

struct reader {
	const uint8_t *at, *end;
};

static unsigned next_byte(struct reader *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

/* Six bits a byte, least significant first; bit 6 says that more follow.  Bit 7 starts an entry. */
static uint32_t varint(struct reader *r)
{
	uint32_t value = 0;
	for (unsigned shift = 0; shift < 32; shift += 6) {
		if (r->at >= r->end || *r->at & 0x80)
			break;
		unsigned byte = next_byte(r);
		value |= (uint32_t)(byte & 63) << shift;
		if (!(byte & 64))
			break;
	}
	return value;
}

static int64_t svarint(struct reader *r)
{
	uint32_t value = varint(r);
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static struct pw_location location_at(int64_t line, int64_t end_line, int64_t column,
				      int64_t end_column)
{
	struct pw_location location = at_line(line);
	if (!location.line)
		return location;
	location.end_line = end_line > 0 && end_line <= INT32_MAX ? (int)end_line : 0;
	location.column = column >= 0 && column <= INT32_MAX ? (int)column : -1;
	location.end_column = end_column >= 0 && end_column <= INT32_MAX ? (int)end_column : -1;
	return location;
}

/* One entry: advances *line and returns its place. */
static struct pw_location decode_entry(struct reader *r, unsigned code, int64_t *line)
{
	enum { ONE_LINE0 = 10, ONE_LINE2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };
	if (code == NONE)
		return nowhere;
	if (code < ONE_LINE0) {
		unsigned byte = next_byte(r);
		int column = (int)(code << 3 | byte >> 4);
		return location_at(*line, *line, column, column + (int)(byte & 15));
	}
	if (code <= ONE_LINE2) {
		*line += code - ONE_LINE0;
		int column = (int)next_byte(r);
		return location_at(*line, *line, column, (int)next_byte(r));
	}
	*line += svarint(r);
	if (code == NO_COLUMNS)
		return location_at(*line, *line, -1, -1);
	int64_t end_line = *line + varint(r);
	int64_t column = (int64_t)varint(r) - 1;
	return location_at(*line, end_line, column, (int64_t)varint(r) - 1);
}

static struct pw_location find_locations(const uint8_t *table, size_t size, int firstlineno,
					 int64_t lasti, int64_t *ret_end)
{
	struct reader r = {table, table + size};
	int64_t line = firstlineno, end = 0;
	while (r.at < r.end) {
		unsigned first = next_byte(&r);
		if (!(first & 0x80))
			return nowhere;
		end += ((first & 7) + 1) * 2;
		struct pw_location location = decode_entry(&r, first >> 3 & 15, &line);
		if (lasti < end) {
			*ret_end = end;
			return location;
		}
		/* Whatever is left of the entry: the next one starts with bit 7 set. */
		while (r.at < r.end && !(*r.at & 0x80))
			r.at++;
	}
	return nowhere;
}

struct pw_location pw_lines_find(enum pw_line_table format, const uint8_t *table, size_t size,
				 int firstlineno, int64_t lasti)
{
	int64_t end;
	return pw_lines_span(format, table, size, firstlineno, lasti, &end);
}

struct pw_location pw_lines_span(enum pw_line_table format, const uint8_t *table, size_t size,
				 int firstlineno, int64_t lasti, int64_t *ret_end)
{
	*ret_end = INT64_MAX;
	if (lasti < 0)
		return at_line(firstlineno);
	switch (format) {
	case PW_LINES_LNOTAB_UNSIGNED:
		return find_lnotab(false, table, size, firstlineno, lasti, ret_end);
	case PW_LINES_LNOTAB:
		return find_lnotab(true, table, size, firstlineno, lasti, ret_end);
	case PW_LINES_LINETABLE:
		return find_linetable(table, size, firstlineno, lasti, ret_end);
	case PW_LINES_LOCATIONS:
		return find_locations(table, size, firstlineno, lasti, ret_end);
	}
	return nowhere;
}
