/*
 * Code objects of functions, looked for in the modules that are loaded and in the frames that run;
 * and the places of their bytecode at which functions and lines begin.
 */
#ifndef PW_PYTHON_CODE_SEARCH_H
#define PW_PYTHON_CODE_SEARCH_H

#include "python/code.h"

enum {
	PW_CODES_MAX = 1 << 20,	   /* code objects that are listed */
	PW_BYTECODE_MAX = 1 << 22, /* bytes of one code object */
};

/*
 * Calls `visit` once for each code object that can be reached: from modules through functions,
 * methods, classes, properties, what is wrapped by functools, closures; from frames; and from other
 * code objects that hold it.  An error names what stopped the search.
 */
struct pw_error *pw_code_search(struct pw_python *python, pw_code_visit visit, void *data);

/* Calls `visit` for each place of a code object at which a line begins, by offset, and for that at
 * which its body does.  *ret_instructions is where the bytecode starts. */
struct pw_error *pw_code_places(struct pw_python *python, uint64_t code, pw_code_place_visit visit,
				void *data);

/* The newest frame, with its anchor, which only the oldest one of its C frame tells. */
struct pw_error *pw_newest_frame(struct pw_python *python, uint64_t tstate,
				 struct pw_newest_frame *ret);

/* Why an access to bytecode does not tell that it is executed, static text; NULL: it does. */
const char *pw_code_unwatchable(struct pw_python *python);

/* Where a frame is in its code, by what it says itself: of a thread that stands still between two
 * instructions, before 3.11 the one that comes, later the one that was. */
struct pw_error *pw_frame_instruction(struct pw_python *python, uint64_t frame, uint64_t *ret_code,
				      int64_t *ret_offset, int *ret_line);

#endif
