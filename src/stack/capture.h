/*
 * Taking a dump, split over files: capture.c the order of things, take.c one thread (asleep,
 * stopped or still), thread.c what a thread's Python frames become, unwound.c its native ones.
 * Private to stack/.
 */
#ifndef PW_STACK_CAPTURE_H
#define PW_STACK_CAPTURE_H

#include "stack/codes.h"
#include "stack/model.h"
#include "stack/owners.h"

struct pw_follow;
struct pw_page_hints;

/* A thread state with its frames as they were copied. */
struct pw_copied {
	struct pw_pyframes frames;
	bool read;
};

/* A set of addresses. */
struct pw_seen {
	uint64_t *items; /* open addressing, a power of two; 0: free */
	size_t capacity, count;
};

struct pw_capture {
	struct pw_session *session;
	struct pw_python *python;
	const struct pw_capture_options *options; /* never NULL */
	struct pw_runtime_lists lists;
	struct pw_owners owners;
	struct pw_copied *copied; /* of each thread state */
	struct pw_thread_names names;
	struct pw_dump *dump;
	struct pw_seen seen;		/* of locals.c */
	uint64_t value_reads;		/* that the texts of values have taken */
	unsigned attempt;		/* number of the thread that is being finished */
	struct pw_unwinding *unwinding; /* of unwound.c: memory that each thread uses again */
	const struct pw_follow *follow; /* of follow.c: who is left out; NULL: nobody */
	struct pw_codes *codes;	     /* that were decoded before; borrowed, NULL: none are kept */
	struct pw_page_hints *hints; /* of pages.h; borrowed, NULL: threads are stopped once */
	/* CLOCK_MONOTONIC, ns: of moment.h, the past that is looked at, nothing is read ahead.
	 * 0: the present. */
	uint64_t moment;
	bool moved; /* a library is not where the mappings say; with `follow` alone */
};

/* ---- capture.c ---- */

/* Both are borrowed.  pw_capture_deinit() is due also after an error. */
struct pw_error *pw_capture_init(struct pw_session *session,
				 const struct pw_capture_options *options, struct pw_capture *ret);
void pw_capture_deinit(struct pw_capture *c);
/* Lists, owners and names; for a live process also threads and mappings. */
struct pw_error *pw_capture_read_lists(struct pw_capture *c);
/* The dump, once there are lists. */
struct pw_error *pw_capture_make(struct pw_capture *c);

void pw_capture_problem(struct pw_dump *dump, const char *text);
/* Copies the frames and code objects of one thread state, into `copied` and the snapshot. */
struct pw_error *pw_capture_copy(struct pw_capture *c, size_t tstate);
void pw_capture_forget(struct pw_capture *c, size_t tstate);
void pw_capture_forget_all(struct pw_capture *c);
/* Decodes a code object that was copied, once; while its pages are there. */
void pw_capture_load_code(struct pw_capture *c, struct pw_code_entry *entry);
void pw_capture_load_codes(struct pw_capture *c);
/* What this attempt has decoded is as if it had not been: others of the same snapshot have frames
 * of it too. */
void pw_capture_undo_codes(struct pw_capture *c);
/* Drops those that are not decoded: their pages go. */
void pw_capture_drop_codes(struct pw_capture *c);

/* ---- take.c ---- */

/* Takes all threads: sleepers where they sleep, the others stopped together. */
struct pw_error *pw_take_threads(struct pw_capture *c);

/* ---- peek.c ---- */

/* Copies the frames of a thread that runs, without stopping it.  *ret_whole: all that it had at one
 * moment; else, if *ret_usable, the oldest of them, those that did not change meanwhile. */
struct pw_error *pw_peek(struct pw_capture *c, const struct pw_lwp *lwp, bool *ret_whole,
			 bool *ret_usable);

/* ---- follow.c ---- */

bool pw_follow_skips(const struct pw_follow *follow, const struct pw_lwp *lwp);
/* Whether those that turn out to run are somebody else's. */
bool pw_follow_leaves_running(const struct pw_follow *follow);
/* A capture with what is kept, which a thread that is not known yet makes look again; and its end,
 * which is due also after an error. */
struct pw_error *pw_follow_begin(struct pw_follow *follow, pid_t tid, struct pw_capture *ret);
void pw_follow_end(struct pw_follow *follow, struct pw_capture *c);

/* ---- thread.c ---- */

/* Room for all threads that there can be. */
struct pw_error *pw_threads_reserve(struct pw_capture *c);
/*
 * Makes the thread of an OS thread out of what was copied of its thread states; native frames too,
 * when they are asked for.  *ret_kept is false when the thread has nothing to show.
 */
struct pw_error *pw_thread_make(struct pw_capture *c, const struct pw_lwp *lwp,
				struct pw_thread *ret, bool *ret_kept);
/* The same of one thread state, whatever the owners say. */
struct pw_error *pw_thread_make_one(struct pw_capture *c, const struct pw_lwp *lwp, size_t tstate,
				    struct pw_thread *ret);
/* Thread states without an OS thread. */
struct pw_error *pw_threads_add_orphans(struct pw_capture *c);

/* ---- unwound.c ---- */

/* What a walk of native frames lacked. */
struct pw_lack {
	bool registers;	  /* all registers would do better */
	uint64_t missing; /* a part of the stack that was not copied; 0: none */
};

/* Unwinds, names and merges; the thread's Python frames are there already. */
struct pw_error *pw_thread_unwind(struct pw_capture *c, const struct pw_lwp *lwp,
				  struct pw_thread *thread, struct pw_lack *ret);
void pw_unwinding_destroy(struct pw_unwinding *unwinding); /* takes NULL */

#endif
