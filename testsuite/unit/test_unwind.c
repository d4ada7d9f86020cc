/*
 * The unwinding step, without a process: rules, registers and a stack made by hand.
 */
#include "binary/unwind.h"

#include <dwarf.h>
#include <elf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "words.h"

/* A rule has the fields that its kind needs. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
	BASE = 0x7000,
	RAX = 0,
	RCX = 2,
	RBX = 3,
	RBP = 6,
	RSP = 7,
	R12 = 12,
	RIP = 16,
	X19 = 19,
	X30 = 30
};

static const uint64_t stack_words[] = {
	0x10,
	0x11,
	0x12,
	0x401234,
	BASE + 8,
	0x15,
	/* a return address with a signature in its upper bits */
	0x2a000000401238,
};
enum { WORDS = sizeof(stack_words) / sizeof(stack_words[0]) };

struct made {
	enum pw_step step;
	struct pw_step_result result;
};

static struct made step(const struct pw_abi *abi, const struct pw_row *row,
			const struct pw_regs *regs)
{
	struct words words = {BASE, stack_words, WORDS, 0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct made made;
	/* What is left over from before must not matter. */
	memset(&made, 0x5a, sizeof(made));
	made.step = pw_unwind_step(abi, row, regs, &memory, &made.result);
	return made;
}

static struct pw_regs regs_at(const struct pw_abi *abi, uint64_t sp)
{
	struct pw_regs regs = {.pc = 0x401000, .sp = sp, .thread_pointer = 0x99};
	pw_regs_set(&regs, abi->sp, sp);
	return regs;
}

static uint64_t known(const struct pw_regs *regs, unsigned n)
{
	uint64_t value = 0xdead;
	assert_true(pw_regs_get(regs, n, &value));
	return value;
}

static bool is_known(const struct pw_regs *regs, unsigned n)
{
	uint64_t value;
	return pw_regs_get(regs, n, &value);
}

/* The return address at CFA - 8, as every x86-64 function has it. */
static const struct pw_rule ra_at_cfa = {PW_RULE_AT_CFA, RIP, .offset = -8};

/* ---- rules ---- */

/* One rule for rbx beside that of the return address; CFA = BASE + 32. */
static struct made with_rule(struct pw_rule rule, const struct pw_op *ops,
			     const struct pw_regs *regs)
{
	struct pw_rule rules[] = {rule, ra_at_cfa};
	struct pw_row row = {
		.ra = RIP,
		.cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = 32},
		.rule_count = 2,
		.rules = rules,
		.ops = ops,
	};
	struct made made = step(&pw_abi_x86_64, &row, regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.cfa, BASE + 32);
	assert_int_equal(made.result.regs.pc, 0x401234);
	assert_int_equal(made.result.regs.sp, BASE + 32);
	assert_int_equal(known(&made.result.regs, RSP), BASE + 32);
	assert_int_equal(made.result.regs.thread_pointer, 0x99);
	return made;
}

static void test_rule_kinds(void **state)
{
	static const struct pw_op ops[] = {{DW_OP_nop}, {DW_OP_const1s, -24}, {DW_OP_plus}};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	pw_regs_set(&regs, RBX, 0xb);
	pw_regs_set(&regs, R12, 0xc);
	static const struct {
		struct pw_rule rule;
		uint64_t expected;
	} cases[] = {
		{{PW_RULE_SAME, RBX}, 0xb},
		{{PW_RULE_AT_CFA, RBX, .offset = -32}, 0x10},
		{{PW_RULE_AT_CFA, RBX, .offset = 8}, 0x15},
		{{PW_RULE_CFA_PLUS, RBX, .offset = -3}, BASE + 29},
		{{PW_RULE_REGISTER, RBX, .reg = R12, .offset = -1}, 0xb},
		{{PW_RULE_EXPRESSION, RBX, .first = 1, .length = 2}, BASE + 8},
		{{PW_RULE_AT_EXPR, RBX, .first = 1, .length = 2}, 0x11},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made = with_rule(cases[i].rule, ops, &regs);
		assert_int_equal(known(&made.result.regs, RBX), cases[i].expected);
	}
}

/* One register that cannot be had costs that register only. */
static void test_lost_registers(void **state)
{
	static const struct pw_op ops[] = {{DW_OP_drop}, {DW_OP_breg12, 0}, {DW_OP_breg7, -800}};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	pw_regs_set(&regs, RBX, 0xb);
	static const struct pw_rule cases[] = {
		{PW_RULE_UNDEFINED, RBX},
		{PW_RULE_AT_CFA, RBX, .offset = 4096},
		{PW_RULE_AT_CFA, RBX, .offset = INT64_MIN},
		{PW_RULE_REGISTER, RBX, .reg = R12},
		{PW_RULE_REGISTER, RBX, .reg = 200},
		{PW_RULE_EXPRESSION, RBX, .first = 0, .length = 1},
		{PW_RULE_EXPRESSION, RBX, .first = 1, .length = 1},
		{PW_RULE_AT_EXPR, RBX, .first = 1, .length = 1},
		{PW_RULE_AT_EXPR, RBX, .first = 2, .length = 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made = with_rule(cases[i], ops, &regs);
		assert_false(is_known(&made.result.regs, RBX));
	}
	/* One that was not known before. */
	regs.known &= ~(UINT64_C(1) << RBX);
	struct made made = with_rule((struct pw_rule){PW_RULE_SAME, RBX}, ops, &regs);
	assert_false(is_known(&made.result.regs, RBX));
}

static void test_no_rule(void **state)
{
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	for (unsigned n = 0; n < RIP; n++)
		if (n != RSP && n != R12)
			pw_regs_set(&regs, n, 100 + n);
	struct made made = with_rule((struct pw_rule){PW_RULE_SAME, 5}, NULL, &regs);
	for (unsigned n = 0; n < RIP; n++) {
		bool saved = n == RBX || n == RBP || (n > R12 && n < RIP);
		if (n == RSP)
			continue;
		assert_int_equal(is_known(&made.result.regs, n), saved || n == 5);
		if (saved || n == 5)
			assert_int_equal(known(&made.result.regs, n), 100 + n);
	}
}

/* All rules speak of the callee's registers, whatever their order. */
static void test_rules_swap(void **state)
{
	const struct pw_rule rules[] = {
		{PW_RULE_REGISTER, RBX, .reg = RBP},
		{PW_RULE_REGISTER, RBP, .reg = RBX},
		ra_at_cfa,
	};
	struct pw_row row = {.ra = RIP,
			     .cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = 32},
			     .rule_count = 3,
			     .rules = rules};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	pw_regs_set(&regs, RBX, 1);
	pw_regs_set(&regs, RBP, 2);
	struct made made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(known(&made.result.regs, RBX), 2);
	assert_int_equal(known(&made.result.regs, RBP), 1);
}

static void test_many_rules(void **state)
{
	struct pw_rule rules[PW_ROW_RULES_MAX];
	for (unsigned n = 0; n < PW_ROW_RULES_MAX; n++)
		rules[n] = (struct pw_rule){PW_RULE_CFA_PLUS, (uint8_t)n, .offset = n};
	rules[RIP] = ra_at_cfa;
	struct pw_row row = {.ra = RIP,
			     .cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = 32},
			     .rule_count = PW_ROW_RULES_MAX,
			     .rules = rules};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	struct made made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.sp, BASE + 32 + RSP);
	for (unsigned n = 0; n < PW_REGS_MAX; n++)
		assert_int_equal(known(&made.result.regs, n),
				 n == RIP ? 0x401234u : BASE + 32u + n);
}

/* ---- the CFA ---- */

static struct made with_cfa(struct pw_rule cfa, const struct pw_op *ops, uint64_t sp, bool signal)
{
	struct pw_row row = {.ra = RIP,
			     .cfa = cfa,
			     .rule_count = 1,
			     .rules = &ra_at_cfa,
			     .ops = ops,
			     .signal_frame = signal};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, sp);
	return step(&pw_abi_x86_64, &row, &regs);
}

static void test_cfa(void **state)
{
	static const struct pw_op ops[] = {
		{DW_OP_breg7, 32}, {DW_OP_deref},     {DW_OP_plus_uconst, 24},
		{DW_OP_breg6, 0},  {DW_OP_breg7, -8}, {DW_OP_deref},
		{DW_OP_drop},
	};
	struct made made = with_cfa((struct pw_rule){PW_RULE_EXPRESSION, .first = 0, .length = 3},
				    ops, BASE, false);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.cfa, BASE + 32);
	made = with_cfa((struct pw_rule){PW_RULE_EXPRESSION, .first = 3, .length = 1}, ops, BASE,
			false);
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, RBP);
	made = with_cfa((struct pw_rule){PW_RULE_EXPRESSION, .first = 4, .length = 2}, ops, BASE,
			false);
	assert_int_equal(made.step, PW_STEP_UNREADABLE);
	assert_int_equal(made.result.where, BASE - 8);
	made = with_cfa((struct pw_rule){PW_RULE_EXPRESSION, .first = 6, .length = 1}, ops, BASE,
			false);
	assert_int_equal(made.step, PW_STEP_CORRUPT);
	made = with_cfa((struct pw_rule){PW_RULE_REGISTER, .reg = RBP, .offset = 16}, NULL, BASE,
			false);
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, RBP);
	made = with_cfa((struct pw_rule){PW_RULE_UNDEFINED}, NULL, BASE, false);
	assert_int_equal(made.step, PW_STEP_CORRUPT);
}

/* A frame without room for its return address, or that goes down, is none. */
static void test_cfa_not_above(void **state)
{
	static const struct {
		uint64_t sp;
		int64_t offset;
		enum pw_step expected;
	} cases[] = {
		{BASE + 24, 8, PW_STEP_OK},
		{BASE + 24, 7, PW_STEP_CORRUPT},
		{BASE + 24, 0, PW_STEP_CORRUPT},
		{BASE + 24, -8, PW_STEP_CORRUPT},
		{BASE + 24, INT64_MIN, PW_STEP_UNREADABLE},
		{UINT64_MAX - 3, 8, PW_STEP_CORRUPT},
		{UINT64_MAX - 3, 2, PW_STEP_CORRUPT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pw_rule cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = cases[i].offset};
		struct made made = with_cfa(cfa, NULL, cases[i].sp, false);
		assert_int_equal(made.step, cases[i].expected);
		if (made.step == PW_STEP_CORRUPT)
			assert_int_equal(made.result.where,
					 cases[i].sp + (uint64_t)cases[i].offset);
	}
	/* A signal may be handled on another stack, above the one that it interrupted. */
	struct pw_rule down = {PW_RULE_REGISTER, .reg = RSP, .offset = -8};
	struct made made = with_cfa(down, NULL, BASE + 40, true);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.sp, BASE + 32);
}

static void test_explicit_sp(void **state)
{
	struct pw_rule rules[] = {{PW_RULE_AT_CFA, RSP, .offset = 0}, ra_at_cfa};
	struct pw_row row = {.ra = RIP,
			     .cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = 32},
			     .rule_count = 2,
			     .rules = rules};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	struct made made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.cfa, BASE + 32);
	assert_int_equal(made.result.regs.sp, BASE + 8);
	assert_int_equal(known(&made.result.regs, RSP), BASE + 8);
	/* It is the stack pointer that must go up; longjmp's CFA is a jmp_buf, which may be
	 * anywhere. */
	row.cfa.offset = -32;
	struct pw_rule saved_sp = {PW_RULE_REGISTER, RSP, .reg = RBX},
		       pc = {PW_RULE_REGISTER, RIP, .reg = R12};
	struct pw_rule registers[] = {saved_sp, pc};
	row.rules = registers;
	pw_regs_set(&regs, RBX, BASE + 80);
	pw_regs_set(&regs, R12, 0x405678);
	made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.sp, BASE + 80);
	assert_int_equal(made.result.regs.pc, 0x405678);
	row.cfa.offset = 32;
	for (int below = -8; below <= 0; below += 8) {
		pw_regs_set(&regs, RBX, (uint64_t)(BASE + below));
		made = step(&pw_abi_x86_64, &row, &regs);
		assert_int_equal(made.step, PW_STEP_CORRUPT);
		assert_int_equal(made.result.where, BASE + below);
	}
	row.rules = rules;
	rules[0].offset = 8000;
	made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, RSP);
}

/* ---- the return address ---- */

static struct made with_ra(struct pw_rule ra)
{
	struct pw_row row = {.ra = RIP,
			     .cfa = {PW_RULE_REGISTER, .reg = RSP, .offset = 32},
			     .rule_count = 1,
			     .rules = &ra};
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	pw_regs_set(&regs, R12, 0x405678);
	struct made made = step(&pw_abi_x86_64, &row, &regs);
	assert_int_equal(made.result.cfa, BASE + 32);
	return made;
}

static struct made aarch64_leaf(const struct pw_regs *regs, int64_t offset,
				const struct pw_rule *rules, uint8_t count, uint8_t ra)
{
	struct pw_row row = {.ra = ra,
			     .cfa = {PW_RULE_REGISTER, .reg = 31, .offset = offset},
			     .rule_count = count,
			     .rules = rules};
	return step(&pw_abi_aarch64, &row, regs);
}

static void test_return_address(void **state)
{
	struct made made = with_ra((struct pw_rule){PW_RULE_UNDEFINED, RIP});
	assert_int_equal(made.step, PW_STEP_BOTTOM);
	static const struct pw_rule lost[] = {{PW_RULE_UNDEFINED, X30}};
	struct pw_regs start = regs_at(&pw_abi_aarch64, BASE);
	assert_int_equal(aarch64_leaf(&start, 0, lost, 1, X30).step, PW_STEP_BOTTOM);
	made = with_ra((struct pw_rule){PW_RULE_AT_CFA, RIP, .offset = 800});
	assert_int_equal(made.step, PW_STEP_UNREADABLE);
	assert_int_equal(made.result.where, BASE + 832);
	made = with_ra((struct pw_rule){PW_RULE_REGISTER, RIP, .reg = R12, .offset = 0});
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.pc, 0x405678);
	made = with_ra((struct pw_rule){PW_RULE_REGISTER, RIP, .reg = RBP});
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, RBP);
	/* No rule, and a machine that has no such register. */
	made = with_ra((struct pw_rule){PW_RULE_SAME, RIP});
	assert_int_equal(made.step, PW_STEP_REGISTER);
	made = with_ra((struct pw_rule){PW_RULE_SAME, RBX});
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, RIP);
}

static void test_return_register(void **state)
{
	struct pw_regs regs = regs_at(&pw_abi_aarch64, BASE);
	pw_regs_set(&regs, X30, 0x2a000000401238);
	pw_regs_set(&regs, X19, 0x19);
	pw_regs_set(&regs, 0, 0);
	struct made made = aarch64_leaf(&regs, 0, NULL, 0, X30);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.pc, 0x401238);
	assert_int_equal(made.result.regs.sp, BASE);
	assert_int_equal(known(&made.result.regs, X19), 0x19);
	assert_false(is_known(&made.result.regs, 0));
	/* Who called has called: its own return address is not in the register any more. */
	made = aarch64_leaf(&made.result.regs, 0, NULL, 0, X30);
	assert_int_equal(made.step, PW_STEP_REGISTER);
	assert_int_equal(made.result.where, X30);

	static const struct pw_rule saved[] = {{PW_RULE_AT_CFA, X30, .offset = -8}};
	regs = regs_at(&pw_abi_aarch64, BASE);
	made = aarch64_leaf(&regs, 56, saved, 1, X30);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.pc, 0x401238);
	made = aarch64_leaf(&regs, -8, NULL, 0, X30);
	assert_int_equal(made.step, PW_STEP_CORRUPT);
}

/* Frames of no size, as a hostile table may describe them, would follow each other for ever. */
static void test_return_register_cycle(void **state)
{
	struct pw_regs regs = regs_at(&pw_abi_aarch64, BASE + 32);
	pw_regs_set(&regs, X19, 0x401000);
	pw_regs_set(&regs, X30, 0x401000);
	static const struct pw_rule from_memory[] = {{PW_RULE_AT_CFA, X30, .offset = -8}};
	assert_int_equal(aarch64_leaf(&regs, 0, from_memory, 1, X30).step, PW_STEP_CORRUPT);
	static const struct pw_rule from_register[] = {{PW_RULE_REGISTER, X30, .reg = X19}};
	assert_int_equal(aarch64_leaf(&regs, 0, from_register, 1, X30).step, PW_STEP_CORRUPT);
	assert_int_equal(aarch64_leaf(&regs, 0, NULL, 0, X19).step, PW_STEP_CORRUPT);
	static const struct pw_rule same[] = {{PW_RULE_SAME, X30}};
	assert_int_equal(aarch64_leaf(&regs, 0, same, 1, X30).step, PW_STEP_CORRUPT);
}

/* Taken from the stack already, as libgcc does before it jumps to who handles an exception. */
static void test_return_register_taken(void **state)
{
	static const uint8_t registers[] = {RCX, RBX, RSP};
	static const enum pw_step expected[] = {PW_STEP_OK, PW_STEP_CORRUPT, PW_STEP_CORRUPT};
	for (size_t i = 0; i < sizeof(registers); i++) {
		struct pw_rule ra = {PW_RULE_REGISTER, RIP, .reg = registers[i]};
		struct pw_row row = {.ra = RIP,
				     .cfa = {PW_RULE_REGISTER, .reg = RSP},
				     .rule_count = 1,
				     .rules = &ra};
		struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
		if (registers[i] != RSP)
			pw_regs_set(&regs, registers[i], 0x405678);
		struct made made = step(&pw_abi_x86_64, &row, &regs);
		assert_int_equal(made.step, expected[i]);
		if (made.step != PW_STEP_OK)
			continue;
		assert_int_equal(made.result.regs.pc, 0x405678);
		/* Who is jumped to has not got it: no second such frame. */
		made = step(&pw_abi_x86_64, &row, &made.result.regs);
		assert_int_equal(made.step, PW_STEP_REGISTER);
		assert_int_equal(made.result.where, RCX);
		struct pw_rule again[] = {ra, {PW_RULE_SAME, RCX}};
		row.rules = again;
		row.rule_count = 2;
		made = step(&pw_abi_x86_64, &row, &regs);
		assert_false(is_known(&made.result.regs, RCX));
		row.cfa.offset = -8;
		assert_int_equal(step(&pw_abi_x86_64, &row, &regs).step, PW_STEP_CORRUPT);
	}
}

/* ---- the frame record ---- */

static struct made record(const struct pw_abi *abi, const struct pw_regs *regs)
{
	struct words words = {BASE, stack_words, WORDS, 0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct made made;
	memset(&made, 0x5a, sizeof(made));
	made.step = pw_unwind_record(abi, regs, &memory, &made.result);
	return made;
}

static void test_record(void **state)
{
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	assert_int_equal(record(&pw_abi_x86_64, &regs).step, PW_STEP_REGISTER);
	assert_int_equal(record(&pw_abi_x86_64, &regs).result.where, RBP);
	pw_regs_set(&regs, RBX, 0xb);
	pw_regs_set(&regs, RBP, BASE + 16);
	struct made made = record(&pw_abi_x86_64, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.cfa, BASE + 32);
	assert_int_equal(made.result.regs.pc, 0x401234);
	assert_int_equal(made.result.regs.sp, BASE + 32);
	assert_int_equal(made.result.regs.thread_pointer, 0x99);
	assert_int_equal(known(&made.result.regs, RBP), 0x12);
	assert_int_equal(known(&made.result.regs, RSP), BASE + 32);
	assert_false(is_known(&made.result.regs, RBX));

	static const struct {
		uint64_t fp;
		enum pw_step step;
		uint64_t where;
	} bad[] = {
		{BASE - 8, PW_STEP_CORRUPT, BASE + 8},
		{BASE + 4, PW_STEP_CORRUPT, BASE + 20},
		{UINT64_MAX - 7, PW_STEP_CORRUPT, 8},
		{BASE + 8 * WORDS - 8, PW_STEP_UNREADABLE, BASE + 8 * WORDS},
		{0x100000, PW_STEP_UNREADABLE, 0x100008},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pw_regs_set(&regs, RBP, bad[i].fp);
		made = record(&pw_abi_x86_64, &regs);
		assert_int_equal(made.step, bad[i].step);
		assert_int_equal(made.result.where, bad[i].where);
	}
	/* The return address is there, the frame pointer is not. */
	regs = regs_at(&pw_abi_x86_64, BASE - 16);
	pw_regs_set(&regs, RBP, BASE - 8);
	made = record(&pw_abi_x86_64, &regs);
	assert_int_equal(made.step, PW_STEP_UNREADABLE);
	assert_int_equal(made.result.where, BASE - 8);
}

/* There the record is the lowest part of a frame: who is returned to has its stack further up. */
static void test_record_aarch64(void **state)
{
	struct pw_regs regs = regs_at(&pw_abi_aarch64, BASE);
	pw_regs_set(&regs, 29, BASE + 40);
	struct made made = record(&pw_abi_aarch64, &regs);
	assert_int_equal(made.step, PW_STEP_OK);
	assert_int_equal(made.result.regs.pc, 0x401238);
	assert_int_equal(known(&made.result.regs, 29), 0x15);
	assert_int_equal(made.result.regs.sp, BASE + 56);
	assert_false(is_known(&made.result.regs, 31));
}

/* ---- the signal trampoline ---- */

#ifdef __x86_64__
/* As the C library describes what the kernel leaves on the stack. */
static void test_sigreturn(void **state)
{
	static const int greg[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
				   REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
				   REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	ucontext_t context = {0};
	for (unsigned n = 0; n <= RIP; n++)
		context.uc_mcontext.gregs[greg[n]] = 0x1000 + n;
	struct words words = {BASE, (const uint64_t *)(const void *)&context, sizeof(context) / 8,
			      0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = regs_at(&pw_abi_x86_64, BASE);
	struct made made;
	made.step = pw_unwind_sigreturn(&pw_abi_x86_64, &regs, &memory, &made.result);
	assert_int_equal(made.step, PW_STEP_OK);
	for (unsigned n = 0; n <= RIP; n++)
		assert_int_equal(known(&made.result.regs, n), 0x1000 + n);
	assert_int_equal(made.result.regs.pc, 0x1000 + RIP);
	assert_int_equal(made.result.regs.sp, 0x1000 + RSP);
	assert_int_equal(made.result.regs.thread_pointer, 0x99);

	words.count = offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) / 8;
	made.step = pw_unwind_sigreturn(&pw_abi_x86_64, &regs, &memory, &made.result);
	assert_int_equal(made.step, PW_STEP_UNREADABLE);
	assert_int_equal(made.result.where,
			 BASE + offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]));
}
#else
static void test_sigreturn(void **state)
{
	skip();
}
#endif

static void test_registers(void **state)
{
	struct pw_regs regs = {0};
	uint64_t value;
	pw_regs_set(&regs, PW_REGS_MAX, 1);
	pw_regs_set(&regs, UINT32_MAX, 1);
	assert_int_equal(regs.known, 0);
	assert_false(pw_regs_get(&regs, PW_REGS_MAX, &value));
	assert_false(pw_regs_get(&regs, UINT32_MAX, &value));
	pw_regs_set(&regs, PW_REGS_MAX - 1, 5);
	assert_int_equal(known(&regs, PW_REGS_MAX - 1), 5);
	assert_ptr_equal(pw_abi_by_machine(EM_X86_64), &pw_abi_x86_64);
	assert_ptr_equal(pw_abi_by_machine(EM_AARCH64), &pw_abi_aarch64);
	assert_null(pw_abi_by_machine(EM_SPARC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_kinds),
		cmocka_unit_test(test_lost_registers),
		cmocka_unit_test(test_no_rule),
		cmocka_unit_test(test_rules_swap),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_cfa),
		cmocka_unit_test(test_cfa_not_above),
		cmocka_unit_test(test_explicit_sp),
		cmocka_unit_test(test_return_address),
		cmocka_unit_test(test_return_register),
		cmocka_unit_test(test_return_register_cycle),
		cmocka_unit_test(test_return_register_taken),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_aarch64),
		cmocka_unit_test(test_sigreturn),
		cmocka_unit_test(test_registers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
