/* What was taken becomes samples: each thread's frames are interned, oldest first, and the stack is
 * one node of the profile. */
#include "sample/profile.h"
#include "sample/sampler.h"

#include <stdlib.h>
#include <string.h>

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
	s->pauses[s->info.pauses++ % PW_PAUSES_KEPT] =
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
void pw_taken_sweep(const struct pw_sampler *s, struct pw_watched *watched)
{
	enum { FEW = 1024 };
	struct pw_known *known, *next;
	if (HASH_COUNT(watched->known) <= watched->known_limit)
		return;
	HASH_ITER (hh, watched->known, known, next) {
		if (known->seen + 1 >= s->looks)
			continue;
		HASH_DEL(watched->known, known);
		free(known);
	}
	watched->known_limit = FEW + HASH_COUNT(watched->known) * 2;
}

/* What is known of a thread, made if there is nothing yet; NULL: out of memory. */
static struct pw_known *know(struct pw_watched *watched, uint64_t tid)
{
	struct pw_known *known;
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

static struct pw_error *add_sample(struct pw_sampler *s, struct pw_known *known,
				   const struct pw_profile_sample *proto)
{
	struct pw_profile_sample sample = *proto;
	known->seen = s->looks;
	if (!known->whole) {
		s->lost++;
		return NULL;
	}
	/* Several processors write into one ring. */
	if (sample.time < s->newest)
		sample.time = s->newest;
	s->newest = sample.time;
	sample.thread = known->thread;
	sample.node = known->node;
	sample.flags = known->flags;
	s->info.torn += (known->flags & PW_SAMPLE_TORN) != 0;
	return pw_profile_add_sample(s->profile, &sample);
}

static struct pw_error *intern_thread(struct pw_sampler *s, const struct pw_watched *watched,
				      const struct pw_thread *thread, struct pw_known *known)
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

struct pw_error *pw_taken_add(struct pw_sampler *s, struct pw_watched *watched,
			      const struct pw_dump *dump, const struct pw_profile_sample *proto)
{
	struct pw_error *error = NULL;
	note_pause(s, pw_dump_pause(dump));
	for (size_t i = 0; !error && i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		/* A thread state without a thread does nothing. */
		if (!pw_thread_tid(thread) || !is_wanted(s, thread))
			continue;
		struct pw_known *known = know(watched, pw_thread_tid(thread));
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

bool pw_taken_asleep(void *data, uint64_t tid)
{
	struct pw_look *look = data;
	struct pw_known *known;
	HASH_FIND(hh, look->watched->known, &tid, sizeof(tid), known);
	if (known && !look->error)
		look->error = add_sample(look->sampler, known, &look->proto);
	return known && known->whole;
}

void pw_taken_forget(struct pw_watched *watched)
{
	struct pw_known *known, *next;
	HASH_ITER (hh, watched->known, known, next) {
		HASH_DEL(watched->known, known);
		free(known);
	}
}
