#include "stack/moment.h"

#include "stack/follow.h"

#include <inttypes.h>
#include <string.h>

/* Where the thread state was, and whose it is: from its own bytes, since the lists may be older. */
static struct pw_error *find_tstate(struct pw_capture *c, const struct pw_moment *moment,
				    struct pw_tstate *ret)
{
	const struct pw_layout *l = &c->python->layout;
	uint64_t interp;
	*ret = (struct pw_tstate){.address = moment->tstate, .holds_gil = PW_UNKNOWN};
	struct pw_error *error = pw_read_field(c->python, ret->address, l->tstate_interp, &interp);
	if (!error && pw_has(l, tstate_thread_id))
		error = pw_read_field(c->python, ret->address, l->tstate_thread_id,
				      &ret->thread_id);
	if (error)
		return error;
	for (ret->interp = 0; ret->interp < c->lists.interp_count; ret->interp++)
		if (c->lists.interps[ret->interp].address == interp)
			return NULL;
	return pw_error_create_at(PW_ERROR_UNREADABLE, interp,
				  "thread state 0x%" PRIx64
				  " is of an interpreter that is not listed",
				  moment->tstate);
}

/* What pw_take_threads() does, for the one. */
static struct pw_error *make_thread(struct pw_capture *c, const struct pw_moment *moment,
				    struct pw_lwp *lwp)
{
	struct pw_thread *thread = &c->dump->threads[0];
	struct pw_lack lack;
	struct pw_error *error = pw_capture_copy(c, 0);
	if (error)
		return error;
	/* Who is stopped there is let go and stopped again; this moment is gone. */
	if (c->copied[0].frames.torn ||
	    (moment->has_regs && pw_eval_in_prologue(c->python, moment->regs.pc)))
		return pw_error_create(PW_ERROR_UNREADABLE,
				       "thread %d was about to link or unlink a frame",
				       (int)moment->tid);
	pw_capture_load_codes(c);
	/* Lines may need what code objects point to. */
	pw_snapshot_close(c->session->target, false);
	error = pw_thread_make_one(c, lwp, 0, thread);
	pw_snapshot_close(c->session->target, true);
	c->dump->thread_count = 1;
	if (!error && moment->cut && thread->end == PW_END_COMPLETE)
		thread->end = PW_END_LIMIT;
	if (!error && c->options->native != PW_NATIVE_NONE && moment->has_regs)
		error = pw_thread_unwind(c, lwp, thread, &lack);
	return error;
}

static struct pw_error *decode(struct pw_capture *c, const struct pw_moment *moment)
{
	struct pw_target *target = c->session->target;
	struct pw_copied copied = {0};
	struct pw_tstate tstate;
	struct pw_lwp lwp = {
		.tid = (uint64_t)moment->tid,
		.ns_tid = (uint64_t)moment->tid,
		.state = PW_RUN_RUNNING,
		.has_regs = moment->has_regs,
		.regs = moment->regs,
		.taken = PW_TAKEN_STOPPED,
	};
	const struct pw_lwp *known = pw_target_lwp(target, lwp.tid);
	if (known) {
		lwp.ns_tid = known->ns_tid;
		memcpy(lwp.name, known->name, sizeof(lwp.name));
	}
	struct pw_error *error = find_tstate(c, moment, &tstate);
	if (error)
		return error;
	const struct pw_runtime_lists all = c->lists;
	c->lists.tstates = &tstate;
	c->lists.tstate_count = 1;
	c->copied = &copied;
	pw_lists_refresh_gil(c->python, &c->lists);
	error = make_thread(c, moment, &lwp);
	pw_capture_forget(c, 0);
	c->copied = NULL;
	c->lists = all;
	return error;
}

struct pw_error *pw_moment_decode(struct pw_follow *follow, const struct pw_moment *moment,
				  struct pw_dump **ret)
{
	struct pw_capture c;
	struct pw_error *error = pw_follow_begin(follow, moment->tid, &c);
	struct pw_target *target = c.session->target;
	c.moment = moment->time;
	if (!error)
		error = pw_snapshot_begin(target);
	if (!error)
		error = pw_snapshot_supply(target, moment->pieces, moment->piece_count);
	pw_snapshot_close(target, true);
	if (!error)
		error = pw_threads_reserve(&c);
	if (!error)
		error = decode(&c, moment);
	pw_snapshot_end(target);
	if (!error) {
		*ret = c.dump;
		c.dump = NULL;
	}
	pw_follow_end(follow, &c);
	return error;
}
