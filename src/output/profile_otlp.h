/* The dictionary of an OTLP profiles request, whose tables are filled while samples refer to it. */
#ifndef PW_OUTPUT_PROFILE_OTLP_H
#define PW_OUTPUT_PROFILE_OTLP_H

#include "output/protobuf.h"
#include "output/sink.h"
#include "otlp.pb-c.h"

struct pw_otlp_attribute;

struct pw_otlp {
	const struct pw_profile *profile;
	struct pw_sink *sink;
	size_t *order;
	/* Fields are counted only, not written: what is inside a message is known before it. */
	bool measuring;
	size_t measured;
	bool nomem;
	struct pw_buffer values, times; /* of the samples that are written */
	struct pw_buffer places;	/* of the stack that is written: int32_t */

	struct pw_strings texts;
	struct pw_strings modules; /* a mapping's index is the number of its path */
	struct pw_strings processes;
	int32_t *stacks;	      /* by node: its index; 0: none yet */
	struct pw_buffer stack_nodes; /* by index - 1: uint32_t */
	/* The key of each is what makes it different, so that none is there twice. */
	struct pw_strings attribute_keys;
	struct pw_buffer attributes; /* by index - 1: struct pw_otlp_attribute */
};

/* A field of the message that is being written. */
void pw_otlp_put(struct pw_otlp *o, unsigned field, const ProtobufCMessage *message);
/* False: no more. */
bool pw_otlp_settle(struct pw_otlp *o);

/* Indexes, of an entry that is there or becomes so. */
int32_t pw_otlp_stack(struct pw_otlp *o, uint32_t node);
int32_t pw_otlp_text(struct pw_otlp *o, const char *key, const char *text);
int32_t pw_otlp_number(struct pw_otlp *o, const char *key, int64_t number, const char *unit);
int32_t pw_otlp_flag(struct pw_otlp *o, const char *key); /* true */
int32_t pw_otlp_fact(struct pw_otlp *o, const struct pw_profile_fact *fact);

/* The fields of ProfilesDictionary. */
void pw_otlp_write_tables(struct pw_otlp *o);
bool pw_otlp_failed(const struct pw_otlp *o);
void pw_otlp_deinit(struct pw_otlp *o);

#endif
