/*
 * What was copied of a thread becomes a thread of the dump.
 */
#include "stack/locals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pw_location location(const struct pw_capture *c, struct pw_code_entry *entry,
				   int64_t lasti)
{
	const struct pw_code *code = &entry->code;
	if (!code->table.data)
		return (struct pw_location){0, 0, -1, -1};
	if (!entry->has_last || entry->last_lasti != lasti)
		entry->last_location = pw_lines_find(c->python->layout.traits.lines,
						     (const uint8_t *)code->table.data,
						     code->table.length, code->firstlineno, lasti);
	entry->has_last = true;
	entry->last_lasti = lasti;
	return entry->last_location;
}

static void fill_frame(struct pw_capture *c, const struct pw_tstate *tstate,
		       const struct pw_pyframe *from, uint32_t chain, struct pw_frame *to)
{
	struct pw_code_entry *entry;
	*to = (struct pw_frame){
		.kind = PW_FRAME_PYTHON, .native_index = -1, .python = *from, .chain = chain};
	to->interpreter = c->lists.interps[tstate->interp].id;
	to->location = (struct pw_location){0, 0, -1, -1};
	HASH_FIND(hh, c->dump->codes, &from->code, sizeof(from->code), entry);
	if (!entry)
		return;
	pw_capture_load_code(c, entry);
	to->code = &entry->code;
	int64_t lasti = pw_code_lasti(c->python, to->code, from);
	to->incomplete = pw_code_incomplete(&c->python->layout, to->code, from, lasti);
	to->location = location(c, entry, lasti);
}

static void end_thread(struct pw_dump *dump, struct pw_thread *thread,
		       const struct pw_pyframes *frames)
{
	if (frames->end == PW_END_COMPLETE)
		return;
	char text[512];
	char place[32] = "";
	if (frames->end_address)
		snprintf(place, sizeof(place), " at 0x%" PRIx64, frames->end_address);
	snprintf(text, sizeof(text), "thread %" PRIu64 ": stack ends early (%s%s): %s", thread->tid,
		 pw_end_reason_name(frames->end), place, frames->end_message);
	pw_capture_problem(dump, text);
	if (thread->end != PW_END_COMPLETE)
		return;
	thread->end = frames->end;
	thread->end_address = frames->end_address;
	thread->end_message = strdup(frames->end_message);
}

/* Adds a thread state and its frames to a thread. */
static struct pw_error *add_tstate(struct pw_capture *c, size_t index, uint32_t chain,
				   struct pw_thread *thread)
{
	const struct pw_tstate *tstate = &c->lists.tstates[index];
	const struct pw_pyframes *frames = &c->copied[index].frames;
	if (tstate->holds_gil > thread->holds_gil)
		thread->holds_gil = tstate->holds_gil;
	const char *name = pw_thread_names_find(&c->names, tstate->thread_id);
	if (!thread->name && name)
		thread->name = strdup(name);
	if (!thread->tstate) {
		thread->tstate = tstate->address;
		thread->interpreter = c->lists.interps[tstate->interp].id;
	}
	end_thread(c->dump, thread, frames);
	if (frames->count == 0)
		return NULL;
	struct pw_frame *all =
		realloc(thread->python, (thread->python_count + frames->count) * sizeof(*all));
	if (!all)
		return &pw_error_nomem;
	thread->python = all;
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < frames->count; i++) {
		struct pw_frame *frame = &all[thread->python_count];
		fill_frame(c, tstate, &frames->items[i], chain, frame);
		if (frame->code && frame->code->internal)
			continue;
		thread->python_count++;
		if (c->options->locals)
			error = pw_locals_make(c, &frames->items[i], &frame->variables);
	}
	return error;
}

static void start_thread(struct pw_thread *thread, const struct pw_lwp *lwp)
{
	*thread = (struct pw_thread){
		.interpreter = -1, .holds_gil = PW_UNKNOWN, .state = PW_RUN_GONE};
	if (!lwp)
		return;
	thread->tid = lwp->tid;
	thread->ns_tid = lwp->ns_tid;
	thread->state = lwp->state;
	thread->taken = lwp->taken;
	thread->stopped_ns = lwp->stopped_ns;
	thread->kernel_name = *lwp->name ? strdup(lwp->name) : NULL;
}

struct pw_error *pw_thread_make(struct pw_capture *c, const struct pw_lwp *lwp,
				struct pw_thread *ret, bool *ret_kept)
{
	uint32_t chain = 0;
	struct pw_error *error = NULL;
	start_thread(ret, lwp);
	for (size_t i = pw_owned_first(&c->owners, lwp); !error && i;
	     i = pw_owned_next(&c->owners, i))
		error = add_tstate(c, i - 1, chain++, ret);
	if (!error && chain > 1)
		error = pw_order_chains(c->session, lwp, ret->python, ret->python_count);
	if (ret->python_count)
		ret->interpreter = ret->python[0].interpreter;
	*ret_kept = chain || c->options->native_only_threads || c->lists.interp_count == 0;
	return error;
}

struct pw_error *pw_thread_make_one(struct pw_capture *c, const struct pw_lwp *lwp, size_t tstate,
				    struct pw_thread *ret)
{
	start_thread(ret, lwp);
	return add_tstate(c, tstate, 0, ret);
}

/* A core that lost its notes: where the thread stood nobody knows. */
static void miss_registers(struct pw_capture *c, struct pw_thread *thread)
{
	char text[160];
	thread->native_end = PW_NATIVE_END_REGISTERS;
	thread->native_end_message = strdup("its registers are not in the core");
	snprintf(text, sizeof(text),
		 "thread %" PRIu64 ": no native frames: its registers are not in the core",
		 thread->tid);
	pw_capture_problem(c->dump, text);
}

/* A thread state whose OS thread is not there: gone, or a core that lacks its notes. */
static struct pw_error *add_orphan(struct pw_capture *c, size_t index)
{
	struct pw_target *target = c->session->target;
	const struct pw_pyframes *frames = &c->copied[index].frames;
	if (frames->count == 0 && frames->end == PW_END_COMPLETE && target->lwp_count)
		return NULL;
	struct pw_thread *thread = &c->dump->threads[c->dump->thread_count++];
	start_thread(thread, NULL);
	if (target->lwp_count == 0) {
		const struct pw_tstate *tstate = &c->lists.tstates[index];
		thread->tid = thread->ns_tid = tstate->native_id;
		thread->state = PW_RUN_UNKNOWN;
		if (c->options->native != PW_NATIVE_NONE)
			miss_registers(c, thread);
	}
	return add_tstate(c, index, 0, thread);
}

struct pw_error *pw_threads_add_orphans(struct pw_capture *c)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < c->lists.tstate_count; i++)
		if (!c->owners.lwps[i])
			error = add_orphan(c, i);
	return error;
}

struct pw_error *pw_threads_reserve(struct pw_capture *c)
{
	size_t count = c->session->target->lwp_count + c->lists.tstate_count + 1;
	c->dump->threads = calloc(count, sizeof(*c->dump->threads));
	return c->dump->threads ? NULL : &pw_error_nomem;
}
