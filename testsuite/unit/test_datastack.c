/*
 * Frames without links, on data stacks made by hand: those that run are found, those that do not
 * are not, and chunks made to hurt are bounded.  The structures are those of the layout files
 * from 3.11 on, free-threaded 3.14 and 3.15 among them, of which no interpreter could be had to
 * test on.
 */
#include "python/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum {
	BASE = 0x100000,
	SIZE = 0x40000,
	STACK = 0x7000000, /* the C stack: mapped, but lost */
	TSTATE = BASE + 0x1000,
	TYPES = BASE + 0x4000,
	CODES = BASE + 0x8000,
	GENERATORS = BASE + 0x10000,
	CHUNKS = BASE + 0x20000,
	CHUNK = 0x4000,
	LOCALS = 2,
	STACKSIZE = 3,
};

static uint8_t memory[SIZE];
static struct pw_python python;
static struct pw_pyframes frames;
static uint64_t chunk, top; /* being filled */

static bool read_memory(void *data, uint64_t address, void *buffer, size_t length)
{
	if (address < BASE || length > SIZE || address - BASE > SIZE - length)
		return false;
	memcpy(buffer, memory + (address - BASE), length);
	return true;
}

static void put(uint64_t address, uint64_t value, size_t size)
{
	assert_true(address >= BASE && address - BASE <= SIZE - size);
	memcpy(memory + (address - BASE), &value, size);
}

static void set(uint64_t base, struct pw_field field, uint64_t value)
{
	assert_true(field.offset >= 0);
	put(base + (uint64_t)field.offset, value, 8);
}

static void set_int(uint64_t base, struct pw_field field, int32_t value)
{
	assert_true(field.offset >= 0);
	put(base + (uint64_t)field.offset, (uint32_t)value, 4);
}

static bool has_shims(void)
{
	return python.layout.traits.frames != PW_FRAMES_CFRAME;
}

/* ---- objects ---- */

static void make_types(void)
{
	const struct pw_layout *l = &python.layout;
	uint64_t text = TYPES + 0x2000;
	memcpy(memory + (text - BASE), "code", 5);
	memcpy(memory + (text + 16 - BASE), "type", 5);
	set(TYPES, l->object_type, TYPES);
	set(TYPES, l->type_name, text + 16);
	set(TYPES + 0x1000, l->object_type, TYPES);
	set(TYPES + 0x1000, l->type_name, text);
}

static uint64_t fixed_words(void)
{
	return (uint64_t)python.layout.iframe_localsplus.offset / 8;
}

static uint64_t frame_words(void)
{
	return fixed_words() + LOCALS + STACKSIZE;
}

static uint64_t make_code(unsigned number)
{
	const struct pw_layout *l = &python.layout;
	uint64_t code = CODES + number * 0x400;
	set(code, l->object_type, TYPES + 0x1000);
	set(code, l->var_size, 16);
	set_int(code, l->code_nlocalsplus, LOCALS);
	set_int(code, l->code_stacksize, STACKSIZE);
	if (pw_has(l, code_framesize))
		set_int(code, l->code_framesize, (int32_t)frame_words());
	set_int(code, l->code_argcount, 1);
	return code;
}

enum state { CALLS_C, CALLS_PYTHON, CALLS_EMPTY, LEFT, NOT_BEGUN };

/* A frame of a function of its own, in the state that it is in. */
static void fill_frame(uint64_t at, uint64_t code, uint64_t previous, enum state state)
{
	const struct pw_layout *l = &python.layout;
	uint64_t start = code + (uint64_t)l->code_adaptive.offset;
	bool before = l->traits.instr_is_previous;
	uint64_t instr = state == NOT_BEGUN ? (before ? start - 2 : start) : start + 4;
	uint64_t variables = at + (uint64_t)l->iframe_localsplus.offset;
	int32_t depth = state == CALLS_PYTHON || state == CALLS_C ? LOCALS + 1 : LOCALS;
	set(at, l->iframe_code, code);
	set(at, l->iframe_previous, previous);
	set(at, before ? l->iframe_prev_instr : l->iframe_instr_ptr, instr);
	put(at + (uint64_t)l->iframe_owner.offset, (uint64_t)l->owner_thread.offset, 1);
	set(at, l->iframe_function, TYPES);
	set(at, l->iframe_object, 0);
	put(variables, state == NOT_BEGUN ? 0 : TYPES, 8);
	if (pw_has(l, iframe_is_entry))
		put(at + (uint64_t)l->iframe_is_entry.offset, previous == 0, 1);
	if (pw_has(l, iframe_stacktop)) {
		set_int(at, l->iframe_stacktop, state == CALLS_C ? -1 : depth);
		return;
	}
	set(at, l->iframe_stackpointer, variables + (state == LEFT ? 0 : 8 * (uint64_t)depth));
	if (state == LEFT)
		set(at, l->iframe_function, 0);
}

static uint64_t push(unsigned code, uint64_t previous, enum state state)
{
	uint64_t at = top;
	fill_frame(at, make_code(code), previous, state);
	top += frame_words() * 8;
	return at;
}

/* A generator that runs; `older`: the next on the thread's list. */
static uint64_t make_generator(unsigned number, uint64_t previous, uint64_t older)
{
	const struct pw_layout *l = &python.layout;
	uint64_t generator = GENERATORS + number * 0x400;
	uint64_t at = generator + (uint64_t)l->gen_iframe.offset;
	fill_frame(at, make_code(16 + number), previous, CALLS_C);
	put(at + (uint64_t)l->iframe_owner.offset, (uint64_t)l->owner_generator.offset, 1);
	put(generator + (uint64_t)l->gen_frame_state.offset, (uint64_t)l->frame_executing.offset,
	    1);
	uint64_t item = generator + (uint64_t)l->gen_exc_state.offset;
	put(item + (uint64_t)l->exc_previous.offset, older, 8);
	set(TSTATE, l->tstate_exc_info, item);
	return at;
}

static uint64_t own_item(void)
{
	return TSTATE + (uint64_t)python.layout.tstate_sizeof.offset - 16;
}

/* Begins a chunk; what the one before holds is noted in it. */
static void push_chunk(unsigned number)
{
	const struct pw_layout *l = &python.layout;
	uint64_t previous = chunk, data = (uint64_t)l->chunk_data.offset;
	if (previous)
		set(previous, l->chunk_top, (top - previous - data) / 8);
	chunk = CHUNKS + number * CHUNK;
	set(chunk, l->chunk_previous, previous);
	set(chunk, l->chunk_size, CHUNK);
	top = chunk + data + (previous ? 0 : 8);
}

static void make_layout(unsigned minor, bool free_threaded)
{
	static const struct pw_reader_mapping mappings[] = {
		{BASE, BASE + SIZE, 0, NULL, true, false},
		{STACK, STACK + 0x100000, 0, NULL, true, false}};
	const struct pw_reader reader = {.size = sizeof(reader),
					 .read = read_memory,
					 .mappings = mappings,
					 .mapping_count = 2};
	struct pw_python_id id = {.major = 3, .minor = minor, .free_threaded = free_threaded};
	struct pw_layout layouts[2];
	size_t count = 0;
	memset(memory, 0, sizeof(memory));
	chunk = top = 0;
	assert_null(pw_layout_find(&id, NULL, layouts, 2, &count));
	assert_true(count > 0);
	python = (struct pw_python){.layout = layouts[0]};
	assert_true(python.layout.traits.data_stack);
	assert_null(pw_target_open_callback(&reader, NULL, &python.target));
	make_types();
	push_chunk(0);
	set(TSTATE, python.layout.tstate_exc_info, own_item());
}

/* What leads to the frames: into the C stack, which is lost. */
static void finish(size_t depth)
{
	const struct pw_layout *l = &python.layout;
	set(TSTATE, pw_has(l, tstate_cframe) ? l->tstate_cframe : l->tstate_current_frame,
	    STACK + 0x100);
	set(TSTATE, l->tstate_datastack_chunk, chunk);
	set(TSTATE, l->tstate_datastack_top, top);
	set(TSTATE, l->tstate_datastack_limit, chunk + CHUNK);
	if (pw_has(l, tstate_depth_limit)) {
		set_int(TSTATE, l->tstate_depth_limit, 1000);
		set_int(TSTATE, l->tstate_depth_left, 1000 - (int32_t)depth);
	}
}

static void expect(size_t count, ...)
{
	va_list ap;
	pw_frames_walk(&python, TSTATE, 0, &frames);
	assert_int_equal(frames.end, PW_END_UNREADABLE);
	if (frames.count != count)
		print_error("3.%u: %s\n", python.layout.minor, frames.end_message);
	assert_int_equal(frames.count, count);
	va_start(ap, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(frames.items[i].address, va_arg(ap, uint64_t));
	va_end(ap);
	pw_frames_deinit(&frames);
}

static const struct {
	unsigned minor;
	bool free_threaded;
} builds[] = {{11, false}, {12, false}, {13, false}, {13, true},
	      {14, false}, {14, true},	{15, false}, {15, true}};

#define FOR_EACH_BUILD                                                                             \
	for (size_t b = 0; b < sizeof(builds) / sizeof(builds[0]);                                 \
	     pw_target_destroy(python.target), b++)

/* Where the link of an entry frame leads: to its caller, or into the lost C stack. */
static uint64_t entry(uint64_t caller, unsigned place)
{
	return has_shims() ? STACK + 0x1000 - place * 0x100 : caller;
}

/* ---- what is found ---- */

static void test_found(void **state)
{
	FOR_EACH_BUILD
	{
		make_layout(builds[b].minor, builds[b].free_threaded);
		uint64_t f[8];
		f[0] = push(0, entry(0, 1), CALLS_PYTHON);
		f[1] = push(1, f[0], CALLS_C);
		f[2] = push(2, entry(f[1], 2), CALLS_EMPTY);
		/* Is being cleared while f[4] runs. */
		f[3] = push(3, f[2], LEFT);
		push_chunk(2);
		f[4] = push(4, entry(f[2], 3), CALLS_C);
		/* Its arguments are being sorted while f[6] runs. */
		f[5] = push(5, 0x123450, NOT_BEGUN);
		push_chunk(1);
		f[6] = push(6, entry(f[4], 5), CALLS_PYTHON);
		f[7] = push(7, f[6], CALLS_C);
		finish(6);
		expect(6, f[7], f[6], f[4], f[2], f[1], f[0]);
	}
}

static void test_generators(void **state)
{
	FOR_EACH_BUILD
	{
		make_layout(builds[b].minor, builds[b].free_threaded);
		uint64_t f[4], g[3];
		f[0] = push(0, entry(0, 1), CALLS_C);
		/* One that only C code is around, one that calls, and the newest of all. */
		g[0] = make_generator(0, entry(f[0], 2), own_item());
		uint64_t item = GENERATORS + (uint64_t)python.layout.gen_exc_state.offset;
		f[1] = push(1, entry(g[0], 3), CALLS_PYTHON);
		g[1] = make_generator(1, f[1], item);
		f[2] = push(2, g[1], CALLS_C);
		g[2] = make_generator(2, entry(f[2], 4), item + 0x400);
		finish(6);
		expect(6, g[2], f[2], g[1], f[1], g[0], f[0]);
		/* One that waits is none; those behind it are known by their links. */
		put(GENERATORS + 0x800 + (uint64_t)python.layout.gen_frame_state.offset, 99, 1);
		if (has_shims())
			expect(4, f[2], g[1], f[1], f[0]);
		else
			expect(5, f[2], g[1], f[1], g[0], f[0]);
	}
}

/* What stood there before shows through a frame that is being made. */
static void test_being_made(void **state)
{
	FOR_EACH_BUILD
	{
		make_layout(builds[b].minor, builds[b].free_threaded);
		const struct pw_layout *l = &python.layout;
		uint64_t f0 = push(0, entry(0, 1), CALLS_C);
		uint64_t f1 = push(1, f0, CALLS_C);
		set(f1, l->traits.instr_is_previous ? l->iframe_prev_instr : l->iframe_instr_ptr,
		    CODES + 0x3000);
		finish(1);
		expect(1, f0);
	}
}

/* The size of one is lost: those after it are found from where a link leads. */
static void test_gap(void **state)
{
	FOR_EACH_BUILD
	{
		make_layout(builds[b].minor, builds[b].free_threaded);
		uint64_t f[5];
		f[0] = push(0, entry(0, 1), CALLS_C);
		f[1] = push(1, entry(f[0], 2), CALLS_C);
		f[2] = push(2, entry(f[1], 3), CALLS_PYTHON);
		uint64_t g = make_generator(0, f[2], own_item());
		f[3] = push(3, g, CALLS_PYTHON);
		f[4] = push(4, f[3], CALLS_C);
		finish(6);
		set(f[1], python.layout.iframe_code, STACK + 0x8000);
		if (has_shims())
			expect(5, f[4], f[3], g, f[2], f[0]);
		else
			expect(6, f[4], f[3], g, f[2], f[1], f[0]);
	}
}

/* ---- chunks made to hurt ---- */

static void make_two(uint64_t *first, uint64_t *second)
{
	*first = push(0, entry(0, 1), CALLS_C);
	push_chunk(1);
	*second = push(1, entry(*first, 2), CALLS_C);
	finish(2);
}

static void test_hostile_chunks(void **state)
{
	static const uint64_t sizes[] = {0, 8, 24, 1 << 30, UINT64_C(1) << 60, UINT64_MAX};
	FOR_EACH_BUILD
	{
		uint64_t a, c;
		make_layout(builds[b].minor, builds[b].free_threaded);
		const struct pw_layout *l = &python.layout;
		make_two(&a, &c);
		expect(2, c, a);
		/* Links from a frame that is there lead on in 3.11. */
		size_t left = has_shims() ? 1 : 2;
		set(CHUNKS, l->chunk_previous, CHUNKS + CHUNK);
		expect(left, c, a); /* the first frame is not where a newer chunk's would be */
		set(CHUNKS, l->chunk_previous, CHUNKS);
		expect(left, c, a);
		set(CHUNKS, l->chunk_previous, 0);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			set(CHUNKS, l->chunk_size, sizes[i]);
			bool whole = sizes[i] == 1 << 30;
			expect(whole ? 2 : left, c, a);
			set(CHUNKS, l->chunk_size, CHUNK);
			/* In words: 24 leave room behind the frame, where none is. */
			set(CHUNKS, l->chunk_top, sizes[i]);
			expect(sizes[i] == 24 ? 2 : left, c, a);
			set(CHUNKS, l->chunk_top, 1 + frame_words());
		}
		expect(2, c, a);
		set(TSTATE, l->tstate_datastack_top, CHUNKS + CHUNK + 8);
		expect(0);
		set(TSTATE, l->tstate_datastack_top, top + 3);
		expect(0);
		set(TSTATE, l->tstate_datastack_top, top);
		set(TSTATE, l->tstate_datastack_chunk, STACK);
		expect(0);
		set(TSTATE, l->tstate_datastack_chunk, UINT64_MAX - 7);
		expect(0);
	}
}

static void test_hostile_frames(void **state)
{
	static const int32_t sizes[] = {0, 1, -1, INT32_MIN, INT32_MAX, 1 << 20};
	FOR_EACH_BUILD
	{
		uint64_t a, c;
		make_layout(builds[b].minor, builds[b].free_threaded);
		const struct pw_layout *l = &python.layout;
		make_two(&a, &c);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct pw_field field =
				pw_has(l, code_framesize) ? l->code_framesize : l->code_stacksize;
			int32_t good =
				pw_has(l, code_framesize) ? (int32_t)frame_words() : STACKSIZE;
			/* 3.11 has no size of the whole: a stack of 0 or 1 is one. */
			if (!pw_has(l, code_framesize) && (sizes[i] == 0 || sizes[i] == 1))
				continue;
			set_int(CODES + 0x400, field, sizes[i]);
			expect(1, a);
			set_int(CODES + 0x400, field, good);
			set_int(CODES + 0x400, l->code_nlocalsplus, sizes[i] & ~1);
			if (sizes[i] & ~1)
				expect(1, a);
			set_int(CODES + 0x400, l->code_nlocalsplus, LOCALS);
		}
		/* Links in a circle, to themselves, and out of the world. */
		set(a, l->iframe_previous, c);
		set(c, l->iframe_previous, a);
		expect(0);
		set(a, l->iframe_previous, a);
		set(c, l->iframe_previous, UINT64_MAX - 7);
		expect(2, c, a);
		/* Generators in a circle. */
		uint64_t g = make_generator(0, entry(c, 3), 0);
		(void)g;
		uint64_t item = GENERATORS + (uint64_t)l->gen_exc_state.offset;
		set(item, l->exc_previous, item);
		pw_frames_walk(&python, TSTATE, 0, &frames);
		assert_in_range(frames.count, 0, 3);
		pw_frames_deinit(&frames);
	}
}

static void test_limit(void **state)
{
	FOR_EACH_BUILD
	{
		make_layout(builds[b].minor, builds[b].free_threaded);
		uint64_t newest = 0;
		for (unsigned i = 0; i < 20; i++)
			newest =
				push(0, i ? newest : entry(0, 1), i == 19 ? CALLS_C : CALLS_PYTHON);
		finish(20);
		pw_frames_walk(&python, TSTATE, 7, &frames);
		assert_int_equal(frames.count, 7);
		assert_int_equal(frames.end, PW_END_LIMIT);
		assert_int_equal(frames.items[0].address, newest);
		pw_frames_deinit(&frames);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),	       cmocka_unit_test(test_generators),
		cmocka_unit_test(test_being_made),     cmocka_unit_test(test_gap),
		cmocka_unit_test(test_hostile_chunks), cmocka_unit_test(test_hostile_frames),
		cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests_name("datastack", tests, NULL, NULL);
}
