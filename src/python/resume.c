/*
 * Frames whose links are lost.  From 3.11 on the chain of frames leads over structures on the C
 * stack (_PyCFrame, entry frames), which a cut core loses first for the main thread.
 *
 * All that stand on the data stack and in generators are known (datastack.c).  Which of them run
 * is proved by the frames themselves, by links from frames that run, and, from 3.12 on, by the
 * number of frames that the thread state counts.  What cannot be told is left out, and said.
 */
#include "python/resume_private.h"

#include "python/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void deinit(struct pw_resume *r)
{
	struct pw_resume_node *node, *next;
	HASH_ITER (hh, r->nodes, node, next) {
		HASH_DEL(r->nodes, node);
		free(node);
	}
	pw_datastack_deinit(&r->stack);
	free(r->groups);
}

/* ---- frames, and the links between them ---- */

struct pw_resume_node *pw_resume_find(struct pw_resume *r, uint64_t address)
{
	struct pw_resume_node *node;
	HASH_FIND(hh, r->nodes, &address, sizeof(address), node);
	return node;
}

static struct pw_resume_node *add(struct pw_resume *r, uint64_t address,
				  const struct pw_iframe *frame)
{
	struct pw_resume_node *node = calloc(1, sizeof(*node));
	if (!node) {
		r->nomem = true;
		return NULL;
	}
	node->address = address;
	node->frame = *frame;
	HASH_ADD(hh, r->nodes, address, sizeof(node->address), node);
	return node;
}

static void add_standing(struct pw_resume *r, size_t from)
{
	for (size_t i = from; !r->nomem && i < r->stack.count; i++) {
		const struct pw_standing *one = &r->stack.items[i];
		struct pw_resume_node *node =
			pw_resume_find(r, one->address) ? NULL : add(r, one->address, &one->frame);
		if (!node)
			continue;
		node->place = one->place;
		node->generator = i < r->stack.generators ? i + 1 : 0;
		node->runs = one->runs;
		node->begun = one->begun;
	}
}

/* A frame that a link leads to and that was not found before: it stands where some is lost. */
static struct pw_resume_node *add_linked(struct pw_resume *r, uint64_t address,
					 const struct pw_iframe *frame)
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
	struct pw_resume_node *node = add(r, address, frame);
	if (node)
		node->place = place;
	return node;
}

/* The frame that a link leads to, over entry frames that are there; NULL: none, or lost. */
static struct pw_resume_node *resolve(struct pw_resume *r, uint64_t address)
{
	enum { SHIMS_MAX = 1024 };
	for (size_t i = 0; address && address % 8 == 0 && i < SHIMS_MAX; i++) {
		struct pw_iframe frame;
		struct pw_resume_node *node = pw_resume_find(r, address);
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
static bool is_counted(const struct pw_resume *r, const struct pw_resume_node *node)
{
	return node->generator || node->frame.owner == r->python->layout.owner_thread.offset;
}

/* It runs, and so do those that it is linked to. */
static void prove(struct pw_resume *r, struct pw_resume_node *node, enum pw_runs proof)
{
	while (node && !node->proof) {
		node->proof = proof;
		r->proved += is_counted(r, node);
		node = resolve(r, node->frame.previous);
	}
}

static void prove_walked(struct pw_resume *r)
{
	uint64_t highest = 0;
	for (size_t i = 0; !r->nomem && i < r->walked->count; i++) {
		struct pw_resume_node *node = resolve(r, r->walked->items[i].address);
		if (!node || node->address != r->walked->items[i].address) {
			r->contradicts = true;
			return;
		}
		prove(r, node, PW_RUNS_SURELY);
		if (node->place > highest)
			highest = node->place;
	}
	for (struct pw_resume_node *node = r->nodes; node; node = node->hh.next)
		if (!node->proof && ((highest && node->place > highest) ||
				     (r->newest && node->frame.previous == r->newest))) {
			node->newer_than_newest = true;
			node->runs = PW_RUNS_NOT;
		}
}

static void prove_by(struct pw_resume *r, enum pw_runs runs)
{
	for (size_t i = 0; !r->nomem && i < r->stack.count; i++) {
		struct pw_resume_node *node = pw_resume_find(r, r->stack.items[i].address);
		if (node && node->runs == runs)
			prove(r, node, runs);
	}
}

/* The oldest frame that runs of those behind what is lost: frames follow it without a gap again. */
static struct pw_resume_node *find_behind(struct pw_resume *r)
{
	struct pw_resume_node *node, *found = NULL;
	for (node = r->nodes; node; node = node->hh.next)
		if (node->proof && node->place && !node->begins_gap &&
		    (!found || node->place < found->place) &&
		    pw_datastack_is_behind(&r->stack, node->address))
			found = node;
	return found;
}

static void prove_surely(struct pw_resume *r)
{
	enum { GAPS_MAX = 64 };
	struct pw_resume_node *behind;
	prove_by(r, PW_RUNS_SURELY);
	for (size_t i = 0; i < GAPS_MAX && !r->nomem && (behind = find_behind(r)); i++) {
		size_t before = r->stack.count;
		behind->begins_gap = true; /* if nothing comes of it */
		if (pw_datastack_continue(r->python, &r->stack, behind->address))
			r->nomem = true;
		add_standing(r, before);
		prove_by(r, PW_RUNS_SURELY);
	}
}

/*
 * What a frame returns to that may have been left: it runs whether that is so or not.  One that has
 * not begun may not be linked yet.
 */
static void prove_callers(struct pw_resume *r)
{
	struct pw_resume_node *node;
	for (node = r->nodes; node && !r->nomem; node = node->hh.next)
		if (!node->proof && node->begun && !node->newer_than_newest)
			prove(r, resolve(r, node->frame.previous), PW_RUNS_LIKELY);
}

static void read_depth(struct pw_resume *r, uint64_t tstate)
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
static void keep_proofs(struct pw_resume *r, enum pw_runs least)
{
	struct pw_resume_node *node;
	for (node = r->nodes; node; node = node->hh.next)
		if (node->proof && node->proof < least) {
			node->proof = PW_RUNS_NOT;
			r->proved -= is_counted(r, node);
		}
	for (node = r->nodes; node; node = node->hh.next)
		r->untold += !node->proof && node->runs > PW_RUNS_NOT;
}

/* As much is believed as agrees with what the thread counts. */
static void choose(struct pw_resume *r)
{
	prove_walked(r);
	prove_surely(r);
	enum pw_runs least = PW_RUNS_SURELY;
	if (!r->depth || r->proved < r->depth) {
		prove_by(r, PW_RUNS_LIKELY);
		prove_callers(r);
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

/* Generators between a frame and those that C code runs next, if they pass on an exception; false:
 * there are none. */
static bool add_passing_on(struct pw_resume *r, struct pw_resume_node *caller, size_t *all_left)
{
	enum { OBJECTS_MAX = 1024 };
	struct pw_standing one;
	bool added = false;
	while (caller && *all_left) {
		size_t left = *all_left < OBJECTS_MAX ? *all_left : OBJECTS_MAX, some = left;
		uint64_t size = pw_frame_size(r->python, caller->frame.code);
		bool found =
			size && pw_find_passing_on(r->python, caller->address, size, &left, &one);
		*all_left -= some - left;
		if (!found || pw_resume_find(r, one.address))
			break;
		caller = add(r, one.address, &one.frame);
		if (caller)
			caller->proof = PW_RUNS_SURELY;
		added = true;
	}
	return added;
}

/* The list, once more when generators are found that belong into it. */
static struct pw_pyframe *list_all(struct pw_resume *r, size_t *ret_count)
{
	size_t left = 1 << 15;
	bool added = false;
	struct pw_pyframe *items = pw_resume_list(r, ret_count);
	for (size_t i = 0; items && r->has_shims && i + 1 < r->group_count; i++)
		if (r->groups[i].run_by_c)
			added = add_passing_on(r, r->groups[i + 1].newest, &left) || added;
	if (!added)
		return items;
	free(items);
	return r->nomem ? NULL : pw_resume_list(r, ret_count);
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

static void tell(const struct pw_resume *r, size_t added, struct pw_pyframes *frames)
{
	size_t counted = r->proved > r->unplaced ? r->proved - r->unplaced : 0;
	if (added)
		say(frames, "; %zu more are from the data stack and generators", added);
	if (r->depth && counted == r->depth)
		say(frames, "%s all %zu that the thread counts are there", added ? ":" : ";",
		    r->depth);
	else if (r->depth)
		say(frames, "; the thread counts %zu", r->depth);
	if (r->unplaced)
		say(frames, "; %zu are left out, whose place is not known", r->unplaced);
	if (r->untold && counted != r->depth)
		say(frames, "; %zu are left out that may run", r->untold);
	if (*r->stack.missing)
		say(frames, "; %s", r->stack.missing);
}

static void limit(struct pw_pyframes *frames, size_t max)
{
	frames->count = max;
	frames->end = PW_END_LIMIT;
	frames->end_address = 0;
	*frames->end_message = 0;
	say(frames, "more than %zu frames", max);
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
	struct pw_resume r = {.python = python, .walked = frames, .newest = newest};
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
	struct pw_pyframe *items = r.nomem || r.contradicts ? NULL : list_all(&r, &count);
	if (items) {
		free(frames->items);
		frames->items = items;
		frames->capacity = count;
		frames->count = count;
		tell(&r, count - walked, frames);
		if (count > max)
			limit(frames, max);
	} else {
		say(frames, r.nomem ? "; no memory to look at the data stack"
				    : "; what stands on the data stack contradicts that");
	}
	deinit(&r);
}
