/*
 * Taking threads: where they sleep, stopped together, or as they stand in a target that does not
 * run.
 *
 * A sleeper is copied between two looks at the scheduler's counters that must agree.  Everybody
 * else is stopped at once, for one vectored read of the pages that were seen to matter just before.
 */
#include "stack/locals.h"
#include "stack/native.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLEEP_TRIES = 3,
	STOP_TRIES = 8,
	STACK_AT_ONCE = 1 << 18,
	STACK_MAX = 64 << 20,
	PAGE = 4096
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
	pw_capture_load_codes(c);
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

/* The pages of a stack, from the stack pointer on: how many were added to `pages`. */
static size_t stack_pages(const struct pw_target *target, const struct pw_regs *regs, uint64_t most,
			  uint64_t *pages, size_t room)
{
	uint64_t end = pw_stack_end(target, regs), start = regs->sp & ~(uint64_t)(PAGE - 1);
	size_t count = 0;
	if (end - start > most)
		end = end ? start + most : start;
	for (uint64_t at = start; at < end && count < room; at += PAGE)
		pages[count++] = at;
	return count;
}

static void copy_stack(struct pw_target *target, const struct pw_lwp *lwp)
{
	uint64_t pages[STACK_AT_ONCE / PAGE + 1];
	size_t count = stack_pages(target, &lwp->regs, STACK_AT_ONCE, pages,
				   sizeof(pages) / sizeof(pages[0]));
	pw_snapshot_prefetch(target, pages, count);
}

/* One attempt; *ret_taken: the thread is in the dump.  *ret_give_up: it has to be stopped. */
static struct pw_error *try_asleep(struct pw_capture *c, struct pw_lwp *lwp, bool *ret_taken,
				   bool *ret_give_up)
{
	struct pw_target *target = c->session->target;
	struct pw_sleep sleep;
	struct mark before = mark(c);
	struct pw_lack lack = {0};
	*ret_taken = *ret_give_up = false;
	if (!target->ops->sleep_begin(target, lwp, &sleep)) {
		*ret_give_up = true;
		return NULL;
	}
	if (wants_native(c))
		copy_stack(target, lwp);
	c->python->settled = true;
	struct pw_error *error = copy_thread(c, lwp);
	c->python->settled = false;
	bool held = !error && target->ops->sleep_holds(target, &sleep);
	size_t pages = pw_snapshot_page_count(target);
	if (held) {
		lwp->taken = PW_TAKEN_ASLEEP;
		error = finish_thread(c, lwp, &lack);
		/* What was read since is good if it still sleeps. */
		if (!error && pw_snapshot_page_count(target) != pages)
			held = target->ops->sleep_holds(target, &sleep);
	}
	pw_sleep_end(&sleep);
	*ret_give_up = held && lack.registers && !c->options->no_stop;
	*ret_taken = !error && held && !*ret_give_up;
	if (!*ret_taken) {
		lwp->taken = PW_TAKEN_NOT;
		back_to(c, before);
		pw_capture_drop_codes(c);
	}
	forget_thread(c, lwp);
	return error;
}

static struct pw_error *take_asleep(struct pw_capture *c, struct pw_lwp *lwp, bool *ret_taken)
{
	struct pw_error *error = NULL;
	bool give_up = false;
	*ret_taken = false;
	for (int i = 0; !error && !*ret_taken && !give_up && i < SLEEP_TRIES; i++) {
		error = pw_snapshot_begin(c->session->target);
		c->attempt++;
		if (!error)
			error = try_asleep(c, lwp, ret_taken, &give_up);
		pw_snapshot_end(c->session->target);
	}
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

/* What will be read of these threads, as far as can be said while they run. */
static struct pw_error *look_ahead(struct stopping *s)
{
	struct pw_capture *c = s->c;
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	c->attempt++;
	pw_locals_forget_seen(c);
	struct mark before = mark(c);
	for (size_t i = 0; !error && i < s->count; i++) {
		error = copy_thread(c, s->lwps[i]);
		if (!error)
			touch_thread(c, s->lwps[i], true);
		forget_thread(c, s->lwps[i]);
	}
	back_to(c, before);
	pw_capture_drop_codes(c);
	size_t count = 0;
	uint64_t *pages = error ? NULL : pw_snapshot_pages(target, &count);
	pw_snapshot_end(target);
	if (error)
		return error;
	s->room = count + s->count * (STACK_MAX / PAGE / 16) + STACK_MAX / PAGE;
	free(s->pages);
	s->pages = malloc(s->room * sizeof(*s->pages));
	if (s->pages && count)
		memcpy(s->pages, pages, count * sizeof(*pages));
	free(pages);
	s->hint_count = count;
	return s->pages ? NULL : &pw_error_nomem;
}

static int compare_pages(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void add_stack(struct stopping *s, const struct pw_regs *regs)
{
	s->page_count += stack_pages(s->c->session->target, regs, STACK_MAX,
				     s->pages + s->page_count, s->room - s->page_count);
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
		if (s->missing[i]) {
			struct pw_regs elsewhere = {.sp = s->missing[i],
						    .thread_pointer = lwp->regs.thread_pointer};
			add_stack(s, &elsewhere);
		}
	}
	qsort(s->pages, s->page_count, sizeof(*s->pages), compare_pages);
	size_t kept = 0;
	for (size_t i = 0; i < s->page_count; i++)
		if (!kept || s->pages[kept - 1] != s->pages[i])
			s->pages[kept++] = s->pages[i];
	pw_snapshot_prefetch(c->session->target, s->pages, kept);
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
	struct pw_error *error = look_ahead(s);
	if (!error)
		error = pw_snapshot_begin(target);
	c->attempt++;
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

/* Without stopping it: it may run, or have ended. */
static struct pw_error *take_unstopped(struct pw_capture *c, struct pw_lwp *lwp,
				       enum pw_taken taken)
{
	c->attempt++;
	struct pw_error *error = pw_snapshot_begin(c->session->target);
	if (!error)
		error = take_still(c, lwp, taken);
	pw_snapshot_end(c->session->target);
	return error;
}

/* Whether the dump would show anything of it. */
static bool is_wanted(const struct pw_capture *c, const struct pw_lwp *lwp)
{
	if (c->options->native_only_threads || c->lists.interp_count == 0)
		return true;
	return pw_owned_first(&c->owners, lwp) != 0;
}

static struct pw_error *take_live(struct pw_capture *c)
{
	struct pw_target *target = c->session->target;
	struct pw_lwp **awake = malloc((target->lwp_count + 1) * sizeof(struct pw_lwp *));
	size_t count = 0;
	struct pw_error *error = awake ? NULL : &pw_error_nomem;
	for (size_t i = 0; !error && i < target->lwp_count; i++) {
		struct pw_lwp *lwp = &target->lwps[i];
		bool taken;
		if (!is_wanted(c, lwp))
			continue;
		if (has_ended(lwp)) {
			error = take_unstopped(c, lwp, PW_TAKEN_NOT);
			continue;
		}
		error = take_asleep(c, lwp, &taken);
		if (!error && !taken)
			awake[count++] = lwp;
	}
	if (!error && count && !c->options->no_stop)
		error = take_stopped(c, awake, count);
	for (size_t i = 0; !error && c->options->no_stop && i < count; i++)
		error = take_unstopped(c, awake[i], PW_TAKEN_RUNNING);
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
	for (size_t i = 0; !error && i < target->lwp_count; i++)
		error = take_still(c, &target->lwps[i], PW_TAKEN_NOT);
	return error;
}
