/*
 * Protocol buffers that are larger than memory should hold: the outer messages are written field by
 * field, the inner ones by protobuf-c.
 *
 * And what the formats made of them share: tables of texts, and samples in an order in which equal
 * ones are neighbours.
 */
#ifndef PW_OUTPUT_PROTOBUF_H
#define PW_OUTPUT_PROTOBUF_H

#include "base/buffer.h"
#include "pywalk_profile.h"

#include <protobuf-c/protobuf-c.h>

/* ---- fields of an outer message ---- */

/* What comes before the content of a field that has a length: a message, a text. */
void pw_proto_append_header(struct pw_buffer *b, unsigned field, size_t length);
void pw_proto_append_message(struct pw_buffer *b, unsigned field, const ProtobufCMessage *message);
void pw_proto_append_text(struct pw_buffer *b, unsigned field, const char *text);
/* A number that is a varint; 0 is not written. */
void pw_proto_append_number(struct pw_buffer *b, unsigned field, uint64_t number);
/* How many bytes these append, for content of that length. */
size_t pw_proto_field_size(unsigned field, size_t length);

/* Numbers of a profile that a signed field has to hold. */
static inline int64_t pw_proto_signed(uint64_t number)
{
	return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}
/* The period in nanoseconds; 0: unknown. */
int64_t pw_proto_period(const struct pw_profile_info *info);

/* ---- tables of texts ---- */

/* Each text once, by number; 0 is "".  Failures to get memory are remembered. */
struct pw_strings {
	struct pw_string *known;
	struct pw_string **items;
	uint32_t count, room;
	bool failed;
};

/* NULL is "".  What is not UTF-8, or would steer a terminal, is escaped. */
uint32_t pw_strings_add(struct pw_strings *strings, const char *text);
const char *pw_strings_get(const struct pw_strings *strings, uint32_t number);
void pw_strings_deinit(struct pw_strings *strings);

/* ---- equal samples ---- */

/* The numbers of all samples: by process, thread, stack, flags, and then time.  NULL: no memory. */
size_t *pw_profile_order(const struct pw_profile *profile);
/* How many in that order are equal to the one at `first` but for their times and weights. */
size_t pw_profile_run(const struct pw_profile *profile, const size_t *order, size_t first);

/* ---- what a profile tells about itself ---- */

/* "lost", 12: each number of the profile's own report that is worth keeping with it. */
struct pw_profile_fact {
	const char *name, *unit; /* unit "": a count */
	double value;
};
enum { PW_PROFILE_FACTS = 13 };
void pw_profile_facts(const struct pw_profile *profile,
		      struct pw_profile_fact facts[PW_PROFILE_FACTS]);

#endif
