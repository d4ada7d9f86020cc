/*
 * Several thread states on one OS thread: their frames take turns on one stack.
 *
 * Frames with anchors order themselves by stack address.  CPython 3.9 and older has none: there the
 * stack is searched for the pointers that the C evaluation frames hold to their Python frames.
 */
#include "stack/model.h"

#include <stdlib.h>
#include <string.h>

enum { STACK_MAX = 256 << 20 };

/* A run of frames that stay together. */
struct run {
	size_t first, count;
	uint64_t place; /* on the stack, 0: unknown */
	uint32_t chain;
};

struct place {
	uint64_t pointer, slot;
	UT_hash_handle hh;
};

typedef void (*stack_fn)(void *data, uint64_t address, const uint64_t *words, size_t count);

/* Reads at most `most` bytes of a thread's live stack, from `sp` to its end or the first unreadable
 * byte, and hands them over piece by piece. */
static struct pw_error *read_stack(struct pw_target *target, uint64_t sp, uint64_t most,
				   stack_fn visit, void *data)
{
	enum { CHUNK = 1 << 16 };
	const struct pw_mapping *mapping = pw_target_mapping(target, sp);
	if (!mapping)
		return NULL;
	uint64_t *chunk = malloc(CHUNK);
	if (!chunk)
		return &pw_error_nomem;
	uint64_t end = mapping->end - sp > most ? sp + most : mapping->end;
	for (uint64_t at = sp & ~UINT64_C(7); at < end; at += CHUNK) {
		size_t done = 0;
		enum pw_supplier supplier;
		struct pw_error *error = pw_read_some(
			target, at, chunk, end - at < CHUNK ? end - at : CHUNK, &done, &supplier);
		pw_error_destroy(error);
		visit(data, at, chunk, done / 8);
		if (error || done < CHUNK)
			break;
	}
	free(chunk);
	return NULL;
}

/* The highest slot that holds each pointer. */
static void visit_pointers(void *data, uint64_t address, const uint64_t *words, size_t count)
{
	struct place *places = data, *place;
	for (size_t i = 0; i < count; i++) {
		HASH_FIND(hh, places, &words[i], sizeof(uint64_t), place);
		if (place)
			place->slot = address + i * 8;
	}
}

/* Where the pointers to frames without anchors stand on the stack. */
static struct pw_error *find_places(struct pw_session *session, const struct pw_lwp *lwp,
				    const struct pw_frame *frames, struct run *runs,
				    size_t run_count)
{
	if (!lwp || !lwp->regs.sp)
		return NULL;
	struct place *items = calloc(run_count, sizeof(*items)), *places = NULL;
	if (!items)
		return &pw_error_nomem;
	for (size_t i = 0; i < run_count; i++) {
		struct place *same;
		items[i].pointer = frames[runs[i].first].python.address;
		HASH_FIND(hh, places, &items[i].pointer, sizeof(uint64_t), same);
		if (!same)
			HASH_ADD(hh, places, pointer, sizeof(uint64_t), &items[i]);
	}
	struct pw_error *error =
		read_stack(session->target, lwp->regs.sp, STACK_MAX, visit_pointers, places);
	for (size_t i = 0; i < run_count; i++)
		if (!runs[i].place)
			runs[i].place = items[i].slot;
	HASH_CLEAR(hh, places);
	free(items);
	return error;
}

static size_t make_runs(const struct pw_frame *frames, size_t count, struct run *runs)
{
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || frames[i - 1].python.entry || frames[i - 1].chain != frames[i].chain)
			runs[made++] = (struct run){i, 0, frames[i].python.anchor, frames[i].chain};
		runs[made - 1].count++;
	}
	return made;
}

/* Merges the chains: the run that lies lowest on the stack is the newest; one without a place stays
 * directly on top of the next older one of its chain. */
static void merge_runs(const struct run *runs, size_t run_count, const struct pw_frame *frames,
		       struct pw_frame *ret)
{
	uint32_t chains = run_count ? runs[run_count - 1].chain + 1 : 0;
	size_t *next = calloc(chains ? chains : 1, sizeof(*next));
	if (!next)
		return;
	for (uint32_t c = 0, i = 0; c < chains; c++) {
		while (i < run_count && runs[i].chain < c)
			i++;
		next[c] = i;
	}
	for (size_t out = 0, left = run_count; left; left--) {
		size_t best = run_count;
		for (uint32_t c = 0; c < chains; c++) {
			size_t i = next[c];
			if (i < run_count && runs[i].chain == c &&
			    (best == run_count || runs[i].place < runs[best].place))
				best = i;
		}
		memcpy(ret + out, frames + runs[best].first, runs[best].count * sizeof(*ret));
		out += runs[best].count;
		next[runs[best].chain]++;
	}
	free(next);
}

struct pw_error *pw_order_chains(struct pw_session *session, const struct pw_lwp *lwp,
				 struct pw_frame *frames, size_t count)
{
	if (count == 0 || frames[0].chain == frames[count - 1].chain)
		return NULL;
	struct run *runs = malloc(count * sizeof(*runs));
	struct pw_frame *sorted = malloc(count * sizeof(*sorted));
	struct pw_error *error = runs && sorted ? NULL : &pw_error_nomem;
	if (!error) {
		size_t run_count = make_runs(frames, count, runs);
		bool anchored = true;
		for (size_t i = 0; i < run_count; i++)
			anchored = anchored && runs[i].place;
		if (!anchored)
			error = find_places(session, lwp, frames, runs, run_count);
		if (!error) {
			memcpy(sorted, frames, count * sizeof(*sorted));
			merge_runs(runs, run_count, frames, sorted);
			memcpy(frames, sorted, count * sizeof(*sorted));
		}
	}
	free(runs);
	free(sorted);
	return error;
}
