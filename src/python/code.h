/*
 * Code objects: what a frame is called and where it stands in the source.
 *
 * pw_code_touch() belongs into a pause: it only reads, so that the bytes are in the snapshot.
 * pw_code_load() decodes afterwards.
 */
#ifndef PW_PYTHON_CODE_H
#define PW_PYTHON_CODE_H

#include "python/frame.h"
#include "python/lines.h"
#include "python/object.h"

struct pw_code {
	uint64_t address;
	char *name, *qualname,
		*filename; /* owned; NULL: could not be read, or (qualname) before 3.11 */
	int firstlineno;
	uint64_t bytecode; /* address of the first instruction; 3.11+ */
	uint64_t tlbc; /* address of the array of bytecode copies, 3.14+ free-threaded; 0: none */
	int firsttraceable; /* instructions before it are the entry sequence; 3.11+ */
	/* Nothing of it belongs to a program: the interpreter's own, that clears up behind an
	 * __init__ (3.12+, _Py_InitCleanup in Python/specialize.c). */
	bool internal;
	struct pw_buffer table;
	struct pw_error *error; /* the first thing that could not be read; owned */
};

/* Reads what pw_code_load() will need, into the snapshot. */
void pw_code_touch(struct pw_python *python, uint64_t address);
/* Never fails: what could not be read is NULL, and `error` says why. */
void pw_code_load(struct pw_python *python, uint64_t address, struct pw_code *ret);
void pw_code_deinit(struct pw_code *code);
/* Of a code object of which `address` is set: where its instructions are (3.11+). */
void pw_code_find_bytecode(struct pw_python *python, struct pw_code *code);

/* The byte offset of the frame's instruction; below 0: not started, or not inside of this code. */
int64_t pw_code_lasti(struct pw_python *python, const struct pw_code *code,
		      const struct pw_pyframe *frame);
/* Whether the frame has been entered but has not run an instruction of its body. */
bool pw_code_incomplete(const struct pw_layout *layout, const struct pw_code *code,
			const struct pw_pyframe *frame, int64_t lasti);
/* The line that the frame executes; 0: unknown. */
int pw_pyframe_line(struct pw_python *python, const struct pw_code *code,
		    const struct pw_pyframe *frame);

#endif
