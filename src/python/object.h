/*
 * Small pieces of Python objects: type names, strings, integers, dictionaries, attributes.
 *
 * Everything is bounded, and nothing is believed: a length is checked against limits, a chain ends.
 * All functions read through the target; results are owned by the caller unless said otherwise.
 */
#ifndef PW_PYTHON_OBJECT_H
#define PW_PYTHON_OBJECT_H

#include "base/buffer.h"
#include "python/runtime.h"

enum {
	PW_STRING_MAX = 1 << 16, /* code points of a name or path that are read */
	PW_BYTES_MAX = 64 << 20, /* bytes of a line table */
	PW_DICT_MAX = 1 << 20,	 /* entries of a dictionary that are looked at */
	PW_TYPE_NAME_MAX = 200,
};

/*
 * Fills the budget again: how much may be copied and looked at until the next call.  Each limit
 * above holds for one object; the budget holds for a million of them that a hostile target points
 * at.
 */
void pw_object_budget(struct pw_python *python);

/* The object's type; an error when it cannot be read. */
struct pw_error *pw_object_type(struct pw_python *python, uint64_t object, uint64_t *ret);
/* tp_name of the object's type into `name` (PW_TYPE_NAME_MAX + 1 bytes). */
struct pw_error *pw_object_type_name(struct pw_python *python, uint64_t object, char *name);

/*
 * NULL when the object is a code object: its type is called "code", or, in a core that lacks the
 * type's name (read-only data), is a type like any other.  PW_ERROR_CORRUPT names the type that it
 * has instead.
 */
struct pw_error *pw_object_check_code(struct pw_python *python, uint64_t object);

/*
 * Appends the text of a str (all kinds; 2.7: str as bytes, unicode) to `b`, as UTF-8 with escapes
 * (base/text.h).  A length above PW_STRING_MAX or below zero is PW_ERROR_CORRUPT with the object's
 * address; a type that is not a string too.
 */
struct pw_error *pw_object_string(struct pw_python *python, uint64_t object, struct pw_buffer *b);
/* Whether an object is a str with this text (ASCII).  What cannot be read is not. */
bool pw_object_string_is(struct pw_python *python, uint64_t object, const char *text);
/* Appends the raw content of a bytes object (2.7: str). */
struct pw_error *pw_object_bytes(struct pw_python *python, uint64_t object, struct pw_buffer *b);
/* An int that fits into 64 bits, unsigned or negative two's complement. */
struct pw_error *pw_object_int(struct pw_python *python, uint64_t object, uint64_t *ret);

/* Calls `visit(data, key, value)` for the entries of a dict until it returns false. */
struct pw_error *pw_dict_walk(struct pw_python *python, uint64_t dict,
			      bool (*visit)(void *data, uint64_t key, uint64_t value), void *data);
/* The value for a string key; *ret is 0 when there is none. */
struct pw_error *pw_dict_get(struct pw_python *python, uint64_t dict, const char *key,
			     uint64_t *ret);
/* An attribute in the instance's own dict or inline values (no descriptors, no class); 0: none. */
struct pw_error *pw_object_attribute(struct pw_python *python, uint64_t object, const char *name,
				     uint64_t *ret);

#endif
