#include "sample/ebpf_ticker.h"

#include "base/clock.h"

/* For ebpf_record.h, which the kernel's side shares. */
#include <linux/bpf.h>
#include <linux/types.h>

#include "sample/ebpf_record.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	WINDOW = 1000, /* ticks, in which so many may be lost to a thread that makes way for us */
	MOST_LOST = 20,
	MOST_NS = 100000000, /* that one tick stands for */
};

struct pw_ebpf_ticker {
	int program;
	struct pw_ebpf_pulse *pulse;
	uint64_t period;   /* ns */
	int processors;	   /* numbers are below */
	cpu_set_t allowed; /* for us */
	pthread_t thread;
	_Atomic bool end, gave_up;
	uint64_t window_end, displaced_before; /* ticks; when the window began */
};

/* false: it did not run there. */
static bool tick_on(const struct pw_ebpf_ticker *t, int processor)
{
	union bpf_attr attr = {
		.test =
			{
				.prog_fd = (__u32)t->program,
				.flags = BPF_F_TEST_RUN_ON_CPU,
				.cpu = (__u32)processor,
			},
	};
	return !syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
}

static bool is_running(const struct pw_ebpf_ticker *t, int processor)
{
	return __atomic_load_n(&t->pulse->running[processor], __ATOMIC_RELAXED);
}

static void set_running(const struct pw_ebpf_ticker *t, int processor, bool running)
{
	__atomic_store_n(&t->pulse->running[processor], running, __ATOMIC_RELAXED);
}

static uint64_t displaced(const struct pw_ebpf_ticker *t)
{
	return __atomic_load_n(&t->pulse->displaced, __ATOMIC_RELAXED);
}

/* Of what only this thread changes, and others read. */
static void add(__u64 *sum, uint64_t number)
{
	__atomic_store_n(sum, *sum + number, __ATOMIC_RELAXED);
}

static void tick(const struct pw_ebpf_ticker *t, uint64_t periods)
{
	int here = sched_getcpu();
	uint64_t most = MOST_NS / t->period;
	__atomic_store_n(&t->pulse->periods, periods < most ? periods : most, __ATOMIC_RELAXED);
	for (int i = 0; i < t->processors; i++)
		/* One that went offline: whoever runs there later is noticed. */
		if (i != here && is_running(t, i) && !tick_on(t, i))
			set_running(t, i, false);
	add(&t->pulse->sent, 1);
	add(&t->pulse->skipped, periods - 1);
}

/* To a processor where nobody makes way for us, if there is one. */
static void step_aside(struct pw_ebpf_ticker *t)
{
	int here = sched_getcpu();
	for (int i = 0; i < t->processors; i++) {
		cpu_set_t there;
		if (i == here || !CPU_ISSET(i, &t->allowed) || is_running(t, i))
			continue;
		CPU_ZERO(&there);
		CPU_SET(i, &there);
		pthread_setaffinity_np(pthread_self(), sizeof(there), &there);
		return;
	}
}

static void judge(struct pw_ebpf_ticker *t)
{
	uint64_t lost = displaced(t) - t->displaced_before;
	t->gave_up = lost > MOST_LOST;
	if (t->pulse->sent < t->window_end)
		return;
	t->window_end = t->pulse->sent + WINDOW;
	t->displaced_before += lost;
}

static void sleep_until(uint64_t time)
{
	struct timespec until = {(time_t)(time / 1000000000), (long)(time % 1000000000)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void *send_ticks(void *data)
{
	struct pw_ebpf_ticker *t = data;
	struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
	uint64_t next = pw_now() + t->period, rested = 0, before = 0;
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest);
	__atomic_store_n(&t->pulse->ticker, (__u32)gettid(), __ATOMIC_RELAXED);
	while (!t->end && !t->gave_up) {
		sleep_until(rested > next ? rested : next);
		uint64_t woke = pw_now(), due = woke > next ? (woke - next) / t->period + 1 : 1;
		next += due * t->period;
		tick(t, due);
		/* Somebody else may want this processor, our own process first of all. */
		uint64_t done = pw_now();
		rested = done + (done - woke);
		if (displaced(t) != before)
			step_aside(t);
		before = displaced(t);
		judge(t);
	}
	__atomic_store_n(&t->pulse->ticker, 0, __ATOMIC_RELAXED);
	return NULL;
}

/* ---- from outside ---- */

void pw_ebpf_ticker_look_everywhere(struct pw_ebpf_ticker *t)
{
	/* Where there is none the program says so. */
	for (int i = 0; i < t->processors; i++)
		set_running(t, i, true);
}

struct pw_ebpf_ticker *pw_ebpf_ticker_start(int program, struct pw_ebpf_pulse *pulse,
					    uint64_t period)
{
	long processors = sysconf(_SC_NPROCESSORS_CONF);
	sigset_t all, before;
	struct pw_ebpf_ticker *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct pw_ebpf_ticker){
		.program = program,
		.pulse = pulse,
		.period = period,
		.processors = processors < PW_EBPF_CPUS ? (int)processors : PW_EBPF_CPUS,
		.window_end = WINDOW,
	};
	bool usable = processors > 1 && !sched_getaffinity(0, sizeof(t->allowed), &t->allowed) &&
		      tick_on(t, sched_getcpu());
	/* The caller's signal handlers are none of that thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	usable = usable && !pthread_create(&t->thread, NULL, send_ticks, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!usable) {
		free(t);
		return NULL;
	}
	return t;
}

bool pw_ebpf_ticker_gave_up(const struct pw_ebpf_ticker *t)
{
	return t->gave_up;
}

void pw_ebpf_ticker_stop(struct pw_ebpf_ticker *t)
{
	if (!t)
		return;
	t->end = true;
	pthread_join(t->thread, NULL);
	free(t);
}
