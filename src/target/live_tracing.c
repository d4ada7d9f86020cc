/*
 * The threads that trace for us.  The kernel ties a tracee to the thread that seized it, and lets
 * go of everything that a thread still holds when it ends.
 *
 * Either one is started for a single stop and ends with it, or one stays ready: then a stop costs
 * the target a few microseconds, because the thread moves to the processor that the tracee runs
 * on.  It preempts the tracee there, and what follows (its stop, our look, its going on) are
 * switches between two threads of one processor.  From another processor each of these steps is an
 * interrupt sent to the other, which in a virtual machine costs ten times as much.
 */
#include "target/live.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

struct pw_tracing {
	pthread_t thread;
	sem_t asked, done;
	bool (*work)(void *data);
	void *data;
	bool kept; /* what `work` said: nothing is left that only the thread's end lets go */
	bool end;
	_Atomic pid_t awaited; /* whose stop; 0: nobody's */
	_Atomic bool finished; /* what was asked for */
	int processor;	       /* to which it is bound; -1: none yet */
	int priority;	       /* of SCHED_FIFO, 0: not tried */
};

/* ---- starting a thread ---- */

/*
 * On a busy machine a pause lasts as long as its thread waits for a processor, and so does the
 * dump. Where we may, it waits behind nobody, from its first instruction on; and it runs where we
 * do, who wait for it: a new thread would be put on another processor, often that of the target.
 */
static int start_urgent(pthread_attr_t *attr, void *(*run)(void *), void *data, pthread_t *ret)
{
	struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
	int cpu = sched_getcpu();
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		cpu_set_t here;
		CPU_ZERO(&here);
		CPU_SET(cpu, &here);
		pthread_attr_setaffinity_np(attr, sizeof(here), &here);
	}
	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, SCHED_FIFO);
	pthread_attr_setschedparam(attr, &lowest);
	int errnum = pthread_create(ret, attr, run, data);
	if (errnum) {
		pthread_attr_setinheritsched(attr, PTHREAD_INHERIT_SCHED);
		errnum = pthread_create(ret, attr, run, data);
	}
	return errnum;
}

/*
 * The kernel tells the tracer's process of each stop by SIGCHLD.  A thread that blocks it has it
 * sent to another one, by an interrupt between two processors, and the tracee waits for that; where
 * nobody cares for the signal and the thread does not block it, it is dropped at once.
 */
static bool ignores_ends(void)
{
	struct sigaction action;
	return !sigaction(SIGCHLD, NULL, &action) && !(action.sa_flags & SA_SIGINFO) &&
	       (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
}

static struct pw_error *start(const struct pw_live *live, void *(*run)(void *), void *data,
			      pthread_t *ret)
{
	/* The caller's signal handlers are none of that thread's business. */
	sigset_t all, before;
	pthread_attr_t attr;
	sigfillset(&all);
	if (ignores_ends())
		sigdelset(&all, SIGCHLD);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int errnum = pthread_attr_init(&attr);
	if (!errnum) {
		errnum = start_urgent(&attr, run, data, ret);
		pthread_attr_destroy(&attr);
	}
	if (errnum)
		errnum = pthread_create(ret, NULL, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum)
		return pw_error_from_errno(errnum, "cannot start a thread to trace process %d",
					   (int)live->base.pid);
	return NULL;
}

/* ---- one that stays ---- */

static void *serve(void *data)
{
	struct pw_tracing *t = data;
	int before;
	/* Only pw_tracing_wait() can be given up. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	for (;;) {
		while (sem_wait(&t->asked))
			;
		if (t->end)
			return NULL;
		t->kept = t->work(t->data);
		t->finished = true;
		sem_post(&t->done);
	}
}

static struct pw_error *create(const struct pw_live *live, struct pw_tracing **ret)
{
	struct pw_tracing *t = calloc(1, sizeof(*t));
	if (!t)
		return &pw_error_nomem;
	t->processor = -1;
	sem_init(&t->asked, 0, 0);
	sem_init(&t->done, 0, 0);
	struct pw_error *error = start(live, serve, t, &t->thread);
	if (error) {
		free(t);
		return error;
	}
	*ret = t;
	return NULL;
}

static void destroy(struct pw_tracing *t)
{
	t->end = true;
	sem_post(&t->asked);
	pthread_join(t->thread, NULL);
	sem_destroy(&t->asked);
	sem_destroy(&t->done);
	free(t);
}

struct pw_error *pw_live_stay_ready(struct pw_target *target, bool ready)
{
	struct pw_live *live = (struct pw_live *)target;
	if (live->tracing && !ready) {
		destroy(live->tracing);
		live->tracing = NULL;
	}
	return !live->tracing && ready ? create(live, &live->tracing) : NULL;
}

static bool wait_done_for(struct pw_tracing *t, long milliseconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += milliseconds * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (sem_clockwait(&t->done, CLOCK_MONOTONIC, &until))
		if (errno != EINTR)
			return false;
	return true;
}

static bool waits_uninterruptibly(struct pw_live *live, pid_t tid)
{
	struct pw_proc_stat stat;
	char dir[16];
	snprintf(dir, sizeof(dir), "%d", (int)tid);
	return tid && !pw_proc_stat_at(pw_live_task_folder(live), dir, false, &stat) &&
	       stat.state == 'D';
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * A stop is over sooner than we would have gone to sleep and been woken up.  And it is not only
 * that: a processor that falls idle meanwhile takes the target's thread over, which would then
 * change its processor at each stop.
 */
static void spin(struct pw_tracing *t)
{
	enum { MOST_NS = 300000, BETWEEN_LOOKS = 64 };
	static _Atomic long processors;
	if (!processors)
		processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t begin = pw_now();
	while (processors > 1 && !t->finished && pw_now() - begin < MOST_NS)
		for (int i = 0; i < BETWEEN_LOOKS && !t->finished; i++)
			relax();
}

/* One that waits uninterruptibly stops when its wait is over, which may be never; one that waits
 * for a processor, when it gets one. */
static bool wait_done(struct pw_live *live, struct pw_tracing *t)
{
	enum { LOOKS = 20, EACH_MS = 50 };
	for (int i = 0; i < LOOKS; i++) {
		if (wait_done_for(t, EACH_MS))
			return true;
		if (waits_uninterruptibly(live, t->awaited))
			return false;
	}
	return false;
}

static struct pw_error *run_ready(struct pw_live *live, bool (*work)(void *), void *data)
{
	struct pw_tracing *t = live->tracing;
	t->work = work;
	t->data = data;
	t->finished = false;
	sem_post(&t->asked);
	spin(t);
	bool done = wait_done(live, t);
	if (done && t->kept)
		return NULL;
	if (!done)
		pthread_cancel(t->thread);
	destroy(t);
	live->tracing = NULL;
	return create(live, &live->tracing);
}

/* Who is of the same priority would be waited for. */
static void outrank(struct pw_tracing *t, int rt_priority)
{
	if (rt_priority <= 0)
		return;
	int most = sched_get_priority_max(SCHED_FIFO);
	struct sched_param above = {.sched_priority = rt_priority < most ? rt_priority + 1 : most};
	if (above.sched_priority <= t->priority)
		return;
	t->priority = above.sched_priority;
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &above);
}

bool pw_tracing_follow(struct pw_live *live, int processor, int rt_priority)
{
	struct pw_tracing *t = live->tracing;
	cpu_set_t there;
	if (!t || processor < 0 || processor >= CPU_SETSIZE)
		return false;
	outrank(t, rt_priority);
	if (t->processor == processor)
		return true;
	CPU_ZERO(&there);
	CPU_SET(processor, &there);
	t->processor = -1;
	if (pthread_setaffinity_np(pthread_self(), sizeof(there), &there))
		return false;
	t->processor = processor;
	return true;
}

bool pw_tracing_wait(struct pw_live *live, pid_t tid, siginfo_t *ret)
{
	int before;
	live->tracing->awaited = tid;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	int failed = waitid(P_PID, (id_t)tid, ret, WSTOPPED | WEXITED | WNOWAIT | __WALL);
	pthread_setcancelstate(before, NULL);
	live->tracing->awaited = 0;
	return !failed && ret->si_pid;
}

/* ---- either ---- */

struct once {
	bool (*work)(void *data);
	void *data;
};

static void *run_once(void *data)
{
	struct once *once = data;
	once->work(once->data);
	return NULL;
}

struct pw_error *pw_tracing_run(struct pw_live *live, bool (*work)(void *data), void *data)
{
	struct once once = {work, data};
	pthread_t thread;
	if (live->tracing)
		return run_ready(live, work, data);
	struct pw_error *error = start(live, run_once, &once, &thread);
	if (!error)
		pthread_join(thread, NULL);
	return error;
}
