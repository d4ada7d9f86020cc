/*
 * Numbers.  int: Include/longintrepr.h, 3.12+ cpython/longintrepr.h; float: Objects/floatobject.c
 * (repr: the shortest digits that read back as the same number, Python/pystrtod.c).
 */
#include "python/value_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGIT_BITS = 30, /* 64-bit builds; 15 elsewhere */
	CHUNK = 1000000000,
	CHUNK_DIGITS = 9,
	DECIMAL_BITS_MAX = 1 << 17, /* larger ones are written in hexadecimal: decimal costs the
				       square of the length */
};

/* ---- int ---- */

static bool int_head(struct pw_values *v, uint64_t object, uint64_t *count, bool *negative)
{
	uint64_t tag;
	bool tagged = pw_has(v->l, long_tag);
	if (!pw_values_field(v, object, tagged ? v->l->long_tag : v->l->var_size, &tag))
		return false;
	/* The low bits of the tag: 0 positive, 1 zero, 2 negative; else the sign is ob_size's. */
	*negative = tagged ? (tag & 3) == 2 : (int64_t)tag < 0;
	*count = tagged ? tag >> 3 : *negative ? -tag : tag;
	if (tagged && (tag & 3) == 1)
		*count = 0;
	return true;
}

/* The decimal digits of a number of `count` 30-bit digits, which is used up; owned by the caller.
 */
static char *to_decimal(uint32_t *digits, size_t count)
{
	size_t room = count * 10 + CHUNK_DIGITS + 2, at = room;
	char *text = malloc(room + 1);
	if (!text)
		return NULL;
	text[at] = '\0';
	while (count) {
		uint64_t rest = 0;
		for (size_t i = count; i-- > 0;) {
			rest = rest << DIGIT_BITS | digits[i];
			digits[i] = (uint32_t)(rest / CHUNK);
			rest %= CHUNK;
		}
		while (count && digits[count - 1] == 0)
			count--;
		for (int i = 0; i < CHUNK_DIGITS && (count || rest); i++, rest /= 10)
			text[--at] = (char)('0' + rest % 10);
	}
	if (at == room)
		text[--at] = '0';
	memmove(text, text + at, room - at + 1);
	return text;
}

static void print_decimal(struct pw_values *v, uint32_t *digits, size_t count)
{
	char *text = to_decimal(digits, count);
	if (!text)
		return;
	size_t length = strlen(text);
	if (length <= v->limits.characters)
		pw_values_emit(v, text);
	else {
		pw_buffer_append(v->out, text, v->limits.characters);
		pw_values_emitf(v, "... (%zu digits)", length);
	}
	free(text);
}

/* The first hexadecimal digits of a number of which only the most significant part was read. */
static void print_hex(struct pw_values *v, const uint32_t *digits, size_t read, uint64_t bits)
{
	unsigned shown = 0;
	uint64_t position = bits;
	pw_values_emit(v, "0x");
	/* Digit boundaries of 16 count from the least significant bit. */
	while (position && shown < v->limits.characters) {
		unsigned take = position % 4 ? position % 4 : 4, digit = 0;
		for (unsigned i = 0; i < take; i++) {
			position--;
			uint64_t from_top = bits - 1 - position;
			/* The top digit may be filled only in part. */
			uint64_t top = (bits - 1) % DIGIT_BITS;
			uint64_t index =
				from_top <= top ? 0 : (from_top - top - 1) / DIGIT_BITS + 1;
			unsigned bit = (unsigned)(position % DIGIT_BITS);
			if (index >= read)
				break;
			digit = digit << 1 | (digits[read - 1 - index] >> bit & 1);
		}
		pw_values_emitf(v, "%x", digit);
		shown++;
	}
	pw_values_emitf(v, "... (%" PRIu64 " bits)", bits);
}

static unsigned bit_length(uint32_t digit)
{
	return digit ? 32 - (unsigned)__builtin_clz(digit) : 0;
}

/* Reads `count` digits from number `first` on. */
static uint32_t *read_digits(struct pw_values *v, uint64_t object, uint64_t first, size_t count)
{
	uint32_t *digits = calloc(count + 1, sizeof(*digits));
	uint64_t at = object + (uint64_t)v->l->long_digits.offset + first * 4;
	if (!digits || (count && !pw_values_read(v, at, digits, count * sizeof(*digits)))) {
		free(digits);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		digits[i] &= (1u << DIGIT_BITS) - 1;
	return digits;
}

static void print_large(struct pw_values *v, uint64_t object, uint64_t count)
{
	size_t read = v->limits.characters / 7 + 2;
	if (read > count)
		read = count;
	uint32_t *digits = read_digits(v, object, count - read, read);
	if (!digits) {
		pw_values_unreadable(v);
		return;
	}
	uint64_t bits = (count - 1) * DIGIT_BITS + bit_length(digits[read - 1]);
	print_hex(v, digits, read, bits);
	free(digits);
}

void pw_print_int(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t count;
	bool negative;
	if (!int_head(v, object, &count, &negative)) {
		pw_values_unreadable(v);
		return;
	}
	if (count > PW_COUNT_MAX) {
		pw_values_emitf(v, "<int at 0x%" PRIx64 ": %" PRIu64 " digits are not believed>",
				object, count);
		return;
	}
	if (negative)
		pw_values_emit(v, "-");
	if (count > DECIMAL_BITS_MAX / DIGIT_BITS) {
		print_large(v, object, count);
		return;
	}
	uint32_t *digits = read_digits(v, object, 0, count);
	if (!digits) {
		pw_values_unreadable(v);
		return;
	}
	while (count && digits[count - 1] == 0)
		count--;
	print_decimal(v, digits, count);
	free(digits);
	if (v->l->traits.python2 && t->kind == PW_VALUE_INT)
		pw_values_emit(v, "L");
}

void pw_print_int2(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t value;
	if (pw_values_field(v, object, v->l->int_value, &value))
		pw_values_emitf(v, "%" PRId64, (int64_t)value);
	else
		pw_values_unreadable(v);
}

void pw_print_bool(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	int64_t value;
	if (pw_values_int(v, object, &value))
		pw_values_emit(v, value ? "True" : "False");
	else
		pw_values_unreadable(v);
}

/* ---- float ---- */

/* The last of the digits one up or down: between powers of two the nearest shortest number may be a
 * neighbour of the rounded one. */
static bool neighbour_reads_back(char *text, int step, double value)
{
	char *last = strchr(text, 'e') - 1;
	if (*last + step < '0' || *last + step > '9')
		return false;
	*last = (char)(*last + step);
	if (strtod(text, NULL) == value)
		return true;
	*last = (char)(*last - step);
	return false;
}

/* "d.ddde[+-]xx" with as few digits as read back as `value`. */
static void shortest(double value, char *text, size_t size)
{
	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, size, "%.*e", precision, value);
		if (strtod(text, NULL) == value || neighbour_reads_back(text, 1, value) ||
		    neighbour_reads_back(text, -1, value))
			return;
	}
}

/* Python's notation: with an exponent below 1e-4 and from 1e16 on. */
static void format_float(double value, bool dot_zero, char *ret, size_t size)
{
	char text[40], digits[24];
	size_t count = 0;
	if (isnan(value) || isinf(value)) {
		snprintf(ret, size, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
		return;
	}
	shortest(fabs(value), text, sizeof(text));
	int exponent = atoi(strchr(text, 'e') + 1);
	for (const char *at = text; *at != 'e'; at++)
		if (*at != '.' && count < sizeof(digits) - 1)
			digits[count++] = *at;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	const char *sign = signbit(value) ? "-" : "";
	if (exponent < -4 || exponent >= 16)
		snprintf(ret, size, "%s%c%s%se%c%02d", sign, digits[0], count > 1 ? "." : "",
			 digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
	else if (exponent < 0)
		snprintf(ret, size, "%s0.%.*s%s", sign, -exponent - 1, "0000", digits);
	else if ((int)count > exponent + 1)
		snprintf(ret, size, "%s%.*s.%s", sign, exponent + 1, digits, digits + exponent + 1);
	else
		snprintf(ret, size, "%s%s%.*s%s", sign, digits, exponent + 1 - (int)count,
			 "0000000000000000", dot_zero ? ".0" : "");
}

static bool read_double(struct pw_values *v, uint64_t object, struct pw_field field, double *ret)
{
	uint64_t bits;
	if (!pw_values_field(v, object, field, &bits))
		return false;
	memcpy(ret, &bits, sizeof(bits));
	return true;
}

void pw_print_float(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	double value;
	char text[64];
	if (!read_double(v, object, v->l->float_value, &value)) {
		pw_values_unreadable(v);
		return;
	}
	format_float(value, true, text, sizeof(text));
	pw_values_emit(v, text);
}

void pw_print_complex(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	double real, imag;
	char a[64], b[64];
	if (!read_double(v, object, v->l->complex_real, &real) ||
	    !read_double(v, object, v->l->complex_imag, &imag)) {
		pw_values_unreadable(v);
		return;
	}
	format_float(real, false, a, sizeof(a));
	format_float(imag, false, b, sizeof(b));
	if (real == 0 && !signbit(real))
		pw_values_emitf(v, "%sj", b);
	else
		pw_values_emitf(v, "(%s%s%sj)", a, b[0] == '-' ? "" : "+", b);
}
