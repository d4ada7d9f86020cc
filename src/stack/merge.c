#include "stack/merge.h"

#include <stdlib.h>
#include <string.h>

/* A run of Python frames in one C evaluation frame. */
struct group {
	size_t first, count; /* into the Python frames */
	uint64_t anchor, pointer;
	uint32_t chain;
	int64_t native; /* -1: none */
	enum pw_proof proof;
	size_t before; /* without a native frame: emitted before this one */
};

static size_t make_groups(const struct pw_merge_python *pythons, size_t count, struct group *groups)
{
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		const struct pw_merge_python *p = &pythons[i];
		bool starts = i == 0 || pythons[i - 1].entry || pythons[i - 1].chain != p->chain;
		if (starts)
			groups[made++] = (struct group){i,	  0,  p->anchor,     p->pointer,
							p->chain, -1, PW_PROOF_NONE, 0};
		groups[made - 1].count++;
	}
	return made;
}

/* ---- proof by address ---- */

/* Real native frames in ascending order of sp.  They mostly are already: a stack that is switched
 * (signal stack, greenlet) is why they are sorted. */
struct by_sp {
	uint64_t sp, cfa;
	size_t index;
};

static int compare_sp(const void *a, const void *b)
{
	const struct by_sp *x = a, *y = b;
	if (x->sp != y->sp)
		return x->sp < y->sp ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The frame whose [sp, cfa) holds the address; frames of size 0 hold nothing. */
static int64_t containing(const struct by_sp *sorted, size_t count, uint64_t address)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (sorted[middle].sp <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && low - i <= 64;)
		if (sorted[i].cfa > address)
			return (int64_t)sorted[i].index;
	return -1;
}

static bool prove_by_address(const struct pw_merge_native *natives, size_t native_count,
			     struct group *groups, size_t group_count)
{
	struct by_sp *sorted = malloc((native_count + 1) * sizeof(*sorted));
	bool *taken = calloc(native_count + 1, sizeof(*taken));
	size_t count = 0;
	for (size_t i = 0; sorted && i < native_count; i++)
		if (!natives[i].inlined && natives[i].cfa > natives[i].sp)
			sorted[count++] = (struct by_sp){natives[i].sp, natives[i].cfa, i};
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), compare_sp);
	for (size_t g = 0; sorted && taken && g < group_count; g++) {
		if (!groups[g].anchor)
			continue;
		int64_t native = containing(sorted, count, groups[g].anchor);
		if (native < 0 || taken[native])
			continue;
		taken[native] = true;
		groups[g].native = native;
		groups[g].proof = PW_PROOF_ADDRESS;
	}
	bool ok = sorted && taken;
	free(sorted);
	free(taken);
	return ok;
}

/* ---- proof by pointer ---- */

static bool holds(const struct pw_merge_native *native, uint64_t pointer)
{
	for (size_t i = 0; i < native->word_count; i++)
		if (native->words[i] == pointer)
			return true;
	return false;
}

static bool hosts_pointers(const struct pw_merge_native *native)
{
	return native->eval && !native->inlined;
}

/* One chain and as many evaluation frames as Python frames: they belong together one to one, and
 * the pointer proves each pair that it can. */
static void pair_one_to_one(const struct pw_merge_native *natives, size_t native_count,
			    struct group *groups)
{
	for (size_t i = 0, g = 0; i < native_count; i++) {
		if (!hosts_pointers(&natives[i]))
			continue;
		groups[g].native = (int64_t)i;
		groups[g].proof =
			holds(&natives[i], groups[g].pointer) ? PW_PROOF_POINTER : PW_PROOF_ORDER;
		g++;
	}
}

/*
 * Otherwise each chain by itself: every frame takes the next evaluation frame, from the newest on,
 * that holds its pointer and that no other chain has taken.
 */
static bool pair_by_search(const struct pw_merge_native *natives, size_t native_count,
			   struct group *groups, size_t group_count)
{
	bool *taken = calloc(native_count + 1, sizeof(*taken));
	if (!taken)
		return false;
	size_t next = 0;
	for (size_t g = 0; g < group_count; g++) {
		if (g > 0 && groups[g].chain != groups[g - 1].chain)
			next = 0;
		for (size_t i = next; groups[g].pointer && i < native_count; i++) {
			if (taken[i] || !hosts_pointers(&natives[i]) ||
			    !holds(&natives[i], groups[g].pointer))
				continue;
			taken[i] = true;
			groups[g].native = (int64_t)i;
			groups[g].proof = PW_PROOF_POINTER;
			next = i + 1;
			break;
		}
	}
	free(taken);
	return true;
}

/*
 * Frames that have no anchor among others that have one: each takes the newest evaluation frame
 * that holds its pointer, that nobody has taken, and that is newer than the C frame of the next
 * older group.
 */
static void pair_the_rest(const struct pw_merge_native *natives, size_t native_count,
			  struct group *groups, size_t group_count)
{
	for (size_t g = 0; g < group_count; g++) {
		struct group *group = &groups[g];
		if (group->anchor || !group->pointer || group->native >= 0)
			continue;
		size_t end = native_count, begin = 0;
		if (g + 1 < group_count && groups[g + 1].native >= 0)
			end = (size_t)groups[g + 1].native;
		if (g > 0 && groups[g - 1].native >= 0)
			begin = (size_t)groups[g - 1].native + 1;
		for (size_t i = begin; i < end; i++) {
			if (!hosts_pointers(&natives[i]) || !holds(&natives[i], group->pointer))
				continue;
			group->native = (int64_t)i;
			group->proof = PW_PROOF_POINTER;
			break;
		}
	}
}

static bool prove_by_pointer(const struct pw_merge_native *natives, size_t native_count,
			     struct group *groups, size_t group_count)
{
	size_t evals = 0;
	bool one_chain = group_count > 0;
	for (size_t i = 0; i < native_count; i++)
		evals += hosts_pointers(&natives[i]);
	for (size_t g = 1; g < group_count; g++)
		one_chain = one_chain && groups[g].chain == groups[0].chain;
	if (one_chain && evals == group_count) {
		pair_one_to_one(natives, native_count, groups);
		return true;
	}
	return pair_by_search(natives, native_count, groups, group_count);
}

/* ---- the list ---- */

/* Groups without a native frame go before the first native frame that is older: by address when
 * they have an anchor, else with the next older group of their chain, else to the end. */
static void place_rest(const struct pw_merge_native *natives, size_t native_count,
		       struct group *groups, size_t group_count)
{
	for (size_t g = group_count; g-- > 0;) {
		struct group *group = &groups[g];
		if (group->native >= 0) {
			group->before = (size_t)group->native;
			continue;
		}
		group->before = native_count;
		if (group->anchor) {
			for (size_t i = 0; i < native_count; i++) {
				if (!natives[i].inlined && natives[i].sp > group->anchor) {
					group->before = i;
					break;
				}
			}
		} else if (g + 1 < group_count && groups[g + 1].chain == group->chain) {
			group->before = groups[g + 1].before;
		}
	}
}

/* Newest first: by place among the native frames, then by anchor, then as they came. */
static int compare_groups(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	if (x->anchor && y->anchor && x->anchor != y->anchor)
		return x->anchor < y->anchor ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static void emit(const struct group *const *order, size_t group_count, size_t native_count,
		 struct pw_merge_item *ret)
{
	size_t out = 0, g = 0;
	for (size_t i = 0; i <= native_count; i++) {
		for (; g < group_count && order[g]->before == i; g++)
			for (size_t k = 0; k < order[g]->count; k++)
				ret[out++] =
					(struct pw_merge_item){PW_FRAME_PYTHON, order[g]->first + k,
							       order[g]->proof, order[g]->native};
		if (i < native_count)
			ret[out++] =
				(struct pw_merge_item){PW_FRAME_NATIVE, i, PW_PROOF_ABSENT, -1};
	}
}

bool pw_merge(const struct pw_merge_native *natives, size_t native_count,
	      const struct pw_merge_python *pythons, size_t python_count, struct pw_merge_item *ret)
{
	struct group *groups = malloc((python_count + 1) * sizeof(*groups));
	const struct group **order = malloc((python_count + 1) * sizeof(*order));
	bool ok = groups && order;
	if (ok) {
		size_t count = make_groups(pythons, python_count, groups);
		bool anchored = false;
		for (size_t g = 0; g < count; g++)
			anchored = anchored || groups[g].anchor;
		ok = anchored ? prove_by_address(natives, native_count, groups, count)
			      : prove_by_pointer(natives, native_count, groups, count);
		if (ok && anchored)
			pair_the_rest(natives, native_count, groups, count);
		place_rest(natives, native_count, groups, count);
		for (size_t g = 0; g < count; g++)
			order[g] = &groups[g];
		qsort(order, count, sizeof(*order), compare_groups);
		if (ok)
			emit(order, count, native_count, ret);
	}
	free(groups);
	free(order);
	return ok;
}
