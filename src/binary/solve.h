/*
 * Finding a frame's end when a register that it needs is not known, by what calls leave on the
 * stack: a return address whose call leads to the function.
 *
 * A thread that sleeps shows its stack pointer and pc only (proc_pid_syscall(5)); functions that
 * keep a frame pointer cannot be left by these two alone.  An answer is given when it is the only
 * one; stale return addresses of earlier calls lie on every stack.
 */
#ifndef PW_BINARY_SOLVE_H
#define PW_BINARY_SOLVE_H

#include "binary/cfi.h"

/* What the instruction before a return address calls; the target of a linkage stub is looked up.
 * PW_CALL_NONE also when the code cannot be read. */
enum pw_call pw_modules_call(struct pw_modules *modules, uint64_t return_address,
			     uint64_t *ret_target);

/* Whether the code at `address` is mapped to be run. */
bool pw_modules_is_code(const struct pw_modules *modules, uint64_t address);

struct pw_solve {
	struct pw_modules *modules;
	const struct pw_unwind_memory *memory;
	uint64_t pc;	/* within the function */
	uint64_t sp;	/* of its frame */
	uint64_t limit; /* the CFA lies at or below it */
	uint64_t *left; /* words that may still be read for an answer; counted down */
};

/*
 * The CFA of a frame whose row says "register + offset" with a register that is not known (`row`
 * NULL: there is no row).  false: no answer, more than one, or none in time.
 */
bool pw_solve_cfa(const struct pw_solve *solve, const struct pw_row *row, uint64_t *ret);

#endif
