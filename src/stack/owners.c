/*
 * The OS thread of a thread state.  thread_id is pthread_self(), which on x86-64 and aarch64 glibc
 * and musl is found from the thread pointer.  Where registers are not known, the number tells that
 * the target saw, or, after a fork and before 3.11, glibc's note of it.
 */
#include "stack/owners.h"

#include <stdlib.h>

/* The number that the target knew the thread by, 0 when it did not note one: before 3.11 glibc has
 * it. */
static uint64_t glibc_tid(struct pw_target *target, const struct pw_tstate *tstate)
{
	enum { PID_MAX_LIMIT = 1 << 22 };
	uint32_t number;
	pw_auto_error struct pw_error *error =
		pw_read_u32(target, tstate->thread_id + target->arch->glibc_pthread_tid, &number);
	return error || number > PID_MAX_LIMIT ? 0 : number;
}

/* OS threads by a number that they have, ascending. */
struct by_number {
	uint64_t number;
	struct pw_lwp *lwp;
};

struct lookup {
	struct by_number *tids, *pointers; /* owned */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct by_number *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->lwp < y->lwp ? -1 : x->lwp > y->lwp;
}

static bool prepare(const struct pw_target *target, struct lookup *ret)
{
	ret->count = target->lwp_count;
	ret->tids = malloc((ret->count + 1) * sizeof(*ret->tids));
	ret->pointers = malloc((ret->count + 1) * sizeof(*ret->pointers));
	if (!ret->tids || !ret->pointers)
		return false;
	for (size_t i = 0; i < ret->count; i++) {
		struct pw_lwp *lwp = &target->lwps[i];
		ret->tids[i] = (struct by_number){lwp->ns_tid, lwp};
		ret->pointers[i] = (struct by_number){lwp->regs.thread_pointer, lwp};
	}
	qsort(ret->tids, ret->count, sizeof(*ret->tids), compare);
	qsort(ret->pointers, ret->count, sizeof(*ret->pointers), compare);
	return true;
}

static void lookup_deinit(struct lookup *lookup)
{
	free(lookup->tids);
	free(lookup->pointers);
}

/* The first one with that number; 0 is nobody's. */
static struct pw_lwp *find(const struct by_number *items, size_t count, uint64_t number)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (items[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return number && low < count && items[low].number == number ? items[low].lwp : NULL;
}

static struct pw_lwp *lwp_of(struct pw_target *target, const struct lookup *lookup,
			     struct pw_tstate *tstate)
{
	struct pw_lwp *lwp = find(lookup->pointers, lookup->count, tstate->thread_id);
	if (!lwp)
		lwp = find(lookup->tids, lookup->count, tstate->native_id);
	if (lwp)
		return lwp;
	uint64_t number = glibc_tid(target, tstate);
	if (!tstate->native_id)
		tstate->native_id = number;
	return find(lookup->tids, lookup->count, number);
}

/* Those that have none yet. */
static struct pw_error *find_owners(struct pw_owners *o, struct pw_runtime_lists *lists)
{
	struct lookup lookup;
	bool prepared = prepare(o->target, &lookup);
	for (size_t i = 0; prepared && i < lists->tstate_count; i++)
		if (!o->lwps[i])
			o->lwps[i] = lwp_of(o->target, &lookup, &lists->tstates[i]);
	lookup_deinit(&lookup);
	return prepared ? NULL : &pw_error_nomem;
}

static void copy_nothing(void *data)
{
}

static void link_owned(struct pw_owners *o, size_t tstate_count)
{
	for (size_t i = 0; i < o->target->lwp_count; i++)
		o->first[i] = 0;
	for (size_t i = tstate_count; i-- > 0;) {
		if (!o->lwps[i])
			continue;
		size_t *first = &o->first[o->lwps[i] - o->target->lwps];
		o->next[i] = *first;
		*first = i + 1;
	}
}

/* Thread states that no number leads to an OS thread from: only the thread pointers tell, and
 * threads must be stopped to read them. */
static struct pw_error *find_by_registers(struct pw_owners *o, struct pw_runtime_lists *lists)
{
	struct pw_target *target = o->target;
	bool numberless = false;
	for (size_t i = 0; i < lists->tstate_count; i++)
		numberless |= !o->lwps[i] && !lists->tstates[i].native_id;
	if (!numberless || !target->ops->stop)
		return NULL;
	pid_t *tids = malloc((target->lwp_count + 1) * sizeof(*tids));
	size_t count = 0;
	for (size_t i = 0; tids && i < target->lwp_count; i++)
		if (!o->first[i])
			tids[count++] = (pid_t)target->lwps[i].tid;
	struct pw_error *error = tids ? NULL : &pw_error_nomem;
	if (!error && count)
		error = target->ops->stop(target, tids, count, copy_nothing, NULL);
	if (!error)
		error = find_owners(o, lists);
	free(tids);
	return error;
}

struct pw_error *pw_owners_find(struct pw_target *target, struct pw_runtime_lists *lists,
				bool may_stop, struct pw_owners *ret)
{
	*ret = (struct pw_owners){
		.target = target,
		.lwps = calloc(lists->tstate_count + 1, sizeof(*ret->lwps)),
		.first = calloc(target->lwp_count + 1, sizeof(*ret->first)),
		.next = calloc(lists->tstate_count + 1, sizeof(*ret->next)),
	};
	if (!ret->lwps || !ret->first || !ret->next)
		return &pw_error_nomem;
	struct pw_error *error = find_owners(ret, lists);
	link_owned(ret, lists->tstate_count);
	if (!error && may_stop) {
		error = find_by_registers(ret, lists);
		link_owned(ret, lists->tstate_count);
	}
	return error;
}

void pw_owners_deinit(struct pw_owners *owners)
{
	free(owners->lwps);
	free(owners->first);
	free(owners->next);
	*owners = (struct pw_owners){0};
}

size_t pw_owned_first(const struct pw_owners *owners, const struct pw_lwp *lwp)
{
	return owners->first[lwp - owners->target->lwps];
}

size_t pw_owned_next(const struct pw_owners *owners, size_t owned)
{
	return owners->next[owned - 1];
}
