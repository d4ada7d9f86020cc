/*
 * Taking a dump: copy while the target stands still, decode afterwards.
 *
 * Inside of the pause: the lists, the frame chains, and a read of every code object that was not
 * read yet, so that its bytes are in the snapshot.  Everything else comes after the target has been
 * let go.
 */
#include "stack/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 100 };

/* What a pause brings home. */
struct capture {
	struct pw_session *session;
	struct pw_python *python;
	struct pw_runtime_lists lists;
	struct pw_pyframes *frames; /* one a thread state */
	struct pw_thread_names names;
	struct pw_dump *dump;
};

static void forget_copy(struct capture *c)
{
	for (size_t i = 0; c->frames && i < c->lists.tstate_count; i++)
		pw_frames_deinit(&c->frames[i]);
	free(c->frames);
	c->frames = NULL;
	pw_lists_deinit(&c->lists);
	if (c->dump) {
		pw_notes_deinit(&c->dump->problems);
		pw_dump_forget_codes(c->dump);
	}
}

static void capture_deinit(struct capture *c)
{
	forget_copy(c);
	pw_thread_names_deinit(&c->names);
	pw_dump_destroy(c->dump);
}

/* Names change rarely and cost many reads: they are taken before the pause. */
static struct pw_error *read_names(struct capture *c)
{
	struct pw_runtime_lists lists;
	struct pw_notes notes = {0};
	struct pw_error *error = pw_snapshot_begin(c->session->target);
	pw_object_budget(c->python);
	if (!error)
		error = pw_lists_read(c->python, &lists, &notes);
	if (!error) {
		for (size_t i = 0; i < lists.interp_count; i++)
			pw_thread_names_read(c->python, &lists.interps[i], &c->names);
		pw_lists_deinit(&lists);
	}
	pw_snapshot_end(c->session->target);
	pw_notes_deinit(&notes);
	return error;
}

static struct pw_error *touch_codes(struct capture *c, const struct pw_pyframes *frames)
{
	for (size_t i = 0; i < frames->count; i++) {
		struct pw_code_entry *entry;
		uint64_t address = frames->items[i].code;
		HASH_FIND(hh, c->dump->codes, &address, sizeof(address), entry);
		if (entry)
			continue;
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return &pw_error_nomem;
		entry->code.address = address;
		HASH_ADD(hh, c->dump->codes, code.address, sizeof(address), entry);
		pw_code_touch(c->python, address);
	}
	return NULL;
}

/* The number that the target knew the thread by, 0 when it did not note one: before 3.11 glibc has
 * it. */
static uint64_t native_id_of(struct pw_target *target, const struct pw_tstate *tstate)
{
	enum { PID_MAX_LIMIT = 1 << 22 };
	uint32_t number;
	if (tstate->native_id)
		return tstate->native_id;
	pw_auto_error struct pw_error *error =
		pw_read_u32(target, tstate->thread_id + target->arch->glibc_pthread_tid, &number);
	return error || number > PID_MAX_LIMIT ? 0 : number;
}

/*
 * The OS thread of a thread state.  thread_id is pthread_self(), which on x86-64 and aarch64 glibc
 * and musl is found from the thread pointer; it holds in containers and after fork, where the
 * number that the target saw may not.
 */
static const struct pw_lwp *lwp_of(struct pw_target *target, const struct pw_tstate *tstate)
{
	for (size_t i = 0; i < target->lwp_count; i++) {
		const struct pw_lwp *lwp = &target->lwps[i];
		if (lwp->regs.thread_pointer && lwp->regs.thread_pointer == tstate->thread_id)
			return lwp;
	}
	uint64_t native_id = native_id_of(target, tstate);
	for (size_t i = 0; i < target->lwp_count; i++) {
		const struct pw_lwp *lwp = &target->lwps[i];
		if (native_id && (lwp->ns_tid == native_id || lwp->tid == native_id))
			return lwp;
	}
	return NULL;
}

/* Threads with several thread states whose frames have no anchors: their order is on the stack. */
static void touch_shared_stacks(struct capture *c)
{
	struct pw_target *target = c->session->target;
	if (c->lists.interp_count < 2 || c->python->layout.traits.frames != PW_FRAMES_OBJECT)
		return;
	unsigned *chains = calloc(target->lwp_count + 1, sizeof(*chains));
	for (size_t i = 0; chains && i < c->lists.tstate_count; i++) {
		const struct pw_lwp *lwp =
			c->frames[i].count ? lwp_of(target, &c->lists.tstates[i]) : NULL;
		if (lwp && ++chains[lwp - target->lwps] == 2)
			pw_order_touch(target, lwp);
	}
	free(chains);
}

static struct pw_error *copy_all(struct capture *c, size_t max_frames)
{
	struct pw_error *error = pw_lists_read(c->python, &c->lists, &c->dump->problems);
	if (error)
		return error;
	pw_object_budget(c->python);
	c->frames = calloc(c->lists.tstate_count + 1, sizeof(*c->frames));
	if (!c->frames)
		return &pw_error_nomem;
	for (size_t i = 0; !error && i < c->lists.tstate_count; i++) {
		pw_frames_walk(c->python, c->lists.tstates[i].address, max_frames, &c->frames[i]);
		error = touch_codes(c, &c->frames[i]);
	}
	if (!error)
		touch_shared_stacks(c);
	return error;
}

/* Whether a thread was stopped where its own state cannot be believed. */
static bool stopped_in_prologue(const struct capture *c)
{
	const struct pw_target *target = c->session->target;
	for (size_t i = 0; i < target->lwp_count; i++)
		if (target->lwps[i].has_regs &&
		    pw_eval_in_prologue(c->python, target->lwps[i].regs.pc))
			return true;
	return false;
}

static bool copied_torn(const struct capture *c)
{
	for (size_t i = 0; i < c->lists.tstate_count; i++)
		if (c->frames[i].torn)
			return true;
	return false;
}

/* One pause with its copy.  *ret_again: a thread was caught within the few instructions that leave
 * its own state inconsistent, and another try will most likely not. */
static struct pw_error *pause_and_copy(struct capture *c, size_t max_frames, bool *ret_again)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	if (!error)
		error = target->ops->pause(target);
	*ret_again = !error && stopped_in_prologue(c);
	if (!error)
		error = copy_all(c, max_frames);
	target->ops->resume(target);
	*ret_again = *ret_again || (!error && copied_torn(c));
	if (target->pause_ns > c->dump->pause_ns)
		c->dump->pause_ns = target->pause_ns;
	return error;
}

static struct pw_error *copy_still(struct capture *c, size_t max_frames)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	if (!error && target->ops->refresh)
		error = target->ops->refresh(target);
	return error ? error : copy_all(c, max_frames);
}

static struct pw_error *copy(struct capture *c, const struct pw_capture_options *options)
{
	enum { TRIES = 8 };
	struct pw_target *target = c->session->target;
	size_t max_frames = options ? options->max_frames : 0;
	if (!target->ops->pause || (options && options->no_stop))
		return copy_still(c, max_frames);
	bool again;
	struct pw_error *error = pause_and_copy(c, max_frames, &again);
	for (int i = 1; !error && again && i < TRIES; i++) {
		forget_copy(c);
		pw_snapshot_end(target);
		error = pause_and_copy(c, max_frames, &again);
	}
	return error;
}

static void problem(struct pw_dump *dump, const char *text)
{
	if (dump->problems.count < PROBLEMS_MAX)
		pw_notes_add(&dump->problems, "%s", text);
	else if (dump->problems.count == PROBLEMS_MAX)
		pw_notes_add(&dump->problems, "more problems follow");
}

static void load_codes(struct capture *c)
{
	struct pw_code_entry *entry, *next;
	HASH_ITER (hh, c->dump->codes, entry, next) {
		pw_code_load(c->python, entry->code.address, &entry->code);
		if (entry->code.error)
			problem(c->dump, pw_error_message(entry->code.error));
	}
}

/* ---- threads ---- */

static void fill_frame(struct capture *c, const struct pw_tstate *tstate,
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
	const struct pw_code *code = &entry->code;
	to->code = code;
	int64_t lasti = pw_code_lasti(c->python, code, from);
	to->incomplete = pw_code_incomplete(&c->python->layout, code, from, lasti);
	if (code->table.data)
		to->location = pw_lines_find(c->python->layout.traits.lines,
					     (const uint8_t *)code->table.data, code->table.length,
					     code->firstlineno, lasti);
}

static void end_thread(struct pw_dump *dump, struct pw_thread *thread,
		       const struct pw_pyframes *frames)
{
	if (frames->end == PW_END_COMPLETE)
		return;
	char text[256];
	char place[32] = "";
	if (frames->end_address)
		snprintf(place, sizeof(place), " at 0x%" PRIx64, frames->end_address);
	snprintf(text, sizeof(text), "thread %" PRIu64 ": stack ends early (%s%s): %s", thread->tid,
		 pw_end_reason_name(frames->end), place, frames->end_message);
	problem(dump, text);
	if (thread->end != PW_END_COMPLETE)
		return;
	thread->end = frames->end;
	thread->end_address = frames->end_address;
	thread->end_message = strdup(frames->end_message);
}

/* Adds a thread state and its frames to a thread. */
static struct pw_error *add_tstate(struct capture *c, size_t index, uint32_t chain,
				   struct pw_thread *thread)
{
	const struct pw_tstate *tstate = &c->lists.tstates[index];
	const struct pw_pyframes *frames = &c->frames[index];
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
	for (size_t i = 0; i < frames->count; i++)
		fill_frame(c, tstate, &frames->items[i], chain, &all[thread->python_count++]);
	return NULL;
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
	thread->kernel_name = *lwp->name ? strdup(lwp->name) : NULL;
}

/* All thread states of one OS thread. */
static struct pw_error *make_thread(struct capture *c, const struct pw_lwp *lwp,
				    const struct pw_lwp *const *owners, bool keep_empty)
{
	struct pw_thread *thread = &c->dump->threads[c->dump->thread_count];
	uint32_t chain = 0;
	struct pw_error *error = NULL;
	start_thread(thread, lwp);
	c->dump->thread_count++;
	for (size_t i = 0; !error && i < c->lists.tstate_count; i++)
		if (owners[i] == lwp)
			error = add_tstate(c, i, chain++, thread);
	if (!error && chain > 1)
		error = pw_order_chains(c->session, lwp, thread->python, thread->python_count);
	if (thread->python_count)
		thread->interpreter = thread->python[0].interpreter;
	if (!chain && !keep_empty)
		c->dump->thread_count--, free(thread->kernel_name);
	return error;
}

/* A thread state whose OS thread is not there: gone, or a core that lacks its notes. */
static struct pw_error *make_orphan(struct capture *c, size_t index)
{
	struct pw_target *target = c->session->target;
	if (c->frames[index].count == 0 && c->frames[index].end == PW_END_COMPLETE &&
	    target->lwp_count)
		return NULL;
	struct pw_thread *thread = &c->dump->threads[c->dump->thread_count++];
	start_thread(thread, NULL);
	if (target->lwp_count == 0) {
		thread->tid = native_id_of(target, &c->lists.tstates[index]);
		thread->ns_tid = thread->tid;
		thread->state = PW_RUN_UNKNOWN;
	}
	return add_tstate(c, index, 0, thread);
}

static struct pw_error *make_threads(struct capture *c, const struct pw_capture_options *options)
{
	struct pw_target *target = c->session->target;
	size_t tstates = c->lists.tstate_count;
	bool native_only = (options && options->native_only_threads) || c->lists.interp_count == 0;
	c->dump->threads = calloc(target->lwp_count + tstates + 1, sizeof(*c->dump->threads));
	const struct pw_lwp **owners = calloc(tstates + 1, sizeof(*owners));
	struct pw_error *error = c->dump->threads && owners ? NULL : &pw_error_nomem;
	for (size_t i = 0; !error && i < tstates; i++)
		owners[i] = lwp_of(target, &c->lists.tstates[i]);
	for (size_t i = 0; !error && i < target->lwp_count; i++)
		error = make_thread(c, &target->lwps[i], owners, native_only);
	for (size_t i = 0; !error && i < tstates; i++)
		if (!owners[i])
			error = make_orphan(c, i);
	free(owners);
	return error;
}

static struct pw_error *make_interpreters(struct capture *c)
{
	struct pw_dump *dump = c->dump;
	dump->interpreters = calloc(c->lists.interp_count + 1, sizeof(*dump->interpreters));
	if (!dump->interpreters)
		return &pw_error_nomem;
	for (size_t i = 0; i < c->lists.interp_count; i++) {
		const struct pw_interp *interp = &c->lists.interps[i];
		dump->interpreters[dump->interpreter_count++] =
			(struct pw_interpreter){interp->id, interp->address, interp->main};
	}
	return NULL;
}

struct pw_error *pw_session_capture(struct pw_session *session,
				    const struct pw_capture_options *options, struct pw_dump **ret)
{
	if (options && options->size != sizeof(*options))
		return pw_error_create(PW_ERROR_USAGE,
				       "struct pw_capture_options has size %zu, expected %zu",
				       options->size, sizeof(*options));
	struct capture c = {.session = session, .python = &session->python};
	c.dump = calloc(1, sizeof(*c.dump));
	struct pw_error *error = c.dump ? read_names(&c) : &pw_error_nomem;
	if (!error)
		error = copy(&c, options);
	if (!error)
		error = make_interpreters(&c);
	if (!error) {
		load_codes(&c);
		error = make_threads(&c, options);
	}
	pw_snapshot_end(session->target);
	if (!error) {
		*ret = c.dump;
		c.dump = NULL;
	}
	capture_deinit(&c);
	return error;
}
