/*
 * Which OS thread a thread state belongs to.  Several thread states may share one: subinterpreters,
 * PyGILState_Ensure().  Private to stack/.
 */
#ifndef PW_STACK_OWNERS_H
#define PW_STACK_OWNERS_H

#include "python/interp.h"

struct pw_owners {
	struct pw_target *target;
	struct pw_lwp **lwps; /* of each thread state; NULL: no OS thread; owned */
	size_t *first;	      /* of each OS thread: its first thread state, plus one; owned */
	size_t *next;	      /* of each thread state: the next one, plus one; owned */
};

/*
 * Finds them all; target->lwps must stay as they are while `ret` is used.  `may_stop`: threads of a
 * live target are stopped for a moment where only their registers tell (before 3.11, without
 * glibc).  Fills in the native ids of thread states that only glibc noted.  Errors: NOMEM, and
 * those of stopping.
 */
struct pw_error *pw_owners_find(struct pw_target *target, struct pw_runtime_lists *lists,
				bool may_stop, struct pw_owners *ret);
void pw_owners_deinit(struct pw_owners *owners);

/* The thread states of an OS thread, in the order of the list: each as its index plus one, 0 behind
 * the last. */
size_t pw_owned_first(const struct pw_owners *owners, const struct pw_lwp *lwp);
size_t pw_owned_next(const struct pw_owners *owners, size_t owned);

#endif
