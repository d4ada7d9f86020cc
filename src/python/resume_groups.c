/*
 * Frames that are proved to run, in order.  What runs in one C evaluation frame is linked; such
 * groups are in the order in which they stand on the data stack.  One that stands in generators
 * alone is put where its entry frame stood among those of the others: the C stack is lost, but not
 * where on it they were.  What has no place is left out.
 */
#include "python/resume_private.h"

#include <stdlib.h>
#include <string.h>

/* false: its frames stand in another order than they are linked. */
static bool fill_group(struct pw_resume_group *group)
{
	struct pw_resume_node *node = group->newest, *last = node;
	for (; node; node = node->older) {
		last = node;
		group->count++;
		if (!node->place)
			continue;
		if (group->low && node->place >= group->low)
			return false;
		group->low = node->place;
		if (!group->high)
			group->high = node->place;
	}
	group->link = last->frame.previous;
	group->run_by_c = last->generator != 0;
	return true;
}

static void add_group(struct pw_resume *r, struct pw_resume_node *newest)
{
	struct pw_resume_group group = {.newest = newest};
	if (r->group_count == r->group_capacity) {
		size_t capacity = r->group_capacity ? r->group_capacity * 2 : 32;
		struct pw_resume_group *groups = realloc(r->groups, capacity * sizeof(*groups));
		if (!groups) {
			r->nomem = true;
			return;
		}
		r->groups = groups;
		r->group_capacity = capacity;
	}
	if (!fill_group(&group))
		r->contradicts = true;
	r->groups[r->group_count++] = group;
}

static void make_groups(struct pw_resume *r)
{
	struct pw_resume_node *node;
	for (node = r->nodes; node; node = node->hh.next)
		node->older = node->newer = NULL;
	for (node = r->nodes; node; node = node->hh.next) {
		struct pw_resume_node *older =
			node->proof ? pw_resume_find(r, node->frame.previous) : NULL;
		if (!older || older == node)
			continue;
		if (older->newer)
			r->contradicts = true;
		node->older = older;
		older->newer = node;
	}
	/* Links that run in a circle have no newest, and lead nowhere. */
	for (node = r->nodes; node && !r->contradicts && !r->nomem; node = node->hh.next)
		if (node->proof && !node->newer)
			add_group(r, node);
}

/* The mapping that all links lead into which lead to no frame: nothing else tells the C stack in a
 * core that lost its notes. */
static const struct pw_mapping *guess_c_stack(const struct pw_resume *r)
{
	const struct pw_mapping *found = NULL;
	for (size_t i = 0; i < r->group_count; i++) {
		const struct pw_mapping *mapping =
			pw_target_mapping(r->python->target, r->groups[i].link);
		if (found && mapping && mapping != found)
			return NULL;
		if (mapping)
			found = mapping;
	}
	return found;
}

static void find_shims(struct pw_resume *r)
{
	if (!r->has_shims)
		return;
	const struct pw_mapping *stack = r->c_stack ? r->c_stack : guess_c_stack(r);
	for (size_t i = 0; i < r->group_count; i++) {
		uint64_t link = r->groups[i].link;
		if (stack && link % 8 == 0 && link >= stack->start && link < stack->end)
			r->groups[i].shim = link;
	}
}

/* ---- their order ---- */

/* On the data stack before all others, newest first; then by where the entry frames stood. */
static int compare_groups(const void *a, const void *b)
{
	const struct pw_resume_group *x = a, *y = b;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->shim < y->shim ? -1 : x->shim > y->shim;
}

/* Whether those on the data stack follow each other there, and their entry frames on the C stack.
 */
static void check_placed(struct pw_resume *r, size_t count, bool *ret_shims_agree)
{
	uint64_t shim = 0;
	*ret_shims_agree = true;
	for (size_t i = 0; i < count; i++) {
		const struct pw_resume_group *group = &r->groups[i];
		if (i && group->high >= r->groups[i - 1].low)
			r->contradicts = true;
		if (group->shim && group->shim <= shim)
			*ret_shims_agree = false;
		if (group->shim)
			shim = group->shim;
	}
}

static bool holds_newest(const struct pw_resume *r, const struct pw_resume_group *group)
{
	return r->walked->count && group->newest->address == r->walked->items[0].address;
}

/* Whether the generators come in the order in which the thread lists them. */
static bool generators_agree(const struct pw_resume *r)
{
	size_t last = 0;
	for (size_t i = 0; i < r->group_count; i++)
		for (struct pw_resume_node *node = r->groups[i].newest; node; node = node->older) {
			if (node->generator && node->generator < last)
				return false;
			if (node->generator)
				last = node->generator;
		}
	return true;
}

/* The first from `at` on of which it is known where its entry frame stood. */
static size_t next_known(const struct pw_resume *r, size_t at, size_t count)
{
	while (at < count && !r->groups[at].shim)
		at++;
	return at;
}

/*
 * Puts the groups from `placed` on, by their entry frames, among those before.  One whose place
 * could be on either side of another, whose entry frame is not known, is left out.
 */
static size_t merge_loose(struct pw_resume *r, size_t placed, bool place,
			  struct pw_resume_group *order)
{
	size_t count = 0, next = 0, behind = 0, done = 0;
	for (size_t i = placed; i < r->group_count; i++)
		if (holds_newest(r, &r->groups[i]))
			order[count++] = r->groups[i];
	next = next_known(r, 0, placed);
	for (size_t i = placed; i < r->group_count; i++) {
		const struct pw_resume_group *group = &r->groups[i];
		if (holds_newest(r, group))
			continue;
		while (next < placed && r->groups[next].shim < group->shim) {
			behind = next + 1;
			next = next_known(r, behind, placed);
		}
		if (!place || !group->shim || next != behind) {
			r->unplaced += group->count;
			continue;
		}
		while (done < next)
			order[count++] = r->groups[done++];
		order[count++] = *group;
	}
	while (done < placed)
		order[count++] = r->groups[done++];
	return count;
}

static void order_groups(struct pw_resume *r)
{
	bool shims_agree;
	size_t placed = 0;
	struct pw_resume_group *order = calloc(r->group_count + 1, sizeof(*order));
	if (!order) {
		r->nomem = true;
		return;
	}
	if (r->group_count)
		qsort(r->groups, r->group_count, sizeof(*r->groups), compare_groups);
	while (placed < r->group_count && r->groups[placed].high)
		placed++;
	check_placed(r, placed, &shims_agree);
	r->group_count = merge_loose(r, placed, shims_agree, order);
	free(r->groups);
	r->groups = order;
	r->group_capacity = r->group_count;
	r->contradicts = r->contradicts || !generators_agree(r);
}

/* ---- what comes of it ---- */

static void fill(const struct pw_resume_group *group, const struct pw_resume_node *node,
		 bool has_shims, struct pw_pyframe *to)
{
	*to = (struct pw_pyframe){
		.address = node->address,
		.code = node->frame.code,
		.anchor = group->shim,
		.instr = node->frame.instr,
		.tlbc = node->frame.tlbc,
		.owner = node->frame.owner,
		.entry = has_shims ? !node->older : node->frame.is_entry || !node->older,
	};
}

/* The frames that were there come first, with the anchors that they had. */
static bool keep_walked(const struct pw_resume *r, struct pw_pyframe *items, size_t count)
{
	size_t walked = r->walked->count;
	if (count < walked)
		return false;
	for (size_t i = 0; i < walked; i++) {
		if (items[i].address != r->walked->items[i].address)
			return false;
		if (r->walked->items[i].anchor)
			items[i] = r->walked->items[i];
	}
	return true;
}

struct pw_pyframe *pw_resume_list(struct pw_resume *r, size_t *ret_count)
{
	size_t count = 0;
	*ret_count = 0;
	r->group_count = r->unplaced = 0;
	make_groups(r);
	find_shims(r);
	if (!r->nomem && !r->contradicts)
		order_groups(r);
	for (size_t i = 0; i < r->group_count; i++)
		count += r->groups[i].count;
	struct pw_pyframe *items =
		r->nomem || r->contradicts ? NULL : calloc(count + 1, sizeof(*items));
	for (size_t i = 0; items && i < r->group_count; i++)
		for (struct pw_resume_node *n = r->groups[i].newest; n; n = n->older)
			fill(&r->groups[i], n, r->has_shims, &items[(*ret_count)++]);
	if (items && keep_walked(r, items, *ret_count))
		return items;
	free(items);
	return NULL;
}
