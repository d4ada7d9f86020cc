/*
 * Generators and coroutines that an exception was thrown into and that pass it on to the one that
 * they wait for: they run, linked to who threw it, and are on no list.  Read from, 3.12 to 3.15:
 * Objects/genobject.c, _gen_throw(), which makes such a generator the thread's current frame, and
 * takes back what it did to it afterwards.
 *
 * What throws holds the generator, or something that does: a task of asyncio does, which a handle's
 * callback holds, which the frame holds that runs the handle.  So what the frame leads to is looked
 * at, to a bounded number of objects; that it runs, and is linked to just this frame, proves it.
 */
#include "python/frame_private.h"

#include "python/object.h"

#include <stdlib.h>
#include <uthash.h>

enum {
	DEPTH_MAX = 5,	   /* from the frame to the generator */
	OBJECT_WORDS = 40, /* of each object: a task's are about as many */
	FRAME_WORDS = 1024,
};

struct seen {
	uint64_t address;
	unsigned depth;
	struct seen *next; /* to be looked at */
	UT_hash_handle hh;
};

struct search {
	struct pw_python *python;
	uint64_t caller;
	struct seen *seen, *first, *last;
	size_t *left;
};

static bool is_passing_on(struct search *s, uint64_t generator, struct pw_standing *ret)
{
	const struct pw_layout *l = &s->python->layout;
	struct pw_target *target = s->python->target;
	uint64_t previous;
	uint8_t state;
	*ret = (struct pw_standing){.address = generator + (uint64_t)l->gen_iframe.offset,
				    .runs = PW_RUNS_SURELY};
	pw_auto_error struct pw_error *e1 =
		pw_read_field(s->python, ret->address, l->iframe_previous, &previous);
	if (e1 || previous != s->caller)
		return false;
	pw_auto_error struct pw_error *e2 = pw_iframe_read(s->python, ret->address, &ret->frame);
	pw_auto_error struct pw_error *e3 =
		pw_read_u8(target, generator + (uint64_t)l->gen_frame_state.offset, &state);
	if (e2 || e3 || ret->frame.owner != l->owner_generator.offset ||
	    (int8_t)state != l->frame_executing.offset)
		return false;
	pw_auto_error struct pw_error *e4 = pw_object_check_code(s->python, ret->frame.code);
	return !e4;
}

/* Objects are in memory that is written to, and have a type. */
static bool may_be_object(struct search *s, uint64_t address)
{
	const struct pw_mapping *mapping = pw_target_mapping(s->python->target, address);
	return mapping && mapping->writable && address % 8 == 0;
}

static void note(struct search *s, uint64_t address, unsigned depth)
{
	struct seen *one = depth < DEPTH_MAX ? calloc(1, sizeof(*one)) : NULL;
	if (!one)
		return;
	*one = (struct seen){.address = address, .depth = depth};
	HASH_ADD(hh, s->seen, address, sizeof(one->address), one);
	if (s->last)
		s->last->next = one;
	else
		s->first = one;
	s->last = one;
}

static bool look_at(struct search *s, uint64_t address, size_t size, unsigned depth,
		    struct pw_standing *ret)
{
	uint64_t words[FRAME_WORDS];
	size_t done = 0;
	struct seen *known;
	pw_error_destroy(pw_read_some(s->python->target, address, words,
				      size < sizeof(words) ? size : sizeof(words), &done, NULL));
	for (size_t i = 0; i < done / 8 && *s->left; i++) {
		uint64_t object = words[i] & ~UINT64_C(7);
		if (!object || !may_be_object(s, object))
			continue;
		HASH_FIND(hh, s->seen, &object, sizeof(object), known);
		if (known)
			continue;
		--*s->left;
		if (is_passing_on(s, object, ret))
			return true;
		note(s, object, depth + 1);
	}
	return false;
}

bool pw_find_passing_on(struct pw_python *python, uint64_t caller, size_t size, size_t *left,
			struct pw_standing *ret)
{
	struct search s = {.python = python, .caller = caller, .left = left};
	uint64_t fixed = (uint64_t)python->layout.iframe_localsplus.offset;
	bool found = look_at(&s, caller + fixed, size - fixed, 0, ret);
	for (; !found && s.first && *left; s.first = s.first->next)
		found = look_at(&s, s.first->address, OBJECT_WORDS * 8, s.first->depth, ret);
	struct seen *one, *next;
	HASH_ITER (hh, s.seen, one, next) {
		HASH_DEL(s.seen, one);
		free(one);
	}
	return found;
}
