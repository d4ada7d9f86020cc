/*
 * The native frames of one thread, by pywalk's own unwinding: newest first, each with the part of
 * the stack that is its own.
 *
 * Reads memory through the target's snapshot and nothing else.  Where call-frame information is
 * missing, the walk goes on at the next evaluation frame whose place an anchor proves, and a gap is
 * left in the list.
 */
#ifndef PW_STACK_NATIVE_H
#define PW_STACK_NATIVE_H

#include "stack/model.h"

struct pw_native_walk {
	struct pw_native_frame *frames; /* owned; symbol and module are not filled in */
	size_t count, capacity;
	enum pw_native_end end;
	uint64_t end_address;
	char end_message[160];
	/* What ended the walk or made a gap: a register that is not known. */
	bool wants_registers;
	/* A part of the stack that was not copied; 0: none. */
	uint64_t missing;
	char gap_reasons[8][160]; /* what frames[].reason points to */
	unsigned gap_count;
};

/*
 * What is known of evaluation frames before they are found: addresses on the stack that lie in
 * them (ascending), and, for frames without one, the addresses of frame objects that they hold.
 */
struct pw_native_hints {
	const uint64_t *anchors, *pointers;
	size_t anchor_count, pointer_count;
};

/*
 * Walks from `regs` (sp and pc known, the others as far as they are).  Never fails: `end` says why
 * it stopped.  `ret` is zero, or an earlier walk, whose memory is used again.
 */
void pw_native_walk(struct pw_session *session, const struct pw_regs *regs,
		    const struct pw_native_hints *hints, struct pw_native_walk *ret);
void pw_native_walk_deinit(struct pw_native_walk *walk);

/* Whether a symbol is the evaluation function's: "name", or what compilers make of it, such as
 * "name.cold", "name.part.0", "name.constprop.1.lto_priv.0". */
bool pw_is_eval_symbol(const struct pw_session *session, const char *symbol);

/*
 * The end of the stack that `sp` of these registers is on; 0: there is none.  That of its mapping,
 * which threads' stacks may share (their guards need no mapping of their own, Linux 6.13, glibc
 * 2.42): there the C library keeps what the thread pointer points to at the top of each.
 */
uint64_t pw_stack_end(const struct pw_target *target, const struct pw_regs *regs);

#endif
