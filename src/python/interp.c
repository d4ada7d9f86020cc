/*
 * Lists: _PyRuntime.interpreters (3.7+) or interp_head (2.7, 3.6), PyInterpreterState.tstate_head
 * or threads.head; Python/pystate.c.  GIL: Python/ceval_gil.h, ceval_gil.c; before 3.7 the thread
 * state in _PyThreadState_Current is the one that holds it.
 */
#include "python/interp.h"

#include "base/cycle.h"
#include "python/salvage.h"

#include <inttypes.h>
#include <stdlib.h>

void pw_lists_deinit(struct pw_runtime_lists *lists)
{
	free(lists->interps);
	free(lists->tstates);
	*lists = (struct pw_runtime_lists){0};
}

/* Room for one more item; false when out of memory. */
static bool grow(void **items, size_t count, size_t size)
{
	if (count & (count - 1) || (count && count < 8))
		return true;
	void *more = realloc(*items, (count ? count * 2 : 8) * size);
	if (more)
		*items = more;
	return more != NULL;
}

static uint64_t read_or_zero(struct pw_python *python, uint64_t base, struct pw_field field)
{
	uint64_t value;
	if (field.offset < 0)
		return 0;
	pw_auto_error struct pw_error *error =
		pw_read_u64(python->target, base + (uint64_t)field.offset, &value);
	return error ? 0 : value;
}

static uint64_t main_interpreter(struct pw_python *python)
{
	if (!python->runtime)
		return 0;
	return read_or_zero(python, python->runtime, python->layout.runtime_interpreters_main);
}

static struct pw_error *read_interps(struct pw_python *python, struct pw_runtime_lists *lists,
				     struct pw_notes *notes)
{
	const struct pw_layout *l = &python->layout;
	uint64_t at;
	struct pw_cycle cycle = {0};
	if (!python->head_slot) {
		pw_notes_add(notes, "the list of interpreters was not found");
		return NULL;
	}
	struct pw_error *error = pw_read_u64(python->target, python->head_slot, &at);
	while (!error && at) {
		if (lists->interp_count == PW_INTERP_MAX ||
		    pw_cycle_step(&cycle, at, lists->interp_count)) {
			pw_notes_add(notes,
				     "the list of interpreters does not end: cycle at 0x%" PRIx64,
				     at);
			break;
		}
		uint64_t next;
		error = pw_read_u64(python->target, at + (uint64_t)l->interp_next.offset, &next);
		if (error)
			break;
		if (!grow((void **)&lists->interps, lists->interp_count, sizeof(*lists->interps)))
			return &pw_error_nomem;
		lists->interps[lists->interp_count++] = (struct pw_interp){
			at,
			pw_has(l, interp_id) ? (int64_t)read_or_zero(python, at, l->interp_id) : -1,
			false, read_or_zero(python, at, l->interp_gil)};
		at = next;
	}
	if (error) {
		pw_notes_add(notes, "the list of interpreters breaks off after %zu: %s",
			     lists->interp_count, pw_error_message(error));
		pw_error_destroy(error);
	}
	return NULL;
}

/* The list is newest first; ids that the version does not keep are the order of creation. */
static void order_interps(struct pw_python *python, struct pw_runtime_lists *lists)
{
	size_t n = lists->interp_count;
	uint64_t main = main_interpreter(python);
	for (size_t i = 0; i < n / 2; i++) {
		struct pw_interp swap = lists->interps[i];
		lists->interps[i] = lists->interps[n - 1 - i];
		lists->interps[n - 1 - i] = swap;
	}
	for (size_t i = 0; i < n; i++) {
		struct pw_interp *interp = &lists->interps[i];
		if (interp->id < 0)
			interp->id = (int64_t)i;
		interp->main = main ? interp->address == main : interp->id == 0;
	}
}

/* What the GIL says of all threads of one interpreter. */
struct gil {
	bool known;
	uint64_t holder; /* PyThreadState, 0: free */
};

static struct gil read_gil(struct pw_python *python, const struct pw_interp *interp)
{
	const struct pw_layout *l = &python->layout;
	struct gil gil = {false, 0};
	uint32_t locked = 0, enabled = 1;
	uint64_t base, holder_at;
	if (interp->gil && pw_has(l, gil_locked)) {
		base = interp->gil + (uint64_t)l->gil_locked.offset;
		holder_at = interp->gil + (uint64_t)l->gil_holder.offset;
		if (pw_has(l, gil_enabled)) {
			pw_auto_error struct pw_error *error = pw_read_u32(
				python->target, interp->gil + (uint64_t)l->gil_enabled.offset,
				&enabled);
			if (error || !enabled)
				return gil;
		}
	} else if (python->runtime && pw_has(l, runtime_gil_locked)) {
		base = python->runtime + (uint64_t)l->runtime_gil_locked.offset;
		holder_at = python->runtime + (uint64_t)l->runtime_gil_holder.offset;
	} else {
		uint64_t current = pw_locate_symbol(python, "_PyThreadState_Current");
		if (!current)
			return gil;
		pw_auto_error struct pw_error *error =
			pw_read_u64(python->target, current, &gil.holder);
		gil.known = !error;
		return gil;
	}
	pw_auto_error struct pw_error *e1 = pw_read_u32(python->target, base, &locked);
	pw_auto_error struct pw_error *e2 = pw_read_u64(python->target, holder_at, &gil.holder);
	/* 3.7.0 to 3.7.3 have it elsewhere (bpo-27987): what is no flag is not believed. */
	gil.known = !e1 && !e2 && (locked + 1 <= 2);
	if (locked != 1)
		gil.holder = 0;
	return gil;
}

static enum pw_tristate holds(const struct gil *gil, uint64_t tstate)
{
	if (!gil->known)
		return PW_UNKNOWN;
	return gil->holder == tstate ? PW_YES : PW_NO;
}

void pw_lists_refresh_gil(struct pw_python *python, struct pw_runtime_lists *lists)
{
	for (size_t i = 0; i < lists->interp_count; i++) {
		struct gil gil = read_gil(python, &lists->interps[i]);
		for (size_t k = 0; k < lists->tstate_count; k++)
			if (lists->tstates[k].interp == i)
				lists->tstates[k].holds_gil =
					holds(&gil, lists->tstates[k].address);
	}
}

static struct pw_error *read_tstates(struct pw_python *python, size_t index, size_t most,
				     struct pw_runtime_lists *lists, struct pw_notes *notes)
{
	const struct pw_layout *l = &python->layout;
	const struct pw_interp *interp = &lists->interps[index];
	struct gil gil = read_gil(python, interp);
	struct pw_cycle cycle = {0};
	uint64_t at, back;
	struct pw_error *error = pw_read_u64(
		python->target, interp->address + (uint64_t)l->interp_threads_head.offset, &at);
	for (size_t count = 0; !error && at && count < most; count++) {
		struct pw_tstate tstate = {at, index, 0, 0, PW_UNKNOWN};
		if (lists->tstate_count == PW_TSTATE_MAX ||
		    pw_cycle_step(&cycle, at, lists->tstate_count)) {
			pw_notes_add(notes,
				     "the list of threads of interpreter %" PRId64
				     " does not end: cycle at 0x%" PRIx64,
				     interp->id, at);
			break;
		}
		error = pw_read_u64(python->target, at + (uint64_t)l->tstate_interp.offset, &back);
		if (!error && back != interp->address)
			error = pw_error_create_at(
				PW_ERROR_CORRUPT, at,
				"thread state 0x%" PRIx64
				" does not point back at its interpreter 0x%" PRIx64,
				at, interp->address);
		if (error)
			break;
		tstate.thread_id = read_or_zero(python, at, l->tstate_thread_id);
		tstate.native_id = read_or_zero(python, at, l->tstate_native_thread_id);
		tstate.holds_gil = holds(&gil, at);
		if (!grow((void **)&lists->tstates, lists->tstate_count, sizeof(*lists->tstates)))
			return &pw_error_nomem;
		lists->tstates[lists->tstate_count++] = tstate;
		error = pw_read_u64(python->target, at + (uint64_t)l->tstate_next.offset, &at);
	}
	if (error) {
		pw_notes_add(notes, "the list of threads of interpreter %" PRId64 " breaks off: %s",
			     interp->id, pw_error_message(error));
		pw_error_destroy(error);
	}
	return NULL;
}

struct pw_error *pw_lists_read(struct pw_python *python, struct pw_runtime_lists *ret,
			       struct pw_notes *notes)
{
	return pw_lists_read_some(python, SIZE_MAX, ret, notes);
}

struct pw_error *pw_lists_read_some(struct pw_python *python, size_t most,
				    struct pw_runtime_lists *ret, struct pw_notes *notes)
{
	*ret = (struct pw_runtime_lists){0};
	size_t before = notes->count;
	struct pw_error *error = read_interps(python, ret, notes);
	order_interps(python, ret);
	for (size_t i = 0; !error && i < ret->interp_count; i++)
		error = read_tstates(python, i, most, ret, notes);
	if (!error && notes->count > before && pw_may_be_cut(python)) {
		struct pw_runtime_lists found = {0};
		/* Lists that only look so are not mixed with what was found. */
		bool apart = python->runtime_source == pw_scan_source;
		error = pw_lists_salvage(python, apart ? &found : ret, notes);
		if (!error && found.tstate_count) {
			pw_lists_deinit(ret);
			*ret = found;
		} else {
			pw_lists_deinit(&found);
		}
	}
	if (error)
		pw_lists_deinit(ret);
	return error;
}
