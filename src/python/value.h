/*
 * Values: any object of the target as text, and its parts by name or position.
 *
 * Text is what repr() would say, as far as that follows from the object's structure: nothing is
 * called and nothing executed.  An instance whose class is not known here is shown with its
 * attributes: "<module.Class object at 0x7f..: a=1, b='x'>"; so is an instance of a class that
 * derives from a known one and has a __repr__ of its own: "<module.List object at 0x7f..: [1, 2]>".
 *
 * Everything is bounded by struct pw_value_limits, and nothing is believed.  What is left out is
 * counted: "[1, 2, ... 995 more]", "'abc'... (1000000 characters)"; an object that contains itself
 * ends in "[...]" as with repr().  What cannot be read is said in the text: "<unreadable at 0x..>".
 * Text is UTF-8 without control characters: they are escaped as repr() does.
 */
#ifndef PW_PYTHON_VALUE_H
#define PW_PYTHON_VALUE_H

#include "python/object.h"

/* Appends the text of an object; returns how many reads it took.  Never fails; out of memory is in
 * `ret`. */
unsigned pw_value_text(struct pw_python *python, uint64_t object,
		       const struct pw_value_limits *limits, struct pw_buffer *ret);
/* Appends the name of the object's type, "module.Qualified.Name", without "builtins.". */
void pw_value_type_name(struct pw_python *python, uint64_t object, struct pw_buffer *ret);
/* Appends the place of a frame that is no object: "<interpreter frame at 0x.., file 'x.py', ..>".
 */
void pw_pyframe_text(struct pw_python *python, uint64_t address,
		     const struct pw_value_limits *limits, struct pw_buffer *ret);
/* Appends the text of a str itself, without quotes and escapes but NULs' and lone surrogates', cut
 * at limits->characters; *ret_length is how many characters it has.  false: it is no str. */
bool pw_value_string(struct pw_python *python, uint64_t object,
		     const struct pw_value_limits *limits, struct pw_buffer *ret,
		     uint64_t *ret_length);

/* What an object's head says.  PW_ERROR_CORRUPT when there is no object. */
struct pw_error *pw_value_head(struct pw_python *python, uint64_t object, struct pw_object *ret);

/*
 * Calls `visit` for `count` parts of an object from number `start` on: items of a container (by
 * their order), attributes of an instance.  *ret_total is how many it claims to have.
 */
struct pw_error *pw_value_children(struct pw_python *python, uint64_t object, size_t start,
				   size_t count, pw_value_visit visit, void *data,
				   uint64_t *ret_total);

/*
 * The attribute of this name: __slots__ and members, the instance's own, then the classes' in the
 * order of resolution.  Descriptors are not called: a property is found as a property.  *ret is 0
 * when there is none.
 */
struct pw_error *pw_value_attribute(struct pw_python *python, uint64_t object, const char *name,
				    uint64_t *ret);
/* The item of a list, tuple or deque; a negative index counts from the end.  0: there is none. */
struct pw_error *pw_value_item_index(struct pw_python *python, uint64_t object, int64_t index,
				     uint64_t *ret);

/* The value for a key that compares equal; no hash is computed, every key is looked at.  A bool
 * equals its number, as in Python; in CPython 2.7 text equals bytes.  0: there is none. */
struct pw_error *pw_value_item_key(struct pw_python *python, uint64_t object,
				   const struct pw_value_key *key, uint64_t *ret);

/* An error when its type is no type, or a container's length is not believed. */
struct pw_error *pw_value_about(struct pw_python *python, uint64_t object,
				struct pw_value_about *ret);

/* PW_ERROR_CORRUPT when the object is not an exception. */
struct pw_error *pw_exception_read(struct pw_python *python, uint64_t object,
				   struct pw_exception *ret);

#endif
