/* Call-frame programs that are executed, and those that are not. */
#include "binary/cfa_program.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static bool modest(const void *program, size_t size)
{
	const uint8_t *at = program;
	return pw_cfa_program_modest(at, at + size, DW_EH_PE_pcrel | DW_EH_PE_sdata4);
}
#define MODEST(...) modest((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* What compilers write, each instruction once. */
static void test_usual(void **state)
{
	assert_true(MODEST(DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1, DW_CFA_nop));
	assert_true(MODEST(DW_CFA_advance_loc | 4, DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2,
			   DW_CFA_remember_state, DW_CFA_restore | 6, DW_CFA_restore_state));
	assert_true(MODEST(DW_CFA_advance_loc1, 1, DW_CFA_advance_loc2, 1, 0, DW_CFA_advance_loc4,
			   1, 0, 0, 0, DW_CFA_set_loc, 0, 0, 0, 0));
	assert_true(MODEST(DW_CFA_def_cfa_expression, 2, DW_OP_breg7, 8, DW_CFA_expression, 3, 1,
			   DW_OP_lit0, DW_CFA_val_expression, 3, 1, DW_OP_lit0));
	assert_true(MODEST(DW_CFA_register, 3, 4, DW_CFA_undefined, 16, DW_CFA_same_value, 3,
			   DW_CFA_GNU_args_size, 0x90, 1, DW_CFA_GNU_window_save));
	assert_true(modest("", 0));
}

/* A register number is an index of libdw's array. */
static void test_registers(void **state)
{
	assert_true(MODEST(DW_CFA_same_value, 0x80, 8));
	assert_false(MODEST(DW_CFA_same_value, 0x81, 8));
	assert_false(MODEST(DW_CFA_offset_extended, 0xff, 0xff, 0xff, 0x1d, 1));
	assert_false(MODEST(DW_CFA_register, 3, 0xff, 0xff, 0xff, 0x1d));
	assert_false(MODEST(DW_CFA_undefined, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			    0xff, 0xff, 1));
}

/* Each state that is remembered is a copy of that array. */
static void test_states(void **state)
{
	uint8_t program[1000];
	for (size_t i = 0; i < sizeof(program); i++)
		program[i] = i % 2 ? DW_CFA_restore_state : DW_CFA_remember_state;
	assert_true(modest(program, sizeof(program)));
	memset(program, DW_CFA_remember_state, sizeof(program));
	assert_false(modest(program, sizeof(program)));
}

/* Cut in the middle of an instruction, or none that is known. */
static void test_broken(void **state)
{
	assert_false(MODEST(DW_CFA_def_cfa, 7));
	assert_false(MODEST(DW_CFA_def_cfa, 0x87));
	assert_false(MODEST(DW_CFA_advance_loc4, 1, 0, 0));
	assert_false(MODEST(DW_CFA_def_cfa_expression, 3, DW_OP_breg7, 8));
	assert_false(MODEST(DW_CFA_expression, 3, 0xff, 0xff, 0xff, 0xff, 0x0f, DW_OP_lit0));
	assert_false(MODEST(0x3f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests_name("cfa_program", tests, NULL, NULL);
}
