/*
 * A live process: proc.c reads /proc, live.c the memory, live_pause.c stops
 * and lets go.
 */
#ifndef PW_TARGET_LIVE_H
#define PW_TARGET_LIVE_H

#include "target/internal.h"

#include <signal.h>

/* What the kernel said of a thread, and when; all 0: nothing yet. */
struct pw_described {
	pid_t tid;
	int processor, rt_priority;
	uint64_t at; /* ns, pw_now() */
};

struct pw_live {
	struct pw_target base;
	/* "/proc/PID", or "/proc/PID/task/TID" of a thread that lives when the main thread has
	 * exited. */
	char proc[64];
	pid_t reader;	  /* the task whose memory is read */
	bool nested;	  /* in a pid namespace of its own */
	bool same_mounts; /* its mount namespace is ours */
	bool given_root;  /* the user said where files are found */
	bool maps_fresh;  /* read and not yet used */
	uint64_t maps_hash;
	char *root_link;	       /* its root as we see it; NULL: unknown */
	int task_fd;		       /* the folder of its threads; -1: not opened yet */
	struct pw_tracing *tracing;    /* a thread that stays ready to stop others; NULL: none */
	struct pw_described described; /* the last thread that `describe` was asked for */
	int mem_fd; /* of /proc/PID/mem, only where process_vm_readv is missing; -1 */
	bool use_mem;
};

/* ---- proc.c ---- */

/* The whole of a small file, at most `max` bytes; 0 or an errno. */
int pw_proc_read(const char *path, size_t max, struct pw_buffer *ret);

struct pw_proc_stat {
	char state; /* R, S, D, T, t, Z, X, I */
	pid_t parent;
	uint64_t flags;
	int processor;	 /* that it runs on, or ran on last */
	int rt_priority; /* 0: an ordinary thread */
	char comm[64];
	size_t comm_length;
};
/* `dir`/stat, where dir is "/proc/PID" or "/proc/PID/task/TID"; 0 or an errno. */
int pw_proc_stat(const char *dir, struct pw_proc_stat *ret);
/* The same of a folder within `folder`, a file descriptor, since a path costs by its length; unless
 * `whole`, without processor and rt_priority. */
int pw_proc_stat_at(int folder, const char *dir, bool whole, struct pw_proc_stat *ret);
enum pw_run_state pw_proc_run_state(char state);

/* The first (or last, of a list) number of a field of `dir`/status; -1: no such file or field. */
int64_t pw_proc_status_number(const char *dir, const char *field, bool last);

/* Numbers of /proc/PID/task; 0 or an errno.  The array is the caller's. */
int pw_proc_tasks(pid_t pid, pid_t **ret, size_t *ret_count);

struct pw_proc_map {
	struct pw_mapping mapping; /* path and host_path are NULL */
	uint64_t inode;
	unsigned dev_major, dev_minor;
	char *path;   /* inside the line that was parsed; NULL: anonymous */
	bool deleted; /* the path ends in " (deleted)" */
};
/* Parses one line of maps, which it changes; false: not understood. */
bool pw_proc_parse_map(char *line, struct pw_proc_map *ret);

/* ---- live.c, live_pause.c ---- */

/* Fills a thread but for its registers; `stat` as read of it. */
/* The folder of its threads, opened once: a path costs by its length.  -1: it cannot be opened. */
int pw_live_task_folder(struct pw_live *live);
void pw_live_describe(const struct pw_live *live, pid_t tid, const struct pw_proc_stat *stat,
		      struct pw_lwp *ret);
/* Stack pointer and pc of a thread that waits in the kernel (`dir`/syscall, proc_pid_syscall(5));
 * not touched when it does not wait. */
void pw_live_blocked_at(const char *dir, struct pw_regs *regs);
/* The same of the file's text; false: not of one that waits in a system call, though sp and pc may
 * be known. */
bool pw_live_parse_syscall(const char *text, struct pw_regs *regs);
/* "what of process PID: not permitted; ..." with what would help. */
struct pw_error *pw_live_permission(pid_t pid, const char *what);

/* live_pause.c, live_sleep.c: as struct pw_target_ops says. */
struct pw_error *pw_live_stop(struct pw_target *target, const pid_t *tids, size_t count,
			      void (*copy)(void *data), void *data);
struct pw_error *pw_live_stay_ready(struct pw_target *target, bool ready);

/* ---- live_pulse.c: as struct pw_target_ops says ---- */

enum pw_beat pw_live_pulse(struct pw_target *target, const struct pw_lwp *lwp,
			   struct pw_pulse *pulse);
uint64_t pw_live_thread_count(struct pw_target *target);
bool pw_live_describe_again(struct pw_target *target, struct pw_lwp *lwp);

/* ---- live_tracing.c ---- */

/*
 * Runs `work` in a thread of its own that may trace, and returns when it is through.  It says
 * whether all that it seized has been let go; the rest the end of that thread lets go.  One that
 * stays ready is given up when it waits too long in pw_tracing_wait(): `work` does not return then.
 */
struct pw_error *pw_tracing_run(struct pw_live *live, bool (*work)(void *data), void *data);
/* Within `work`: moves to the processor of a thread, to run before it.  false: cannot, or the
 * thread of ours does not stay anyway. */
bool pw_tracing_follow(struct pw_live *live, int processor, int rt_priority);
/* Within `work`, of one that stays: waits until a tracee has stopped or ended, and leaves it to be
 * waited for.  false: *ret says nothing. */
bool pw_tracing_wait(struct pw_live *live, pid_t tid, siginfo_t *ret);
bool pw_live_sleep_begin(struct pw_target *target, struct pw_lwp *lwp, struct pw_sleep *ret);
bool pw_live_sleep_holds(struct pw_target *target, struct pw_sleep *sleep);

/* Fills in mappings, root and executable from /proc. */
struct pw_error *pw_live_load_maps(struct pw_live *live, const struct pw_options *options);

/* Reads the mappings again if they have changed since. */
struct pw_error *pw_live_reload_maps(struct pw_live *live);

#endif
