/*
 * DWARF expressions: every operation that call-frame information may use, by the values that DWARF
 * 5, section 2.5 gives; then what hostile ones do.
 */
#include "binary/expression.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "words.h"

/* Most operations have no numbers. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum { BASE = 0x7000, STACK_MAX = 64 };

static const uint64_t stack_words[] = {0x1122334455667788, 0xfedcba9876543210, BASE};
static const uint64_t minimum = UINT64_C(1) << 63;
static const uint64_t initial_value = 0xabcd;

static struct pw_regs some_regs(void)
{
	struct pw_regs regs = {0};
	for (unsigned n = 0; n < PW_REGS_MAX; n++)
		if (n != 9)
			pw_regs_set(&regs, n, 1000 + n);
	pw_regs_set(&regs, 7, BASE);
	return regs;
}

static enum pw_step run(const struct pw_op *ops, size_t count, const uint64_t *initial,
			uint64_t *ret, uint64_t *where)
{
	struct words words = {BASE, stack_words, 3, 0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = some_regs();
	return pw_expression(ops, count, initial, &regs, &memory, ret, where);
}

#define OPS(...)                                                                                   \
	(const struct pw_op[]){__VA_ARGS__},                                                       \
		sizeof((const struct pw_op[]){__VA_ARGS__}) / sizeof(struct pw_op)

static void expect_(const struct pw_op *ops, size_t count, uint64_t expected, int line)
{
	uint64_t value = ~expected, where = 0;
	enum pw_step step = run(ops, count, &initial_value, &value, &where);
	if (step != PW_STEP_OK || value != expected)
		print_error("line %d: step %d, 0x%llx instead of 0x%llx\n", line, (int)step,
			    (unsigned long long)value, (unsigned long long)expected);
	assert_int_equal(step, PW_STEP_OK);
	assert_int_equal(value, expected);
}

static void refuse_(const struct pw_op *ops, size_t count, const uint64_t *initial,
		    enum pw_step expected, uint64_t expected_where, int line)
{
	uint64_t value, where = 0;
	enum pw_step step = run(ops, count, initial, &value, &where);
	if (step != expected)
		print_error("line %d: step %d\n", line, (int)step);
	assert_int_equal(step, expected);
	if (expected != PW_STEP_CORRUPT)
		assert_int_equal(where, expected_where);
}

#define EXPECT(expected, ...) expect_(OPS(__VA_ARGS__), expected, __LINE__)
#define CORRUPT(...)	      refuse_(OPS(__VA_ARGS__), NULL, PW_STEP_CORRUPT, 0, __LINE__)

/* Two constants and an operation on them. */
static void expect_binary_(uint8_t atom, uint64_t a, uint64_t b, uint64_t expected, int line)
{
	expect_(OPS({DW_OP_const8u, (int64_t)a}, {DW_OP_const8u, (int64_t)b}, {atom}), expected,
		line);
}
#define BINARY(atom, a, b, expected) expect_binary_(atom, a, b, expected, __LINE__)

static void test_constants(void **state)
{
	for (uint8_t i = 0; i < 32; i++)
		EXPECT(i, {(uint8_t)(DW_OP_lit0 + i)});
	static const uint8_t atoms[] = {DW_OP_const1u, DW_OP_const1s, DW_OP_const2u, DW_OP_const2s,
					DW_OP_const4u, DW_OP_const4s, DW_OP_const8u, DW_OP_const8s,
					DW_OP_constu,  DW_OP_consts};
	for (size_t i = 0; i < sizeof(atoms); i++)
		EXPECT((uint64_t)-5, {atoms[i], -5});
}

static void test_registers(void **state)
{
	for (uint8_t n = 0; n < 32; n++)
		if (n != 7 && n != 9)
			EXPECT(1000u + n - 3, {(uint8_t)(DW_OP_breg0 + n), -3});
	EXPECT(1033 + 4, {DW_OP_bregx, 33, 4});
	EXPECT(0, {DW_OP_breg1, -1001});
	refuse_(OPS({DW_OP_breg9, 8}), NULL, PW_STEP_REGISTER, 9, __LINE__);
	refuse_(OPS({DW_OP_bregx, 9, 8}), NULL, PW_STEP_REGISTER, 9, __LINE__);
	refuse_(OPS({DW_OP_bregx, PW_REGS_MAX}), NULL, PW_STEP_REGISTER, PW_REGS_MAX, __LINE__);
	refuse_(OPS({DW_OP_bregx, 65}), NULL, PW_STEP_REGISTER, 65, __LINE__);
	refuse_(OPS({DW_OP_bregx, (INT64_C(1) << 32) + 1}), NULL, PW_STEP_REGISTER,
		(UINT64_C(1) << 32) + 1, __LINE__);
	refuse_(OPS({DW_OP_bregx, -1}), NULL, PW_STEP_REGISTER, UINT64_MAX, __LINE__);
}

static void test_memory(void **state)
{
	EXPECT(stack_words[0], {DW_OP_breg7}, {DW_OP_deref});
	EXPECT(stack_words[1], {DW_OP_breg7, 8}, {DW_OP_deref});
	EXPECT(stack_words[0], {DW_OP_breg7, 16}, {DW_OP_deref}, {DW_OP_deref});
	EXPECT(0x88, {DW_OP_breg7}, {DW_OP_deref_size, 1});
	EXPECT(0x7788, {DW_OP_breg7}, {DW_OP_deref_size, 2});
	EXPECT(0x55667788, {DW_OP_breg7}, {DW_OP_deref_size, 4});
	EXPECT(0x22334455667788, {DW_OP_breg7}, {DW_OP_deref_size, 7});
	EXPECT(stack_words[0], {DW_OP_breg7}, {DW_OP_deref_size, 8});
	refuse_(OPS({DW_OP_breg7, 24}, {DW_OP_deref}), NULL, PW_STEP_UNREADABLE, BASE + 24,
		__LINE__);
	refuse_(OPS({DW_OP_breg7, -8}, {DW_OP_deref_size, 4}), NULL, PW_STEP_UNREADABLE, BASE - 8,
		__LINE__);
	CORRUPT({DW_OP_breg7}, {DW_OP_deref_size, 0});
	CORRUPT({DW_OP_breg7}, {DW_OP_deref_size, 9});
	CORRUPT({DW_OP_breg7}, {DW_OP_deref_size, -1});
}

static void test_stack(void **state)
{
	EXPECT(initial_value, {DW_OP_nop});
	EXPECT(initial_value + 7, {DW_OP_plus_uconst, 7});
	EXPECT(10, {DW_OP_lit5}, {DW_OP_dup}, {DW_OP_plus});
	EXPECT(5, {DW_OP_lit5}, {DW_OP_lit6}, {DW_OP_drop});
	EXPECT(initial_value, {DW_OP_lit5}, {DW_OP_over});
	EXPECT(3, {DW_OP_lit2}, {DW_OP_lit5}, {DW_OP_swap}, {DW_OP_minus});
	EXPECT(1, {DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {DW_OP_pick, 2});
	EXPECT(3, {DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {DW_OP_pick, 0});
	/* rot: the first becomes the third, the second the first, the third the second. */
	EXPECT(2, {DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {DW_OP_rot});
	EXPECT(1, {DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {DW_OP_rot}, {DW_OP_drop});
	EXPECT(3, {DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {DW_OP_rot}, {DW_OP_drop},
	       {DW_OP_drop});
}

static void test_arithmetic(void **state)
{
	EXPECT(5, {DW_OP_const1s, -5}, {DW_OP_abs});
	EXPECT(5, {DW_OP_lit5}, {DW_OP_abs});
	EXPECT(minimum, {DW_OP_const8s, INT64_MIN}, {DW_OP_abs});
	EXPECT((uint64_t)-5, {DW_OP_lit5}, {DW_OP_neg});
	EXPECT(minimum, {DW_OP_const8s, INT64_MIN}, {DW_OP_neg});
	EXPECT(~UINT64_C(5), {DW_OP_lit5}, {DW_OP_not});
	EXPECT(4, {DW_OP_const1s, -1}, {DW_OP_plus_uconst, 5});
	BINARY(DW_OP_and, 12, 10, 8);
	BINARY(DW_OP_or, 12, 10, 14);
	BINARY(DW_OP_xor, 12, 10, 6);
	BINARY(DW_OP_plus, UINT64_MAX, 3, 2);
	BINARY(DW_OP_minus, 3, 5, (uint64_t)-2);
	BINARY(DW_OP_mul, 7, (uint64_t)-3, (uint64_t)-21);
	BINARY(DW_OP_mul, minimum, 2, 0);
	BINARY(DW_OP_div, (uint64_t)-7, 2, (uint64_t)-3);
	BINARY(DW_OP_div, 7, (uint64_t)-2, (uint64_t)-3);
	BINARY(DW_OP_mod, 7, 4, 3);
	BINARY(DW_OP_mod, UINT64_MAX, 10, 5);
	BINARY(DW_OP_shl, 3, 4, 48);
	BINARY(DW_OP_shl, 3, 64, 0);
	BINARY(DW_OP_shl, 3, UINT64_MAX, 0);
	BINARY(DW_OP_shr, minimum, 63, 1);
	BINARY(DW_OP_shr, minimum, 64, 0);
	BINARY(DW_OP_shra, (uint64_t)-8, 1, (uint64_t)-4);
	BINARY(DW_OP_shra, (uint64_t)-8, 200, UINT64_MAX);
	BINARY(DW_OP_shra, (uint64_t)-8, 64, UINT64_MAX);
	BINARY(DW_OP_shra, 8, 200, 0);
	CORRUPT({DW_OP_lit1}, {DW_OP_lit0}, {DW_OP_div});
	CORRUPT({DW_OP_lit1}, {DW_OP_lit0}, {DW_OP_mod});
	CORRUPT({DW_OP_const8s, INT64_MIN}, {DW_OP_const1s, -1}, {DW_OP_div});
}

static void test_comparisons(void **state)
{
	/* Signed: -1 is less than 1. */
	static const struct {
		uint8_t atom, less, equal, greater;
	} cases[] = {
		{DW_OP_eq, 0, 1, 0}, {DW_OP_ne, 1, 0, 1}, {DW_OP_lt, 1, 0, 0},
		{DW_OP_le, 1, 1, 0}, {DW_OP_gt, 0, 0, 1}, {DW_OP_ge, 0, 1, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BINARY(cases[i].atom, UINT64_MAX, 1, cases[i].less);
		BINARY(cases[i].atom, 7, 7, cases[i].equal);
		BINARY(cases[i].atom, 1, UINT64_MAX, cases[i].greater);
	}
}

/* What the linker's .eh_frame of a procedure linkage table says: CFA = rsp + 8, and 8 more when the
 * pc is at or behind the push, the eleventh byte of each entry of sixteen. */
static void test_plt(void **state)
{
	static const struct pw_op ops[] = {
		{DW_OP_breg7, 8}, {DW_OP_breg16, 0}, {DW_OP_lit15}, {DW_OP_and},  {DW_OP_lit11},
		{DW_OP_ge},	  {DW_OP_lit3},	     {DW_OP_shl},   {DW_OP_plus},
	};
	for (unsigned at = 0; at < 16; at++) {
		struct pw_regs regs = {0};
		struct words words = {0};
		struct pw_unwind_memory memory = words_memory(&words);
		uint64_t cfa, where;
		pw_regs_set(&regs, 7, BASE);
		pw_regs_set(&regs, 16, 0x401020 + at);
		assert_int_equal(pw_expression(ops, 9, NULL, &regs, &memory, &cfa, &where),
				 PW_STEP_OK);
		assert_int_equal(cfa, BASE + 8 + (at >= 11 ? 8 : 0));
	}
}

static void test_jumps(void **state)
{
	EXPECT(1, {DW_OP_lit1}, {DW_OP_skip, .jump = 3}, {DW_OP_lit2});
	EXPECT(2, {DW_OP_lit1}, {DW_OP_lit1}, {DW_OP_bra, .jump = 4}, {DW_OP_lit9}, {DW_OP_lit2});
	EXPECT(1, {DW_OP_lit1}, {DW_OP_lit1}, {DW_OP_bra, .jump = 5}, {DW_OP_lit9}, {DW_OP_lit2});
	EXPECT(2, {DW_OP_lit1}, {DW_OP_lit0}, {DW_OP_bra, .jump = 5}, {DW_OP_lit9}, {DW_OP_lit2});
	/* Back, and out again: 10 + 9 + ... + 1. */
	EXPECT(55, {DW_OP_lit0}, {DW_OP_lit10}, {DW_OP_swap}, {DW_OP_over}, {DW_OP_plus},
	       {DW_OP_swap}, {DW_OP_lit1}, {DW_OP_minus}, {DW_OP_dup}, {DW_OP_bra, .jump = 2},
	       {DW_OP_drop});
	EXPECT(initial_value, {DW_OP_skip, .jump = 1});
	/* Behind the end. */
	CORRUPT({DW_OP_lit1}, {DW_OP_skip, .jump = 3});
	CORRUPT({DW_OP_lit1}, {DW_OP_skip, .jump = UINT32_MAX});
	CORRUPT({DW_OP_bra, .jump = 1});
	/* For ever. */
	CORRUPT({DW_OP_skip, .jump = 0});
	CORRUPT({DW_OP_lit1}, {DW_OP_bra, .jump = 0});
	CORRUPT({DW_OP_lit1}, {DW_OP_drop}, {DW_OP_skip, .jump = 0});
}

static void test_too_little(void **state)
{
	static const uint8_t unary[] = {DW_OP_dup, DW_OP_drop, DW_OP_deref,	 DW_OP_abs,
					DW_OP_neg, DW_OP_not,  DW_OP_plus_uconst};
	static const uint8_t binary[] = {
		DW_OP_over, DW_OP_swap, DW_OP_and, DW_OP_or,  DW_OP_xor, DW_OP_plus, DW_OP_minus,
		DW_OP_mul,  DW_OP_div,	DW_OP_mod, DW_OP_shl, DW_OP_shr, DW_OP_shra, DW_OP_eq,
		DW_OP_ne,   DW_OP_lt,	DW_OP_le,  DW_OP_gt,  DW_OP_ge,
	};
	for (size_t i = 0; i < sizeof(unary); i++)
		CORRUPT({unary[i], 4});
	for (size_t i = 0; i < sizeof(binary); i++) {
		CORRUPT({binary[i]});
		CORRUPT({DW_OP_lit1}, {binary[i]});
	}
	CORRUPT({DW_OP_deref_size, 4});
	CORRUPT({DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_rot});
	CORRUPT({DW_OP_lit1}, {DW_OP_pick, 1});
	CORRUPT({DW_OP_lit1}, {DW_OP_pick, 255});
	CORRUPT({DW_OP_lit1}, {DW_OP_drop});
	CORRUPT({DW_OP_nop});
	uint64_t value, where;
	assert_int_equal(run(NULL, 0, NULL, &value, &where), PW_STEP_CORRUPT);
	assert_int_equal(run(NULL, 0, &initial_value, &value, &where), PW_STEP_OK);
	assert_int_equal(value, initial_value);
}

static void test_too_much(void **state)
{
	struct pw_op ops[300];
	uint64_t value, where;
	for (size_t i = 0; i < 300; i++)
		ops[i] = (struct pw_op){DW_OP_lit3};
	assert_int_equal(run(ops, STACK_MAX, NULL, &value, &where), PW_STEP_OK);
	assert_int_equal(run(ops, STACK_MAX + 1, NULL, &value, &where), PW_STEP_CORRUPT);
	assert_int_equal(run(ops, STACK_MAX, &initial_value, &value, &where), PW_STEP_CORRUPT);
	ops[STACK_MAX].atom = DW_OP_dup;
	assert_int_equal(run(ops, STACK_MAX + 1, NULL, &value, &where), PW_STEP_CORRUPT);
	ops[STACK_MAX].atom = DW_OP_over;
	assert_int_equal(run(ops, STACK_MAX + 1, NULL, &value, &where), PW_STEP_CORRUPT);
	/* As many operations as there are. */
	for (size_t i = 0; i < 300; i++)
		ops[i] = (struct pw_op){DW_OP_plus_uconst, 1};
	assert_int_equal(run(ops, 300, &initial_value, &value, &where), PW_STEP_OK);
	assert_int_equal(value, initial_value + 300);
}

/* Operations that call-frame information must not use, and numbers that are none. */
static void test_unknown(void **state)
{
	for (unsigned atom = 0; atom < 256; atom++) {
		static const uint8_t known[][2] = {
			{DW_OP_deref, DW_OP_deref},    {DW_OP_const1u, DW_OP_over},
			{DW_OP_pick, DW_OP_rot},       {DW_OP_abs, DW_OP_lit31},
			{DW_OP_breg0, DW_OP_breg31},   {DW_OP_bregx, DW_OP_bregx},
			{DW_OP_deref_size, DW_OP_nop},
		};
		bool is_known = false;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= atom >= known[i][0] && atom <= known[i][1];
		if (is_known && atom != DW_OP_xderef_size)
			continue;
		CORRUPT({DW_OP_lit1}, {DW_OP_lit2}, {DW_OP_lit3}, {(uint8_t)atom, 1});
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constants),  cmocka_unit_test(test_registers),
		cmocka_unit_test(test_memory),	   cmocka_unit_test(test_stack),
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_plt),	   cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_too_little), cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
