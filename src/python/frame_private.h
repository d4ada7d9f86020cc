/*
 * What frame.c, datastack.c and resume.c share: reading a _PyInterpreterFrame, and what stands on a
 * thread's data stack.
 */
#ifndef PW_PYTHON_FRAME_PRIVATE_H
#define PW_PYTHON_FRAME_PRIVATE_H

#include "python/frame.h"

struct pw_iframe {
	uint64_t previous, code, instr;
	uint8_t owner, is_entry;
	int32_t tlbc;
};

struct pw_error *pw_iframe_read(struct pw_python *python, uint64_t at, struct pw_iframe *ret);
/* Owned by the C stack or the interpreter: no Python code runs in it. */
bool pw_iframe_is_shim(const struct pw_layout *layout, uint8_t owner);

/*
 * ---- datastack.c: frames by where they stand ----
 *
 * A thread's frames stand on its data stack, one behind the other, and in generators.  All that
 * stand there are found without a link from frame to frame; but one that has been left and is being
 * cleared still stands there, and one whose arguments are being sorted stands there already.
 */

/* Whether a frame that stands there runs, by what is in it.  The higher, the surer. */
enum pw_runs {
	PW_RUNS_NOT,	/* it is being cleared */
	PW_RUNS_UNTOLD, /* it may be either */
	PW_RUNS_LIKELY, /* it was begun, and nothing of it has been cleared */
	PW_RUNS_SURELY,
};

struct pw_standing {
	uint64_t address;
	struct pw_iframe frame;
	uint64_t place; /* the higher, the newer; 0: in a generator */
	enum pw_runs runs;
	bool begun; /* on the data stack: it has run an instruction */
};

struct pw_stack_chunk {
	uint64_t begin, top, end; /* of its frames, and of those that were found */
	uint64_t number;	  /* above 0; the higher, the newer */
	bool gap;		  /* some that stand in front of `end` were not found */
};

struct pw_datastack {
	struct pw_stack_chunk *chunks; /* owned; by address */
	size_t chunk_count, chunk_capacity;
	struct pw_standing *items; /* owned */
	size_t count, capacity;
	size_t generators; /* of the items, the first so many, newest first; then the data stack */
	char missing[128]; /* why these are not all, "" if they are */
};

/* *ret is to be deinitialised even then.  An error only for want of memory. */
struct pw_error *pw_datastack_read(struct pw_python *python, uint64_t tstate,
				   struct pw_datastack *ret);
void pw_datastack_deinit(struct pw_datastack *stack);
/* The place of an address on the data stack, 0 if it is on none of the chunks.  *ret_seen: frames
 * that stand there have all been found. */
uint64_t pw_datastack_place(const struct pw_datastack *stack, uint64_t address, bool *ret_seen);
/* Whether it is on the data stack, behind what was found. */
bool pw_datastack_is_behind(const struct pw_datastack *stack, uint64_t address);
/* Finds more from there on, where a frame is known to begin; they come last. */
struct pw_error *pw_datastack_continue(struct pw_python *python, struct pw_datastack *stack,
				       uint64_t address);

/* How many bytes a frame of this code takes; 0: not known. */
uint64_t pw_frame_size(struct pw_python *python, uint64_t code);

/*
 * passing_on.c: whether the frame of `size` bytes at `caller` is who threw an exception into a
 * generator that passes it on.  Looks at *left objects at most, and counts them off.
 */
bool pw_find_passing_on(struct pw_python *python, uint64_t caller, size_t size, size_t *left,
			struct pw_standing *ret);

/*
 * ---- resume.c ----
 *
 * Replaces the frames by all that are proved to run, those that were there among them, when a link
 * between them is lost.  `newest`: the frame that the thread state leads to, 0: not known.
 */
void pw_frames_resume(struct pw_python *python, uint64_t tstate, uint64_t newest, size_t max,
		      struct pw_pyframes *frames);

#endif
