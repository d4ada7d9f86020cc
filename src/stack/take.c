/*
 * Taking threads: where they sleep, stopped together, or as they stand in a target that does not
 * run.
 *
 * A sleeper is copied between two looks at the scheduler's counters that must agree.  Everybody
 * else is stopped at once, for one vectored read of the pages that were seen to matter just before.
 */
#include "stack/locals.h"
#include "stack/native.h"
#include "stack/pages.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLEEP_TRIES = 3,
	STOP_TRIES = 8,
};

static bool wants_native(const struct pw_capture *c)
{
	return c->options->native != PW_NATIVE_NONE;
}

static bool has_ended(const struct pw_lwp *lwp)
{
	return lwp->state == PW_RUN_ZOMBIE || lwp->state == PW_RUN_DEAD;
}

static struct pw_error *copy_thread(struct pw_capture *c, const struct pw_lwp *lwp)
{
	struct pw_error *error = NULL;
	for (size_t i = pw_owned_first(&c->owners, lwp); !error && i;
	     i = pw_owned_next(&c->owners, i))
		error = pw_capture_copy(c, i - 1);
	return error;
}

/* As much of its variables as a pause has time for. */
static void touch_thread(struct pw_capture *c, const struct pw_lwp *lwp, bool ahead)
{
	for (size_t i = pw_owned_first(&c->owners, lwp); i; i = pw_owned_next(&c->owners, i))
		if (c->copied[i - 1].read)
			pw_locals_touch(c, &c->copied[i - 1].frames, ahead);
}

static void forget_thread(struct pw_capture *c, const struct pw_lwp *lwp)
{
	for (size_t i = pw_owned_first(&c->owners, lwp); i; i = pw_owned_next(&c->owners, i))
		pw_capture_forget(c, i - 1);
}

/* Adds the thread to the dump. */
static struct pw_error *finish_thread(struct pw_capture *c, const struct pw_lwp *lwp,
				      struct pw_lack *ret)
{
	struct pw_thread *thread = &c->dump->threads[c->dump->thread_count];
	bool kept;
	*ret = (struct pw_lack){0};
	c->attempt++;
	struct pw_error *error = pw_thread_make(c, lwp, thread, &kept);
	if (!error && kept && wants_native(c) && !has_ended(lwp))
		error = pw_thread_unwind(c, lwp, thread, ret);
	if (error || !kept)
		pw_thread_deinit(thread);
	else
		c->dump->thread_count++;
	return error;
}

/* ---- to take back what an attempt added ---- */

struct mark {
	size_t threads, problems;
};

static struct mark mark(const struct pw_capture *c)
{
	return (struct mark){c->dump->thread_count, c->dump->problems.count};
}

static void back_to(struct pw_capture *c, struct mark mark)
{
	while (c->dump->thread_count > mark.threads)
		pw_thread_deinit(&c->dump->threads[--c->dump->thread_count]);
	while (c->dump->problems.count > mark.problems)
		free(c->dump->problems.texts[--c->dump->problems.count]);
}

/* ---- asleep ---- */

/* How an attempt on a sleeper went. */
enum outcome { TAKEN, WOKE_UP, TO_BE_STOPPED };

struct sleeper {
	struct pw_lwp *lwp;
	struct pw_sleep sleep;
	bool sleeps;
	enum outcome outcome;
};

/*
 * Sleepers are looked at several at a time: their thread states, frames and code stand on the same
 * pages, and one call reads all their stacks.  What is read is good for each that slept from before
 * the first read until after the last.
 */
enum { TOGETHER = 32 };

/* Their thread states, and what they have on their stacks. */
static void copy_stacks(struct pw_capture *c, const struct sleeper *sleepers, size_t count)
{
	enum { EACH = PW_STACK_ENDS + 1 };
	struct pw_target *target = c->session->target;
	uint64_t pages[TOGETHER * EACH];
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t owned = pw_owned_first(&c->owners, sleepers[i].lwp);
		if (!sleepers[i].sleeps)
			continue;
		if (wants_native(c))
			used += pw_stack_ends(target, &sleepers[i].lwp->regs, pages + used);
		if (owned)
			pages[used++] = pw_page_of(c->lists.tstates[owned - 1].address);
	}
	pw_snapshot_prefetch(target, pages, pw_sort_pages(pages, used));
}

/* Their newest frames: the rest is mostly on the same pages. */
static void copy_frames(struct pw_capture *c, const struct sleeper *sleepers, size_t count)
{
	uint64_t pages[TOGETHER];
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t owned = pw_owned_first(&c->owners, sleepers[i].lwp);
		uint64_t at =
			owned && sleepers[i].sleeps
				? pw_frames_newest(c->python, c->lists.tstates[owned - 1].address)
				: 0;
		if (at)
			pages[used++] = pw_page_of(at);
	}
	pw_snapshot_prefetch(c->session->target, pages, pw_sort_pages(pages, used));
}

static struct pw_error *finish_sleeper(struct pw_capture *c, struct sleeper *s)
{
	struct pw_target *target = c->session->target;
	struct mark before = mark(c);
	struct pw_lack lack = {0};
	size_t pages = pw_snapshot_page_count(target);
	s->lwp->taken = PW_TAKEN_ASLEEP;
	struct pw_error *error = finish_thread(c, s->lwp, &lack);
	/* What was read since is good if it still sleeps. */
	bool held = !error && (pw_snapshot_page_count(target) == pages ||
			       target->ops->sleep_holds(target, &s->sleep));
	if (held)
		s->outcome = lack.registers && !c->options->no_stop ? TO_BE_STOPPED : TAKEN;
	if (s->outcome != TAKEN) {
		s->lwp->taken = PW_TAKEN_NOT;
		back_to(c, before);
		pw_capture_undo_codes(c);
	}
	return error;
}

static struct pw_error *copy_sleepers(struct pw_capture *c, struct sleeper *sleepers, size_t count)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = NULL;
	for (size_t i = 0; i < count; i++) {
		struct sleeper *s = &sleepers[i];
		s->sleeps = target->ops->sleep_begin(target, s->lwp, &s->sleep);
		s->outcome = s->sleeps ? WOKE_UP : TO_BE_STOPPED;
	}
	copy_stacks(c, sleepers, count);
	copy_frames(c, sleepers, count);
	c->python->settled = true;
	for (size_t i = 0; !error && i < count; i++)
		if (sleepers[i].sleeps)
			error = copy_thread(c, sleepers[i].lwp);
	c->python->settled = false;
	for (size_t i = 0; i < count; i++)
		if (sleepers[i].sleeps)
			sleepers[i].sleeps = target->ops->sleep_holds(target, &sleepers[i].sleep);
	return error;
}

/* One attempt on each. */
static struct pw_error *try_asleep(struct pw_capture *c, struct sleeper *sleepers, size_t count)
{
	struct pw_error *error = copy_sleepers(c, sleepers, count);
	for (size_t i = 0; !error && i < count; i++)
		if (sleepers[i].sleeps)
			error = finish_sleeper(c, &sleepers[i]);
	for (size_t i = 0; i < count; i++) {
		pw_sleep_end(&sleepers[i].sleep);
		forget_thread(c, sleepers[i].lwp);
	}
	pw_capture_drop_codes(c);
	return error;
}

/* Takes those that sleep out of `lwps`; those to be stopped go to `awake`, and the ones that woke
 * up stay. */
static struct pw_error *take_asleep(struct pw_capture *c, struct pw_lwp **lwps, size_t *count,
				    size_t together, struct pw_lwp **awake, size_t *awake_count)
{
	struct sleeper sleepers[TOGETHER];
	struct pw_error *error = NULL;
	size_t left = 0;
	for (size_t at = 0; !error && at < *count; at += together) {
		size_t n = *count - at < together ? *count - at : together;
		for (size_t i = 0; i < n; i++)
			sleepers[i] = (struct sleeper){.lwp = lwps[at + i]};
		error = pw_snapshot_begin(c->session->target);
		if (!error)
			error = try_asleep(c, sleepers, n);
		pw_snapshot_end(c->session->target);
		for (size_t i = 0; i < n; i++) {
			if (sleepers[i].outcome == WOKE_UP)
				lwps[left++] = sleepers[i].lwp;
			else if (sleepers[i].outcome == TO_BE_STOPPED)
				awake[(*awake_count)++] = sleepers[i].lwp;
		}
	}
	*count = left;
	return error;
}

/* ---- stopped ---- */

struct stopping {
	struct pw_capture *c;
	struct pw_lwp **lwps; /* those to stop */
	pid_t *tids;
	size_t count;
	uint64_t *pages; /* to be copied; room for `room` */
	size_t page_count, room, hint_count;
	uint64_t *missing; /* of each lwp: where more of its stack is; 0: nowhere */
	struct pw_error *error;
};

static void stopping_deinit(struct stopping *s)
{
	free(s->lwps);
	free(s->tids);
	free(s->pages);
	free(s->missing);
}

/* A walk while they run, which finds what a walk will read. */
static struct pw_error *look_ahead(struct stopping *s, uint64_t **ret_pages, size_t *ret_count)
{
	struct pw_capture *c = s->c;
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	pw_locals_forget_seen(c);
	struct mark before = mark(c);
	/* They move: a search for what does not fit together would find nothing. */
	c->python->moving = true;
	for (size_t i = 0; !error && i < s->count; i++) {
		error = copy_thread(c, s->lwps[i]);
		if (!error)
			touch_thread(c, s->lwps[i], true);
		forget_thread(c, s->lwps[i]);
	}
	c->python->moving = false;
	back_to(c, before);
	pw_capture_drop_codes(c);
	*ret_pages = error ? NULL : pw_snapshot_pages(target, false, ret_count);
	pw_snapshot_end(target);
	return error;
}

/* What will be read of these threads, as far as can be said while they run: what was read the last
 * time, or else by a walk. */
static struct pw_error *expect_pages(struct stopping *s)
{
	struct pw_page_hints *hints = s->c->hints;
	uint64_t *found = NULL;
	size_t count = 0;
	/* Of several threads others may run the next time. */
	bool known = hints && hints->count && s->count == 1;
	struct pw_error *error = known ? NULL : look_ahead(s, &found, &count);
	const uint64_t *pages = known ? hints->pages : found;
	if (known)
		count = hints->count;
	s->room = count + s->count * (PW_STACK_PAGES / 16) + PW_STACK_PAGES;
	free(s->pages);
	s->pages = error ? NULL : malloc(s->room * sizeof(*s->pages));
	if (s->pages && count)
		memcpy(s->pages, pages, count * sizeof(*pages));
	free(found);
	s->hint_count = count;
	return error ? error : s->pages ? NULL : &pw_error_nomem;
}

static void add_stack(struct stopping *s, const struct pw_regs *regs)
{
	s->page_count += pw_stack_pages(s->c->session->target, regs, s->pages + s->page_count,
					s->room - s->page_count);
}

/* Code of no file may be gone later, and a closure of libffi's is looked at. */
static void add_code(struct stopping *s, const struct pw_regs *regs)
{
	const struct pw_mapping *mapping = pw_target_mapping(s->c->session->target, regs->pc);
	if (wants_native(s->c) && mapping && !mapping->path && s->page_count < s->room)
		s->pages[s->page_count++] = pw_page_of(regs->pc);
}

/* Several thread states without anchors take turns on one stack: their order is found on it. */
static bool shares_stack(const struct pw_capture *c, const struct pw_lwp *lwp)
{
	if (c->python->layout.traits.frames != PW_FRAMES_OBJECT || c->lists.interp_count < 2)
		return false;
	size_t first = pw_owned_first(&c->owners, lwp);
	return first && pw_owned_next(&c->owners, first);
}

/* While they stand still. */
static void copy_stopped(void *data)
{
	struct stopping *s = data;
	struct pw_capture *c = s->c;
	s->page_count = s->hint_count;
	for (size_t i = 0; i < s->count; i++) {
		const struct pw_lwp *lwp = s->lwps[i];
		if (lwp->regs.sp && (wants_native(c) || shares_stack(c, lwp)))
			add_stack(s, &lwp->regs);
		add_code(s, &lwp->regs);
		if (s->missing[i]) {
			struct pw_regs elsewhere = {.sp = s->missing[i],
						    .thread_pointer = lwp->regs.thread_pointer};
			add_stack(s, &elsewhere);
		}
	}
	pw_snapshot_prefetch(c->session->target, s->pages, pw_sort_pages(s->pages, s->page_count));
	pw_lists_refresh_gil(c->python, &c->lists);
	for (size_t i = 0; !s->error && i < s->count; i++) {
		s->error = copy_thread(c, s->lwps[i]);
		if (!s->error)
			touch_thread(c, s->lwps[i], false);
	}
}

/* Caught within the few instructions that leave its own state inconsistent: another moment will do.
 */
static bool is_torn(const struct pw_capture *c, const struct pw_lwp *lwp)
{
	if (lwp->has_regs && pw_eval_in_prologue(c->python, lwp->regs.pc))
		return true;
	for (size_t i = pw_owned_first(&c->owners, lwp); i; i = pw_owned_next(&c->owners, i))
		if (c->copied[i - 1].frames.torn)
			return true;
	return false;
}

/* After they have gone on.  Those that are to be stopped once more stay in the list. */
static struct pw_error *finish_stopped(struct stopping *s, bool last)
{
	struct pw_capture *c = s->c;
	struct pw_error *error = NULL;
	size_t again = 0;
	for (size_t i = 0; !error && i < s->count; i++) {
		struct pw_lwp *lwp = s->lwps[i];
		struct mark before = mark(c);
		struct pw_lack lack = {0};
		bool redo = !last && is_torn(c, lwp);
		if (!redo && lwp->taken == PW_TAKEN_STOPPED) {
			error = finish_thread(c, lwp, &lack);
			redo = !error && !last && lack.missing && lack.missing != s->missing[i];
			if (redo)
				back_to(c, before);
		}
		forget_thread(c, lwp);
		if (redo) {
			s->missing[again] = lack.missing;
			s->lwps[again++] = lwp;
		}
	}
	s->count = again;
	return error;
}

static struct pw_error *stop_once(struct stopping *s, bool last)
{
	struct pw_capture *c = s->c;
	struct pw_target *target = c->session->target;
	for (size_t i = 0; i < s->count; i++)
		s->tids[i] = (pid_t)s->lwps[i]->tid;
	struct pw_error *error = expect_pages(s);
	if (!error)
		error = pw_snapshot_begin(target);
	if (!error)
		error = target->ops->stop(target, s->tids, s->count, copy_stopped, s);
	if (!error)
		error = s->error;
	if (target->pause_ns > c->dump->pause_ns)
		c->dump->pause_ns = target->pause_ns;
	if (!error) {
		pw_capture_load_codes(c);
		pw_snapshot_close(target, true);
		error = finish_stopped(s, last);
		pw_page_hints_update(c->hints, target);
	}
	pw_snapshot_end(target);
	return error;
}

static struct pw_error *take_stopped(struct pw_capture *c, struct pw_lwp **lwps, size_t count)
{
	struct stopping s = {.c = c, .count = count};
	s.lwps = malloc((count + 1) * sizeof(struct pw_lwp *));
	s.tids = malloc((count + 1) * sizeof(*s.tids));
	s.missing = calloc(count + 1, sizeof(*s.missing));
	struct pw_error *error = s.lwps && s.tids && s.missing ? NULL : &pw_error_nomem;
	if (!error)
		memcpy(s.lwps, lwps, count * sizeof(struct pw_lwp *));
	for (int i = 0; !error && s.count && i < STOP_TRIES; i++)
		error = stop_once(&s, i == STOP_TRIES - 1);
	stopping_deinit(&s);
	return error;
}

/* ---- as they stand ---- */

static struct pw_error *take_still(struct pw_capture *c, struct pw_lwp *lwp, enum pw_taken taken)
{
	struct pw_lack lack;
	lwp->taken = taken;
	struct pw_error *error = copy_thread(c, lwp);
	if (!error)
		error = finish_thread(c, lwp, &lack);
	forget_thread(c, lwp);
	return error;
}

/* A debugger stops some threads and lets others run: of these there is nothing to be seen. */
static struct pw_error *take_running(struct pw_capture *c, struct pw_lwp *lwp)
{
	struct pw_thread *thread = &c->dump->threads[c->dump->thread_count];
	bool kept;
	struct pw_error *error = pw_thread_make(c, lwp, thread, &kept);
	if (error || !kept) {
		pw_thread_deinit(thread);
		return error;
	}
	thread->end = PW_END_UNREADABLE;
	thread->end_message = strdup("the thread is running");
	c->dump->thread_count++;
	return NULL;
}

/* Of who looks again and again: another moment will do. */
static struct pw_error *take_peeked(struct pw_capture *c, struct pw_lwp *lwp)
{
	struct pw_lack lack;
	bool whole, usable;
	struct pw_error *error = pw_peek(c, lwp, &whole, &usable);
	lwp->taken = whole ? PW_TAKEN_TWICE : PW_TAKEN_RUNNING;
	if (!error && usable)
		error = finish_thread(c, lwp, &lack);
	else if (!error)
		c->dump->lost_threads++;
	forget_thread(c, lwp);
	pw_snapshot_end(c->session->target);
	return error;
}

/* Without stopping it: it may run, or have ended. */
static struct pw_error *take_unstopped(struct pw_capture *c, struct pw_lwp *lwp,
				       enum pw_taken taken)
{
	struct pw_error *error = pw_snapshot_begin(c->session->target);
	if (!error)
		error = take_still(c, lwp, taken);
	pw_snapshot_end(c->session->target);
	return error;
}

/* Whether the dump would show anything of it. */
static bool is_wanted(const struct pw_capture *c, const struct pw_lwp *lwp)
{
	if (c->options->only_thread && c->options->only_thread != lwp->tid)
		return false;
	if (c->follow && pw_follow_skips(c->follow, lwp))
		return false;
	if (c->options->native_only_threads || c->lists.interp_count == 0)
		return true;
	return pw_owned_first(&c->owners, lwp) != 0;
}

/* Those that sleep, several at a time, then each alone.  The rest is left in `awake`. */
static struct pw_error *take_sleepers(struct pw_capture *c, struct pw_lwp **lwps, size_t count,
				      struct pw_lwp **awake, size_t *awake_count)
{
	/* Reading values takes long. */
	size_t together = c->options->locals ? 1 : TOGETHER;
	struct pw_error *error = NULL;
	for (int i = 0; !error && count && i < SLEEP_TRIES; i++)
		error = take_asleep(c, lwps, &count, i ? 1 : together, awake, awake_count);
	for (size_t i = 0; i < count; i++)
		awake[(*awake_count)++] = lwps[i];
	return error;
}

static struct pw_error *take_live(struct pw_capture *c)
{
	struct pw_target *target = c->session->target;
	struct pw_lwp **lwps = malloc((target->lwp_count + 1) * sizeof(struct pw_lwp *));
	struct pw_lwp **awake = malloc((target->lwp_count + 1) * sizeof(struct pw_lwp *));
	size_t alive = 0, count = 0;
	struct pw_error *error = lwps && awake ? NULL : &pw_error_nomem;
	for (size_t i = 0; !error && i < target->lwp_count; i++) {
		struct pw_lwp *lwp = &target->lwps[i];
		if (!is_wanted(c, lwp))
			continue;
		if (has_ended(lwp))
			error = take_unstopped(c, lwp, PW_TAKEN_NOT);
		else
			lwps[alive++] = lwp;
	}
	if (!error)
		error = take_sleepers(c, lwps, alive, awake, &count);
	if (c->follow && pw_follow_leaves_running(c->follow))
		count = 0;
	if (!error && count && !c->options->no_stop)
		error = take_stopped(c, awake, count);
	for (size_t i = 0; !error && c->options->no_stop && i < count; i++)
		error = c->follow ? take_peeked(c, awake[i])
				  : take_unstopped(c, awake[i], PW_TAKEN_RUNNING);
	free(lwps);
	free(awake);
	return error;
}

/* The main thread first, then by tid, as the target lists them. */
static int compare_threads(const void *a, const void *b, void *data)
{
	const struct pw_thread *x = a, *y = b;
	uint64_t main = *(uint64_t *)data;
	if ((x->tid == main) != (y->tid == main))
		return x->tid == main ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

struct pw_error *pw_take_threads(struct pw_capture *c)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = NULL;
	if (target->ops->stop) {
		error = take_live(c);
		uint64_t main = (uint64_t)target->pid;
		if (c->dump->thread_count)
			qsort_r(c->dump->threads, c->dump->thread_count, sizeof(struct pw_thread),
				compare_threads, &main);
		return error;
	}
	for (size_t i = 0; !error && i < target->lwp_count; i++) {
		if (!is_wanted(c, &target->lwps[i]))
			continue;
		else if (target->lwps[i].taken == PW_TAKEN_RUNNING)
			error = take_running(c, &target->lwps[i]);
		else
			error = take_still(c, &target->lwps[i], PW_TAKEN_NOT);
	}
	return error;
}
