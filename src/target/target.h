/*
 * A target: an address space and its threads, wherever they come from.
 *
 * The address space is a sorted list of mappings whose bytes are supplied by a process (live.c), a
 * core file together with the files it names (core.c), a debugger (callback.c), or a copy taken
 * while the target stood still (snapshot.c).  A read says who supplied it.
 *
 * Only this folder makes system calls on a target.  It never writes to one and never runs its
 * files.
 */
#ifndef PW_TARGET_TARGET_H
#define PW_TARGET_TARGET_H

#include "base/error.h"
#include "target/arch.h"

#include <sys/types.h>

enum pw_supplier {
	PW_SUPPLIER_NONE,
	PW_SUPPLIER_PROCESS,
	PW_SUPPLIER_CORE,
	PW_SUPPLIER_FILE, /* an executable or library on disk, for bytes that a core left out */
	PW_SUPPLIER_SNAPSHOT,
	PW_SUPPLIER_CALLBACK,
};
const char *pw_supplier_name(enum pw_supplier supplier);

struct pw_mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t offset;     /* in the file, bytes */
	bool readable, writable, executable;
	char *path; /* as the target sees it; NULL for anonymous; "[heap]", "[stack]", "[vdso]" as
		       given */
	char *host_path; /* how this process opens that file; NULL when it has none or cannot */
};

enum pw_run_state {
	PW_RUN_UNKNOWN,
	PW_RUN_RUNNING,
	PW_RUN_SLEEPING,
	PW_RUN_DISK,
	PW_RUN_STOPPED,
	PW_RUN_ZOMBIE,
	PW_RUN_DEAD,
	PW_RUN_GONE, /* a thread state without an OS thread */
};
const char *pw_run_state_name(enum pw_run_state state);

/* How a thread of a live process was looked at. */
enum pw_taken {
	PW_TAKEN_NOT,	  /* not live, or not yet */
	PW_TAKEN_ASLEEP,  /* it slept before, meanwhile and afterwards */
	PW_TAKEN_STOPPED, /* it was stopped */
	PW_TAKEN_RUNNING, /* it was not stopped although it may have run */
	PW_TAKEN_TWICE,	  /* the same, and two copies agreed */
};
const char *pw_taken_name(enum pw_taken taken);

struct pw_lwp {
	uint64_t tid;	 /* in this process's pid namespace */
	uint64_t ns_tid; /* in the target's own innermost pid namespace; equal to tid when not
			    nested */
	char name[64];	 /* the kernel's, escaped as in base/text.h; "" when unknown */
	enum pw_run_state state;
	bool has_regs; /* all of them; else sp and pc, 0 when not even these are known */
	struct pw_regs regs;
	enum pw_taken taken;
	uint64_t stopped_ns; /* how long it was stopped */
};

/* The proof that a thread slept: what the kernel said of it at its beginning. */
struct pw_sleep {
	int syscall_fd, sched_fd; /* -1: closed */
	bool status;		  /* sched_fd is of "status", where the kernel has no "schedstat" */
	size_t syscall_length, sched_length;
	char syscall[200], sched[200];
};

/* When a thread was looked at last; all zero: never. */
struct pw_pulse {
	bool opened;
	int fd;
	size_t length;
	char text[96];
};
enum pw_beat {
	PW_BEAT_NONE, /* it has not been put on a processor since */
	PW_BEAT_RAN,  /* it may have run */
	PW_BEAT_GONE,
};
void pw_pulse_end(struct pw_pulse *pulse);

/* A piece of memory to be copied. */
struct pw_piece {
	uint64_t address;
	void *buffer;
	size_t length, done;
};

/* Something that could not be read or is not as it should be, for the user to see. */
struct pw_notes {
	char **texts; /* owned */
	size_t count;
};
void pw_notes_add(struct pw_notes *notes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void pw_notes_deinit(struct pw_notes *notes);

/* One thing that a target lacks and what that costs, for `pywalk info`; what matters to everybody
 * is a note, too. */
struct pw_missing {
	const char *kind; /* "stack", "registers"; static */
	char *text;	  /* owned */
};

struct pw_target;

struct pw_target_ops {
	const char *kind; /* "process", "core", "callback" */
	/*
	 * Reads up to `length` bytes at `address`, stopping at the first that cannot be read.
	 * *ret_done is the number read, 0 when none.  An error only for what makes further reads
	 * pointless (the process is gone, no permission).
	 */
	struct pw_error *(*read)(struct pw_target *target, uint64_t address, void *buffer,
				 size_t length, size_t *ret_done, enum pw_supplier *ret_supplier);
	/* Reads pieces with as few calls as it takes; each says how much of it was done.  NULL:
	 * there is nothing better than read(). */
	struct pw_error *(*read_pieces)(struct pw_target *target, struct pw_piece *pieces,
					size_t count);
	/*
	 * Stops the threads of `tids` (count 0: all there are), fills in the registers of their
	 * lwps, calls copy(data) while they stand still, and lets them go.  `copy` may run in
	 * another thread of this process.  NULL: the target stands still anyway.  Threads that
	 * have exited are left out.
	 */
	struct pw_error *(*stop)(struct pw_target *target, const pid_t *tids, size_t count,
				 void (*copy)(void *data), void *data);
	/* From now on a thread of ours stays ready for stop(), until `ready` is false: who stops
	 * again and again does it faster.  NULL: there is no stop(). */
	struct pw_error *(*stay_ready)(struct pw_target *target, bool ready);
	/* Whether a thread sleeps in a system call; fills its sp and pc.  Then pw_sleep_end() is
	 * due.  NULL: not live. */
	bool (*sleep_begin)(struct pw_target *target, struct pw_lwp *lwp, struct pw_sleep *ret);
	/* Whether it has slept without a break since. */
	bool (*sleep_holds)(struct pw_target *target, struct pw_sleep *sleep);
	/* Who looks again and again asks first whether there is anything new.  NULL: not live. */
	enum pw_beat (*pulse)(struct pw_target *target, const struct pw_lwp *lwp,
			      struct pw_pulse *pulse);
	uint64_t (*thread_count)(struct pw_target *target); /* changes with it; 0: not known */
	bool (*describe)(struct pw_target *target, struct pw_lwp *lwp); /* its state; false: gone */
	struct pw_error *(*refresh_mappings)(struct pw_target *target);
	/* From now on what is read is kept by the target itself, until `keep` is false: then it is
	 * forgotten.  NULL: snapshot.c keeps copies. */
	void (*keep)(struct pw_target *target, bool keep);
	/* How many bytes of its memory are resident; 0: not known.  NULL: not live. */
	uint64_t (*resident)(struct pw_target *target);
	/* Fills target->lwps without stopping anything (registers may be absent). */
	struct pw_error *(*refresh)(struct pw_target *target);
	void (*destroy)(struct pw_target *target);
};

struct pw_target {
	const struct pw_target_ops *ops;
	const struct pw_arch *arch;
	pid_t pid;    /* 0: unknown */
	pid_t ns_pid; /* in the target's own innermost pid namespace; equal to pid when not nested
		       */
	pid_t parent; /* of a live process, when it was opened; 0: unknown */
	char *executable;	     /* as the target sees it; NULL: unknown */
	char *executable_host;	     /* how this process opens it; NULL: cannot */
	char *root;		     /* prefix for host paths: "/proc/PID/root", a sysroot, or "" */
	struct pw_mapping *mappings; /* sorted by start, not overlapping */
	size_t mapping_count;
	unsigned mapping_changes; /* how often they were read and were others */
	struct pw_lwp *lwps;	  /* sorted by tid, the main thread (tid == pid) first */
	size_t lwp_count;
	uint64_t pause_ns;     /* how long the last pause lasted */
	struct pw_notes notes; /* what is missing: truncated core, file of another build, ... */
	struct pw_missing *missing;
	size_t missing_count;
	int signal; /* a core: the signal it died of, 0: none */
	/* The address of a symbol, by whoever supplies the target (a debugger); NULL: use binary/.
	 */
	uint64_t (*symbol)(struct pw_target *target, const char *name);
	struct pw_snapshot *snapshot;	    /* reads go through it when not NULL */
	struct pw_snapshot *snapshot_spare; /* memory of the last one; NULL: none */
};

/* Closes, frees, and lets the target go if it is stopped.  Takes NULL. */
void pw_target_destroy(struct pw_target *target);

/* Opens.  Errors: NO_TARGET, PERMISSION (says who traces it already), FORMAT, UNSUPPORTED, IO,
 * NOMEM. */
struct pw_error *pw_target_open_live(pid_t pid, const struct pw_options *options,
				     struct pw_target **ret);
struct pw_error *pw_target_open_core(const char *path, const struct pw_options *options,
				     struct pw_target **ret);
struct pw_error *pw_target_open_callback(const struct pw_reader *reader,
					 const struct pw_options *options, struct pw_target **ret);
struct pw_error *pw_callback_set_threads(struct pw_target *target,
					 const struct pw_reader_thread *threads, size_t count);
/* *ret_taken is false, and nothing is changed, when other files are mapped, or elsewhere. */
struct pw_error *pw_callback_set_mappings(struct pw_target *target,
					  const struct pw_reader_mapping *mappings, size_t count,
					  bool *ret_taken);
/* true: what is read is kept, whatever else happens, until the next call; which forgets it first.
 */
void pw_callback_hold(struct pw_target *target, bool hold);
struct pw_read_statistics pw_callback_statistics(const struct pw_target *target);

/* ---- reading: use these, not ops->read ---- */

/* Exactly `length` bytes, or an error with the first unreadable address (PW_ERROR_UNREADABLE). */
struct pw_error *pw_read(struct pw_target *target, uint64_t address, void *buffer, size_t length);
/* As many as can be had. */
struct pw_error *pw_read_some(struct pw_target *target, uint64_t address, void *buffer,
			      size_t length, size_t *ret_done, enum pw_supplier *ret_supplier);
struct pw_error *pw_read_u64(struct pw_target *target, uint64_t address, uint64_t *ret);
struct pw_error *pw_read_u32(struct pw_target *target, uint64_t address, uint32_t *ret);
struct pw_error *pw_read_u8(struct pw_target *target, uint64_t address, uint8_t *ret);
/* A NUL-terminated string of at most `max` bytes, into `buffer` of max + 1 bytes; one that does not
 * end is cut.  */
struct pw_error *pw_read_string(struct pw_target *target, uint64_t address, char *buffer,
				size_t max);

/* The mapping that holds `address`, or NULL. */
const struct pw_mapping *pw_target_mapping(const struct pw_target *target, uint64_t address);
/* The thread, or NULL. */
struct pw_lwp *pw_target_lwp(const struct pw_target *target, uint64_t tid);

/* ---- snapshot.c: the bytes of one moment ---- */

/* From now on every page that is read is kept, and read again from the copy: many small reads
 * become few, and what was read while the target stood still stays what it was.  No-op for a core.
 */
struct pw_error *pw_snapshot_begin(struct pw_target *target);
/* Forgets the copies. */
void pw_snapshot_end(struct pw_target *target);
/* And the memory they were in, which the next snapshot would use. */
void pw_snapshot_destroy(struct pw_target *target);
/* The addresses of the pages that were copied, or of those that were read as well, in ascending
 * order; owned by the caller.  NULL: none, or out of memory. */
uint64_t *pw_snapshot_pages(const struct pw_target *target, bool read, size_t *ret_count);
/* Copies these pages now, with few calls; what cannot be read is left out. */
void pw_snapshot_prefetch(struct pw_target *target, const uint64_t *pages, size_t count);
/* From now on nothing is copied that the target may have changed since: only what was copied, and
 * mappings that it cannot write. */
void pw_snapshot_close(struct pw_target *target, bool closed);
/* What was copied by somebody else, and is borrowed while the snapshot lasts: reads of it are
 * answered by it. */
struct pw_error *pw_snapshot_supply(struct pw_target *target, const struct pw_piece *pieces,
				    size_t count);
/* How many pages have been copied so far. */
size_t pw_snapshot_page_count(const struct pw_target *target);

void pw_sleep_end(struct pw_sleep *sleep);

/* Helpers of the targets. */
struct pw_error *pw_target_add_missing(struct pw_target *target, const char *kind,
				       const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct pw_error *pw_target_add_mapping(struct pw_target *target, const struct pw_mapping *mapping);
/* Joins target->root and `path`; resolves symbolic links inside the root, so that an absolute link
 * does not lead out of it.  NULL when there is no such regular file.  Owned by the caller. */
char *pw_target_host_path(const struct pw_target *target, const char *path);

#endif
