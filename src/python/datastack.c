/*
 * The data stack of a thread, and the generators that it runs.
 *
 * Read from, 3.11 to 3.15: Python/pystate.c, push_chunk() and _PyThreadState_PopFrame(): a chunk
 * holds frames without a gap from its first word on (of the oldest chunk the second), up to the
 * thread state's datastack_top, or the `top` that an older chunk saved.  Objects/codeobject.c,
 * init_code(): co_framesize, which 3.11 works out each time (pycore_frame.h, _PyFrame_Push).
 * Python/ceval.c, _PyEval_FrameClearAndPop(), and Python/frame.c, _PyFrame_ClearExceptCode(): a
 * frame is taken off the chain, cleared, and only then off the data stack, so that a destructor's
 * frames stand on top of it.  _PyEvalFramePushAndInit(): it is there before it is on the chain.
 * Objects/genobject.c, gen_send_ex2(), and bytecodes.c, SEND_GEN: what runs a generator puts it on
 * the thread's list of exception states, what leaves it takes it off before it is cleared.
 */
#include "python/frame_private.h"

#include "base/cycle.h"
#include "python/code.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STANDING_MAX = 1 << 19, /* frames and generators */
	CHUNKS_MAX = 1 << 16,
	CHUNK_SIZE_MAX = 1 << 30, /* an int's worth of bytes, doubled from 16 KiB */
	PLACE_SHIFT = 32,	  /* a place: the chunk's number, the offset in it */
};

void pw_datastack_deinit(struct pw_datastack *stack)
{
	free(stack->chunks);
	free(stack->items);
	*stack = (struct pw_datastack){0};
}

/* The first reason is kept. */
__attribute__((format(printf, 2, 3))) static void miss(struct pw_datastack *stack,
						       const char *format, ...)
{
	va_list ap;
	if (*stack->missing)
		return;
	va_start(ap, format);
	vsnprintf(stack->missing, sizeof(stack->missing), format, ap);
	va_end(ap);
}

static void *make_room(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t more = *capacity ? *capacity * 2 : 32;
	void *room = realloc(items, more * size);
	if (room)
		*capacity = more;
	return room;
}

static struct pw_error *add_standing(struct pw_datastack *stack, const struct pw_standing *one)
{
	struct pw_standing *items =
		make_room(stack->items, stack->count, &stack->capacity, sizeof(*items));
	if (!items)
		return &pw_error_nomem;
	stack->items = items;
	items[stack->count++] = *one;
	return NULL;
}

bool pw_is_datastack(uint64_t chunk, uint64_t top, uint64_t limit)
{
	enum { SMALLEST = 16 << 10 };
	uint64_t size = limit - chunk;
	return chunk && chunk % 8 == 0 && chunk < top && top <= limit && size >= SMALLEST &&
	       size <= CHUNK_SIZE_MAX && !(size & (size - 1));
}

/* ---- the generators that run ---- */

static bool is_in(uint64_t address, uint64_t begin, struct pw_field size)
{
	return address >= begin && address - begin < (uint64_t)size.offset;
}

/* The generator whose exception state this is; false: it is none that runs. */
static bool read_generator(struct pw_python *python, uint64_t item, struct pw_datastack *stack,
			   struct pw_standing *ret)
{
	const struct pw_layout *l = &python->layout;
	uint64_t generator = item - (uint64_t)l->gen_exc_state.offset;
	uint8_t state = 0;
	*ret = (struct pw_standing){.address = generator + (uint64_t)l->gen_iframe.offset,
				    .runs = PW_RUNS_SURELY};
	pw_auto_error struct pw_error *e1 = pw_iframe_read(python, ret->address, &ret->frame);
	pw_auto_error struct pw_error *e2 =
		pw_read_u8(python->target, generator + (uint64_t)l->gen_frame_state.offset, &state);
	if (e1 || e2) {
		miss(stack, "the generator at 0x%" PRIx64 " is lost", generator);
		return false;
	}
	pw_auto_error struct pw_error *e3 = pw_object_check_code(python, ret->frame.code);
	if (item % 8 || ret->frame.owner != l->owner_generator.offset ||
	    (int8_t)state != l->frame_executing.offset ||
	    (e3 && pw_error_code(e3) == PW_ERROR_CORRUPT)) {
		miss(stack, "no generator runs at 0x%" PRIx64, generator);
		return false;
	}
	return true;
}

/*
 * The newest may be about to begin, or have ended, as nothing is newer: up to 3.13 it runs for
 * certain while its `stacktop` says so; from 3.12 on one that runs is linked to something.
 */
static enum pw_runs tell_newest(struct pw_python *python, const struct pw_standing *one)
{
	const struct pw_layout *l = &python->layout;
	uint32_t top;
	if (l->traits.frames != PW_FRAMES_CFRAME && !one->frame.previous)
		return PW_RUNS_NOT;
	if (!pw_has(l, iframe_stacktop))
		return PW_RUNS_SURELY;
	pw_auto_error struct pw_error *error = pw_read_u32(
		python->target, one->address + (uint64_t)l->iframe_stacktop.offset, &top);
	return !error && (int32_t)top == -1 ? PW_RUNS_SURELY : PW_RUNS_UNTOLD;
}

static struct pw_error *find_generators(struct pw_python *python, uint64_t tstate,
					struct pw_datastack *stack)
{
	const struct pw_layout *l = &python->layout;
	struct pw_cycle cycle = {0};
	uint64_t item;
	struct pw_error *error = pw_read_field(python, tstate, l->tstate_exc_info, &item);
	/* The last is the thread's own. */
	while (!error && !is_in(item, tstate, l->tstate_sizeof)) {
		struct pw_standing one;
		if (stack->count >= STANDING_MAX || pw_cycle_step(&cycle, item, stack->count)) {
			miss(stack, "the list of generators does not end");
			break;
		}
		if (!read_generator(python, item, stack, &one))
			break;
		if (stack->count == 0)
			one.runs = tell_newest(python, &one);
		error = add_standing(stack, &one);
		if (!error)
			error = pw_read_field(python, item, l->exc_previous, &item);
	}
	stack->generators = stack->count;
	if (error == &pw_error_nomem)
		return error;
	if (error)
		miss(stack, "the list of generators is lost");
	pw_error_destroy(error);
	return NULL;
}

/* ---- chunks ---- */

static int by_address(const void *a, const void *b)
{
	const struct pw_stack_chunk *x = a, *y = b;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static struct pw_error *add_chunk(struct pw_datastack *stack, const struct pw_stack_chunk *one)
{
	struct pw_stack_chunk *chunks = make_room(stack->chunks, stack->chunk_count,
						  &stack->chunk_capacity, sizeof(*chunks));
	if (!chunks)
		return &pw_error_nomem;
	stack->chunks = chunks;
	chunks[stack->chunk_count++] = *one;
	return NULL;
}

/* A chunk's frames end at `top`, or, 0, where it says that they do. */
static bool read_chunk(struct pw_python *python, uint64_t at, uint64_t top,
		       struct pw_datastack *stack, struct pw_stack_chunk *ret,
		       uint64_t *ret_previous)
{
	const struct pw_layout *l = &python->layout;
	uint64_t data = (uint64_t)l->chunk_data.offset, size, used;
	pw_auto_error struct pw_error *e1 =
		pw_read_field(python, at, l->chunk_previous, ret_previous);
	pw_auto_error struct pw_error *e2 = pw_read_field(python, at, l->chunk_size, &size);
	pw_auto_error struct pw_error *e3 = pw_read_field(python, at, l->chunk_top, &used);
	if (e1 || e2 || e3) {
		miss(stack, "the data stack at 0x%" PRIx64 " is lost", at);
		return false;
	}
	/* So that no frame stands at a chunk's beginning but in one that is to be freed with it. */
	uint64_t begin = at + data + (*ret_previous ? 0 : 8);
	bool good = at % 8 == 0 && size > data && size <= CHUNK_SIZE_MAX &&
		    (top || used <= (size - data) / 8);
	if (good && !top)
		top = at + data + used * 8;
	if (!good || top < begin || top > at + size || top % 8) {
		miss(stack, "no chunk of a data stack is at 0x%" PRIx64, at);
		return false;
	}
	*ret = (struct pw_stack_chunk){.begin = begin,
				       .top = top,
				       .end = begin,
				       .number = CHUNKS_MAX - stack->chunk_count};
	return true;
}

/* By address.  No memory is looked at twice: where some is in two chunks, only the newest of all is
 * believed. */
static void sort_chunks(struct pw_datastack *stack)
{
	struct pw_stack_chunk newest =
		stack->chunk_count ? stack->chunks[0] : (struct pw_stack_chunk){0};
	if (stack->chunk_count)
		qsort(stack->chunks, stack->chunk_count, sizeof(*stack->chunks), by_address);
	for (size_t i = 1; i < stack->chunk_count; i++) {
		if (stack->chunks[i].begin >= stack->chunks[i - 1].top)
			continue;
		miss(stack, "the chunks of the data stack overlap");
		stack->chunks[0] = newest;
		stack->chunk_count = 1;
	}
}

static struct pw_error *find_chunks(struct pw_python *python, uint64_t tstate,
				    struct pw_datastack *stack)
{
	const struct pw_layout *l = &python->layout;
	struct pw_cycle cycle = {0};
	uint64_t at, top;
	struct pw_error *error = pw_read_field(python, tstate, l->tstate_datastack_chunk, &at);
	if (!error)
		error = pw_read_field(python, tstate, l->tstate_datastack_top, &top);
	if (error) {
		miss(stack, "what leads to the data stack is lost");
		pw_error_destroy(error);
		return NULL;
	}
	while (!error && at) {
		struct pw_stack_chunk chunk;
		if (stack->chunk_count == CHUNKS_MAX ||
		    pw_cycle_step(&cycle, at, stack->chunk_count)) {
			miss(stack, "the chunks of the data stack do not end");
			break;
		}
		if (!read_chunk(python, at, top, stack, &chunk, &at))
			break;
		error = add_chunk(stack, &chunk);
		top = 0;
	}
	sort_chunks(stack);
	return error;
}

/* ---- frames ---- */

/* Whether the function is gone already: NULL, which has a tag (_PyStackRef). */
static bool has_no_function(struct pw_python *python, uint64_t at)
{
	uint64_t function;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, at, python->layout.iframe_function, &function);
	return !error && function < 8;
}

/* How far it is: where it is made, what stood there before still shows. */
enum progress { ELSEWHERE, NOT_BEGUN, BEGUN };

static enum progress progress_of(struct pw_python *python, const struct pw_iframe *frame)
{
	const struct pw_pyframe place = {.instr = frame->instr, .tlbc = frame->tlbc};
	struct pw_code code = {.address = frame->code};
	uint64_t units;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, frame->code, python->layout.var_size, &units);
	pw_code_find_bytecode(python, &code);
	int64_t at = pw_code_lasti(python, &code, &place);
	/* The pointer is to the instruction that ran, in the beginning in front of the first, or to
	 * the one that runs. */
	if (python->layout.traits.instr_is_previous)
		at = frame->instr + 2 == code.bytecode ? 0 : at < 0 ? at : at + 2;
	if (error || at < 0 || (uint64_t)at / 2 > units)
		return ELSEWHERE;
	return at == 0 ? NOT_BEGUN : BEGUN;
}

/* Whether an argument is not set: what has not begun, since its arguments are being sorted, has
 * some such, and nothing that has does.  ceval.c, initialize_locals(). */
static bool lacks_argument(struct pw_python *python, uint64_t at, uint64_t code)
{
	enum { VARARGS = 4, VARKEYWORDS = 8, ARGUMENTS_MAX = 512 };
	const struct pw_layout *l = &python->layout;
	const struct pw_field fields[] = {l->code_argcount, l->code_kwonly, l->code_flags};
	uint32_t values[3];
	uint64_t words[ARGUMENTS_MAX];
	size_t done = 0;
	for (size_t i = 0; i < 3; i++) {
		pw_auto_error struct pw_error *error =
			pw_read_u32(python->target, code + (uint64_t)fields[i].offset, &values[i]);
		if (error)
			return false;
	}
	uint64_t count = (uint64_t)values[0] + values[1] + !!(values[2] & VARARGS) +
			 !!(values[2] & VARKEYWORDS);
	if (count > ARGUMENTS_MAX)
		count = ARGUMENTS_MAX;
	pw_error_destroy(pw_read_some(python->target, at + (uint64_t)l->iframe_localsplus.offset,
				      words, count * 8, &done, NULL));
	for (size_t i = 0; i < done / 8; i++)
		if (words[i] < 8) /* NULL may have a tag */
			return true;
	return false;
}

/*
 * Up to 3.13 `stacktop` is -1 while the evaluation function runs the frame, and what it is when the
 * frame calls another within it, when a tracer is called, and before it is left; 3.13 sets it to 0
 * when it begins to clear.  What is left has nothing on its stack by then, and what has not begun
 * has not either.
 */
static enum pw_runs by_stacktop(struct pw_python *python, uint64_t at, uint32_t locals, bool begun)
{
	uint32_t top;
	pw_auto_error struct pw_error *error = pw_read_u32(
		python->target, at + (uint64_t)python->layout.iframe_stacktop.offset, &top);
	if (error)
		return PW_RUNS_UNTOLD;
	if ((int32_t)top == -1 || (begun && (int32_t)top > (int32_t)locals))
		return PW_RUNS_SURELY;
	return top == locals ? PW_RUNS_UNTOLD : PW_RUNS_NOT;
}

/*
 * From 3.14 on `stackpointer` is set wherever other code may run (debug builds: and is 0 where
 * not).  Clearing a frame begins with setting it below the variables, and goes on with the
 * function.
 */
static enum pw_runs by_stackpointer(struct pw_python *python, uint64_t at, uint32_t locals,
				    bool begun)
{
	const struct pw_layout *l = &python->layout;
	uint64_t pointer, empty = at + (uint64_t)l->iframe_localsplus.offset + 8 * (uint64_t)locals;
	pw_auto_error struct pw_error *error =
		pw_read_field(python, at, l->iframe_stackpointer, &pointer);
	if (error)
		return PW_RUNS_UNTOLD;
	if (!pointer)
		return PW_RUNS_SURELY;
	if (pointer < empty || has_no_function(python, at) || (!begun && pointer > empty))
		return PW_RUNS_NOT;
	if (pointer > empty)
		return PW_RUNS_SURELY;
	return begun ? PW_RUNS_LIKELY : PW_RUNS_UNTOLD;
}

static enum pw_runs tell(struct pw_python *python, uint64_t at, uint32_t locals, bool begun)
{
	const struct pw_layout *l = &python->layout;
	uint64_t object;
	pw_auto_error struct pw_error *error = pw_read_field(python, at, l->iframe_object, &object);
	/* Is cleared first, and not there in the beginning. */
	if (!error && object)
		return PW_RUNS_SURELY;
	return pw_has(l, iframe_stackpointer) ? by_stackpointer(python, at, locals, begun)
					      : by_stacktop(python, at, locals, begun);
}

static struct pw_error *read_size(struct pw_python *python, uint64_t code, uint32_t *ret_locals,
				  uint64_t *ret_size)
{
	const struct pw_layout *l = &python->layout;
	uint64_t fixed = (uint64_t)l->iframe_localsplus.offset / 8;
	uint32_t size = 0;
	struct pw_error *error = pw_read_u32(
		python->target, code + (uint64_t)l->code_nlocalsplus.offset, ret_locals);
	struct pw_field field = pw_has(l, code_framesize) ? l->code_framesize : l->code_stacksize;
	if (!error)
		error = pw_read_u32(python->target, code + (uint64_t)field.offset, &size);
	*ret_size = pw_has(l, code_framesize) ? size : fixed + *ret_locals + size;
	if (!error && (*ret_locals > CHUNK_SIZE_MAX / 8 || *ret_size < fixed + *ret_locals ||
		       *ret_size > CHUNK_SIZE_MAX / 8))
		error = pw_error_create_at(PW_ERROR_CORRUPT, code, "no size of a frame");
	return error;
}

uint64_t pw_frame_size(struct pw_python *python, uint64_t code)
{
	uint32_t locals;
	uint64_t words = 0;
	pw_auto_error struct pw_error *error = read_size(python, code, &locals, &words);
	return error ? 0 : words * 8;
}

/* The frame that begins at chunk->end. */
static struct pw_error *read_standing(struct pw_python *python, const struct pw_stack_chunk *chunk,
				      struct pw_standing *ret, uint64_t *ret_bytes)
{
	uint64_t at = chunk->end, size;
	uint32_t locals = 0;
	*ret = (struct pw_standing){.address = at};
	struct pw_error *error = pw_iframe_read(python, at, &ret->frame);
	if (!error && ret->frame.owner != python->layout.owner_thread.offset)
		error = pw_error_create_at(PW_ERROR_CORRUPT, at, "not a frame");
	if (!error)
		error = pw_object_check_code(python, ret->frame.code);
	if (!error)
		error = read_size(python, ret->frame.code, &locals, &size);
	if (!error && size > (chunk->top - at) / 8)
		error = pw_error_create_at(PW_ERROR_CORRUPT, at, "not a frame");
	if (error)
		return error;
	*ret_bytes = size * 8;
	enum progress progress = progress_of(python, &ret->frame);
	ret->begun = progress == BEGUN;
	if (progress != ELSEWHERE)
		ret->runs = tell(python, at, locals, ret->begun);
	if (ret->runs == PW_RUNS_UNTOLD && !ret->begun &&
	    lacks_argument(python, at, ret->frame.code))
		ret->runs = PW_RUNS_NOT;
	return NULL;
}

static uint64_t place_in(const struct pw_stack_chunk *chunk, uint64_t address)
{
	return (chunk->number << PLACE_SHIFT) + (address - chunk->begin);
}

static struct pw_error *find_frames(struct pw_python *python, struct pw_datastack *stack,
				    struct pw_stack_chunk *chunk)
{
	while (chunk->end < chunk->top) {
		struct pw_standing one;
		uint64_t bytes = 0;
		if (stack->count >= STANDING_MAX) {
			miss(stack, "more than %d frames", STANDING_MAX);
			return NULL;
		}
		pw_auto_error struct pw_error *error = read_standing(python, chunk, &one, &bytes);
		if (error == &pw_error_nomem)
			return &pw_error_nomem;
		if (error) {
			bool lost = pw_error_code(error) == PW_ERROR_UNREADABLE;
			miss(stack,
			     lost ? "a frame at 0x%" PRIx64 " or its code object is lost"
				  : "no frame begins at 0x%" PRIx64 " of the data stack",
			     chunk->end);
			return NULL;
		}
		one.place = place_in(chunk, one.address);
		if (add_standing(stack, &one))
			return &pw_error_nomem;
		chunk->end += bytes;
	}
	return NULL;
}

/* The chunk in whose frames an address is, NULL: none. */
static struct pw_stack_chunk *find_chunk(const struct pw_datastack *stack, uint64_t address)
{
	size_t low = 0, high = stack->chunk_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (stack->chunks[middle].begin <= address)
			low = middle + 1;
		else
			high = middle;
	}
	struct pw_stack_chunk *chunk = low ? &stack->chunks[low - 1] : NULL;
	return chunk && address < chunk->top ? chunk : NULL;
}

uint64_t pw_datastack_place(const struct pw_datastack *stack, uint64_t address, bool *ret_seen)
{
	const struct pw_stack_chunk *chunk = find_chunk(stack, address);
	*ret_seen = chunk && address < chunk->end && !chunk->gap;
	return chunk ? place_in(chunk, address) : 0;
}

bool pw_datastack_is_behind(const struct pw_datastack *stack, uint64_t address)
{
	const struct pw_stack_chunk *chunk = find_chunk(stack, address);
	return chunk && address >= chunk->end;
}

struct pw_error *pw_datastack_continue(struct pw_python *python, struct pw_datastack *stack,
				       uint64_t address)
{
	struct pw_stack_chunk *chunk = find_chunk(stack, address);
	chunk->gap = true;
	chunk->end = address;
	return find_frames(python, stack, chunk);
}

struct pw_error *pw_datastack_read(struct pw_python *python, uint64_t tstate,
				   struct pw_datastack *ret)
{
	*ret = (struct pw_datastack){0};
	struct pw_error *error = find_generators(python, tstate, ret);
	if (!error)
		error = find_chunks(python, tstate, ret);
	for (size_t i = 0; !error && i < ret->chunk_count; i++)
		error = find_frames(python, ret, &ret->chunks[i]);
	return error;
}
