/*
 * datetime and Decimal.
 *
 * Include/datetime.h: packed bytes, big endian; Modules/_datetimemodule.c for the text.  Decimal:
 * libmpdec's mpdecimal.h (words of 19 decimal digits, least significant first) and
 * mpd_to_sci() for the text; Modules/_decimal/_decimal.c.
 */
#include "python/value_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_bytes(struct pw_values *v, uint64_t object, struct pw_field field, uint8_t *ret,
		       size_t size)
{
	v->bad = object;
	return field.offset >= 0 && pw_values_read(v, object + (uint64_t)field.offset, ret, size);
}

static uint8_t read_flag(struct pw_values *v, uint64_t object, struct pw_field field)
{
	uint8_t flag = 0;
	return field.offset >= 0 && pw_values_u8(v, object + (uint64_t)field.offset, &flag) && flag;
}

/* The class's name as datetime's own __repr__ writes it: subclasses without their module. */
static void emit_class(struct pw_values *v, const struct pw_vtype *t)
{
	if (t->base == t->address)
		pw_values_emit(v, t->name);
	else
		pw_values_type_short(v, t->address, v->out);
}

static void print_zone(struct pw_values *v, uint64_t object, struct pw_field has,
		       struct pw_field zone, struct pw_field fold)
{
	uint64_t tzinfo;
	if (read_flag(v, object, fold))
		pw_values_emit(v, ", fold=1");
	if (read_flag(v, object, has)) {
		pw_values_emit(v, ", tzinfo=");
		if (pw_values_field(v, object, zone, &tzinfo) &&
		    pw_values_enter(v, object, "...")) {
			pw_values_print(v, tzinfo);
			pw_values_leave(v);
		}
	}
	pw_values_emit(v, ")");
}

void pw_print_date(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint8_t d[4];
	if (!read_bytes(v, object, v->l->date_data, d, sizeof(d))) {
		pw_print_instance(v, object, t);
		return;
	}
	emit_class(v, t);
	pw_values_emitf(v, "(%d, %d, %d)", d[0] << 8 | d[1], d[2], d[3]);
}

/* Hours to microseconds: the last parts are left out when they are zero. */
static void emit_clock(struct pw_values *v, const uint8_t *d)
{
	int micro = d[3] << 16 | d[4] << 8 | d[5];
	pw_values_emitf(v, "%d, %d", d[0], d[1]);
	if (micro)
		pw_values_emitf(v, ", %d, %d", d[2], micro);
	else if (d[2])
		pw_values_emitf(v, ", %d", d[2]);
}

void pw_print_datetime(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	const struct pw_layout *l = v->l;
	uint8_t d[10];
	if (!read_bytes(v, object, l->datetime_data, d, sizeof(d))) {
		pw_print_instance(v, object, t);
		return;
	}
	emit_class(v, t);
	pw_values_emitf(v, "(%d, %d, %d, ", d[0] << 8 | d[1], d[2], d[3]);
	emit_clock(v, d + 4);
	print_zone(v, object, l->datetime_hastzinfo, l->datetime_tzinfo, l->datetime_fold);
}

void pw_print_time(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	const struct pw_layout *l = v->l;
	uint8_t d[6];
	if (!read_bytes(v, object, l->time_data, d, sizeof(d))) {
		pw_print_instance(v, object, t);
		return;
	}
	emit_class(v, t);
	pw_values_emit(v, "(");
	emit_clock(v, d);
	print_zone(v, object, l->time_hastzinfo, l->time_tzinfo, l->time_fold);
}

static bool read_delta(struct pw_values *v, uint64_t object, int32_t ret[3])
{
	struct pw_field fields[] = {v->l->timedelta_days, v->l->timedelta_seconds,
				    v->l->timedelta_microseconds};
	for (int i = 0; i < 3; i++)
		if (!read_bytes(v, object, fields[i], (uint8_t *)&ret[i], 4))
			return false;
	return true;
}

static void emit_delta_positions(struct pw_values *v, const int32_t d[3])
{
	pw_values_emitf(v, "%d", d[0]);
	if (d[1] || d[2])
		pw_values_emitf(v, ", %d", d[1]);
	if (d[2])
		pw_values_emitf(v, ", %d", d[2]);
}

void pw_print_timedelta(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	static const char *const names[] = {"days", "seconds", "microseconds"};
	int32_t d[3];
	if (!read_delta(v, object, d)) {
		pw_print_instance(v, object, t);
		return;
	}
	emit_class(v, t);
	pw_values_emit(v, "(");
	if (v->l->traits.timedelta_positions) {
		emit_delta_positions(v, d);
	} else {
		const char *comma = "";
		for (int i = 0; i < 3; i++)
			if (d[i]) {
				pw_values_emitf(v, "%s%s=%d", comma, names[i], d[i]);
				comma = ", ";
			}
		if (!*comma)
			pw_values_emit(v, "0");
	}
	pw_values_emit(v, ")");
}

void pw_print_timezone(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t offset, name;
	int32_t d[3];
	if (!pw_values_field(v, object, v->l->timezone_offset, &offset) ||
	    !pw_values_field(v, object, v->l->timezone_name, &name) || !read_delta(v, offset, d)) {
		pw_print_instance(v, object, t);
		return;
	}
	emit_class(v, t);
	/* Without a name and without an offset only the one that is called utc. */
	if (!name && !d[0] && !d[1] && !d[2]) {
		pw_values_emit(v, ".utc");
		return;
	}
	pw_values_emit(v, "(");
	pw_values_print(v, offset);
	if (name) {
		pw_values_emit(v, ", ");
		pw_values_print(v, name);
	}
	pw_values_emit(v, ")");
}

/* ---- Decimal ---- */

enum {
	WORD_DIGITS = 19,
	WORDS_MAX = 1 << 16,
	MPD_NEGATIVE = 1,
	MPD_INFINITE = 2,
	MPD_NAN = 4,
	MPD_SIGNALING = 8,
};

/* The decimal digits of the coefficient; owned by the caller. */
static char *coefficient(struct pw_values *v, uint64_t object, uint64_t length, uint64_t digits)
{
	uint64_t data;
	if (length > WORDS_MAX || digits > length * WORD_DIGITS ||
	    !pw_values_field(v, object, v->l->decimal_data, &data))
		return NULL;
	uint64_t *words = malloc(length * sizeof(*words) + 1);
	char *text = malloc(length * WORD_DIGITS + 1);
	if (words && text && (!length || pw_values_read(v, data, words, length * sizeof(*words)))) {
		for (uint64_t i = 0; i < length; i++) {
			uint64_t word = words[length - 1 - i];
			for (int j = WORD_DIGITS; j-- > 0; word /= 10)
				text[i * WORD_DIGITS + (uint64_t)j] = (char)('0' + word % 10);
		}
		text[length * WORD_DIGITS] = '\0';
		/* `digits` counts without leading zeros. */
		memmove(text, text + length * WORD_DIGITS - digits, digits + 1);
		free(words);
		return text;
	}
	free(words);
	free(text);
	return NULL;
}

static void emit_zeros(struct pw_values *v, int64_t count)
{
	while (count-- > 0)
		pw_values_emit(v, "0");
}

/* As to-scientific-string of the General Decimal Arithmetic Specification. */
static void emit_decimal(struct pw_values *v, const char *digits, int64_t exponent)
{
	int64_t count = (int64_t)strlen(digits), point = count + exponent;
	if (exponent <= 0 && point > -6) {
		if (point <= 0) {
			pw_values_emit(v, "0.");
			emit_zeros(v, -point);
			pw_values_emit(v, digits);
			return;
		}
		pw_buffer_append(v->out, digits, (size_t)point);
		if (point < count) {
			pw_values_emit(v, ".");
			pw_values_emit(v, digits + point);
		}
		return;
	}
	pw_buffer_append(v->out, digits, count ? 1 : 0);
	if (count > 1) {
		pw_values_emit(v, ".");
		pw_values_emit(v, digits + 1);
	}
	pw_values_emitf(v, "E%+" PRId64, point - 1);
}

static void emit_finite(struct pw_values *v, uint64_t object, uint64_t length, uint64_t digits,
			uint64_t exponent)
{
	char *text = coefficient(v, object, length, digits);
	if (!text) {
		pw_values_unreadable(v);
		return;
	}
	if (digits > v->limits.characters) {
		pw_buffer_append(v->out, text, v->limits.characters);
		pw_values_emitf(v, "... (%" PRIu64 " digits)E%+" PRId64, digits, (int64_t)exponent);
	} else {
		emit_decimal(v, text, (int64_t)exponent);
	}
	free(text);
}

void pw_print_decimal(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	const struct pw_layout *l = v->l;
	uint64_t exponent, digits, length;
	uint8_t flags;
	if (!read_bytes(v, object, l->decimal_flags, &flags, 1) ||
	    !pw_values_field(v, object, l->decimal_exp, &exponent) ||
	    !pw_values_field(v, object, l->decimal_digits, &digits) ||
	    !pw_values_field(v, object, l->decimal_length, &length)) {
		pw_print_instance(v, object, t);
		return;
	}
	pw_values_emit(v, "Decimal('");
	if (flags & MPD_NEGATIVE)
		pw_values_emit(v, "-");
	if (flags & MPD_INFINITE) {
		pw_values_emit(v, "Infinity");
	} else if (flags & (MPD_NAN | MPD_SIGNALING)) {
		pw_values_emit(v, flags & MPD_SIGNALING ? "sNaN" : "NaN");
		char *payload = length ? coefficient(v, object, length, digits) : NULL;
		if (payload)
			pw_values_emitf(v, "%.*s", (int)v->limits.characters, payload);
		free(payload);
	} else {
		emit_finite(v, object, length, digits, exponent);
	}
	pw_values_emit(v, "')");
}
