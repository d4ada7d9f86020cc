/*
 * Interpreters and thread states: the two lists under the runtime, and who holds which GIL.
 */
#ifndef PW_PYTHON_INTERP_H
#define PW_PYTHON_INTERP_H

#include "python/runtime.h"

enum { PW_INTERP_MAX = 1 << 12, PW_TSTATE_MAX = 1 << 16 };

struct pw_interp {
	uint64_t address;
	int64_t id;
	bool main;
	uint64_t gil; /* struct _gil_runtime_state; 0: unknown or none */
};

struct pw_tstate {
	uint64_t address;
	size_t interp;	    /* index into the interpreters */
	uint64_t thread_id; /* pthread_self() */
	uint64_t native_id; /* gettid() as the target saw it; 0: before 3.11 */
	enum pw_tristate holds_gil;
};

struct pw_runtime_lists {
	struct pw_interp *interps; /* the main interpreter first, then in order of creation */
	size_t interp_count;
	struct pw_tstate *tstates; /* by interpreter, newest first */
	size_t tstate_count;
};

/*
 * Reads both lists.  A list that breaks is kept as far as it was readable, with a note; an error
 * only for want of memory.
 */
struct pw_error *pw_lists_read(struct pw_python *python, struct pw_runtime_lists *ret,
			       struct pw_notes *notes);
/* The same with at most so many thread states of each interpreter, the newest. */
struct pw_error *pw_lists_read_some(struct pw_python *python, size_t most,
				    struct pw_runtime_lists *ret, struct pw_notes *notes);
/* Reads again who holds the GILs. */
void pw_lists_refresh_gil(struct pw_python *python, struct pw_runtime_lists *lists);
void pw_lists_deinit(struct pw_runtime_lists *lists);

#endif
