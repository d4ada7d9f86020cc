/*
 * One thread at one moment, copied by somebody else: an engine of sample/ that stopped it, ran in
 * its own context, or only looked at it.
 *
 * A moment holds bytes and decodes nothing; decoding happens afterwards, while the target runs on,
 * and takes nothing from the target itself that may have changed since.
 */
#ifndef PW_STACK_MOMENT_H
#define PW_STACK_MOMENT_H

#include "stack/model.h"

struct pw_moment {
	pid_t pid, tid;	  /* as this process's pid namespace numbers them */
	uint64_t time;	  /* ns; CLOCK_MONOTONIC */
	uint64_t tstate;  /* the address of the thread state whose frames these are; 0: none */
	uint32_t periods; /* of the engine's clock, that it stands for */
	bool has_regs;	  /* those of user space, all of them */
	struct pw_regs regs;
	/* What was copied: borrowed, in any order; later ones do not change earlier ones where they
	 * overlap.  Each holds `done` bytes. */
	const struct pw_piece *pieces;
	size_t piece_count;
	bool cut; /* there were more frames than there was room for */
};

struct pw_follow;

/*
 * The thread of a moment, as the only one of a dump, which is the caller's.  Names and lists are
 * those that `follow` keeps; it looks for new ones when it does not know the thread.  What could
 * not be read is lacking, as in any dump; an error when the thread state itself was not copied, or
 * when there is no memory.
 */
struct pw_error *pw_moment_decode(struct pw_follow *follow, const struct pw_moment *moment,
				  struct pw_dump **ret);

#endif
