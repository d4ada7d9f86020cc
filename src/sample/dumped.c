/*
 * What a dump says, as samples of a profile: each thread's frames are interned, oldest first, and
 * its stack is one node.
 */
#include "sample/dumped.h"

#include "base/error.h"

#include <string.h>

static bool runs(const struct pw_thread *thread)
{
	const char *state = pw_thread_state(thread);
	return state && strcmp(state, "running") == 0;
}

static bool is_chosen(const struct pw_profile_dump_options *options, uint64_t tid)
{
	for (size_t i = 0; i < options->tid_count; i++)
		if (options->tids[i] == tid)
			return true;
	return !options->tid_count;
}

bool pw_dumped_is_wanted(const struct pw_profile_dump_options *options,
			 const struct pw_thread *thread)
{
	/* A thread state without a thread does nothing. */
	if (!pw_thread_tid(thread) || !is_chosen(options, pw_thread_tid(thread)))
		return false;
	switch (options->clock) {
	case PW_CLOCK_CPU:
		return runs(thread);
	case PW_CLOCK_GIL:
		return pw_thread_holds_gil(thread) == PW_YES;
	case PW_CLOCK_WALL:
		return !options->no_idle || runs(thread);
	}
	return true;
}

/* Whether all of a stack could be read.  A process that ends takes its memory away while its frames
 * are being named; a stack without names, or without its oldest frames, would be a wrong one. */
bool pw_dumped_is_whole(const struct pw_thread *thread)
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

static struct pw_error *add_function(struct pw_profile *profile,
				     const struct pw_profile_function *function, int line,
				     uint32_t *node)
{
	struct pw_profile_frame entry = {.line = line};
	struct pw_profile_node next = {.parent = *node};
	struct pw_error *error = pw_profile_add_function(profile, function, &entry.function);
	if (!error)
		error = pw_profile_add_frame(profile, &entry, &next.frame);
	return error ? error : pw_profile_add_node(profile, &next, node);
}

static struct pw_error *add_frame(struct pw_profile *profile, const struct pw_frame *frame,
				  bool functions, uint32_t *node)
{
	const struct pw_profile_function function = function_of(frame);
	int line = pw_frame_line(frame);
	return add_function(profile, &function, functions || line < 0 ? 0 : line, node);
}

/* Not every format has a place for a sample's flags, and in none of them should the newest frame
 * that is known look as if it were the newest. */
static struct pw_error *add_torn(struct pw_profile *profile, uint32_t *node)
{
	const struct pw_profile_function function = {
		.kind = PW_PROFILE_GAP,
		.name = "torn: newer frames were changing",
	};
	return add_function(profile, &function, 0, node);
}

/* Whether a native frame is the interpreter's machinery.  What was inlined into a function goes
 * with it: `folded` is what was said of the next older frame. */
static bool folds(const struct pw_session *session, const struct pw_frame *frame, bool folded)
{
	if (!session || pw_frame_kind(frame) != PW_FRAME_NATIVE)
		return false;
	if (pw_frame_inlined(frame))
		return folded;
	return !pw_frame_signal(frame) &&
	       pw_session_folds(session, pw_frame_pc(frame), pw_frame_symbol(frame));
}

static struct pw_error *add_stack(struct pw_profile *profile,
				  const struct pw_profile_dump_options *options,
				  const struct pw_thread *thread, uint32_t *ret)
{
	bool folded = false;
	*ret = 0;
	for (size_t i = pw_thread_frame_count(thread); i-- > 0;) {
		const struct pw_frame *frame = pw_thread_frame(thread, i);
		folded = folds(options->fold, frame, folded);
		if (folded)
			continue;
		struct pw_error *error = add_frame(profile, frame, options->functions, ret);
		if (error)
			return error;
	}
	return NULL;
}

struct pw_error *pw_dumped_intern(struct pw_profile *profile,
				  const struct pw_profile_dump_options *options,
				  const struct pw_thread *thread, struct pw_profile_sample *ret)
{
	const struct pw_profile_thread entry = {
		.process = options->process,
		.tid = pw_thread_tid(thread),
		.ns_tid = pw_thread_ns_tid(thread),
		.name = pw_thread_name(thread),
		.kernel_name = pw_thread_kernel_name(thread),
	};
	struct pw_error *error = pw_profile_add_thread(profile, &entry, &ret->thread);
	if (!error)
		error = add_stack(profile, options, thread, &ret->node);
	if (!error && is_torn(thread))
		error = add_torn(profile, &ret->node);
	ret->flags = is_torn(thread) ? PW_SAMPLE_TORN : 0;
	if (runs(thread))
		ret->flags |= PW_SAMPLE_RUNNING;
	if (pw_thread_holds_gil(thread) == PW_YES)
		ret->flags |= PW_SAMPLE_GIL;
	return error;
}

static struct pw_error *add_thread(struct pw_profile *profile,
				   const struct pw_profile_dump_options *options,
				   const struct pw_thread *thread)
{
	struct pw_profile_sample sample = {
		.time = options->time,
		.weight = options->weight,
		.resident = options->resident,
	};
	struct pw_error *error = pw_dumped_intern(profile, options, thread, &sample);
	return error ? error : pw_profile_add_sample(profile, &sample);
}

struct pw_error *pw_profile_add_dump(struct pw_profile *profile, const struct pw_dump *dump,
				     const struct pw_profile_dump_options *options,
				     struct pw_profile_dump_counts *ret)
{
	struct pw_error *error = NULL;
	*ret = (struct pw_profile_dump_counts){0};
	for (size_t i = 0; !error && i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		if (!pw_dumped_is_wanted(options, thread))
			continue;
		if (!pw_dumped_is_whole(thread)) {
			ret->lost++;
			continue;
		}
		error = add_thread(profile, options, thread);
		ret->samples += !error;
		ret->torn += !error && is_torn(thread);
	}
	return error;
}
