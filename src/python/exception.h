/*
 * Exceptions of a thread, their tracebacks, and what they say.
 *
 * Being raised: C code has set it, and no handler has been found yet.  Being handled: an except or
 * finally clause runs because of it, sys.exc_info().
 */
#ifndef PW_PYTHON_EXCEPTION_H
#define PW_PYTHON_EXCEPTION_H

#include "python/value.h"

enum {
	PW_HANDLED_MAX = 1 << 12,   /* exceptions that one thread handles at a time */
	PW_TRACEBACK_MAX = 1 << 16, /* entries of a traceback */
};

/* Calls `visit` for the one being raised, then for those being handled, the newest first. */
struct pw_error *pw_thread_exceptions(struct pw_python *python, uint64_t tstate,
				      pw_thread_exception_visit visit, void *data);

/* Calls `visit` for the entries of a traceback, the oldest call first.  An error after the last one
 * that could be read. */
struct pw_error *pw_traceback_walk(struct pw_python *python, uint64_t traceback,
				   pw_traceback_visit visit, void *data);

/*
 * Appends what Python prints behind a traceback: the name of the type, "module.Qualified.Name", and
 * str() of the exception.  `value` need not be an exception yet (3.11 and older): it is then what
 * one would be made of.  *ret_exact is false when only a __str__ of Python's could tell: the text
 * is then what BaseException's would be.
 */
void pw_exception_text(struct pw_python *python, uint64_t type, uint64_t value,
		       const struct pw_value_limits *limits, struct pw_buffer *ret_type,
		       struct pw_buffer *ret_message, bool *ret_exact);

#endif
