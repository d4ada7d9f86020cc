/* What frame.c and datastack.c share: reading a _PyInterpreterFrame, and the list of frames. */
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
/* false: the limit is reached, or memory ran out. */
bool pw_iframe_append(struct pw_pyframes *frames, uint64_t at, const struct pw_iframe *frame,
		      size_t max);

/*
 * datastack.c: adds the frames that stand on the thread's data stack, older than those that are
 * there already, when the links to them, on the C stack, are lost.
 */
void pw_datastack_resume(struct pw_python *python, uint64_t tstate, size_t max,
			 struct pw_pyframes *frames);

#endif
