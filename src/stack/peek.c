/*
 * A running thread that is not stopped.  Two copies of its frames are taken one after the other.
 * What both have, from the oldest frame on, was there all the time in between: a frame that waits
 * for a call to return does not change.  Above it the thread was moving.
 */
#include "stack/capture.h"
#include "stack/pages.h"

#include <stdlib.h>
#include <string.h>

/* For a stack that is whole, and for one of which there is anything. */
enum { TRIES = 4, TRIES_AT_ALL = 12 };

/* Frames below the newest do not execute: they are the same call only at the same instruction. */
static bool is_same(const struct pw_pyframe *a, const struct pw_pyframe *b, bool newest)
{
	if (a->address != b->address || a->code != b->code)
		return false;
	return newest || (a->instr == b->instr && a->lasti == b->lasti);
}

/* How many of the oldest frames both have; both are newest first. */
static size_t in_common(const struct pw_pyframes *a, const struct pw_pyframes *b)
{
	size_t least = a->count < b->count ? a->count : b->count, n = 0;
	for (; n < least; n++) {
		bool newest = n + 1 == least;
		if (!is_same(&a->items[a->count - 1 - n], &b->items[b->count - 1 - n], newest))
			break;
	}
	return n;
}

static void drop_newest(struct pw_pyframes *frames, size_t kept)
{
	size_t dropped = frames->count - kept;
	memmove(frames->items, frames->items + dropped, kept * sizeof(*frames->items));
	frames->count = kept;
}

/* Walks a thread state's frames, from bytes as they are now, of which `pages` are copied first, at
 * once. */
static struct pw_error *walk(struct pw_capture *c, size_t tstate, const uint64_t *pages,
			     size_t count, struct pw_pyframes *ret)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	if (error)
		return error;
	pw_snapshot_prefetch(target, pages, count);
	pw_frames_walk(c->python, c->lists.tstates[tstate].address, c->options->max_frames, ret);
	return NULL;
}

/* Which pages its frames are on: those of now, as far as a walk gets (`seek`), and those that were
 * read when it was looked at before.  Owned by the caller, NULL: none. */
static uint64_t *find_pages(struct pw_capture *c, size_t tstate, bool seek, size_t *ret_count)
{
	struct pw_pyframes frames = {0};
	size_t count = 0, known = c->hints ? c->hints->count : 0;
	uint64_t *pages = NULL;
	*ret_count = 0;
	if (seek || !known) {
		pw_auto_error struct pw_error *error = walk(c, tstate, NULL, 0, &frames);
		pw_frames_deinit(&frames);
		if (!error)
			pages = pw_snapshot_pages(c->session->target, false, &count);
	}
	uint64_t *all = realloc(pages, (count + known + 1) * sizeof(*all));
	if (!all) {
		free(pages);
		return NULL;
	}
	if (known)
		memcpy(all + count, c->hints->pages, known * sizeof(*all));
	*ret_count = pw_sort_pages(all, count + known);
	return all;
}

static bool is_whole(const struct pw_pyframes *frames)
{
	return !frames->torn && (frames->end == PW_END_COMPLETE || frames->end == PW_END_LIMIT);
}

/*
 * Frame objects that were freed are kept for the next call, in a list along the links of frames
 * (2.7 to 3.10, Objects/frameobject.c): nobody refers to such.
 */
static bool has_freed(struct pw_capture *c, const struct pw_pyframes *frames)
{
	const struct pw_layout *l = &c->python->layout;
	if (pw_has(l, iframe_code))
		return false;
	for (size_t i = 0; i < frames->count; i++) {
		uint64_t references;
		pw_auto_error struct pw_error *error =
			pw_read_u64(c->session->target,
				    frames->items[i].address + (uint64_t)l->object_type.offset - 8,
				    &references);
		if (error || !references)
			return true;
	}
	return false;
}

/* Whether the thread state leads to the same frame or _PyCFrame still. */
static bool is_still_newest(struct pw_capture *c, size_t tstate)
{
	struct pw_target *target = c->session->target;
	uint64_t address = c->lists.tstates[tstate].address;
	uint64_t then = pw_frames_newest(c->python, address);
	struct pw_snapshot *snapshot = target->snapshot;
	target->snapshot = NULL;
	uint64_t now = pw_frames_newest(c->python, address);
	target->snapshot = snapshot;
	return now == then;
}

/*
 * *ret_whole: one of the copies is all there, and nothing that it has is missing in the other, so
 * that the thread once was just there.
 */
static struct pw_error *peek(struct pw_capture *c, size_t tstate, bool seek, bool *ret_whole,
			     bool *ret_usable)
{
	struct pw_pyframes first = {0};
	struct pw_copied *copied = &c->copied[tstate];
	*ret_whole = *ret_usable = false;
	/* What changes and changes back between the two is not seen: there is to be little time. */
	size_t count;
	uint64_t *pages = find_pages(c, tstate, seek, &count);
	struct pw_error *error = walk(c, tstate, pages, count, &first);
	if (!error)
		error = pw_snapshot_begin(c->session->target);
	if (!error) {
		pw_snapshot_prefetch(c->session->target, pages, count);
		error = pw_capture_copy(c, tstate);
	}
	free(pages);
	if (!error && copied->read && is_whole(&first) && is_whole(&copied->frames) &&
	    !has_freed(c, &copied->frames)) {
		size_t common = in_common(&first, &copied->frames);
		*ret_whole = (common == first.count || common == copied->frames.count) &&
			     is_still_newest(c, tstate);
		/* Who runs without any frame cannot be told from who is just being read wrongly. */
		*ret_usable = common;
		*ret_whole &= *ret_usable;
		pw_page_hints_update(c->hints, c->session->target);
		drop_newest(&copied->frames, common);
	}
	pw_frames_deinit(&first);
	return error;
}

struct pw_error *pw_peek(struct pw_capture *c, const struct pw_lwp *lwp, bool *ret_whole,
			 bool *ret_usable)
{
	struct pw_error *error = NULL;
	*ret_whole = *ret_usable = false;
	/* It moves: a search for what does not fit together would find nothing. */
	c->python->moving = c->python->doubting = true;
	for (int i = 0; !error && !*ret_whole && i < (*ret_usable ? TRIES : TRIES_AT_ALL); i++) {
		*ret_whole = *ret_usable = true;
		for (size_t k = pw_owned_first(&c->owners, lwp); !error && k;
		     k = pw_owned_next(&c->owners, k)) {
			bool whole, usable;
			error = peek(c, k - 1, i == 0, &whole, &usable);
			*ret_whole &= whole;
			*ret_usable &= usable;
		}
	}
	c->python->moving = c->python->doubting = false;
	return error;
}
