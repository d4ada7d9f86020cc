/*
 * Looking at one live process again and again.  What changes rarely (interpreters, thread states,
 * names, mappings) is kept from look to look and read again when there is a sign that it changed,
 * and every second; a thread that has slept since it was taken is not taken again.
 */
#ifndef PW_STACK_FOLLOW_H
#define PW_STACK_FOLLOW_H

#include "stack/capture.h"

struct pw_follow;

/* Which threads are taken. */
enum pw_followed {
	PW_FOLLOW_ALL,
	PW_FOLLOW_RUNNING,
	PW_FOLLOW_GIL,	  /* the one that holds it */
	PW_FOLLOW_ASLEEP, /* those that do not run */
	PW_FOLLOW_NONE,	  /* only whether the process is still there */
};

/* The session is borrowed; `options` is copied. */
struct pw_error *pw_follow_create(struct pw_session *session,
				  const struct pw_capture_options *options, enum pw_followed which,
				  struct pw_follow **ret);
void pw_follow_destroy(struct pw_follow *follow); /* takes NULL */

/*
 * Looks once.  *ret has the threads that were taken now, and is the caller's.  The others of which
 * there is something to say, those that sleep where they slept, are told by `asleep` with their
 * tids, and taken again the next time if it says false; not for PW_FOLLOW_RUNNING.  Errors:
 * NO_TARGET when the process has ended, and those of pw_session_capture().
 */
struct pw_error *pw_follow_look(struct pw_follow *follow, struct pw_dump **ret,
				bool (*asleep)(void *data, uint64_t tid), void *data);

#endif
