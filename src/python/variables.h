/*
 * The variables of a Python frame, by name: what its code object lists and its slots hold.
 *
 * Reads names and addresses only; what a value is, value.h says.
 */
#ifndef PW_PYTHON_VARIABLES_H
#define PW_PYTHON_VARIABLES_H

#include "python/frame.h"

enum {
	PW_VARIABLES_MAX = 1 << 12, /* slots of a frame that are believed */
	PW_NAMESPACE_MAX = 200,	    /* names of a module or class body that are listed */
};

struct pw_variable_slot {
	char *name; /* owned; "?" when it cannot be read */
	enum pw_variable_kind kind;
	uint64_t object; /* 0: unbound */
};

struct pw_variables {
	struct pw_variable_slot *items; /* owned */
	size_t count, capacity;
	uint64_t more;	/* of a namespace: how many are left out */
	uint64_t names; /* the namespace of a module or class body; 0: a function's frame */
	uint64_t globals, builtins;
	struct pw_error *error; /* why some are missing; owned */
};

/* Never fails: what is wrong is in `error`. */
void pw_variables_read(struct pw_python *python, const struct pw_pyframe *frame,
		       struct pw_variables *ret);
void pw_variables_deinit(struct pw_variables *variables);

/* The frame of a generator, coroutine or asynchronous generator; *ret_found is false when it has
 * ended. */
struct pw_error *pw_generator_frame(struct pw_python *python, uint64_t generator,
				    struct pw_pyframe *ret, bool *ret_found);

#endif
