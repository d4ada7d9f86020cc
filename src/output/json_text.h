/*
 * Pieces of JSON: what more than one format writes.  Text goes through jansson, so that what it
 * escapes is escaped everywhere alike; brackets and numbers are the formats' own, because a profile
 * has millions of them.
 */
#ifndef PW_OUTPUT_JSON_TEXT_H
#define PW_OUTPUT_JSON_TEXT_H

#include "base/buffer.h"

#include <jansson.h>

/* A string, or null for NULL.  What steers terminals sets the flag of json_dump() that has it
 * escaped.  Text that is not valid UTF-8 in spite of the model's promise is escaped rather than
 * refused.  NULL: out of memory. */
json_t *pw_json_text(const char *s, size_t *flags);

/* The same as text, with its quotes, behind the end of the buffer.  Out of memory: b->failed. */
void pw_json_append_text(struct pw_buffer *b, const char *s);
/* `"key": "text"`, with a comma before it; nothing when the text is NULL. */
void pw_json_append_member(struct pw_buffer *b, const char *key, const char *s);
/* `, "key": number`. */
void pw_json_append_count(struct pw_buffer *b, const char *key, uint64_t number);
void pw_json_append_integer(struct pw_buffer *b, int64_t number);
/* A number with that many of its digits behind the point, without zeros at its end: 1234500 with 3
 * is 1234.5. */
void pw_json_append_fixed(struct pw_buffer *b, uint64_t number, unsigned digits);
/* A number that may have a fraction; what JSON cannot say (infinite, not a number) is 0. */
void pw_json_append_real(struct pw_buffer *b, double number);

#endif
