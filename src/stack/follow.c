#include "stack/follow.h"

#include "base/clock.h"
#include "stack/pages.h"

#include <stdlib.h>
#include <string.h>

enum { HEADS_MAX = 65 }; /* the runtime's, and that of each interpreter */

/* One OS thread, beside its lwp. */
struct followed {
	uint64_t tid;
	struct pw_pulse pulse;
	bool asleep; /* since it was taken, or since its state was seen */
	bool taken;  /* then */
	bool skipped;
};

struct pw_follow {
	struct pw_session *session;
	struct pw_capture_options options;
	enum pw_followed which;
	bool valid; /* what follows is */
	struct pw_codes *codes;
	struct pw_page_hints hints;
	struct pw_runtime_lists lists;
	struct pw_owners owners;
	struct pw_thread_names names;
	struct followed *threads; /* of each lwp of the target, in their order */
	size_t thread_count;
	uint64_t heads[HEADS_MAX];
	size_t head_count;
	uint64_t links;	     /* of the kernel's list of threads */
	uint64_t changed_at; /* when there was a sign of a change */
	bool unsettled; /* a thread without thread state, or the reverse: it may be on its way */
	uint64_t read_at, mapped_at, asked_at;
};

static bool passed(uint64_t since, uint64_t ms)
{
	return pw_now() - since >= ms * 1000000;
}

struct pw_error *pw_follow_create(struct pw_session *session,
				  const struct pw_capture_options *options, enum pw_followed which,
				  struct pw_follow **ret)
{
	const struct pw_target_ops *ops = session->target->ops;
	if (!ops->pulse)
		return pw_error_create(PW_ERROR_USAGE,
				       "a %s does not run; only processes are looked at again",
				       ops->kind);
	struct pw_follow *f = calloc(1, sizeof(*f));
	if (!f)
		return &pw_error_nomem;
	f->session = session;
	f->options = *options;
	f->which = which;
	f->codes = pw_codes_create();
	struct pw_error *error =
		f->codes ? ops->stay_ready(session->target, true) : &pw_error_nomem;
	if (error) {
		pw_codes_destroy(f->codes);
		free(f);
		return error;
	}
	*ret = f;
	return NULL;
}

static void forget_lists(struct pw_follow *f)
{
	pw_owners_deinit(&f->owners);
	pw_lists_deinit(&f->lists);
	pw_thread_names_deinit(&f->names);
	f->names = (struct pw_thread_names){0};
	f->valid = false;
}

static void forget_threads(struct followed *threads, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pw_pulse_end(&threads[i].pulse);
	free(threads);
}

void pw_follow_destroy(struct pw_follow *follow)
{
	if (!follow)
		return;
	struct pw_target *target = follow->session->target;
	forget_lists(follow);
	forget_threads(follow->threads, follow->thread_count);
	pw_error_destroy(target->ops->stay_ready(target, false));
	pw_codes_destroy(follow->codes);
	free(follow);
}

/* ---- what changes rarely ---- */

/* The newest thread state and interpreter are first in their lists: what is new shows there. */
static size_t read_heads(struct pw_follow *f, uint64_t heads[HEADS_MAX])
{
	struct pw_python *python = &f->session->python;
	size_t count = 0;
	for (size_t i = 0; i <= f->lists.interp_count && count < HEADS_MAX; i++) {
		uint64_t at = python->head_slot;
		if (i)
			at = f->lists.interps[i - 1].address +
			     (uint64_t)python->layout.interp_threads_head.offset;
		pw_auto_error struct pw_error *error =
			pw_read_u64(python->target, at, &heads[count++]);
		if (error)
			return 0;
	}
	return count;
}

/* Whether what the heads point to is in the lists as they were read. */
static bool heads_are_listed(const struct pw_follow *f)
{
	for (size_t i = 1; i < f->head_count; i++) {
		bool listed = !f->heads[i];
		for (size_t k = 0; !listed && k < f->lists.tstate_count; k++)
			listed = f->lists.tstates[k].address == f->heads[i];
		if (!listed)
			return false;
	}
	return true;
}

static bool has_sign(struct pw_follow *f)
{
	struct pw_target *target = f->session->target;
	uint64_t heads[HEADS_MAX];
	if (!f->valid || target->ops->thread_count(target) != f->links)
		return true;
	size_t count = read_heads(f, heads);
	return !count || count != f->head_count || memcmp(heads, f->heads, count * sizeof(*heads));
}

static bool has_changed(struct pw_follow *f)
{
	enum { EVERY_MS = 1000, SHARE = 4 };
	if (has_sign(f)) {
		f->changed_at = pw_now();
		return true;
	}
	/* A new thread is bound to its thread state by itself, some time after both are there:
	 * often in the beginning, and ever less often. */
	return passed(f->read_at, EVERY_MS) ||
	       (f->unsettled && pw_now() - f->read_at >= (f->read_at - f->changed_at) / SHARE);
}

static bool is_unsettled(const struct pw_capture *c)
{
	for (size_t i = 0; i < c->lists.tstate_count; i++)
		if (!c->owners.lwps[i])
			return true;
	for (size_t i = 0; i < c->session->target->lwp_count; i++)
		if (!c->owners.first[i])
			return true;
	return false;
}

static int compare_tids(const void *a, const void *b)
{
	const struct followed *x = a, *y = b;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* The threads as the kernel lists them now; those that were known keep what is known of them. */
static struct pw_error *match_threads(struct pw_follow *f)
{
	struct pw_target *target = f->session->target;
	struct followed *threads = calloc(target->lwp_count + 1, sizeof(*threads));
	if (!threads)
		return &pw_error_nomem;
	if (f->thread_count)
		qsort(f->threads, f->thread_count, sizeof(*f->threads), compare_tids);
	for (size_t i = 0; i < target->lwp_count; i++) {
		struct followed key = {.tid = target->lwps[i].tid};
		struct followed *known = f->thread_count
						 ? bsearch(&key, f->threads, f->thread_count,
							   sizeof(key), compare_tids)
						 : NULL;
		threads[i] = known ? *known : key;
		if (known)
			known->pulse = (struct pw_pulse){0};
	}
	forget_threads(f->threads, f->thread_count);
	f->threads = threads;
	f->thread_count = target->lwp_count;
	return NULL;
}

static struct pw_error *read_lists(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_target *target = f->session->target;
	forget_lists(f);
	/* Asked before, so that what comes meanwhile is a change the next time. */
	f->links = target->ops->thread_count(target);
	f->read_at = f->mapped_at = pw_now();
	struct pw_error *error = pw_capture_read_lists(c);
	if (!error)
		error = match_threads(f);
	if (!error)
		f->unsettled = is_unsettled(c);
	if (!error && c->options->native != PW_NATIVE_NONE)
		error = pw_session_update_modules(f->session);
	return error;
}

/* The lists, in the capture while it lasts. */
static void lend(struct pw_follow *f, struct pw_capture *c)
{
	c->lists = f->lists;
	c->owners = f->owners;
	c->names = f->names;
}

static void take_back(struct pw_follow *f, struct pw_capture *c)
{
	if (c->moved)
		f->mapped_at = 0;
	f->lists = c->lists;
	f->owners = c->owners;
	f->names = c->names;
	c->lists = (struct pw_runtime_lists){0};
	c->owners = (struct pw_owners){0};
	c->names = (struct pw_thread_names){0};
}

/* Who unwinds native frames wants to know of libraries that come and go. */
static struct pw_error *keep_mapped(struct pw_follow *f)
{
	enum { EVERY_MS = 10 };
	struct pw_target *target = f->session->target;
	if (f->options.native == PW_NATIVE_NONE || !passed(f->mapped_at, EVERY_MS))
		return NULL;
	f->mapped_at = pw_now();
	struct pw_error *error = target->ops->refresh_mappings(target);
	return error ? error : pw_session_update_modules(f->session);
}

static struct pw_error *prepare(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_error *error = NULL;
	if (has_changed(f)) {
		error = read_lists(f, c);
		take_back(f, c);
		f->head_count = read_heads(f, f->heads);
		/* What came between the two. */
		f->unsettled |= f->head_count && !heads_are_listed(f);
		f->valid = !error;
	} else {
		error = keep_mapped(f);
	}
	lend(f, c);
	return error;
}

/* ---- whom to take ---- */

static bool takes_sleepers(const struct pw_follow *f)
{
	return f->which == PW_FOLLOW_ALL || f->which == PW_FOLLOW_ASLEEP;
}

static bool holds_gil(const struct pw_follow *f, const struct pw_lwp *lwp)
{
	for (size_t i = pw_owned_first(&f->owners, lwp); i; i = pw_owned_next(&f->owners, i))
		if (f->lists.tstates[i - 1].holds_gil == PW_YES)
			return true;
	return false;
}

/* One that was not asleep when it was asked last, or has run since. */
static void look_at(struct pw_follow *f, struct followed *thread, struct pw_lwp *lwp)
{
	struct pw_target *target = f->session->target;
	thread->asleep = thread->taken = false;
	thread->skipped = true;
	if (!target->ops->describe(target, lwp)) {
		f->valid = false;
		return;
	}
	if (takes_sleepers(f)) {
		thread->skipped = f->which == PW_FOLLOW_ASLEEP && lwp->state == PW_RUN_RUNNING;
		return;
	}
	/* Not on a processor, after the pulse was read. */
	thread->asleep = lwp->state == PW_RUN_SLEEPING || lwp->state == PW_RUN_STOPPED;
	thread->skipped = thread->asleep && f->which == PW_FOLLOW_RUNNING;
}

static void choose(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_target *target = f->session->target;
	/* Nobody is taken, and nobody asks who holds what. */
	if (f->which != PW_FOLLOW_NONE)
		pw_lists_refresh_gil(&f->session->python, &c->lists);
	for (size_t i = 0; i < f->thread_count; i++) {
		struct followed *thread = &f->threads[i];
		struct pw_lwp *lwp = &target->lwps[i];
		thread->skipped = true;
		if (f->which == PW_FOLLOW_NONE)
			continue;
		if (f->which == PW_FOLLOW_GIL && !holds_gil(f, lwp)) {
			thread->taken = false;
			continue;
		}
		switch (target->ops->pulse(target, lwp, &thread->pulse)) {
		case PW_BEAT_GONE:
			f->valid = thread->asleep = false;
			break;
		case PW_BEAT_NONE:
			if (!thread->asleep || (f->which == PW_FOLLOW_GIL && !thread->taken))
				look_at(f, thread, lwp);
			break;
		case PW_BEAT_RAN:
			look_at(f, thread, lwp);
			break;
		}
	}
}

bool pw_follow_leaves_running(const struct pw_follow *follow)
{
	return follow->which == PW_FOLLOW_ASLEEP;
}

bool pw_follow_skips(const struct pw_follow *follow, const struct pw_lwp *lwp)
{
	return follow->threads[lwp - follow->session->target->lwps].skipped;
}

/* ---- a look ---- */

/* One that was to be taken and could not be: it did not stop, or ended. */
static bool is_lost(const struct pw_follow *f, const struct pw_lwp *lwp)
{
	return f->which != PW_FOLLOW_ASLEEP && lwp->taken == PW_TAKEN_NOT &&
	       lwp->state != PW_RUN_ZOMBIE && lwp->state != PW_RUN_DEAD &&
	       pw_owned_first(&f->owners, lwp);
}

/* Those that were taken while they slept need not be taken again for as long. */
static void note_taken(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_target *target = f->session->target;
	for (size_t i = 0; i < f->thread_count; i++) {
		struct followed *thread = &f->threads[i];
		if (thread->skipped)
			continue;
		c->dump->lost_threads += is_lost(f, &target->lwps[i]);
		thread->taken = true;
		if (takes_sleepers(f))
			thread->asleep = target->lwps[i].taken == PW_TAKEN_ASLEEP;
	}
}

static void tell_asleep(struct pw_follow *f, bool (*asleep)(void *data, uint64_t tid), void *data)
{
	for (size_t i = 0; i < f->thread_count; i++) {
		struct followed *thread = &f->threads[i];
		if (thread->skipped && thread->asleep && thread->taken)
			thread->taken = thread->asleep = asleep(data, thread->tid);
	}
}

static struct pw_error *look(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_error *error = prepare(f, c);
	if (error)
		return error;
	choose(f, c);
	error = pw_capture_make(c);
	pw_snapshot_end(f->session->target);
	if (!error)
		note_taken(f, c);
	return error;
}

static struct pw_error *begin(struct pw_follow *f, struct pw_capture *c)
{
	struct pw_error *error = pw_capture_init(f->session, &f->options, c);
	c->follow = f;
	c->codes = f->codes;
	c->hints = &f->hints;
	pw_codes_tidy(f->codes);
	return error;
}

struct pw_error *pw_follow_begin(struct pw_follow *follow, pid_t tid, struct pw_capture *ret)
{
	enum { ASK_MS = 10, LIST_MS = 1000 };
	struct pw_target *target = follow->session->target;
	struct pw_error *error = begin(follow, ret);
	if (error)
		return error;
	/* Many moments are of one time: a thread that ended meanwhile is not looked for each time.
	 */
	bool unknown = !follow->valid || !pw_target_lwp(target, (uint64_t)tid);
	if ((unknown && passed(follow->asked_at, ASK_MS)) || passed(follow->read_at, LIST_MS)) {
		follow->asked_at = pw_now();
		follow->valid = false;
	}
	if (!follow->valid && follow->asked_at > follow->read_at)
		return prepare(follow, ret);
	lend(follow, ret);
	return keep_mapped(follow);
}

void pw_follow_end(struct pw_follow *follow, struct pw_capture *c)
{
	take_back(follow, c);
	pw_capture_deinit(c);
}

struct pw_error *pw_follow_look(struct pw_follow *follow, struct pw_dump **ret,
				bool (*asleep)(void *data, uint64_t tid), void *data)
{
	struct pw_capture c;
	struct pw_error *error = begin(follow, &c);
	if (!error)
		error = look(follow, &c);
	pw_capture_forget_all(&c);
	take_back(follow, &c);
	if (!error && follow->which != PW_FOLLOW_RUNNING)
		tell_asleep(follow, asleep, data);
	if (!error && !c.dump->interpreter_count)
		error = pw_error_create(PW_ERROR_NO_TARGET,
					"process %lld has ended, or is no Python any more",
					(long long)follow->session->target->pid);
	if (error)
		follow->valid = false;
	if (!error) {
		*ret = c.dump;
		c.dump = NULL;
	}
	pw_capture_deinit(&c);
	return error;
}
