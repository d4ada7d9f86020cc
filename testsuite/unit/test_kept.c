/*
 * Memory that somebody else reads for us: how often it is asked for, what is kept, and for how
 * long.
 */
#include "target/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGE = 4096, START = 0x10000, SIZE = 256 * PAGE, UNIT = 9215, HOLE = 100 * PAGE };

/* SIZE bytes at START, the page at HOLE missing; the last 16 pages are a file's and constant. */
struct memory {
	uint8_t *bytes;
	unsigned calls;
	size_t longest;
};

static bool read_memory(void *data, uint64_t address, void *buffer, size_t length)
{
	struct memory *memory = data;
	uint64_t at = address - START;
	memory->calls++;
	if (length > memory->longest)
		memory->longest = length;
	if (address < START || at + length > SIZE || (at < HOLE + PAGE && at + length > HOLE))
		return false;
	memcpy(buffer, memory->bytes + at, length);
	return true;
}

static const struct pw_reader_mapping mappings[] = {
	{.start = START, .end = START + SIZE - 32 * PAGE, .writable = true},
	{.start = START + SIZE - 32 * PAGE, .end = START + SIZE - 16 * PAGE, .writable = true},
	{.start = START + SIZE - 16 * PAGE, .end = START + SIZE, .path = "/no/such/file"},
};

static struct pw_target *open_memory(struct memory *memory)
{
	struct pw_reader reader = {
		.size = sizeof(reader),
		.read = read_memory,
		.data = memory,
		.mappings = mappings,
		.mapping_count = 3,
		.unit = UNIT,
	};
	struct pw_target *target;
	*memory = (struct memory){.bytes = malloc(SIZE)};
	for (size_t i = 0; i < SIZE; i++)
		memory->bytes[i] = (uint8_t)(i * 7 / 5);
	assert_null(pw_target_open_callback(&reader, NULL, &target));
	return target;
}

static void close_memory(struct pw_target *target, struct memory *memory)
{
	pw_target_destroy(target);
	free(memory->bytes);
}

/* Reads, and compares with what is there now. */
static void expect(struct pw_target *target, const struct memory *memory, size_t at, size_t length)
{
	uint8_t *bytes = malloc(length);
	assert_null(pw_read(target, START + at, bytes, length));
	assert_memory_equal(bytes, memory->bytes + at, length);
	free(bytes);
}

static void test_one_call_for_many(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	expect(target, &memory, 8, 8);
	expect(target, &memory, 8, 8);
	/* Nobody said that it stands still. */
	assert_int_equal(memory.calls, 2);
	pw_callback_hold(target, true);
	for (size_t at = 0; at < 2 * PAGE; at += 64)
		expect(target, &memory, at, 8);
	assert_int_equal(memory.calls, 3);
	expect(target, &memory, 2 * PAGE - 4, 8);
	assert_int_equal(memory.calls, 4);
	assert_true(memory.longest <= UNIT);
	struct pw_read_statistics s = pw_callback_statistics(target);
	assert_int_equal(s.calls, 4);
	assert_int_equal(s.reads, 2 * PAGE / 64 + 1);
	assert_int_equal(s.kept, s.reads - 2);
	assert_int_equal(s.failed, 0);
	/* What is asked for as a whole is read as a whole. */
	expect(target, &memory, 20 * PAGE + 5, 40 * PAGE);
	assert_int_equal(memory.calls, 5);
	close_memory(target, &memory);
}

static void test_held_and_forgotten(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	uint8_t byte;
	struct pw_reader_thread thread = {.tid = 1};
	pw_callback_hold(target, true);
	expect(target, &memory, 8, 8);
	memory.bytes[8]++;
	/* Neither captures nor threads are a reason to forget. */
	assert_null(pw_snapshot_begin(target));
	pw_snapshot_end(target);
	assert_null(pw_callback_set_threads(target, &thread, 1));
	assert_null(pw_read_u8(target, START + 8, &byte));
	assert_int_equal(byte, (uint8_t)(memory.bytes[8] - 1));
	pw_callback_hold(target, true);
	expect(target, &memory, 8, 8);

	/* Without, a capture is what it is kept for. */
	pw_callback_hold(target, false);
	assert_null(pw_snapshot_begin(target));
	expect(target, &memory, 8, 8);
	unsigned calls = memory.calls;
	expect(target, &memory, 8, 8);
	assert_int_equal(memory.calls, calls);
	pw_snapshot_end(target);
	memory.bytes[8]++;
	expect(target, &memory, 8, 8);
	assert_null(pw_snapshot_begin(target));
	expect(target, &memory, 8, 8);
	memory.bytes[8]++;
	assert_null(pw_callback_set_threads(target, &thread, 1));
	expect(target, &memory, 8, 8);
	close_memory(target, &memory);
}

/* Places that were read at one stop come together at the next, with what stands there then. */
static void test_places_are_learned(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	pw_callback_hold(target, true);
	/* Two in each three pages: one packet carries four. */
	for (size_t i = 0; i < 30; i += 3)
		expect(target, &memory, i * PAGE + 3000, 100);
	assert_int_equal(memory.calls, 10);
	for (size_t i = 0; i < SIZE - 16 * PAGE; i++)
		memory.bytes[i]++;
	pw_callback_hold(target, true);
	memory.calls = 0;
	for (size_t i = 30; i > 0; i -= 3)
		expect(target, &memory, (i - 3) * PAGE + 3000, 100);
	assert_int_equal(memory.calls, 10);
	/* Close together. */
	for (size_t i = 0; i < 8; i++)
		expect(target, &memory, 40 * PAGE + i * 3000, 10);
	pw_callback_hold(target, true);
	memory.calls = 0;
	for (size_t i = 8; i > 0; i--)
		expect(target, &memory, 40 * PAGE + (i - 1) * 3000, 10);
	assert_int_equal(memory.calls, 2);
	/* Elsewhere nothing is known. */
	expect(target, &memory, 60 * PAGE, 10);
	assert_int_equal(memory.calls, 3);
	assert_true(memory.longest <= UNIT);
	close_memory(target, &memory);
}

static void test_what_cannot_be_read(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	uint8_t bytes[64];
	pw_callback_hold(target, true);
	expect(target, &memory, HOLE - 10, 10);
	struct pw_error *error = pw_read(target, START + HOLE - 10, bytes, 20);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	assert_int_equal(pw_error_address(error), START + HOLE);
	pw_error_destroy(error);
	expect(target, &memory, HOLE + PAGE, 10);
	/* Outside of all mappings, and where addresses end. */
	error = pw_read(target, START + SIZE + 100, bytes, 8);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	pw_error_destroy(error);
	error = pw_read(target, UINT64_MAX - 20, bytes, 8);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	pw_error_destroy(error);
	assert_true(pw_callback_statistics(target).failed > 0);
	/* The same again, after it was learned. */
	pw_callback_hold(target, true);
	expect(target, &memory, HOLE - 10, 10);
	expect(target, &memory, HOLE + PAGE, 10);
	expect(target, &memory, SIZE - 33 * PAGE, 2 * PAGE);
	close_memory(target, &memory);
}

static void test_constants_stay(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	pw_callback_hold(target, true);
	expect(target, &memory, SIZE - 8, 8);
	expect(target, &memory, 0, 8);
	pw_callback_hold(target, true);
	memory.calls = 0;
	expect(target, &memory, SIZE - 8, 8);
	assert_int_equal(memory.calls, 0);
	expect(target, &memory, 0, 8);
	assert_int_equal(memory.calls, 1);
	close_memory(target, &memory);
}

static void test_mappings(void **state)
{
	struct memory memory;
	struct pw_target *target = open_memory(&memory);
	struct pw_reader_mapping changed[4];
	bool taken;
	memcpy(changed, mappings, sizeof(mappings));
	changed[3] = (struct pw_reader_mapping){.start = START + SIZE + PAGE,
						.end = START + SIZE + 2 * PAGE};
	assert_null(pw_callback_set_mappings(target, changed, 4, &taken));
	assert_true(taken);
	assert_int_equal(target->mapping_count, 4);
	changed[3].path = "/another";
	assert_null(pw_callback_set_mappings(target, changed, 4, &taken));
	assert_false(taken);
	assert_null(pw_target_mapping(target, START + SIZE + PAGE)->path);
	assert_null(pw_callback_set_mappings(target, changed, 2, &taken));
	assert_false(taken);
	changed[2].start += PAGE;
	assert_null(pw_callback_set_mappings(target, changed, 3, &taken));
	assert_false(taken);
	assert_int_equal(target->mapping_count, 4);
	close_memory(target, &memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_call_for_many),
		cmocka_unit_test(test_held_and_forgotten),
		cmocka_unit_test(test_places_are_learned),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_constants_stay),
		cmocka_unit_test(test_mappings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
