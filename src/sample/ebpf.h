/*
 * The engine `ebpf`: threads are looked at in their own context.  On each tick of a perf software
 * clock, which runs only while the thread does, or (at high rates: ebpf_ticker.h) of one that is
 * sent to where it runs, a program in the kernel (ebpf.bpf.c) copies what
 * the thread's frames consist of, with its registers; nothing is stopped, and sleeping threads cost
 * nothing.
 *
 * Threads and child processes that come later are looked at too, from their first tick on; that is
 * a whole period after their start, so that threads that run for less are not met at all.  A child
 * is taken for what its parent is until it runs another program; then, until that is added, its
 * ticks are only counted.
 */
#ifndef PW_SAMPLE_EBPF_H
#define PW_SAMPLE_EBPF_H

#include "stack/moment.h"

struct pw_ebpf;

/* Ticks, and what became of them. */
struct pw_ebpf_counts {
	uint64_t ticks, taken;
	uint64_t ring_full;  /* it was not drained in time */
	uint64_t unreadable; /* a thread state or a frame was not where a pointer said, or paged out
			      */
	uint64_t strange;    /* of processes that were not added, or run another program now */
	uint64_t ending;     /* threads that had given up their memory */
	uint64_t displaced;  /* threads that waited for us, who sent the ticks, as they came */
	/* Of ticks that are sent: how many, and periods that were over before. */
	uint64_t sent, skipped;
};

/*
 * `rate`: ticks per second that a thread runs, up to 100000.  `native`: the native stack too, from
 * sp's page on, as much as there is, PW_EBPF_STACK at most.  Errors: UNSUPPORTED (not built in, a
 * kernel that lacks something), PERMISSION, each with what is missing and what was expected.
 */
enum { PW_EBPF_STACK = 256 * 1024 };
struct pw_error *pw_ebpf_open(double rate, bool native, struct pw_ebpf **ret);

/*
 * All threads that it has now, and their threads and children.  To be called again for a process
 * that was inherited, before its moments can be decoded, and for one that runs another program now:
 * none of its threads is then looked at twice.  The session is only read from during the call.
 */
struct pw_error *pw_ebpf_add(struct pw_ebpf *ebpf, struct pw_session *session);
/* The children that it has now go on. */
void pw_ebpf_remove(struct pw_ebpf *ebpf, pid_t pid);

/* All moments since the last call, in their order by thread.  What `got` is given lasts until it
 * returns; the pieces point into the ring. */
struct pw_error *pw_ebpf_drain(struct pw_ebpf *ebpf,
			       void (*got)(void *data, const struct pw_moment *moment), void *data);

struct pw_ebpf_counts pw_ebpf_count(const struct pw_ebpf *ebpf);
/* Ticks of threads in processes that are looked at, of which there is no moment. */
uint64_t pw_ebpf_lost(const struct pw_ebpf *ebpf);
void pw_ebpf_close(struct pw_ebpf *ebpf); /* takes NULL */

#endif
