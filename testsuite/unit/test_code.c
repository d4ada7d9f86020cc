/*
 * Instruction offsets where a frame runs a copy of its bytecode: free-threaded 3.14 and 3.15, of
 * which no interpreter could be had to test on.  The structures are those of Include/cpython/code.h
 * (_PyCodeArray: the size, then the entries; entry 0 is the code object's own bytecode).
 */
#include "python/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { BASE = 0x10000, SIZE = 0x1000, CODE = BASE, ARRAY = BASE + 0x800, COPY = BASE + 0xa00 };

static uint8_t memory[SIZE];

static bool read_memory(void *data, uint64_t address, void *buffer, size_t length)
{
	if (address < BASE || length > SIZE || address - BASE > SIZE - length)
		return false;
	memcpy(buffer, memory + (address - BASE), length);
	return true;
}

static void put(uint64_t address, uint64_t value)
{
	memcpy(memory + (address - BASE), &value, sizeof(value));
}

static struct pw_target *open_memory(void)
{
	static const struct pw_reader_mapping mapping = {BASE, BASE + SIZE, 0, NULL, true, false};
	const struct pw_reader reader = {.size = sizeof(reader),
					 .read = read_memory,
					 .mappings = &mapping,
					 .mapping_count = 1};
	struct pw_target *target = NULL;
	assert_null(pw_target_open_callback(&reader, NULL, &target));
	return target;
}

static void check_copies(unsigned minor)
{
	struct pw_python_id id = {.major = 3, .minor = minor, .free_threaded = true};
	struct pw_layout layouts[2];
	size_t count = 0;
	assert_null(pw_layout_find(&id, NULL, layouts, 2, &count));
	assert_true(count > 0 && pw_has(&layouts[0], code_tlbc) &&
		    pw_has(&layouts[0], iframe_tlbc_index));
	struct pw_python python = {.target = open_memory(), .layout = layouts[0]};

	uint64_t own = CODE + (uint64_t)layouts[0].code_adaptive.offset;
	put(ARRAY, 2);
	put(ARRAY + 8, own);
	put(ARRAY + 16, COPY);
	struct pw_code code = {.address = CODE, .bytecode = own, .tlbc = ARRAY};
	struct pw_pyframe frame = {.instr = own + 12, .tlbc = 0};
	assert_int_equal(pw_code_lasti(&python, &code, &frame), 12);
	frame = (struct pw_pyframe){.instr = COPY + 34, .tlbc = 1};
	assert_int_equal(pw_code_lasti(&python, &code, &frame), 34);
	/* An index beyond the array, and an instruction that is not in the code: not started. */
	frame = (struct pw_pyframe){.instr = own + 6, .tlbc = 2};
	assert_int_equal(pw_code_lasti(&python, &code, &frame), 6);
	frame = (struct pw_pyframe){.instr = BASE - 16, .tlbc = 1};
	assert_true(pw_code_lasti(&python, &code, &frame) < 0);
	pw_target_destroy(python.target);
}

static void test_copies_of_bytecode(void **state)
{
	check_copies(14);
	check_copies(15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_copies_of_bytecode)};
	return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
