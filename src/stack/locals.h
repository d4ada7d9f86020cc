/*
 * The variables of a dump's frames, as text.  Private to stack/.
 */
#ifndef PW_STACK_LOCALS_H
#define PW_STACK_LOCALS_H

#include "stack/capture.h"

struct pw_frame_variables {
	struct pw_variable *items; /* owned, with their texts */
	size_t count;
	uint64_t more, globals, builtins;
	char *problem;
};

/* Reads what pw_locals_make() will need, into the snapshot; nothing when no locals are asked for.
 * `ahead`: the threads still run; else only what is new since then. */
void pw_locals_touch(struct pw_capture *c, const struct pw_pyframes *frames, bool ahead);
/* Forgets what there was before. */
void pw_locals_forget_seen(struct pw_capture *c);
/* Fails for want of memory only: what is wrong with the target is in the result. */
struct pw_error *pw_locals_make(struct pw_capture *c, const struct pw_pyframe *frame,
				struct pw_frame_variables **ret);
void pw_locals_destroy(struct pw_frame_variables *variables); /* takes NULL */

#endif
