/*
 * Stopping a live process and letting it go: ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT.
 *
 * A thread of our own does it (live_tracing.c).  When it ends, the kernel lets go of everything it
 * still holds: also of threads that wait uninterruptibly and could not be stopped, or that have
 * ended, which a detach cannot reach.
 */
#include "target/live.h"

#include "base/clock.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum task_phase {
	TASK_IDLE,	  /* a zombie */
	TASK_SEIZED,	  /* runs */
	TASK_INTERRUPTED, /* will stop */
	TASK_STUCK,	  /* will stop, but waits uninterruptibly now */
	TASK_STOPPED,
	TASK_GONE,
};

struct task {
	pid_t tid;
	enum task_phase phase;
	bool held; /* it was seized: somebody has to let it go */
	int processor, rt_priority;
	int signal;		 /* to give back to it when it goes on */
	uint64_t interrupted_at; /* ns; 0: it was not */
	struct pw_lwp lwp;
};

struct pw_tracer {
	struct pw_live *live;
	const pid_t *tids; /* the threads to stop; none: all */
	size_t tid_count;
	void (*copy)(void *data);
	void *data;
	struct pw_error *error;
	struct task *tasks;
	size_t count, sorted; /* the first `sorted` are in order of tid */
	bool contended;	      /* another tracer holds one of the threads */
	bool placed;	      /* on the processor of the only thread to be stopped */
	uint64_t stopped_at;  /* ns, 0: nothing was stopped */
	uint64_t released_at;
};

static const uint64_t ms = 1000000;

static void task_dir(const struct pw_tracer *tracer, pid_t tid, char dir[64])
{
	snprintf(dir, 64, "/proc/%d/task/%d", (int)tracer->live->base.pid, (int)tid);
}

/* ---- taking hold ---- */

static int compare_tasks(const void *a, const void *b)
{
	const struct task *x = a, *y = b;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static bool known(const struct pw_tracer *tracer, pid_t tid)
{
	struct task key = {.tid = tid};
	return tracer->sorted &&
	       bsearch(&key, tracer->tasks, tracer->sorted, sizeof(key), compare_tasks);
}

/* Why PTRACE_SEIZE said EPERM; NULL: the thread is only dead. */
static struct pw_error *seize_denied(struct pw_tracer *tracer, pid_t tid)
{
	pid_t pid = tracer->live->base.pid;
	char dir[64];
	struct pw_proc_stat stat;
	task_dir(tracer, tid, dir);
	int64_t other = pw_proc_status_number(dir, "TracerPid", false);
	if (other > 0) {
		char proc[32];
		struct pw_lwp tracing = {0};
		snprintf(proc, sizeof(proc), "/proc/%lld", (long long)other);
		if (!pw_proc_stat(proc, &stat))
			pw_lwp_set_name(&tracing, stat.comm, stat.comm_length);
		return pw_error_create(
			PW_ERROR_PERMISSION, "process %d is already traced by process %lld (%s)",
			(int)pid, (long long)other, tracing.name[0] ? tracing.name : "unknown");
	}
	if (pw_proc_stat(dir, &stat) || strchr("ZXx", stat.state))
		return NULL;
	return pw_live_permission(pid, "the registers");
}

/* 0 or an errno; notes when it is another tracer that is in the way. */
static int seize(struct pw_tracer *tracer, pid_t tid)
{
	enum { TRIES = 4 };
	char dir[64];
	int errnum = 0;
	task_dir(tracer, tid, dir);
	/* It may be gone again before we look for it. */
	for (int i = 0; i < TRIES && !tracer->contended; i++) {
		errnum = ptrace(PTRACE_SEIZE, tid, 0, 0) ? errno : 0;
		if (errnum != EPERM)
			return errnum;
		tracer->contended = pw_proc_status_number(dir, "TracerPid", false) > 0;
	}
	return errnum;
}

/* What is known of it before it stops; false: it is gone, or ours no more. */
static bool describe_task(struct pw_tracer *tracer, struct task *task)
{
	enum { FRESH_MS = 1 };
	struct pw_live *live = tracer->live;
	const struct pw_described *described = &live->described;
	struct pw_lwp *lwp = pw_target_lwp(&live->base, (uint64_t)task->tid);
	char dir[64];
	struct pw_proc_stat stat;
	/* Our reading of it would take time of the processor that the target runs on. */
	if (live->tracing && lwp && described->tid == task->tid &&
	    pw_now() - described->at < FRESH_MS * ms) {
		task->lwp = *lwp;
		task->lwp.regs = (struct pw_regs){0};
		task->lwp.has_regs = false;
		task->processor = described->processor;
		task->rt_priority = described->rt_priority;
		return true;
	}
	task_dir(tracer, task->tid, dir);
	if (pw_proc_stat(dir, &stat))
		return false;
	pw_live_describe(live, task->tid, &stat, &task->lwp);
	task->processor = stat.processor;
	task->rt_priority = stat.rt_priority;
	if (!strchr("ZXx", stat.state))
		return true;
	task->phase = TASK_IDLE;
	return false;
}

static struct pw_error *add_task(struct pw_tracer *tracer, pid_t tid)
{
	size_t count = tracer->count;
	if ((count & (count - 1)) == 0) {
		struct task *bigger =
			realloc(tracer->tasks, (count ? count * 2 : 1) * sizeof(*bigger));
		if (!bigger)
			return &pw_error_nomem;
		tracer->tasks = bigger;
	}
	struct task *task = &tracer->tasks[tracer->count++];
	*task = (struct task){.tid = tid, .phase = TASK_GONE};

	if (!describe_task(tracer, task))
		return NULL;
	int errnum = seize(tracer, tid);
	task->held = !errnum;
	if (!errnum)
		task->phase = TASK_SEIZED;
	if (!errnum || errnum == ESRCH)
		return NULL;
	if (errnum == EPERM)
		return seize_denied(tracer, tid);
	return pw_error_from_errno(errnum, "cannot trace thread %d of process %d", (int)tid,
				   (int)tracer->live->base.pid);
}

/* Seizes the threads that are not known yet; *ret_new is how many there were. */
static struct pw_error *seize_new(struct pw_tracer *tracer, size_t *ret_new)
{
	pid_t pid = tracer->live->base.pid;
	pw_auto_free pid_t *tids = NULL;
	size_t count = 0, before = tracer->count;
	*ret_new = 0;
	if (tracer->tid_count && before)
		return NULL;
	int errnum = 0;
	if (!tracer->tid_count)
		errnum = pw_proc_tasks(pid, &tids, &count);
	if (errnum == ENOENT || errnum == ESRCH)
		return pw_error_create(PW_ERROR_NO_TARGET, "process %d has exited", (int)pid);
	if (errnum)
		return pw_error_from_errno(errnum, "cannot list the threads of process %d",
					   (int)pid);
	const pid_t *from = tracer->tid_count ? tracer->tids : tids;
	for (size_t i = 0; i < (tracer->tid_count ? tracer->tid_count : count); i++) {
		struct pw_error *error = known(tracer, from[i]) ? NULL : add_task(tracer, from[i]);
		if (error)
			return error;
	}
	*ret_new = tracer->count - before;
	if (tracer->count)
		qsort(tracer->tasks, tracer->count, sizeof(struct task), compare_tasks);
	tracer->sorted = tracer->count;
	return NULL;
}

/* ---- stopping ---- */

static void interrupt_all(struct pw_tracer *tracer)
{
	for (size_t i = 0; i < tracer->count; i++) {
		struct task *task = &tracer->tasks[i];
		if (task->phase != TASK_SEIZED)
			continue;
		task->interrupted_at = pw_now();
		if (!tracer->stopped_at)
			tracer->stopped_at = task->interrupted_at;
		task->phase =
			ptrace(PTRACE_INTERRUPT, task->tid, 0, 0) ? TASK_GONE : TASK_INTERRUPTED;
	}
}

static void read_registers(const struct pw_arch *arch, struct task *task)
{
	uint64_t user[64], tls = 0;
	struct iovec iov = {user, arch->regs_size};
	if (ptrace(PTRACE_GETREGSET, task->tid, NT_PRSTATUS, &iov) || iov.iov_len < arch->regs_size)
		return;
	arch->decode_regs(user, &task->lwp.regs);
	task->lwp.has_regs = true;
	iov = (struct iovec){&tls, sizeof(tls)};
	if (arch->tls_regset && !ptrace(PTRACE_GETREGSET, task->tid, arch->tls_regset, &iov))
		task->lwp.regs.thread_pointer = tls;
}

/*
 * What a wait for it, which left it to be waited for (WNOWAIT), said.
 *
 * A stop for a signal on its way to the thread is only looked at (WNOWAIT): the kernel forgets the
 * signal once the stop is waited for, and it would be lost if we were killed before giving it back.
 * So is an end: of a child of this very process, whoever started it wants to know how it ended.
 */
static void note_event(const struct pw_tracer *tracer, struct task *task, const siginfo_t *info)
{
	bool stopped = info->si_code == CLD_TRAPPED || info->si_code == CLD_STOPPED;
	if (stopped && info->si_status >> 8 != PTRACE_EVENT_STOP)
		task->signal = info->si_status & 0x7f;
	else if (stopped)
		waitpid(task->tid, NULL, __WALL | WNOHANG);
	task->phase = stopped ? TASK_STOPPED : TASK_GONE;
	if (stopped)
		read_registers(tracer->live->base.arch, task);
}

/* Looks whether a thread has stopped by now; true when there is nothing more to wait for. */
static bool poll_task(const struct pw_tracer *tracer, struct task *task)
{
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)task->tid, &info,
		   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL)) {
		if (errno == EINTR)
			return false;
		task->phase = TASK_GONE;
		return true;
	}
	if (!info.si_pid)
		return false;
	note_event(tracer, task, &info);
	return true;
}

/* A thread that has become a zombie tells nobody, and one that waits uninterruptibly may do so for
 * long. */
static void look_again(const struct pw_tracer *tracer, struct task *task, bool patient)
{
	char dir[64];
	struct pw_proc_stat stat;
	task_dir(tracer, task->tid, dir);
	if (pw_proc_stat(dir, &stat)) {
		task->phase = TASK_GONE;
	} else if (strchr("ZXx", stat.state)) {
		task->phase = TASK_IDLE;
		task->lwp.state = pw_proc_run_state(stat.state);
	} else if (stat.state == 'D' && !patient) {
		/* It will stop before it runs again, so that this stays true. */
		pw_live_blocked_at(dir, &task->lwp.regs);
		task->phase = TASK_STUCK;
	}
}

static void wait_all(struct pw_tracer *tracer, uint64_t deadline)
{
	uint64_t begin = pw_now(), looked = begin;
	siginfo_t info = {0};
	if (tracer->placed && tracer->tasks[0].phase == TASK_INTERRUPTED &&
	    pw_tracing_wait(tracer->live, tracer->tasks[0].tid, &info))
		note_event(tracer, &tracer->tasks[0], &info);
	for (;;) {
		size_t left = 0;
		for (size_t i = 0; i < tracer->count; i++)
			if (tracer->tasks[i].phase == TASK_INTERRUPTED)
				left += !poll_task(tracer, &tracer->tasks[i]);
		uint64_t t = pw_now();
		if (!left || t >= deadline)
			return;
		if (t - looked > 20 * ms) {
			for (size_t i = 0; i < tracer->count; i++)
				if (tracer->tasks[i].phase == TASK_INTERRUPTED)
					look_again(tracer, &tracer->tasks[i], t - begin < 200 * ms);
			looked = t;
		}
		struct timespec nap = {0, t - begin < 5 * ms ? 20000 : 500000};
		/* Who is urgent and does not sleep may keep a thread from running to its stop. */
		bool urgent = sched_getscheduler(0) == SCHED_FIFO;
		if (t - begin < (urgent ? ms / 100 : ms / 5))
			sched_yield();
		else
			nanosleep(&nap, NULL);
	}
}

static struct pw_error *stop_all(struct pw_tracer *tracer)
{
	enum { MAX_ROUNDS = 1000 };
	size_t fresh = 1;
	/* Before anything stands still: most of the work is here. */
	for (unsigned i = 0; fresh && i < 3; i++) {
		struct pw_error *error = seize_new(tracer, &fresh);
		if (error)
			return error;
	}
	if (tracer->tid_count && tracer->count == 1)
		tracer->placed = pw_tracing_follow(tracer->live, tracer->tasks[0].processor,
						   tracer->tasks[0].rt_priority);
	uint64_t deadline = pw_now() + 1000 * ms;
	fresh = 1;
	/* A thread that still ran may have made another. */
	for (unsigned i = 0; fresh && i < MAX_ROUNDS; i++) {
		interrupt_all(tracer);
		wait_all(tracer, deadline);
		struct pw_error *error = seize_new(tracer, &fresh);
		if (error)
			return error;
	}
	for (size_t i = 0; i < tracer->count; i++)
		if (tracer->tid_count ||
		    (tracer->tasks[i].phase != TASK_IDLE && tracer->tasks[i].phase != TASK_GONE))
			return NULL;
	return pw_error_create(PW_ERROR_NO_TARGET, "process %d has exited",
			       (int)tracer->live->base.pid);
}

/* ---- letting go ---- */

/*
 * A thread that ends while it is held stays a zombie until we have waited for it, or have ended
 * ourselves: until then its process cannot execute another program.  A whole process is nobody's to
 * wait for but its parent's, who may be us.
 *
 * Nothing to wait for: the thread itself has executed another program, goes by the number of its
 * process since, and is held under that one still.
 */
static bool is_reaped(const struct pw_tracer *tracer, const struct task *task)
{
	siginfo_t info = {0};
	/* A stop is not asked for: see note_event(). */
	return task->tid != tracer->live->base.pid &&
	       !waitid(P_PID, (id_t)task->tid, &info, WEXITED | WNOHANG | __WALL) && info.si_pid;
}

static bool let_go(struct pw_tracer *tracer, struct task *task)
{
	bool late = task->phase == TASK_INTERRUPTED || task->phase == TASK_STUCK;
	if (!task->held)
		return true;
	if (task->phase == TASK_SEIZED || (late && !poll_task(tracer, task)))
		return false;
	/* One that was killed meanwhile cannot be detached. */
	if (task->phase == TASK_STOPPED &&
	    !ptrace(PTRACE_DETACH, task->tid, 0, (void *)(intptr_t)task->signal))
		return true;
	return is_reaped(tracer, task);
}

/* What cannot be let go now is by the end of this thread; false: there is such. */
static bool release_all(struct pw_tracer *tracer)
{
	bool all = true;
	for (size_t i = 0; i < tracer->count; i++)
		all &= let_go(tracer, &tracer->tasks[i]);
	tracer->released_at = pw_now();
	return all;
}

/* The threads as they stand: into the list, or each into its entry when only some were asked for.
 */
static struct pw_error *hand_over(struct pw_tracer *tracer)
{
	struct pw_target *target = &tracer->live->base;
	if (!tracer->tid_count)
		pw_target_clear_lwps(target);
	for (size_t i = 0; i < tracer->count; i++) {
		struct task *task = &tracer->tasks[i];
		if (task->phase == TASK_GONE)
			continue;
		task->lwp.taken = task->phase == TASK_IDLE ? PW_TAKEN_NOT : PW_TAKEN_STOPPED;
		struct pw_lwp *known_as =
			tracer->tid_count ? pw_target_lwp(target, (uint64_t)task->tid) : NULL;
		struct pw_error *error = NULL;
		if (known_as)
			*known_as = task->lwp;
		else if (!tracer->tid_count)
			error = pw_target_add_lwp(target, &task->lwp);
		if (error)
			return error;
	}
	pw_target_sort_lwps(target);
	return NULL;
}

static bool trace(void *data)
{
	struct pw_tracer *tracer = data;
	tracer->error = stop_all(tracer);
	if (!tracer->error)
		tracer->error = hand_over(tracer);
	if (!tracer->error)
		tracer->copy(tracer->data);
	return release_all(tracer);
}

/* ---- the other side ---- */

static void report_stuck(struct pw_target *target, const struct pw_tracer *tracer)
{
	size_t stuck = 0;
	pid_t first = 0;
	/* Who looks again and again would say it again and again. */
	if (tracer->live->tracing)
		return;
	for (size_t i = 0; i < tracer->count; i++) {
		const struct task *task = &tracer->tasks[i];
		if (task->phase == TASK_INTERRUPTED || task->phase == TASK_STUCK)
			first = stuck++ ? first : task->tid;
	}
	if (stuck == 1)
		pw_notes_add(&target->notes,
			     "thread %d of process %d waits uninterruptibly and did not stop",
			     (int)first, (int)target->pid);
	else if (stuck)
		pw_notes_add(&target->notes,
			     "%zu threads of process %d wait uninterruptibly and did not stop, the "
			     "first is "
			     "%d",
			     stuck, (int)target->pid, (int)first);
}

static void report_times(struct pw_target *target, const struct pw_tracer *tracer)
{
	for (size_t i = 0; i < tracer->count; i++) {
		const struct task *task = &tracer->tasks[i];
		struct pw_lwp *lwp = pw_target_lwp(target, (uint64_t)task->tid);
		if (lwp && task->interrupted_at && lwp->taken == PW_TAKEN_STOPPED)
			lwp->stopped_ns = tracer->released_at - task->interrupted_at;
	}
}

static struct pw_error *run(struct pw_tracer *tracer)
{
	struct pw_error *error = pw_tracing_run(tracer->live, trace, tracer);
	if (!error)
		return tracer->error;
	pw_error_destroy(tracer->error);
	return error;
}

/*
 * Another pywalk holds threads for less than a millisecond at a time, but may be interrupted for
 * much longer on a busy machine.  It is waited for without holding any, so that two do not wait for
 * each other, and for a different time each; for a second in all.
 */
static struct pw_error *run_alone(struct pw_tracer *tracer)
{
	enum { TRIES = 400 };
	const struct pw_tracer fresh = *tracer;
	struct pw_error *error = run(tracer);
	for (unsigned i = 0; error && tracer->contended && !tracer->stopped_at && i < TRIES; i++) {
		struct timespec nap = {
			0, (long)((1 + (pw_now() / 1000 + (uint64_t)getpid()) % 4) * ms)};
		pw_error_destroy(error);
		free(tracer->tasks);
		*tracer = fresh;
		nanosleep(&nap, NULL);
		error = run(tracer);
	}
	return error;
}

struct pw_error *pw_live_stop(struct pw_target *target, const pid_t *tids, size_t count,
			      void (*copy)(void *data), void *data)
{
	struct pw_tracer tracer = {
		.live = (struct pw_live *)target,
		.tids = tids,
		.tid_count = count,
		.copy = copy,
		.data = data,
	};
	struct pw_error *error = run_alone(&tracer);
	/* One that was given up did not stop. */
	bool stopped = tracer.stopped_at && tracer.released_at;
	target->pause_ns = stopped ? tracer.released_at - tracer.stopped_at : 0;
	if (!error) {
		report_stuck(target, &tracer);
		report_times(target, &tracer);
	}
	free(tracer.tasks);
	return error;
}
