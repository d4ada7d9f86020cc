/* What the formats that are protocol buffers share. */
#include "output/protobuf.h"

#include "base/text.h"

#include <stdlib.h>
#include <uthash.h>

/* ---- fields --------------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

static void append_varint(struct pw_buffer *b, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		pw_buffer_append_char(b, (char)(number | 0x80));
	pw_buffer_append_char(b, (char)number);
}

static size_t varint_size(uint64_t number)
{
	size_t size = 1;
	for (; number >= 0x80; number >>= 7)
		size++;
	return size;
}

void pw_proto_append_header(struct pw_buffer *b, unsigned field, size_t length)
{
	append_varint(b, (uint64_t)field << 3 | WIRE_LENGTH);
	append_varint(b, length);
}

size_t pw_proto_field_size(unsigned field, size_t length)
{
	return varint_size((uint64_t)field << 3) + varint_size(length) + length;
}

void pw_proto_append_number(struct pw_buffer *b, unsigned field, uint64_t number)
{
	if (!number)
		return;
	append_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
	append_varint(b, number);
}

void pw_proto_append_text(struct pw_buffer *b, unsigned field, const char *text)
{
	pw_proto_append_header(b, field, strlen(text));
	pw_buffer_append_string(b, text);
}

void pw_proto_append_message(struct pw_buffer *b, unsigned field, const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	pw_proto_append_header(b, field, length);
	char *room = pw_buffer_reserve(b, length);
	if (room)
		b->length += protobuf_c_message_pack(message, (uint8_t *)room);
}

int64_t pw_proto_period(const struct pw_profile_info *info)
{
	double period = info->rate_wished > 0 ? 1e9 / info->rate_wished : 0;
	return period < 9e18 ? (int64_t)(period + 0.5) : 0;
}

/* ---- tables of texts ------------------------------------------------------------------------ */

struct pw_string {
	UT_hash_handle hh;
	uint32_t number;
	char text[];
};

static struct pw_string *new_string(struct pw_strings *strings, const char *text, size_t length)
{
	if (strings->count == strings->room) {
		uint32_t room = strings->room ? strings->room * 2 : 64;
		struct pw_string **items =
			realloc(strings->items, room * sizeof(struct pw_string *));
		if (!items)
			return NULL;
		strings->items = items;
		strings->room = room;
	}
	struct pw_string *string = calloc(1, sizeof(*string) + length + 1);
	if (!string)
		return NULL;
	memcpy(string->text, text, length);
	string->number = strings->count;
	strings->items[strings->count++] = string;
	HASH_ADD_KEYPTR(hh, strings->known, string->text, length, string);
	return string;
}

static uint32_t add_clean(struct pw_strings *strings, const char *text, size_t length)
{
	struct pw_string *known;
	HASH_FIND(hh, strings->known, text, length, known);
	if (!known)
		known = new_string(strings, text, length);
	strings->failed |= !known;
	return known ? known->number : 0;
}

uint32_t pw_strings_add(struct pw_strings *strings, const char *text)
{
	pw_auto_buffer struct pw_buffer utf8 = {0}, clean = {0};
	struct pw_string *known;
	if (!strings->count)
		add_clean(strings, "", 0);
	if (!text || !*text)
		return 0;
	/* What is there already is clean. */
	HASH_FIND(hh, strings->known, text, strlen(text), known);
	if (known)
		return known->number;
	pw_text_append_bytes(&utf8, text, strlen(text));
	if (utf8.data)
		pw_text_append_printable(&clean, utf8.data);
	if (utf8.failed || clean.failed) {
		strings->failed = true;
		return 0;
	}
	return add_clean(strings, clean.data, clean.length);
}

const char *pw_strings_get(const struct pw_strings *strings, uint32_t number)
{
	return number < strings->count ? strings->items[number]->text : "";
}

void pw_strings_deinit(struct pw_strings *strings)
{
	HASH_CLEAR(hh, strings->known);
	for (uint32_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct pw_strings){0};
}

/* ---- equal samples -------------------------------------------------------------------------- */

/* All but the time. */
static int compare_identity(const struct pw_profile *profile, size_t a, size_t b)
{
	const struct pw_profile_sample *x = pw_profile_sample(profile, a),
				       *y = pw_profile_sample(profile, b);
	if (x->thread != y->thread) {
		uint32_t p = pw_profile_thread(profile, x->thread)->process,
			 q = pw_profile_thread(profile, y->thread)->process;
		if (p != q)
			return p < q ? -1 : 1;
		return x->thread < y->thread ? -1 : 1;
	}
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->flags < y->flags ? -1 : x->flags > y->flags;
}

static int compare_samples(const void *a, const void *b, void *profile)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = compare_identity(profile, x, y);
	return order ? order : x < y ? -1 : x > y;
}

size_t *pw_profile_order(const struct pw_profile *profile)
{
	size_t count = pw_profile_sample_count(profile);
	size_t *order = malloc((count + 1) * sizeof(*order));
	for (size_t i = 0; order && i < count; i++)
		order[i] = i;
	if (order)
		qsort_r(order, count, sizeof(*order), compare_samples, (void *)(uintptr_t)profile);
	return order;
}

size_t pw_profile_run(const struct pw_profile *profile, const size_t *order, size_t first)
{
	size_t count = pw_profile_sample_count(profile), end = first + 1;
	while (end < count && !compare_identity(profile, order[first], order[end]))
		end++;
	return end - first;
}

/* ---- what a profile tells about itself ------------------------------------------------------ */

void pw_profile_facts(const struct pw_profile *profile,
		      struct pw_profile_fact facts[PW_PROFILE_FACTS])
{
	const struct pw_profile_info *info = pw_profile_info(profile);
	const struct pw_profile_fact all[PW_PROFILE_FACTS] = {
		{"rate wished", "Hz", info->rate_wished},
		{"rate reached", "Hz", info->rate_reached},
		{"ticks", "", (double)info->ticks},
		{"ticks missed", "", (double)info->missed},
		{"samples", "", (double)pw_profile_sample_count(profile)},
		{"samples lost", "", (double)info->lost},
		{"samples torn", "", (double)info->torn},
		{"samples impossible", "", (double)info->impossible},
		{"pauses", "", (double)info->pauses},
		{"pause median", "ns", (double)info->pause_median},
		{"pause p99", "ns", (double)info->pause_p99},
		{"pause max", "ns", (double)info->pause_max},
		{"own CPU", "ns", (double)info->own_cpu},
	};
	memcpy(facts, all, sizeof(all));
}
