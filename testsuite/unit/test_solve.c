/*
 * A frame's end found by what calls leave on the stack: stacks made by hand, over code that is
 * assembled here.
 */
#include "binary/solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "rows.h"

#include "loaded.h"

/*
 * framed pushes rbp and rbx and reserves 24 bytes; moved saves by moves into the 40 it reserves;
 * bare has no call-frame information.  back_N: where the calls in caller return to.
 */
static const char source[] =
	"nop\n.cfi_endproc\n"
	".globl in_short\n"
	".cfi_startproc\npush %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
	"mov %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
	"in_short: nop\npop %rbp\nret\n.cfi_endproc\n"
	".globl framed, in_framed\n"
	"framed: framed_local: .cfi_startproc\n"
	"push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
	"mov %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
	"push %rbx\nsub $24, %rsp\n"
	"in_framed: nop\nleave\nret\n.cfi_endproc\n"
	".globl moved, in_moved\n"
	"moved: moved_local: .cfi_startproc\n"
	"mov %rbx, -16(%rsp)\nmov %rbp, -8(%rsp)\nlea 0(%rsp), %rbp\nsub $40, %rsp\n"
	".cfi_def_cfa %rbp, 8\n"
	"in_moved: nop\nret\n.cfi_endproc\n"
	".globl bare, in_bare\n.type bare, @function\n"
	"bare: bare_local: sub $8, %rsp\nin_bare: nop\nret\n.size bare, . - bare\n"
	".globl caller\ncaller: .cfi_startproc\n"
	"call framed_local\nback_1: call framed_local\nback_2: call *%rax\n"
	"back_3: call framed@plt\nback_4: call other\n"
	"back_5: call moved_local\nback_6: call bare_local\nback_7: call . + 0x7000000\nback_8: "
	"nop\n"
	".globl other\nother: nop\n"
	".globl back_1, back_2, back_3, back_4, back_5, back_6, back_7, back_8\n"
	".hidden other\n";

enum { FRAMED_RETURN = 3 + 2 }; /* words from the stack pointer to the return address */

static struct loaded loaded;

static bool read_word(void *data, uint64_t address, uint64_t *ret)
{
	size_t done = 0;
	enum pw_supplier supplier;
	pw_error_destroy(pw_read_some(data, address, ret, sizeof(*ret), &done, &supplier));
	return done == sizeof(*ret);
}

/* Solves for the function around `name`, its stack pointer at the stack's beginning. */
static bool solve_to(const char *name, bool with_row, size_t limit_bytes, uint64_t *ret)
{
	uint64_t left = 10 * STACK_WORDS;
	struct pw_unwind_memory memory = {read_word, &loaded.base};
	struct pw_solve s = {
		.modules = loaded.modules,
		.memory = &memory,
		.pc = symbol(&loaded, name),
		.sp = STACK_BASE,
		.limit = STACK_BASE + limit_bytes,
		.left = &left,
	};
	const struct pw_row *row = with_row ? pw_modules_row(loaded.modules, s.pc) : NULL;
	assert_int_equal(with_row, row != NULL);
	return pw_solve_cfa(&s, row, ret);
}

/* Expects the return address at that word of the stack; 0: no answer. */
static void expect(const char *name, size_t word)
{
	uint64_t cfa = 0;
	bool found = solve_to(name, strcmp(name, "in_bare") != 0, sizeof(loaded.stack), &cfa);
	assert_int_equal(found, word != 0);
	if (word)
		assert_int_equal(cfa, STACK_BASE + word * 8 + 8);
}

static void clear(void)
{
	memset(loaded.stack, 0, sizeof(loaded.stack));
}

static void put(size_t word, const char *name)
{
	loaded.stack[word] = symbol(&loaded, name);
}

static void begin(void)
{
	need_x86_64();
	load(&loaded, assemble(source, "-z lazy"));
	/* What the dynamic linker would have written. */
	struct cfi_file file;
	GElf_Shdr shdr = {0};
	const uint8_t *bytes = NULL;
	cfi_open(&file, loaded.base.mappings[0].host_path);
	bytes = find_section(file.elf, ".rela.plt", &shdr);
	Elf64_Rela rela;
	memcpy(&rela, bytes, sizeof(rela));
	uint64_t framed = symbol(&loaded, "framed");
	memcpy(loaded.image + rela.r_offset, &framed, sizeof(framed));
	cfi_close(&file);
}

static void test_calls(void **state)
{
	begin();
	uint64_t target;
	static const struct {
		const char *back, *target;
	} direct[] = {{"back_1", "framed"},
		      {"back_4", "framed"},
		      {"back_6", "moved"},
		      {"back_7", "bare"}};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			pw_modules_call(loaded.modules, symbol(&loaded, direct[i].back), &target),
			PW_CALL_DIRECT);
		assert_int_equal(target, symbol(&loaded, direct[i].target));
	}
	assert_int_equal(pw_modules_call(loaded.modules, symbol(&loaded, "back_3"), &target),
			 PW_CALL_INDIRECT);
	/* A target that is no code; what is no call; no code; no memory. */
	static const uint64_t others[] = {0, 7, LOAD_BASE, STACK_BASE + 64, UINT64_MAX};
	assert_int_equal(pw_modules_call(loaded.modules, symbol(&loaded, "back_8"), &target),
			 PW_CALL_NONE);
	assert_int_equal(pw_modules_call(loaded.modules, symbol(&loaded, "in_framed"), &target),
			 PW_CALL_NONE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(pw_modules_call(loaded.modules, others[i], &target), PW_CALL_NONE);
	/* A machine on which this is no call. */
	loaded.base.arch = &pw_arch_aarch64;
	assert_int_equal(pw_modules_call(loaded.modules, symbol(&loaded, "back_1"), &target),
			 PW_CALL_NONE);
	unload(&loaded);
}

static void test_frame_size(void **state)
{
	begin();
	static const char *const good[] = {"back_1", "back_2", "back_3", "back_4"};
	for (size_t i = 0; i < 4; i++) {
		clear();
		put(FRAMED_RETURN, good[i]);
		expect("in_framed", FRAMED_RETURN);
	}
	clear();
	put(FRAMED_RETURN, "back_5");
	expect("in_framed", 0);
	/* Left over from earlier calls, within the frame. */
	clear();
	put(0, "back_1");
	put(2, "back_2");
	put(FRAMED_RETURN, "back_1");
	expect("in_framed", FRAMED_RETURN);
	/* Two that could be it. */
	put(FRAMED_RETURN + 2, "back_3");
	expect("in_framed", 0);
	/* More registers than can have been pushed: by its call alone. */
	clear();
	put(3 + 9, "back_3");
	expect("in_framed", 0);
	put(3 + 9, "back_2");
	expect("in_framed", 3 + 9);
	clear();
	put(5, "back_6");
	expect("in_moved", 5);
	/* What the next function reserves is none of the business of one that reserves nothing. */
	clear();
	put(3 + 8, "back_3");
	expect("in_short", 0);
	put(1, "back_3");
	expect("in_short", 1);
	unload(&loaded);
}

static void test_call(void **state)
{
	begin();
	clear();
	put(40, "back_2");
	put(41, "back_3");    /* of anything */
	put(42, "back_5");    /* of another */
	put(43, "in_framed"); /* no call */
	expect("in_framed", 40);
	put(60, "back_1");
	expect("in_framed", 0);
	/* Without call-frame information. */
	clear();
	expect("in_bare", 0);
	put(1, "back_3");
	expect("in_bare", 0);
	put(1, "back_7");
	expect("in_bare", 1);
	put(0, "back_7");
	expect("in_bare", 0);
	unload(&loaded);
}

static void test_limits(void **state)
{
	begin();
	uint64_t cfa;
	size_t end = (FRAMED_RETURN + 1) * 8;
	clear();
	put(FRAMED_RETURN, "back_1");
	assert_true(solve_to("in_framed", true, end, &cfa));
	assert_false(solve_to("in_framed", true, end - 1, &cfa));
	assert_false(solve_to("in_framed", true, 0, &cfa));
	assert_false(solve_to("in_framed", true, (size_t)-8, &cfa));
	/* The stack ends, or nobody knows where. */
	assert_true(solve_to("in_framed", true, SIZE_MAX - (size_t)STACK_BASE, &cfa));
	clear();
	put(STACK_WORDS - 1, "back_1");
	expect("in_framed", STACK_WORDS - 1);
	/* No function. */
	struct pw_unwind_memory memory = {read_word, &loaded.base};
	uint64_t left = 2;
	struct pw_solve nowhere = {.modules = loaded.modules,
				   .memory = &memory,
				   .pc = STACK_BASE,
				   .sp = STACK_BASE,
				   .limit = STACK_BASE + 4096,
				   .left = &left};
	assert_false(pw_solve_cfa(&nowhere, NULL, &cfa));
	/* What is further up than may be looked at. */
	clear();
	put(2, "back_7");
	nowhere.pc = symbol(&loaded, "in_bare");
	assert_false(pw_solve_cfa(&nowhere, NULL, &cfa));
	assert_int_equal(left, 0);
	left = STACK_WORDS;
	assert_true(pw_solve_cfa(&nowhere, NULL, &cfa));
	/* Return addresses that are not on the stack. */
	loaded.base.arch = &pw_arch_aarch64;
	nowhere.pc = LOAD_BASE + TEXT;
	assert_false(pw_solve_cfa(&nowhere, NULL, &cfa));
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_frame_size),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
