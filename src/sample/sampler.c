/*
 * Looks at processes, and what becomes of a look: each thread's frames are interned, oldest first,
 * and the stack is one node of the profile.
 */
#include "pywalk_sample.h"

#include "sample/profile.h"
#include "stack/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSES_KEPT = 1 << 16 };

/* A thread as it was taken last: while it sleeps, it stays so. */
struct known {
	uint64_t tid;
	uint32_t thread, node; /* in the profile */
	uint32_t flags;
	bool whole;
	uint64_t seen; /* at which look */
	UT_hash_handle hh;
};

struct watched {
	struct pw_session *session;
	struct pw_follow *follow;
	struct known *known; /* uthash, by tid */
	size_t known_limit;  /* there are dead ones among so many */
	uint32_t process;    /* in the profile */
};

struct pw_sampler {
	struct pw_sampler_options options;
	struct pw_capture_options capture;
	struct pw_profile *profile;
	struct watched *watched;
	size_t watched_count;
	struct pw_profile_info info;
	uint32_t *pauses;		      /* ns, the last PAUSES_KEPT of them; owned */
	uint64_t interval, begin, next, last; /* ns; CLOCK_MONOTONIC */
	uint64_t cpu_at_begin;
};

static uint64_t now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the sampler ---- */

static struct pw_error *check_options(const struct pw_sampler_options *options)
{
	if (!(options->rate >= 0) || (options->rate && options->rate < 1e-3) || options->rate > 1e6)
		return pw_error_create(PW_ERROR_USAGE,
				       "a rate is from 0.001 to 1000000 per second, not %g",
				       options->rate);
	return NULL;
}

struct pw_error *pw_sampler_create(const struct pw_sampler_options *options,
				   struct pw_sampler **ret)
{
	struct pw_error *error = check_options(options);
	if (error)
		return error;
	struct pw_sampler *s = calloc(1, sizeof(*s));
	if (!s)
		return &pw_error_nomem;
	s->options = *options;
	if (!s->options.rate)
		s->options.rate = 100;
	s->interval = (uint64_t)(1e9 / s->options.rate);
	s->capture = (struct pw_capture_options){
		.size = sizeof(s->capture),
		.max_frames = options->max_frames,
		.native = options->native,
		.native_only_threads = options->native != PW_NATIVE_NONE,
		.no_stop = options->no_stop,
	};
	s->info = (struct pw_profile_info){
		.engine = options->no_stop ? "peek" : "ptrace",
		.clock = options->clock,
		.native = options->native != PW_NATIVE_NONE,
		.lines = !options->functions,
		.memory = options->memory,
		.rate_wished = s->options.rate,
		.start = now(CLOCK_REALTIME),
	};
	s->pauses = malloc(PAUSES_KEPT * sizeof(*s->pauses));
	error = s->pauses ? pw_profile_create(&s->info, &s->profile) : &pw_error_nomem;
	if (error) {
		pw_sampler_destroy(s);
		return error;
	}
	s->cpu_at_begin = now(CLOCK_PROCESS_CPUTIME_ID);
	*ret = s;
	return NULL;
}

static void watched_deinit(struct watched *watched)
{
	struct known *known, *next;
	HASH_ITER (hh, watched->known, known, next) {
		HASH_DEL(watched->known, known);
		free(known);
	}
	pw_follow_destroy(watched->follow);
}

void pw_sampler_destroy(struct pw_sampler *sampler)
{
	if (!sampler)
		return;
	for (size_t i = 0; i < sampler->watched_count; i++)
		watched_deinit(&sampler->watched[i]);
	pw_profile_destroy(sampler->profile);
	free(sampler->watched);
	free(sampler->pauses);
	free(sampler);
}

struct pw_profile *pw_sampler_profile(struct pw_sampler *sampler)
{
	return sampler->profile;
}

static enum pw_followed followed_by(const struct pw_sampler_options *options)
{
	if (options->clock == PW_CLOCK_GIL)
		return PW_FOLLOW_GIL;
	return options->clock == PW_CLOCK_CPU || options->no_idle ? PW_FOLLOW_RUNNING
								  : PW_FOLLOW_ALL;
}

struct pw_error *pw_sampler_add(struct pw_sampler *sampler, struct pw_session *session,
				const char *command)
{
	const struct pw_profile_process process = {
		.pid = pw_session_pid(session),
		.parent = pw_session_parent_pid(session),
		.executable = pw_session_executable(session),
		.python = pw_session_python_version(session),
		.command = command,
	};
	struct watched *more =
		realloc(sampler->watched, (sampler->watched_count + 1) * sizeof(*more));
	if (!more)
		return &pw_error_nomem;
	sampler->watched = more;
	struct watched *added = &more[sampler->watched_count];
	*added = (struct watched){.session = session};
	struct pw_error *error =
		pw_profile_add_process(sampler->profile, &process, &added->process);
	if (!error)
		error = pw_follow_create(session, &sampler->capture, followed_by(&sampler->options),
					 &added->follow);
	sampler->watched_count += !error;
	return error;
}

void pw_sampler_remove(struct pw_sampler *sampler, const struct pw_session *session)
{
	size_t kept = 0;
	for (size_t i = 0; i < sampler->watched_count; i++) {
		if (sampler->watched[i].session != session)
			sampler->watched[kept++] = sampler->watched[i];
		else
			watched_deinit(&sampler->watched[i]);
	}
	sampler->watched_count = kept;
}

/* ---- one look ---- */

static bool runs(const struct pw_thread *thread)
{
	const char *state = pw_thread_state(thread);
	return state && strcmp(state, "running") == 0;
}

static bool is_wanted(const struct pw_sampler *s, const struct pw_thread *thread)
{
	switch (s->options.clock) {
	case PW_CLOCK_CPU:
		return runs(thread);
	case PW_CLOCK_GIL:
		return pw_thread_holds_gil(thread) == PW_YES;
	case PW_CLOCK_WALL:
		return !s->options.no_idle || runs(thread);
	}
	return true;
}

static struct pw_profile_function function_of(const struct pw_frame *frame)
{
	struct pw_profile_function f = {0};
	switch (pw_frame_kind(frame)) {
	case PW_FRAME_PYTHON:
		f.kind = PW_PROFILE_PYTHON;
		f.name = pw_frame_qualname(frame);
		f.name = f.name ? f.name : pw_frame_name(frame);
		f.file = pw_frame_file(frame);
		f.first_line = pw_frame_first_line(frame);
		break;
	case PW_FRAME_NATIVE:
		f.kind = PW_PROFILE_NATIVE;
		f.name =
			pw_frame_signal(frame) ? "<signal handler called>" : pw_frame_symbol(frame);
		f.file = pw_frame_file(frame);
		f.module = pw_frame_module(frame);
		break;
	case PW_FRAME_GAP:
		f.kind = PW_PROFILE_GAP;
		f.name = pw_frame_reason(frame);
		break;
	}
	return f;
}

static struct pw_error *add_frame(struct pw_sampler *s, const struct pw_frame *frame,
				  uint32_t *node)
{
	const struct pw_profile_function function = function_of(frame);
	struct pw_profile_frame entry = {0};
	struct pw_profile_node next = {.parent = *node};
	struct pw_error *error = pw_profile_add_function(s->profile, &function, &entry.function);
	if (!s->options.functions && pw_frame_line(frame) > 0)
		entry.line = pw_frame_line(frame);
	if (!error)
		error = pw_profile_add_frame(s->profile, &entry, &next.frame);
	return error ? error : pw_profile_add_node(s->profile, &next, node);
}

static struct pw_error *add_stack(struct pw_sampler *s, const struct pw_thread *thread,
				  uint32_t *ret)
{
	*ret = 0;
	for (size_t i = pw_thread_frame_count(thread); i-- > 0;) {
		struct pw_error *error = add_frame(s, pw_thread_frame(thread, i), ret);
		if (error)
			return error;
	}
	return NULL;
}

static void note_pause(struct pw_sampler *s, uint64_t pause)
{
	if (!pause)
		return;
	s->pauses[s->info.pauses++ % PAUSES_KEPT] =
		pause > UINT32_MAX ? UINT32_MAX : (uint32_t)pause;
	if (pause > s->info.pause_max)
		s->info.pause_max = pause;
}

/* Whether all of a stack could be read.  A process that ends takes its memory away while its frames
 * are being named; a stack without names, or without its oldest frames, would be a wrong one. */
static bool is_whole(const struct pw_thread *thread)
{
	enum pw_end_reason end = pw_thread_end(thread);
	if (end != PW_END_COMPLETE && end != PW_END_LIMIT)
		return false;
	for (size_t i = 0; i < pw_thread_frame_count(thread); i++) {
		const struct pw_frame *frame = pw_thread_frame(thread, i);
		if (pw_frame_kind(frame) == PW_FRAME_PYTHON && !pw_frame_name(frame))
			return false;
	}
	return true;
}

/* It was not stopped, and ran: its newest frames were changing. */
static bool is_torn(const struct pw_thread *thread)
{
	const char *capture = pw_thread_capture(thread);
	return capture && strcmp(capture, "running") == 0;
}

/* Threads come and go: forgets those that were not there at the last look. */
static void sweep(const struct pw_sampler *s, struct watched *watched)
{
	enum { FEW = 1024 };
	struct known *known, *next;
	if (HASH_COUNT(watched->known) <= watched->known_limit)
		return;
	HASH_ITER (hh, watched->known, known, next) {
		if (known->seen + 1 >= s->info.ticks)
			continue;
		HASH_DEL(watched->known, known);
		free(known);
	}
	watched->known_limit = FEW + HASH_COUNT(watched->known) * 2;
}

/* What is known of a thread, made if there is nothing yet; NULL: out of memory. */
static struct known *know(struct watched *watched, uint64_t tid)
{
	struct known *known;
	HASH_FIND(hh, watched->known, &tid, sizeof(tid), known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->tid = tid;
	HASH_ADD(hh, watched->known, tid, sizeof(tid), known);
	return known;
}

static struct pw_error *add_sample(struct pw_sampler *s, struct known *known,
				   const struct pw_profile_sample *proto)
{
	struct pw_profile_sample sample = *proto;
	known->seen = s->info.ticks;
	if (!known->whole) {
		s->info.lost++;
		return NULL;
	}
	sample.thread = known->thread;
	sample.node = known->node;
	sample.flags = known->flags;
	s->info.torn += (known->flags & PW_SAMPLE_TORN) != 0;
	return pw_profile_add_sample(s->profile, &sample);
}

static struct pw_error *intern_thread(struct pw_sampler *s, const struct watched *watched,
				      const struct pw_thread *thread, struct known *known)
{
	const struct pw_profile_thread entry = {
		.process = watched->process,
		.tid = pw_thread_tid(thread),
		.ns_tid = pw_thread_ns_tid(thread),
		.name = pw_thread_name(thread),
		.kernel_name = pw_thread_kernel_name(thread),
	};
	struct pw_error *error = pw_profile_add_thread(s->profile, &entry, &known->thread);
	if (!error)
		error = add_stack(s, thread, &known->node);
	known->flags = is_torn(thread) ? PW_SAMPLE_TORN : 0;
	if (runs(thread))
		known->flags |= PW_SAMPLE_RUNNING;
	if (pw_thread_holds_gil(thread) == PW_YES)
		known->flags |= PW_SAMPLE_GIL;
	return error;
}

static struct pw_error *add_dump(struct pw_sampler *s, struct watched *watched,
				 const struct pw_dump *dump, const struct pw_profile_sample *proto)
{
	struct pw_error *error = NULL;
	note_pause(s, pw_dump_pause(dump));
	for (size_t i = 0; !error && i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		/* A thread state without a thread does nothing. */
		if (!pw_thread_tid(thread) || !is_wanted(s, thread))
			continue;
		struct known *known = know(watched, pw_thread_tid(thread));
		if (!known)
			return &pw_error_nomem;
		known->whole = is_whole(thread);
		if (known->whole)
			error = intern_thread(s, watched, thread, known);
		if (!error)
			error = add_sample(s, known, proto);
	}
	return error;
}

/* ---- looks ---- */

struct look {
	struct pw_sampler *sampler;
	struct watched *watched;
	struct pw_profile_sample proto;
	struct pw_error *error;
};

static void add_asleep(void *data, uint64_t tid)
{
	struct look *look = data;
	struct known *known;
	HASH_FIND(hh, look->watched->known, &tid, sizeof(tid), known);
	if (known && !look->error)
		look->error = add_sample(look->sampler, known, &look->proto);
}

/* `*ret_failed`: why this process can be looked at no more. */
static struct pw_error *look_at(struct pw_sampler *s, struct watched *watched, uint64_t time,
				uint64_t weight, struct pw_error **ret_failed)
{
	struct look look = {s, watched, {.time = time, .weight = weight}, NULL};
	struct pw_dump *dump;
	if (s->options.memory)
		look.proto.resident = pw_session_resident(watched->session);
	*ret_failed = pw_follow_look(watched->follow, &dump, add_asleep, &look);
	if (*ret_failed)
		return NULL;
	if (!look.error)
		look.error = add_dump(s, watched, dump, &look.proto);
	pw_dump_destroy(dump);
	sweep(s, watched);
	return look.error;
}

struct pw_error *pw_sampler_look(struct pw_sampler *sampler, uint64_t time, uint64_t weight,
				 void (*gone)(void *data, struct pw_session *session,
					      struct pw_error *error),
				 void *data)
{
	struct pw_error *error = NULL;
	sampler->info.ticks++;
	for (size_t i = 0; !error && i < sampler->watched_count;) {
		struct pw_session *session = sampler->watched[i].session;
		struct pw_error *failed;
		error = look_at(sampler, &sampler->watched[i], time, weight, &failed);
		if (failed) {
			pw_sampler_remove(sampler, session);
			gone(data, session, failed);
			continue;
		}
		i++;
	}
	return error;
}

/* ---- time ---- */

bool pw_sampler_wait(struct pw_sampler *sampler, uint64_t *ret_time, uint64_t *ret_weight)
{
	uint64_t t = now(CLOCK_MONOTONIC);
	if (!sampler->begin) {
		sampler->begin = sampler->next = t;
		sampler->last = t - sampler->interval;
	}
	if (t < sampler->next) {
		struct timespec until = {(time_t)(sampler->next / 1000000000),
					 (long)(sampler->next % 1000000000)};
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			return false;
		t = now(CLOCK_MONOTONIC);
	}
	uint64_t due = (t - sampler->next) / sampler->interval + 1;
	sampler->info.missed += due - 1;
	sampler->next += due * sampler->interval;
	*ret_time = t - sampler->begin;
	/* What really passed: a sum of weights is the time of the recording. */
	*ret_weight = t - sampler->last;
	sampler->last = t;
	return true;
}

static int compare_pauses(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

struct pw_error *pw_sampler_summarize(struct pw_sampler *sampler)
{
	struct pw_profile_info *info = &sampler->info;
	size_t count = info->pauses < PAUSES_KEPT ? (size_t)info->pauses : PAUSES_KEPT;
	uint32_t *sorted = malloc((count + 1) * sizeof(*sorted));
	if (!sorted)
		return &pw_error_nomem;
	memcpy(sorted, sampler->pauses, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_pauses);
	if (count) {
		info->pause_median = sorted[count / 2];
		info->pause_p99 = sorted[count - 1 - count / 100];
	}
	free(sorted);
	info->duration = sampler->begin ? now(CLOCK_MONOTONIC) - sampler->begin : 0;
	info->rate_reached =
		info->duration ? (double)info->ticks * 1e9 / (double)info->duration : 0;
	info->own_cpu = now(CLOCK_PROCESS_CPUTIME_ID) - sampler->cpu_at_begin;
	return pw_profile_set_info(sampler->profile, info);
}
