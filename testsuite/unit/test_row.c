/*
 * Rows of call-frame information that is assembled here: what they lead to when a step applies
 * them, and what is too much for them.
 */
#include <dwarf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "rows.h"
#include "words.h"

enum { STACK = 0x7000 };

/* The bytes of an expression, as an operand of .cfi_escape. */
static void escape(char *to, size_t size, const char *head, const uint8_t *bytes, size_t count)
{
	size_t at = (size_t)snprintf(to, size, "nop\n.cfi_escape %s", head);
	/* Its length, ULEB128. */
	at += (size_t)snprintf(to + at, size - at, ", %zu", (count & 0x7f) | 0x80);
	at += (size_t)snprintf(to + at, size - at, ", %zu", count >> 7);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(to + at, size - at, ", %u", bytes[i]);
	snprintf(to + at, size - at, "\nnop\n");
}

/* What the function's caller has in rbx when this is the expression for it; false: nothing. */
static bool caller_rbx(const char *head, const uint8_t *bytes, size_t count, uint64_t *ret)
{
	static const uint64_t stack[] = {0xabc, 0xdef, 0x401000};
	struct words words = {STACK, stack, 3, 0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = {.sp = STACK};
	struct pw_step_result result;
	struct cfi_file file;
	char text[4096];
	pw_regs_set(&regs, 7, STACK);
	pw_regs_set(&regs, 3, 0x33);
	escape(text, sizeof(text), head, bytes, count);
	char body[4200];
	snprintf(body, sizeof(body), ".cfi_def_cfa_offset 24\n%s", text);
	cfi_open(&file, assemble(body, ""));
	struct pw_row *row = cfi_row(&file, TEXT + 1, 0);
	assert_non_null(row);
	assert_int_equal(pw_unwind_step(file.abi, row, &regs, &memory, &result), PW_STEP_OK);
	assert_int_equal(result.cfa, STACK + 24);
	assert_int_equal(result.regs.pc, 0x401000);
	free(row);
	cfi_close(&file);
	return pw_regs_get(&result.regs, 3, ret);
}

#define VALUE	 "0x16, 3" /* DW_CFA_val_expression of rbx */
#define LOCATION "0x10, 3" /* DW_CFA_expression */

static void expect_rbx(const char *head, const uint8_t *bytes, size_t count, uint64_t expected)
{
	uint64_t value = 0;
	assert_true(caller_rbx(head, bytes, count, &value));
	assert_int_equal(value, expected);
}

static void test_roles(void **state)
{
	need_x86_64();
	struct cfi_file file;
	cfi_open(&file, assemble(".cfi_signal_frame\n.cfi_undefined %rip\nnop\n", ""));
	struct pw_row *row = cfi_row(&file, TEXT, 0x5000);
	assert_non_null(row);
	assert_true(row->signal_frame);
	assert_int_equal(row->ra, 16);
	assert_int_equal(row->start, 0x5000 + TEXT);
	assert_int_equal(row->end, 0x5000 + TEXT + 1);
	struct words words = {0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = {.sp = STACK};
	struct pw_step_result result;
	pw_regs_set(&regs, 7, STACK);
	assert_int_equal(pw_unwind_step(file.abi, row, &regs, &memory, &result), PW_STEP_BOTTOM);
	assert_int_equal(words.reads, 0);
	free(row);
	cfi_close(&file);

	cfi_open(&file, assemble("nop\n", ""));
	row = cfi_row(&file, TEXT, 0);
	assert_false(row->signal_frame);
	assert_null(cfi_row(&file, TEXT + 1, 0));
	assert_null(cfi_row(&file, TEXT - 1, 0));
	free(row);
	cfi_close(&file);
}

/* Registers of which nothing is said: those that calls preserve are the same, the others lost. */
static void test_unspoken(void **state)
{
	need_x86_64();
	static const uint64_t stack[] = {0x401000};
	struct words words = {STACK, stack, 1, 0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = {.sp = STACK};
	struct pw_step_result result;
	struct cfi_file file;
	for (unsigned n = 0; n < 17; n++)
		pw_regs_set(&regs, n, n == 7 ? STACK : n + 1);
	cfi_open(&file, assemble(".cfi_undefined %r12\n.cfi_same_value %rdi\nnop\n", ""));
	struct pw_row *row = cfi_row(&file, TEXT, 0);
	assert_non_null(row);
	assert_int_equal(pw_unwind_step(file.abi, row, &regs, &memory, &result), PW_STEP_OK);
	free(row);
	cfi_close(&file);
	/* rbx, rdi as it was told, rbp, rsp, r13 to r15, rip */
	uint64_t expected =
		1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16;
	assert_int_equal(result.regs.known, expected);
	assert_int_equal(result.regs.value[3], 4);
	assert_int_equal(result.regs.value[5], 6);
}

static void test_expressions(void **state)
{
	need_x86_64();
	const uint8_t plus8[] = {DW_OP_plus_uconst, 8};
	expect_rbx(VALUE, plus8, 2, STACK + 32);
	const uint8_t minus16[] = {DW_OP_lit16, DW_OP_minus};
	expect_rbx(VALUE, minus16, 2, STACK + 8);
	expect_rbx(LOCATION, minus16, 2, 0xdef);
	const uint8_t consts[] = {
		DW_OP_const1s,
		0xfe,
		DW_OP_const1u,
		0xfe,
		DW_OP_plus,
		DW_OP_const2s,
		0,
		0x80,
		DW_OP_plus,
		DW_OP_const2u,
		0,
		0x80,
		DW_OP_plus,
		DW_OP_const4s,
		0xfd,
		0xff,
		0xff,
		0xff,
		DW_OP_plus,
		DW_OP_const8u,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		1,
		DW_OP_plus,
		DW_OP_consts,
		0x7d,
		DW_OP_plus,
		DW_OP_constu,
		0x80,
		1,
		DW_OP_plus,
		DW_OP_bregx,
		3,
		0x7f,
		DW_OP_plus,
	};
	/* -2 + 254 - 32768 + 32768 - 3 + (2^56 + 1) - 3 + 128 + (0x33 - 1) */
	expect_rbx(VALUE, consts, sizeof(consts),
		   (UINT64_C(1) << 56) + 1 - 2 + 254 - 3 - 3 + 128 + 0x32);
	const uint8_t pick[] = {DW_OP_lit5,  DW_OP_lit6, DW_OP_pick,	   1,
				DW_OP_breg7, 0,		 DW_OP_deref_size, 1};
	expect_rbx(VALUE, pick, 6, STACK);
	expect_rbx(VALUE, pick, 4, 5);
	expect_rbx(VALUE, pick, 8, 0xbc);
}

static void test_jumps(void **state)
{
	need_x86_64();
	uint64_t value = 0;
	uint8_t skip_one[] = {DW_OP_lit1, DW_OP_skip, 1, 0, DW_OP_lit2, DW_OP_lit3};
	expect_rbx(VALUE, skip_one, 6, 3);
	uint8_t to_end[] = {DW_OP_lit1, DW_OP_skip, 2, 0, DW_OP_lit2, DW_OP_lit3};
	expect_rbx(VALUE, to_end, 6, 1);
	/* 5, counted down to 0. */
	uint8_t loop[] = {DW_OP_lit5, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff};
	expect_rbx(VALUE, loop, 7, 0);
	/* For ever; before the beginning; into an operation. */
	uint8_t for_ever[] = {DW_OP_lit1, DW_OP_skip, 0xfd, 0xff};
	assert_false(caller_rbx(VALUE, for_ever, 4, &value));
	uint8_t before[] = {DW_OP_lit1, DW_OP_skip, 0xf0, 0xff};
	assert_false(caller_rbx(VALUE, before, 4, &value));
	uint8_t inside[] = {DW_OP_lit1, DW_OP_skip, 2, 0, DW_OP_const2u, 1, 2, DW_OP_nop};
	assert_false(caller_rbx(VALUE, inside, 8, &value));
	assert_false(caller_rbx(LOCATION, inside, 8, &value));
}

/* As many operations as a row keeps, and more. */
static void test_long_expressions(void **state)
{
	need_x86_64();
	uint8_t nops[PW_ROW_OPS_MAX + 1];
	uint64_t value = 0;
	memset(nops, DW_OP_nop, sizeof(nops));
	expect_rbx(VALUE, nops, PW_ROW_OPS_MAX, STACK + 24);
	assert_false(caller_rbx(VALUE, nops, PW_ROW_OPS_MAX + 1, &value));

	/* The CFA's own. */
	nops[0] = DW_OP_breg7;
	nops[1] = 0;
	struct cfi_file file;
	char text[4096];
	escape(text, sizeof(text), "0x0f", nops, PW_ROW_OPS_MAX + 1);
	cfi_open(&file, assemble(text, ""));
	struct pw_row *row = cfi_row(&file, TEXT + 1, 0);
	assert_non_null(row);
	assert_int_equal(row->cfa.length, PW_ROW_OPS_MAX);
	free(row);
	cfi_close(&file);
	uint8_t more[PW_ROW_OPS_MAX + 2];
	memset(more, DW_OP_nop, sizeof(more));
	memcpy(more, nops, 2);
	escape(text, sizeof(text), "0x0f", more, sizeof(more));
	cfi_open(&file, assemble(text, ""));
	assert_null(cfi_row(&file, TEXT + 1, 0));
	cfi_close(&file);
}

static void test_numbers(void **state)
{
	need_x86_64();
	char text[4096];
	size_t at = 0;
	for (unsigned n = 0; n < 60; n++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       n == 7 || n == 16 ? "" : ".cfi_offset %u, -%u\n", n,
				       8 * n + 800);
	snprintf(text + at, sizeof(text) - at, "nop\n");
	struct cfi_file file;
	cfi_open(&file, assemble(text, ""));
	struct pw_row *row = cfi_row(&file, TEXT, 0);
	assert_non_null(row);
	/* All but the stack pointer, whose rule goes without saying. */
	assert_int_equal(row->rule_count, PW_REGS_MAX - 1);
	for (int n = 0; n < PW_REGS_MAX; n++)
		if (n != 7 && n != 16)
			assert_int_equal(rule_of(row, n)->offset, -8 * n - 800);
	free(row);
	cfi_close(&file);

	/* Registers that are none of ours. */
	cfi_open(&file, assemble(".cfi_register %rbx, 50\n.cfi_register %rbp, 39\nnop\n", ""));
	row = cfi_row(&file, TEXT, 0);
	assert_non_null(rule_of(row, 3));
	assert_non_null(rule_of(row, 6));
	assert_int_equal(rule_of(row, 3)->kind, PW_RULE_UNDEFINED);
	assert_int_equal(rule_of(row, 6)->kind, PW_RULE_REGISTER);
	free(row);
	cfi_close(&file);
	cfi_open(&file, assemble(".cfi_return_column 50\nnop\n", ""));
	assert_null(cfi_row(&file, TEXT, 0));
	cfi_close(&file);

	struct words words = {0};
	struct pw_unwind_memory memory = words_memory(&words);
	struct pw_regs regs = {0};
	struct pw_step_result result;
	cfi_open(&file, assemble(".cfi_escape 0x0c, 50, 8\nnop\n", ""));
	row = cfi_row(&file, TEXT, 0);
	assert_non_null(row);
	assert_int_equal(pw_unwind_step(file.abi, row, &regs, &memory, &result), PW_STEP_REGISTER);
	assert_int_equal(result.where, 50);
	free(row);
	cfi_close(&file);
}

/* ---- procedure linkage tables ---- */

/* The length of the instruction and how many bytes it pushes. */
static unsigned plt_instruction(const uint8_t *code, unsigned *ret_pushed)
{
	*ret_pushed = 0;
	if (code[0] == 0x68 || (code[0] == 0xff && code[1] == 0x35)) {
		*ret_pushed = 8;
		return code[0] == 0x68 ? 5 : 6;
	}
	if (code[0] == 0xf3)
		return 4; /* endbr64 */
	if (code[0] == 0xf2)
		return code[1] == 0xe9 ? 6 : 7; /* bnd jmp */
	if (code[0] == 0xff)
		return 6;
	if (code[0] == 0xe9)
		return 5;
	/* nop */
	if (code[0] == 0x66)
		return 1 + plt_instruction(code + 1, ret_pushed);
	if (code[0] == 0x90)
		return 1;
	if (code[0] == 0x0f)
		return code[2] == 0x40 ? 4 : code[2] == 0x44 ? 5 : 3;
	fail_msg("0x%02x is no instruction of a linkage table", code[0]);
	return 0;
}

/* What is pushed at each instruction of a table decides where the CFA is. */
static void check_plt(const char *options)
{
	struct cfi_file file;
	GElf_Shdr plt = {0};
	const uint8_t *code = NULL;
	struct words words = {0};
	struct pw_unwind_memory memory = words_memory(&words);
	cfi_open(&file, assemble("call a@plt\ncall b@plt\ncall c@plt\nnop\n", options));
	code = find_section(file.elf, ".plt", &plt);
	assert_int_equal(plt.sh_size, 64);
	for (uint64_t entry = 0; entry < plt.sh_size; entry += 16) {
		/* The first entry is jumped to when the others have pushed. */
		unsigned pushed = entry ? 0 : 8, more;
		for (unsigned at = 0; at < 16; at += plt_instruction(code + entry + at, &more)) {
			struct pw_regs regs = {.pc = plt.sh_addr + entry + at, .sp = STACK};
			struct pw_step_result result;
			pw_regs_set(&regs, 7, STACK);
			pw_regs_set(&regs, 16, regs.pc);
			struct pw_row *row = cfi_row(&file, regs.pc, 0);
			assert_non_null(row);
			pw_unwind_step(file.abi, row, &regs, &memory, &result);
			free(row);
			assert_int_equal(result.cfa, STACK + 8 + pushed);
			plt_instruction(code + entry + at, &more);
			pushed += more;
		}
	}
	cfi_close(&file);
}

static void test_plt(void **state)
{
	need_x86_64();
	check_plt("-z lazy");
	check_plt("-z lazy -z ibtplt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_unspoken),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_long_expressions),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_plt),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
