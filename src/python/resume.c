/*
 * Frames whose links are lost.  From 3.11 on the chain of frames leads over structures on the C
 * stack (_PyCFrame, entry frames), which a cut core loses first for the main thread.
 *
 * All that stand on the data stack and in generators are known (datastack.c).  Which of them run
 * is proved by the frames themselves, by links from frames that run, and, from 3.12 on, by the
 * number of frames that the thread state counts.  What runs in one C evaluation frame is linked;
 * such groups are in the order in which they stand on the data stack.  One that stands in
 * generators alone is put where its entry frame stood among those of the others: the C stack is
 * lost, but not where on it they were.  What cannot be placed is left out, and said.
 */
#include "python/frame_private.h"

#include "python/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct node {
	uint64_t address;
	struct pw_iframe frame;
	uint64_t place;	  /* on the data stack, 0: not there */
	size_t generator; /* among those that the thread runs, the newest is 1; 0: not one */
	enum pw_runs runs;
	enum pw_runs proof;	    /* that it runs; PW_RUNS_NOT: there is none */
	struct node *older, *newer; /* in the same C evaluation frame */
	UT_hash_handle hh;
};

/* Frames that run in one C evaluation frame; in 3.11 all whose links are whole. */
struct group {
	struct node *newest;
	size_t count;
	uint64_t high, low; /* places of the newest and the oldest on the data stack, 0: none */
	uint64_t shim;	    /* where its entry frame stood, 0: not known */
};

struct resume {
	struct pw_python *python;
	const struct pw_pyframes *walked;
	uint64_t newest;
	const struct pw_mapping *c_stack; /* NULL: not known */
	bool has_shims;
	struct pw_datastack stack;
	struct node *nodes;
	bool nomem;
	bool contradicts; /* what was read cannot all be true */
	size_t proved;	  /* nodes that the thread counts */
	size_t depth;	  /* as the thread counts; 0: it does not */
	struct group *groups;
	size_t group_count, group_capacity;
	size_t untold, unplaced; /* frames that are left out */
};

static void deinit(struct resume *r)
{
	struct node *node, *next;
	HASH_ITER (hh, r->nodes, node, next) {
		HASH_DEL(r->nodes, node);
		free(node);
	}
	pw_datastack_deinit(&r->stack);
	free(r->groups);
}

/* ---- frames, and the links between them ---- */

static struct node *find(struct resume *r, uint64_t address)
{
	struct node *node;
	HASH_FIND(hh, r->nodes, &address, sizeof(address), node);
	return node;
}

static struct node *add(struct resume *r, uint64_t address, const struct pw_iframe *frame)
{
	struct node *node = calloc(1, sizeof(*node));
	if (!node) {
		r->nomem = true;
		return NULL;
	}
	node->address = address;
	node->frame = *frame;
	HASH_ADD(hh, r->nodes, address, sizeof(node->address), node);
	return node;
}

static void add_standing(struct resume *r, size_t from)
{
	for (size_t i = from; !r->nomem && i < r->stack.count; i++) {
		const struct pw_standing *one = &r->stack.items[i];
		struct node *node =
			find(r, one->address) ? NULL : add(r, one->address, &one->frame);
		if (!node)
			continue;
		node->place = one->place;
		node->generator = i < r->stack.generators ? i + 1 : 0;
		node->runs = one->runs;
	}
}

/* A frame that a link leads to and that was not found before: it stands where some is lost. */
static struct node *add_linked(struct resume *r, uint64_t address, const struct pw_iframe *frame)
{
	const struct pw_layout *l = &r->python->layout;
	bool seen;
	uint64_t place = pw_datastack_place(&r->stack, address, &seen);
	pw_auto_error struct pw_error *error = pw_object_check_code(r->python, frame->code);
	bool in_generator = frame->owner == l->owner_generator.offset;
	if (seen || (in_generator && place) ||
	    (!in_generator && frame->owner != l->owner_thread.offset) ||
	    (error && pw_error_code(error) == PW_ERROR_CORRUPT))
		return NULL;
	struct node *node = add(r, address, frame);
	if (node)
		node->place = place;
	return node;
}

/* The frame that a link leads to, over entry frames that are there; NULL: none, or lost. */
static struct node *resolve(struct resume *r, uint64_t address)
{
	enum { SHIMS_MAX = 1024 };
	for (size_t i = 0; address && address % 8 == 0 && i < SHIMS_MAX; i++) {
		struct pw_iframe frame;
		struct node *node = find(r, address);
		if (node)
			return node;
		pw_auto_error struct pw_error *error = pw_iframe_read(r->python, address, &frame);
		if (error)
			return NULL;
		if (!pw_iframe_is_shim(&r->python->layout, frame.owner))
			return add_linked(r, address, &frame);
		address = frame.previous;
	}
	return NULL;
}

/* ---- which of them run ---- */

/* A generator that an exception is thrown into, and that passes it on to another, runs without. */
static bool is_counted(const struct resume *r, const struct node *node)
{
	return node->generator || node->frame.owner == r->python->layout.owner_thread.offset;
}

/* It runs, and so do those that it is linked to. */
static void prove(struct resume *r, struct node *node, enum pw_runs proof)
{
	while (node && !node->proof) {
		node->proof = proof;
		r->proved += is_counted(r, node);
		node = resolve(r, node->frame.previous);
	}
}

static void prove_walked(struct resume *r)
{
	uint64_t highest = 0;
	for (size_t i = 0; !r->nomem && i < r->walked->count; i++) {
		struct node *node = resolve(r, r->walked->items[i].address);
		if (!node || node->address != r->walked->items[i].address) {
			r->contradicts = true;
			return;
		}
		prove(r, node, PW_RUNS_SURELY);
		if (node->place > highest)
			highest = node->place;
	}
	/* What is newer than the newest has been left, or is not begun. */
	for (struct node *node = r->nodes; node; node = node->hh.next)
		if (!node->proof && ((highest && node->place > highest) ||
				     (r->newest && node->frame.previous == r->newest)))
			node->runs = PW_RUNS_NOT;
}

static void prove_by(struct resume *r, enum pw_runs runs)
{
	for (size_t i = 0; !r->nomem && i < r->stack.count; i++) {
		struct node *node = find(r, r->stack.items[i].address);
		if (node && node->runs == runs)
			prove(r, node, runs);
	}
}

/* The oldest frame that runs of those behind what is lost: frames follow it without a gap again. */
static struct node *find_behind(struct resume *r)
{
	struct node *node, *found = NULL;
	for (node = r->nodes; node; node = node->hh.next)
		if (node->proof && node->place && (!found || node->place < found->place) &&
		    pw_datastack_is_behind(&r->stack, node->address))
			found = node;
	return found;
}

static void prove_surely(struct resume *r)
{
	enum { GAPS_MAX = 64 };
	struct node *behind;
	prove_by(r, PW_RUNS_SURELY);
	for (size_t i = 0; i < GAPS_MAX && !r->nomem && (behind = find_behind(r)); i++) {
		size_t before = r->stack.count;
		if (pw_datastack_continue(r->python, &r->stack, behind->address))
			r->nomem = true;
		if (r->stack.count == before)
			return;
		add_standing(r, before);
		prove_by(r, PW_RUNS_SURELY);
	}
}

static void read_depth(struct resume *r, uint64_t tstate)
{
	const struct pw_layout *l = &r->python->layout;
	uint32_t left, limit;
	if (!pw_has(l, tstate_depth_left) || !pw_has(l, tstate_depth_limit))
		return;
	pw_auto_error struct pw_error *e1 = pw_read_u32(
		r->python->target, tstate + (uint64_t)l->tstate_depth_left.offset, &left);
	pw_auto_error struct pw_error *e2 = pw_read_u32(
		r->python->target, tstate + (uint64_t)l->tstate_depth_limit.offset, &limit);
	int64_t depth = e1 || e2 ? 0 : (int64_t)(int32_t)limit - (int32_t)left;
	if (depth > 0 && depth <= PW_FRAMES_MAX)
		r->depth = (size_t)depth;
}

/* Forgets what was proved by less. */
static void keep_proofs(struct resume *r, enum pw_runs least)
{
	struct node *node;
	for (node = r->nodes; node; node = node->hh.next)
		if (node->proof && node->proof < least) {
			node->proof = PW_RUNS_NOT;
			r->proved -= is_counted(r, node);
		}
	for (node = r->nodes; node; node = node->hh.next)
		r->untold += !node->proof && node->runs > PW_RUNS_NOT;
}

/* As much is believed as agrees with what the thread counts. */
static void choose(struct resume *r)
{
	prove_walked(r);
	prove_surely(r);
	enum pw_runs least = PW_RUNS_SURELY;
	if (!r->depth || r->proved < r->depth) {
		prove_by(r, PW_RUNS_LIKELY);
		if (!r->depth || r->proved <= r->depth)
			least = PW_RUNS_LIKELY;
	}
	if (r->proved < r->depth && !*r->stack.missing) {
		prove_by(r, PW_RUNS_UNTOLD);
		if (r->proved == r->depth)
			least = PW_RUNS_UNTOLD;
	}
	keep_proofs(r, least);
}

/* Generators between a frame that runs and what it called. */
static void add_passing_on(struct resume *r)
{
	struct node *node, *older;
	for (node = r->nodes; node; node = node->hh.next)
		if (node->proof && (older = find(r, node->frame.previous)))
			older->newer = node;
	/* What is added comes last, and is looked at in turn. */
	for (node = r->nodes; node && !r->nomem; node = node->hh.next) {
		struct pw_standing one;
		if (!node->proof || node->newer || !r->has_shims ||
		    !pw_find_passing_on(r->python, node->address, &node->frame, &one) ||
		    find(r, one.address))
			continue;
		struct node *generator = add(r, one.address, &one.frame);
		if (generator)
			generator->proof = PW_RUNS_SURELY;
	}
	for (node = r->nodes; node; node = node->hh.next)
		node->newer = NULL;
}

/* ---- groups ---- */

static bool may_be_shim(const struct resume *r, uint64_t address)
{
	const struct pw_mapping *mapping = pw_target_mapping(r->python->target, address);
	return r->has_shims && mapping && mapping == r->c_stack && address % 8 == 0;
}

/* false: its frames stand in another order than they are linked. */
static bool fill_group(const struct resume *r, struct group *group)
{
	struct node *node = group->newest, *last = node;
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
	if (may_be_shim(r, last->frame.previous))
		group->shim = last->frame.previous;
	return true;
}

static void add_group(struct resume *r, struct node *newest)
{
	struct group group = {.newest = newest};
	if (r->group_count == r->group_capacity) {
		size_t capacity = r->group_capacity ? r->group_capacity * 2 : 32;
		struct group *groups = realloc(r->groups, capacity * sizeof(*groups));
		if (!groups) {
			r->nomem = true;
			return;
		}
		r->groups = groups;
		r->group_capacity = capacity;
	}
	if (!fill_group(r, &group))
		r->contradicts = true;
	r->groups[r->group_count++] = group;
}

static void make_groups(struct resume *r)
{
	struct node *node;
	for (node = r->nodes; node; node = node->hh.next) {
		struct node *older = node->proof ? find(r, node->frame.previous) : NULL;
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

/* ---- their order ---- */

/* On the data stack before all others, newest first; then by where the entry frames stood. */
static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->shim < y->shim ? -1 : x->shim > y->shim;
}

/* Whether those on the data stack follow each other there, and their entry frames on the C stack.
 */
static void check_placed(struct resume *r, size_t count, bool *ret_shims_agree)
{
	uint64_t shim = 0;
	*ret_shims_agree = true;
	for (size_t i = 0; i < count; i++) {
		const struct group *group = &r->groups[i];
		if (i && group->high >= r->groups[i - 1].low)
			r->contradicts = true;
		if (group->shim && group->shim <= shim)
			*ret_shims_agree = false;
		if (group->shim)
			shim = group->shim;
	}
}

/* In front of which of the `count` in order one in generators belongs, which is not in front of
 * `from`; -1: that is not known. */
static int64_t place_of(const struct group *order, size_t from, size_t count, uint64_t shim)
{
	size_t behind = from;
	for (size_t i = from; i < count; i++) {
		if (order[i].shim > shim)
			return behind == i ? (int64_t)i : -1;
		if (order[i].shim)
			behind = i + 1;
	}
	return behind == count ? (int64_t)count : -1;
}

static bool holds_newest(const struct resume *r, const struct group *group)
{
	return r->walked->count && group->newest->address == r->walked->items[0].address;
}

static void insert(struct group *order, size_t count, size_t at, const struct group *group)
{
	memmove(order + at + 1, order + at, (count - at) * sizeof(*order));
	order[at] = *group;
}

/* Whether the generators come in the order in which the thread lists them. */
static bool generators_agree(const struct group *order, size_t count)
{
	size_t last = 0;
	for (size_t i = 0; i < count; i++)
		for (struct node *node = order[i].newest; node; node = node->older) {
			if (node->generator && node->generator < last)
				return false;
			if (node->generator)
				last = node->generator;
		}
	return true;
}

/* Puts the groups from `placed` on among those before; leaves out what has no place. */
static void place_loose(struct resume *r, size_t placed, bool shims_agree)
{
	struct group *order = calloc(r->group_count + 1, sizeof(*order));
	size_t count = placed, first = 0;
	if (!order) {
		r->nomem = true;
		return;
	}
	memcpy(order, r->groups, placed * sizeof(*order));
	for (size_t i = placed; i < r->group_count; i++)
		if (holds_newest(r, &r->groups[i])) {
			insert(order, count++, 0, &r->groups[i]);
			first = 1;
		}
	for (size_t i = placed; i < r->group_count; i++) {
		const struct group *group = &r->groups[i];
		if (holds_newest(r, group))
			continue;
		int64_t at = group->shim && shims_agree ? place_of(order, first, count, group->shim)
							: -1;
		if (at < 0) {
			r->unplaced += group->count;
			continue;
		}
		insert(order, count++, (size_t)at, group);
		if (!generators_agree(order, count)) {
			memmove(order + at, order + at + 1,
				(--count - (size_t)at) * sizeof(*order));
			r->unplaced += group->count;
		}
	}
	memcpy(r->groups, order, count * sizeof(*order));
	r->group_count = count;
	free(order);
}

static void order_groups(struct resume *r)
{
	bool shims_agree;
	size_t placed = 0;
	if (r->group_count)
		qsort(r->groups, r->group_count, sizeof(*r->groups), compare_groups);
	while (placed < r->group_count && r->groups[placed].high)
		placed++;
	check_placed(r, placed, &shims_agree);
	place_loose(r, placed, shims_agree);
	if (!generators_agree(r->groups, r->group_count))
		r->contradicts = true;
}

/* ---- what comes of it ---- */

static void fill(const struct group *group, const struct node *node, bool has_shims,
		 struct pw_pyframe *to)
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
static bool keep_walked(const struct resume *r, struct pw_pyframe *items, size_t count)
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

static struct pw_pyframe *list_frames(struct resume *r, size_t *ret_count)
{
	size_t count = 0;
	for (size_t i = 0; i < r->group_count; i++)
		count += r->groups[i].count;
	struct pw_pyframe *items = calloc(count + 1, sizeof(*items));
	*ret_count = 0;
	for (size_t i = 0; items && i < r->group_count; i++)
		for (struct node *n = r->groups[i].newest; n; n = n->older)
			fill(&r->groups[i], n, r->has_shims, &items[(*ret_count)++]);
	if (items && keep_walked(r, items, *ret_count))
		return items;
	free(items);
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void say(struct pw_pyframes *frames,
						      const char *format, ...)
{
	size_t length = strlen(frames->end_message);
	va_list ap;
	va_start(ap, format);
	vsnprintf(frames->end_message + length, sizeof(frames->end_message) - length, format, ap);
	va_end(ap);
}

static void tell(const struct resume *r, size_t added, struct pw_pyframes *frames)
{
	size_t counted = r->proved > r->unplaced ? r->proved - r->unplaced : 0;
	if (added)
		say(frames, "; %zu more are from the data stack", added);
	if (r->depth && counted == r->depth)
		say(frames, ", which makes all %zu that the thread counts", r->depth);
	else if (r->depth)
		say(frames, "; the thread counts %zu", r->depth);
	if (r->unplaced)
		say(frames, "; %zu are left out, whose place is not known", r->unplaced);
	if (r->untold && counted != r->depth)
		say(frames, "; %zu are left out that may run", r->untold);
	if (*r->stack.missing)
		say(frames, "; %s", r->stack.missing);
}

static const struct pw_mapping *find_c_stack(struct pw_python *python, uint64_t tstate)
{
	const struct pw_target *target = python->target;
	uint64_t id;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, tstate, python->layout.tstate_thread_id, &id);
	for (size_t i = 0; !error && i < target->lwp_count; i++)
		if (id && target->lwps[i].regs.thread_pointer == id)
			return pw_target_mapping(target, target->lwps[i].regs.sp);
	return NULL;
}

void pw_frames_resume(struct pw_python *python, uint64_t tstate, uint64_t newest, size_t max,
		      struct pw_pyframes *frames)
{
	struct resume r = {.python = python, .walked = frames, .newest = newest};
	size_t count = 0, walked = frames->count;
	if (!python->layout.traits.data_stack)
		return;
	r.has_shims = python->layout.traits.frames != PW_FRAMES_CFRAME;
	r.c_stack = find_c_stack(python, tstate);
	struct pw_error *error = pw_datastack_read(python, tstate, &r.stack);
	r.nomem = error != NULL;
	read_depth(&r, tstate);
	add_standing(&r, 0);
	if (!r.nomem)
		choose(&r);
	if (!r.nomem && !r.contradicts)
		add_passing_on(&r);
	if (!r.nomem && !r.contradicts)
		make_groups(&r);
	if (!r.nomem && !r.contradicts)
		order_groups(&r);
	struct pw_pyframe *items = r.nomem || r.contradicts ? NULL : list_frames(&r, &count);
	if (items) {
		free(frames->items);
		frames->items = items;
		frames->capacity = count;
		frames->count = count < max ? count : max;
		tell(&r, frames->count - walked, frames);
	} else {
		say(frames, r.nomem ? "; no memory to look at the data stack"
				    : "; what stands on the data stack contradicts that");
	}
	deinit(&r);
}
