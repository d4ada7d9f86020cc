/*
 * Frames whose links are lost.  From 3.11 on, the chain of frames leads over structures on the C
 * stack (_PyCFrame, entry frames), which a cut core loses first for the main thread; the frames
 * themselves stand, oldest first, in the chunks of the thread's data stack, on the heap.
 *
 * Read from Include/cpython/pystate.h (_PyStackChunk; datastack_chunk, datastack_top and
 * datastack_limit follow each other in the thread state), Python/pystate.c (push_chunk), 3.11 to
 * 3.15.  Where these members stand in the thread state no table need say: three words that agree
 * with each other and with the chunk's own header are them.
 */
#include "python/frame_private.h"

#include "base/cycle.h"
#include "python/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TSTATE_SIZE = 1024, PAGE = 4096, CHUNK_MAX = 1 << 30, HEADER = 24 };

struct chunk {
	uint64_t previous, size, used; /* used: words of its data; of older chunks */
};

/* The frames found, newest first. */
struct found {
	uint64_t *items;
	size_t count;
};

static bool read_chunk(struct pw_python *python, uint64_t at, struct chunk *ret)
{
	uint64_t words[3];
	pw_auto_error struct pw_error *error =
		at % PAGE ? &pw_error_unreadable
			  : pw_read(python->target, at, words, sizeof(words));
	*ret = (struct chunk){0};
	if (error || words[1] % PAGE || words[1] <= HEADER || words[1] > CHUNK_MAX)
		return false;
	*ret = (struct chunk){words[0], words[1], words[2]};
	return true;
}

static bool find_newest(struct pw_python *python, uint64_t tstate, uint64_t *ret_chunk,
			uint64_t *ret_top)
{
	uint64_t words[TSTATE_SIZE / 8];
	size_t done = 0;
	enum pw_supplier supplier;
	struct chunk chunk;
	pw_error_destroy(
		pw_read_some(python->target, tstate, words, sizeof(words), &done, &supplier));
	for (size_t i = 0; i + 3 <= done / 8; i++) {
		uint64_t at = words[i], top = words[i + 1], limit = words[i + 2];
		if (!at || top < at + HEADER || top > limit || !read_chunk(python, at, &chunk) ||
		    limit != at + chunk.size)
			continue;
		*ret_chunk = at;
		*ret_top = top;
		return true;
	}
	return false;
}

/* Whether a thread's frame begins here: a code object, and an instruction that is one of its own.
 */
static bool is_frame(struct pw_python *python, uint64_t at)
{
	const struct pw_layout *l = &python->layout;
	struct pw_iframe frame;
	uint64_t units;
	enum { OWNED_BY_THREAD = 0 };
	pw_auto_error struct pw_error *e1 = pw_iframe_read(python, at, &frame);
	if (e1 || frame.owner != OWNED_BY_THREAD || frame.code < PAGE || frame.code % 8)
		return false;
	pw_auto_error struct pw_error *e2 = pw_object_check_code(python, frame.code);
	if (e2)
		return false;
	if (frame.tlbc)
		return true;
	pw_auto_error struct pw_error *e3 = pw_read_field(python, frame.code, l->var_size, &units);
	uint64_t start = frame.code + (uint64_t)l->code_adaptive.offset;
	/* Before its first instruction a frame points at the one before. */
	return !e3 && units < CHUNK_MAX && frame.instr + 2 >= start &&
	       frame.instr < start + units * 2;
}

static bool add(struct found *found, uint64_t at)
{
	if (!(found->count & (found->count - 1))) {
		size_t capacity = found->count ? found->count * 2 : 1;
		uint64_t *more = realloc(found->items, capacity * sizeof(*more));
		if (!more)
			return false;
		found->items = more;
	}
	found->items[found->count++] = at;
	return true;
}

static void search(struct pw_python *python, uint64_t tstate, struct found *ret)
{
	struct pw_cycle cycle = {0};
	uint64_t at, top;
	if (!find_newest(python, tstate, &at, &top))
		return;
	for (size_t chunks = 0; at && !pw_cycle_step(&cycle, at, chunks); chunks++) {
		struct chunk chunk;
		for (uint64_t slot = top - 8; slot >= at + HEADER; slot -= 8)
			if (is_frame(python, slot) &&
			    (ret->count == PW_FRAMES_MAX || !add(ret, slot)))
				return;
		if (!read_chunk(python, at, &chunk) || !chunk.previous ||
		    !read_chunk(python, chunk.previous, &chunk))
			return;
		/* Read again, as `chunk` is the older one's now. */
		uint64_t previous;
		pw_auto_error struct pw_error *error = pw_read_u64(python->target, at, &previous);
		if (error || chunk.used > (chunk.size - HEADER) / 8)
			return;
		at = previous;
		top = at + HEADER + chunk.used * 8;
	}
}

/* The index behind the last frame that is shown already. */
static size_t first_unseen(const struct found *found, const struct pw_pyframes *frames)
{
	for (size_t i = found->count; i-- > 0;)
		for (size_t k = frames->count; k-- > 0;)
			if (frames->items[k].address == found->items[i])
				return i + 1;
	return 0;
}

static size_t index_of(const struct found *found, size_t from, uint64_t address)
{
	for (size_t i = from; i < found->count; i++)
		if (found->items[i] == address)
			return i;
	return found->count;
}

void pw_datastack_resume(struct pw_python *python, uint64_t tstate, size_t max,
			 struct pw_pyframes *frames)
{
	struct found found = {0};
	size_t linked = frames->count;
	search(python, tstate, &found);
	for (size_t i = first_unseen(&found, frames); i < found.count; i++) {
		uint64_t at = found.items[i];
		size_t before = frames->count;
		struct pw_cycle cycle = {0};
		struct pw_iframe frame;
		/* A chain may lead over generators' frames, which stand elsewhere. */
		while (at && !pw_cycle_step(&cycle, at, frames->count - before)) {
			struct pw_error *error = pw_iframe_read(python, at, &frame);
			pw_error_destroy(error);
			if (error || pw_iframe_is_shim(&python->layout, frame.owner) ||
			    !pw_iframe_append(frames, at, &frame, max))
				break;
			size_t index = index_of(&found, i, at);
			i = index < found.count ? index : i;
			at = frame.is_entry ? 0 : frame.previous;
		}
		if (frames->count > before)
			frames->items[frames->count - 1].entry = true;
		else
			break;
	}
	free(found.items);
	if (frames->count == linked)
		return;
	size_t length = strlen(frames->end_message);
	snprintf(frames->end_message + length, sizeof(frames->end_message) - length,
		 "; %zu frames without links, from the data stack: %s", frames->count - linked,
		 linked ? "others between may be missing" : "newer ones may be missing");
}
