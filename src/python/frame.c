/*
 * Frame chains.  PyFrameObject: Include/frameobject.h, cpython/frameobject.h (2.7, 3.6-3.10).
 * CFrame, _PyCFrame: cpython/pystate.h (3.10-3.12).  _PyInterpreterFrame: internal/pycore_frame.h
 * (3.11-3.13), pycore_interpframe_structs.h (3.14, 3.15); what is published when: Python/ceval.c,
 * _PyEval_EvalFrameDefault.
 */
#include "python/frame_private.h"
#include "base/cycle.h"
#include "python/object.h"
#include "python/salvage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tagged pointers (_PyStackRef, 3.14+) use the two lowest bits; objects are aligned to 8 at least.
 */
static uint64_t untag(uint64_t pointer)
{
	return pointer & ~UINT64_C(7);
}

__attribute__((format(printf, 4, 5))) static void stop(struct pw_pyframes *frames,
						       enum pw_end_reason reason, uint64_t address,
						       const char *format, ...)
{
	va_list ap;
	frames->end = reason;
	frames->end_address = address;
	va_start(ap, format);
	vsnprintf(frames->end_message, sizeof(frames->end_message), format, ap);
	va_end(ap);
}

static void stop_error(struct pw_pyframes *frames, uint64_t address, struct pw_error *error)
{
	uint64_t at = pw_error_address(error);
	stop(frames, PW_END_UNREADABLE, at ? at : address, "frame 0x%" PRIx64 ": %s", address,
	     pw_error_message(error));
	pw_error_destroy(error);
}

void pw_frames_deinit(struct pw_pyframes *frames)
{
	free(frames->items);
	*frames = (struct pw_pyframes){0};
}

static struct pw_pyframe *append(struct pw_pyframes *frames, size_t max)
{
	if (frames->count == max) {
		stop(frames, PW_END_LIMIT, 0, "more than %zu frames", max);
		return NULL;
	}
	if (frames->count == frames->capacity) {
		size_t capacity = frames->capacity ? frames->capacity * 2 : 32;
		struct pw_pyframe *items = realloc(frames->items, capacity * sizeof(*items));
		if (!items) {
			stop(frames, PW_END_LIMIT, 0, "out of memory after %zu frames",
			     frames->count);
			return NULL;
		}
		frames->items = items;
		frames->capacity = capacity;
	}
	frames->items[frames->count] = (struct pw_pyframe){0};
	return &frames->items[frames->count++];
}

/* Keeps every frame of the cycle once. */
static void stop_cycle(struct pw_pyframes *frames, uint64_t address, const struct pw_cycle *cycle)
{
	size_t period = frames->count - cycle->mark, first = 0;
	while (first + period < frames->count &&
	       frames->items[first].address != frames->items[first + period].address)
		first++;
	if (period && first + period <= frames->count) {
		frames->count = first + period;
		address = frames->items[first].address;
	}
	stop(frames, PW_END_CYCLE, address, "after %zu frames", frames->count);
}

/* ---- PyFrameObject ---- */

static struct pw_error *read_object(struct pw_python *python, uint64_t at, struct pw_pyframe *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t code;
	uint32_t lasti;
	struct pw_error *error = pw_read_field(python, at, l->frame_code, &code);
	if (!error)
		error = pw_read_u32(python->target, at + (uint64_t)l->frame_lasti.offset, &lasti);
	if (error)
		return error;
	*ret = (struct pw_pyframe){
		.address = at, .code = code, .entry = true, .lasti = (int32_t)lasti};
	if (l->traits.lasti_in_units && ret->lasti > 0)
		ret->lasti *= 2;
	if (python->arrived_frame == at && at)
		ret->lasti = (int64_t)python->arrived_offset;
	return NULL;
}

static void walk_objects(struct pw_python *python, uint64_t at, size_t max, struct pw_pyframes *ret)
{
	const struct pw_layout *l = &python->layout;
	struct pw_cycle cycle = {0};
	while (at) {
		uint64_t back;
		struct pw_pyframe read;
		struct pw_error *error = pw_read_field(python, at, l->frame_back, &back);
		if (!error)
			error = read_object(python, at, &read);
		if (error) {
			stop_error(ret, at, error);
			return;
		}
		if (pw_cycle_step(&cycle, at, ret->count)) {
			stop_cycle(ret, at, &cycle);
			return;
		}
		struct pw_pyframe *frame = append(ret, max);
		if (!frame)
			return;
		*frame = read;
		at = back;
	}
}

/* Whether the enclosing C frame's CFrame may stand there: higher on the same stack, or on another
 * one, which a signal handler's stack may be above. */
static bool may_enclose(struct pw_python *python, uint64_t inner, uint64_t outer)
{
	return outer > inner ||
	       pw_target_mapping(python->target, outer) != pw_target_mapping(python->target, inner);
}

/*
 * 3.10: one CFrame for each C evaluation frame, so for each frame.  The chains are matched from
 * their old ends: while a frame is entered the newest CFrame has no frame yet, while it is left the
 * newest frame has no CFrame any more.
 */
static void anchor_objects(struct pw_python *python, uint64_t tstate, struct pw_pyframes *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t root = tstate + (uint64_t)l->tstate_root_cframe.offset, at;
	if (ret->end != PW_END_COMPLETE || ret->count == 0)
		return;
	size_t capacity = ret->count + 1, count = 0;
	uint64_t *cframes = malloc(capacity * sizeof(*cframes));
	struct pw_error *error =
		cframes ? pw_read_field(python, tstate, l->tstate_cframe, &at) : &pw_error_nomem;
	while (!error && at && at != root && count < capacity) {
		cframes[count++] = at;
		uint64_t previous;
		error = pw_read_field(python, at, l->cframe_previous, &previous);
		if (!error && previous != root && !may_enclose(python, at, previous))
			previous = 0;
		at = previous;
	}
	if (!error && at == root)
		for (size_t i = 0; i < count && i < ret->count; i++)
			ret->items[ret->count - 1 - i].anchor = cframes[count - 1 - i];
	pw_error_destroy(error);
	free(cframes);
}

/* The frame of a call that is just entering the evaluation function, which will link it to that of
 * its caller (`newest`). */
static uint64_t entered_frame(struct pw_python *python, uint64_t newest)
{
	uint64_t back;
	if (!python->arrived_frame || !newest || python->arrived_frame == newest)
		return newest;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, python->arrived_frame, python->layout.frame_back, &back);
	return !error && back == newest ? python->arrived_frame : newest;
}

/* ---- _PyInterpreterFrame ---- */

static uint64_t word_at(const uint8_t *bytes, struct pw_field field)
{
	uint64_t word;
	memcpy(&word, bytes + field.offset, sizeof(word));
	return word;
}

static struct pw_field instr_field(const struct pw_layout *l)
{
	return l->traits.instr_is_previous ? l->iframe_prev_instr : l->iframe_instr_ptr;
}

/* The fields stand close together: one read instead of six.  false: not all of it is there. */
static bool read_at_once(struct pw_python *python, uint64_t at, struct pw_iframe *ret)
{
	enum { MOST = 128, WORD = 8 };
	const struct pw_layout *l = &python->layout;
	const struct pw_field fields[] = {l->iframe_previous, l->iframe_code,
					  instr_field(l),     l->iframe_owner,
					  l->iframe_is_entry, l->iframe_tlbc_index};
	uint8_t bytes[MOST];
	size_t length = 0, done = 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t end = (size_t)fields[i].offset + WORD;
		if (end > MOST)
			return false;
		length = end > length ? end : length;
	}
	pw_auto_error struct pw_error *error =
		pw_read_some(python->target, at, bytes, length, &done, NULL);
	if (error || done < length)
		return false;
	ret->previous = word_at(bytes, l->iframe_previous);
	ret->code = untag(word_at(bytes, l->iframe_code));
	ret->instr = word_at(bytes, instr_field(l));
	ret->owner = bytes[l->iframe_owner.offset];
	if (pw_has(l, iframe_is_entry))
		ret->is_entry = bytes[l->iframe_is_entry.offset];
	if (pw_has(l, iframe_tlbc_index))
		ret->tlbc = (int32_t)word_at(bytes, l->iframe_tlbc_index);
	return true;
}

static struct pw_error *read_iframe(struct pw_python *python, uint64_t at, struct pw_iframe *ret)
{
	const struct pw_layout *l = &python->layout;
	*ret = (struct pw_iframe){0};
	if (read_at_once(python, at, ret))
		return NULL;
	struct pw_error *error = pw_read_field(python, at, l->iframe_previous, &ret->previous);
	if (!error)
		error = pw_read_field(python, at, l->iframe_code, &ret->code);
	if (!error)
		error = pw_read_field(python, at, instr_field(l), &ret->instr);
	if (!error)
		error = pw_read_u8(python->target, at + (uint64_t)l->iframe_owner.offset,
				   &ret->owner);
	if (!error && pw_has(l, iframe_is_entry))
		error = pw_read_u8(python->target, at + (uint64_t)l->iframe_is_entry.offset,
				   &ret->is_entry);
	if (!error && pw_has(l, iframe_tlbc_index)) {
		uint32_t tlbc;
		error = pw_read_u32(python->target, at + (uint64_t)l->iframe_tlbc_index.offset,
				    &tlbc);
		ret->tlbc = (int32_t)tlbc;
	}
	ret->code = untag(ret->code);
	return error;
}

struct pw_error *pw_iframe_read(struct pw_python *python, uint64_t at, struct pw_iframe *ret)
{
	struct pw_error *error = read_iframe(python, at, ret);
	if (python->arrived_frame == at && at)
		ret->instr = python->arrived_instr;
	return error;
}

bool pw_iframe_is_shim(const struct pw_layout *l, uint8_t owner)
{
	return (pw_has(l, owner_cstack) && owner == l->owner_cstack.offset) ||
	       (pw_has(l, owner_interpreter) && owner == l->owner_interpreter.offset);
}

static void fill_iframe(uint64_t at, const struct pw_iframe *frame, struct pw_pyframe *to)
{
	*to = (struct pw_pyframe){.address = at,
				  .code = frame->code,
				  .instr = frame->instr,
				  .owner = frame->owner,
				  .tlbc = frame->tlbc};
}

static bool append_iframe(struct pw_pyframes *ret, uint64_t at, const struct pw_iframe *frame,
			  size_t max)
{
	struct pw_pyframe *to = append(ret, max);
	if (to)
		fill_iframe(at, frame, to);
	return to;
}

/* Gives the frames from `from` on, which run in one C evaluation frame, their anchor. */
static void close_group(struct pw_pyframes *ret, size_t from, uint64_t anchor)
{
	for (size_t i = from; i < ret->count; i++)
		ret->items[i].anchor = anchor;
	if (from < ret->count)
		ret->items[ret->count - 1].entry = true;
}

/*
 * The oldest frame of a thread is always an entry: a chain that ends without one was caught while a
 * generator's frame was taken off it (its `previous` is cleared before the thread state forgets
 * it).
 */
static void end_chain(struct pw_pyframes *ret, size_t group)
{
	if (group == ret->count)
		return;
	uint64_t last = ret->items[ret->count - 1].address;
	close_group(ret, group, 0);
	if (ret->end != PW_END_COMPLETE)
		return;
	ret->torn = true;
	stop(ret, PW_END_CORRUPT, last,
	     "the chain ends in frame 0x%" PRIx64 " without an entry frame", last);
}

/* 3.12+: a shim frame on the C stack lies under the frames of each C evaluation frame. */
static void walk_shims(struct pw_python *python, uint64_t tstate, uint64_t at, size_t max,
		       struct pw_pyframes *ret)
{
	const struct pw_layout *l = &python->layout;
	struct pw_cycle cycle = {0};
	size_t group = 0;
	while (at) {
		struct pw_iframe frame;
		struct pw_error *error = pw_iframe_read(python, at, &frame);
		if (error) {
			stop_error(ret, at, error);
			break;
		}
		if (pw_cycle_step(&cycle, at, ret->count)) {
			stop_cycle(ret, at, &cycle);
			break;
		}
		/* 3.15's base frame is inside of the thread state: it ends the chain and anchors
		 * nothing. */
		if (pw_iframe_is_shim(l, frame.owner)) {
			bool base = at >= tstate && at < tstate + 65536;
			close_group(ret, group, base ? 0 : at);
			group = ret->count;
		} else if (!append_iframe(ret, at, &frame, max)) {
			break;
		}
		at = frame.previous;
	}
	end_chain(ret, group);
}

/* Whether the C frame of a _PyCFrame holds a shim frame too: 3.12 puts both on the stack together.
 */
static bool near_cframe(uint64_t cframe, uint64_t shim)
{
	enum { C_FRAME_MAX = 4096 };
	return shim > cframe ? shim - cframe < C_FRAME_MAX : cframe - shim < C_FRAME_MAX;
}

/* Whether an error is about memory that was there, but is not in a cut core: it proves nothing. */
static bool is_lost(struct pw_python *python, const struct pw_error *error)
{
	return pw_error_code(error) == PW_ERROR_UNREADABLE && pw_may_be_cut(python) &&
	       pw_target_mapping(python->target, pw_error_address(error));
}

/*
 * Whether the frames of the newest C evaluation frame are whole: code objects down to the entry
 * frame or the shim, which has to lead on to the frame that the next older _PyCFrame names
 * (`older`, 0: none).
 */
static bool plausible_group(struct pw_python *python, uint64_t cframe, uint64_t at, uint64_t older)
{
	enum { CHECKED = 1024 };
	const struct pw_layout *l = &python->layout;
	bool shims = l->traits.frames == PW_FRAMES_SHIM_CFRAME;
	for (size_t i = 0; i < CHECKED; i++) {
		struct pw_iframe frame;
		if (at < 4096 || at % 8)
			return false;
		pw_auto_error struct pw_error *e1 = pw_iframe_read(python, at, &frame);
		if (e1)
			return is_lost(python, e1);
		if (shims && pw_iframe_is_shim(l, frame.owner))
			return near_cframe(cframe, at) && frame.previous == older;
		/* On the C stack, and not yet said to be a shim. */
		if (shims && near_cframe(cframe, at))
			return false;
		pw_auto_error struct pw_error *e2 =
			python->settled ? NULL : pw_object_check_code(python, frame.code);
		if (e2 && !is_lost(python, e2))
			return false;
		if (!shims && frame.is_entry)
			return frame.previous == older;
		at = frame.previous;
	}
	return true;
}

/* Whether a chain of _PyCFrames starts at `at`: each older one lies higher, the last is the root,
 * and the newest leads to frames that fit. */
static bool plausible_cframe(struct pw_python *python, uint64_t at, uint64_t root)
{
	const struct pw_layout *l = &python->layout;
	uint64_t frame, previous, older = 0, newest = at;
	if (at % 8)
		return false;
	pw_auto_error struct pw_error *e1 =
		pw_read_field(python, at, l->cframe_current_frame, &frame);
	if (e1)
		return false;
	for (size_t i = 0; i < PW_FRAMES_MAX && at != root; i++) {
		pw_auto_error struct pw_error *e2 =
			pw_read_field(python, at, l->cframe_previous, &previous);
		if (e2 || previous % 8 || (previous != root && !may_enclose(python, at, previous)))
			return false;
		if (at == newest) {
			pw_auto_error struct pw_error *e3 =
				pw_read_field(python, previous, l->cframe_current_frame, &older);
			if (e3)
				return false;
		}
		at = previous;
	}
	return at == root && plausible_group(python, newest, frame, older);
}

/*
 * The newest _PyCFrame that can be believed.  The evaluation function publishes its own before it
 * fills it (3.11, 3.12: a few instructions), so that it holds what an earlier call left there.  The
 * enclosing one is then what it seems to be linked to, or else found higher on the same stack by
 * its chain.
 */
static uint64_t newest_cframe(struct pw_python *python, uint64_t tstate, uint64_t at)
{
	enum { SCAN = 1 << 16 };
	uint64_t root = tstate + (uint64_t)python->layout.tstate_root_cframe.offset, previous;
	if (at == root || python->moving || plausible_cframe(python, at, root))
		return at;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, at, python->layout.cframe_previous, &previous);
	/* The stack is not there: nothing to search. */
	if (error)
		return at;
	if (previous > at && plausible_cframe(python, previous, root))
		return previous;
	for (uint64_t scan = at + 8; scan < at + SCAN; scan += 8)
		if (plausible_cframe(python, scan, root))
			return scan;
	return at;
}

/* 3.11: a _PyCFrame for each C evaluation frame; its frames reach down to the one flagged as entry.
 */
static void walk_cframes(struct pw_python *python, uint64_t tstate, uint64_t cframe, uint64_t at,
			 size_t max, struct pw_pyframes *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t root = tstate + (uint64_t)l->tstate_root_cframe.offset;
	struct pw_cycle cycle = {0};
	size_t group = 0;
	struct pw_error *error;
	while (at) {
		struct pw_iframe frame;
		if ((error = pw_iframe_read(python, at, &frame))) {
			stop_error(ret, at, error);
			break;
		}
		if (pw_cycle_step(&cycle, at, ret->count)) {
			stop_cycle(ret, at, &cycle);
			break;
		}
		if (!append_iframe(ret, at, &frame, max))
			break;
		if (frame.is_entry) {
			close_group(ret, group, cframe == root ? 0 : cframe);
			group = ret->count;
			uint64_t previous = 0;
			pw_auto_error struct pw_error *bad =
				cframe == root || !cframe
					? NULL
					: pw_read_field(python, cframe, l->cframe_previous,
							&previous);
			cframe = bad || (previous != root && !may_enclose(python, cframe, previous))
					 ? 0
					 : previous;
		}
		at = frame.previous;
	}
	end_chain(ret, group);
}

static bool has_cframes(const struct pw_python *python)
{
	enum pw_frame_model model = python->layout.traits.frames;
	return model == PW_FRAMES_CFRAME || model == PW_FRAMES_SHIM_CFRAME;
}

static bool has_objects(const struct pw_python *python)
{
	enum pw_frame_model model = python->layout.traits.frames;
	return model == PW_FRAMES_OBJECT || model == PW_FRAMES_OBJECT_CFRAME;
}

/* What a thread state points at: its newest frame, or its newest _PyCFrame. */
static struct pw_error *read_link(struct pw_python *python, uint64_t tstate, uint64_t *ret)
{
	const struct pw_layout *l = &python->layout;
	*ret = 0;
	return pw_read_field(python, tstate,
			     has_objects(python)   ? l->tstate_frame
			     : has_cframes(python) ? l->tstate_cframe
						   : l->tstate_current_frame,
			     ret);
}

uint64_t pw_frames_newest(struct pw_python *python, uint64_t tstate)
{
	uint64_t at;
	struct pw_error *error = read_link(python, tstate, &at);
	if (!error && at && has_cframes(python))
		error = pw_read_field(python, at, python->layout.cframe_current_frame, &at);
	if (error)
		at = 0;
	pw_error_destroy(error);
	return at;
}

/* Along the links.  Returns the newest frame, 0: not known. */
static uint64_t walk(struct pw_python *python, uint64_t tstate, size_t max, struct pw_pyframes *ret)
{
	const struct pw_layout *l = &python->layout;
	enum pw_frame_model model = l->traits.frames;
	uint64_t at;
	struct pw_error *error = read_link(python, tstate, &at);
	if (error) {
		stop_error(ret, tstate, error);
		return 0;
	}
	if (has_objects(python)) {
		walk_objects(python, entered_frame(python, at), max, ret);
		if (model == PW_FRAMES_OBJECT_CFRAME)
			anchor_objects(python, tstate, ret);
		return at;
	}
	if (!has_cframes(python)) {
		walk_shims(python, tstate, at, max, ret);
		return at;
	}
	if (!at)
		return 0;
	uint64_t cframe = newest_cframe(python, tstate, at);
	/* Nobody has searched: another look will tell more. */
	uint64_t root = tstate + (uint64_t)l->tstate_root_cframe.offset;
	ret->torn = python->doubting && cframe != root && !plausible_cframe(python, cframe, root);
	if ((error = pw_read_field(python, cframe, l->cframe_current_frame, &at))) {
		stop_error(ret, cframe, error);
		return 0;
	}
	if (model == PW_FRAMES_CFRAME)
		walk_cframes(python, tstate, cframe, at, max, ret);
	else
		walk_shims(python, tstate, at, max, ret);
	return at;
}

void pw_frames_walk(struct pw_python *python, uint64_t tstate, size_t max, struct pw_pyframes *ret)
{
	*ret = (struct pw_pyframes){.end = PW_END_COMPLETE};
	if (max == 0 || max > PW_FRAMES_MAX)
		max = PW_FRAMES_MAX;
	uint64_t newest = walk(python, tstate, max, ret);
	/* What stands still anyway lacks memory for good. */
	if (ret->end == PW_END_UNREADABLE && !python->target->ops->stop)
		pw_frames_resume(python, tstate, newest, max, ret);
}

struct pw_error *pw_pyframe_read(struct pw_python *python, uint64_t address, bool object,
				 struct pw_pyframe *ret)
{
	const struct pw_layout *l = &python->layout;
	struct pw_iframe frame;
	struct pw_error *error = NULL;
	if (!pw_has(l, iframe_code))
		return read_object(python, address, ret);
	if (object && !pw_has(l, frame_iframe))
		return pw_error_create(PW_ERROR_LAYOUT,
				       "the layout of this version lacks what frame objects need");
	if (object)
		error = pw_read_field(python, address, l->frame_iframe, &address);
	if (!error)
		error = pw_iframe_read(python, address, &frame);
	if (!error)
		fill_iframe(address, &frame, ret);
	return error;
}
