/*
 * The names that the threading module knows: sys.modules["threading"]._active, ident ->
 * Thread._name.
 */
#ifndef PW_PYTHON_THREAD_NAMES_H
#define PW_PYTHON_THREAD_NAMES_H

#include "python/interp.h"

struct pw_thread_name {
	uint64_t thread_id; /* pthread_self() */
	char *name;	    /* owned */
};

struct pw_thread_names {
	struct pw_thread_name *items; /* owned */
	size_t count;
	uint64_t only; /* pthread_self() of the thread whose name is wanted; 0: all */
};

/* Adds the names of one interpreter.  What cannot be read is left out: names are a courtesy. */
void pw_thread_names_read(struct pw_python *python, const struct pw_interp *interp,
			  struct pw_thread_names *names);
void pw_thread_names_deinit(struct pw_thread_names *names);
/* NULL: none.  Borrowed. */
const char *pw_thread_names_find(const struct pw_thread_names *names, uint64_t thread_id);

#endif
