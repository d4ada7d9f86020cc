/*
 * What is known of machines beyond call-frame information: calls, linkage stubs, prologues, signal
 * trampolines.  x86-64 code comes from the assembler and linker as the tests run; aarch64 code was
 * taken from the GNU assembler's and linker's output (binutils 2.40).
 */
#include "target/target.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "folder.h"
#include "rows.h"

enum { WORD = 4, BASE = 0x400000 };

/* ---- x86-64 ---- */

static size_t assembled(const char *instructions, uint8_t *ret, size_t room)
{
	struct cfi_file file;
	GElf_Shdr shdr = {0};
	const uint8_t *code = NULL;
	cfi_open(&file, assemble(instructions, ""));
	code = find_section(file.elf, ".text", &shdr);
	size_t size = shdr.sh_size;
	assert_in_range(size, 1, room);
	memcpy(ret, code, size);
	cfi_close(&file);
	return size;
}

/* What stands before the address behind the instructions. */
static enum pw_call call_before(const char *instructions, uint64_t *ret_target)
{
	uint8_t code[64];
	char padded[256];
	snprintf(padded, sizeof(padded), "nop; nop; nop; nop; nop; nop; nop; nop; %s",
		 instructions);
	size_t size = assembled(padded, code, sizeof(code));
	return pw_abi_x86_64.call_before(code + size - PW_ABI_CALL_BYTES, TEXT + size, ret_target);
}

static void test_x86_64_calls(void **state)
{
	need_x86_64();
	uint64_t target = 0;
	assert_int_equal(call_before("call local", &target), PW_CALL_DIRECT);
	assert_int_equal(target, TEXT);
	assert_int_equal(call_before("call local + 0x12345", &target), PW_CALL_DIRECT);
	assert_int_equal(target, TEXT + 0x12345);
	static const char *const indirect[] = {
		"call *%rax",
		"call *%r12",
		"call *(%rax)",
		"call *(%rsp)",
		"call *(%r13)",
		"call *8(%rbp)",
		"call *8(%rsp)",
		"call *0x1000(%rbx)",
		"call *-0x80(%r12)",
		"call *(%rax,%rbx,8)",
		"call *(%rbp,%rbx,8)",
		"call *0x10(%r12,%r13,4)",
		"call *local(%rip)",
		"call *0x12345678(%rax,%rbx,8)",
		"call *0x1234",
		"notrack call *%rdx",
		"call *0x1234(,%rcx,4)",
	};
	for (size_t i = 0; i < sizeof(indirect) / sizeof(indirect[0]); i++)
		if (call_before(indirect[i], &target) != PW_CALL_INDIRECT)
			fail_msg("%s", indirect[i]);
	static const char *const others[] = {
		"nop",
		"jmp *%rax",
		"jmp local",
		"push (%rax)",
		"incl (%rax)",
		"ret",
		"lcall *(%rax)",
		"mov $0xd0ff, %eax; nop",
		"call *%rax; mov %eax, %ebx",
		"call local; nop",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (call_before(others[i], &target) != PW_CALL_NONE)
			fail_msg("%s", others[i]);
}

/* Where the relocations of a linkage table say that it loads from. */
static size_t jump_slots(Elf *elf, uint64_t *slots, size_t room)
{
	GElf_Shdr shdr = {0};
	const uint8_t *bytes = NULL;
	bytes = find_section(elf, ".rela.plt", &shdr);
	size_t count = shdr.sh_size / sizeof(Elf64_Rela);
	assert_in_range(count, 1, room);
	for (size_t i = 0; i < count; i++) {
		Elf64_Rela rela;
		memcpy(&rela, bytes + i * sizeof(rela), sizeof(rela));
		slots[i] = rela.r_offset;
	}
	return count;
}

static void check_stubs(const char *options, const char *section, size_t first)
{
	struct cfi_file file;
	GElf_Shdr shdr = {0};
	const uint8_t *code = NULL;
	uint64_t slots[8];
	cfi_open(&file, assemble("call a@plt\ncall b@plt\ncall c@plt\nnop\n", options));
	size_t count = jump_slots(file.elf, slots, 8);
	assert_int_equal(count, 3);
	code = find_section(file.elf, section, &shdr);
	for (size_t i = 0; i < count; i++) {
		size_t at = first + 16 * i;
		assert_in_range(at, 0, shdr.sh_size - 16);
		assert_int_equal(pw_abi_x86_64.stub_slot(code + at, shdr.sh_addr + at), slots[i]);
	}
	code = find_section(file.elf, ".text", &shdr);
	assert_int_equal(pw_abi_x86_64.stub_slot(code, shdr.sh_addr), 0);
	cfi_close(&file);
}

static void test_x86_64_stubs(void **state)
{
	need_x86_64();
	check_stubs("-z lazy", ".plt", 16);
	check_stubs("-z lazy -z ibtplt", ".plt.sec", 0);
	uint8_t code[64];
	memset(code, 0x90, sizeof(code));
	assembled("bnd jmp *local + 0x100(%rip); .zero 16, 0x90", code, sizeof(code));
	assert_int_equal(pw_abi_x86_64.stub_slot(code, TEXT), TEXT + 0x100);
	assembled("endbr64; bnd jmp *local + 0x100(%rip); .zero 16, 0x90", code, sizeof(code));
	assert_int_equal(pw_abi_x86_64.stub_slot(code, TEXT), TEXT + 0x100);
}

static void test_x86_64_prologues(void **state)
{
	need_x86_64();
	static const struct {
		const char *code;
		bool record;
		int64_t size;
	} cases[] = {
		{"push %rbp; mov %rsp, %rbp; sub $0x38, %rsp", true, 0x38},
		{"endbr64; push %rbp; mov %rsp, %rbp; push %r12; sub $0x1008, %rsp", true, 0x1008},
		{"push %rbp; mov %edi, %eax; {load} mov %rsp, %rbp", true, 0},
		{"push %r15; push %rbp; push %rbx; sub $0x18, %rsp", false, 0x18},
		{"mov %rsp, %rbp; push %rbp", false, 0},
		{"push %rbp; mov %rsp, %rbx; mov %rdi, %rbp", false, 0},
		{"sub $-0x80, %rsp", false, -0x80},
		{"nop", false, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t code[PW_ABI_ENTRY_BYTES];
		memset(code, 0x90, sizeof(code));
		assembled(cases[i].code, code, sizeof(code));
		assert_int_equal(pw_abi_x86_64.makes_record(code, sizeof(code)), cases[i].record);
		assert_int_equal(pw_abi_x86_64.frame_size(code, sizeof(code)), cases[i].size);
		assert_int_equal(pw_abi_x86_64.frame_size(code, 3), 0);
	}
}

/* The C library's own. */
static void test_x86_64_sigreturn(void **state)
{
	need_x86_64();
	struct {
		uint64_t handler, flags, restorer, mask;
	} action = {0};
	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, 8), 0);
	const uint8_t *restorer = (const uint8_t *)(uintptr_t)action.restorer;
	assert_non_null(restorer);
	assert_true(pw_abi_x86_64.is_sigreturn(restorer));
	assert_false(pw_abi_x86_64.is_sigreturn(restorer - 1));
	assert_false(pw_abi_x86_64.is_sigreturn(restorer + 1));
	uint8_t code[64];
	assembled("mov $15, %eax; syscall; .zero 16", code, sizeof(code));
	assert_true(pw_abi_x86_64.is_sigreturn(code));
	assembled("mov $14, %eax; syscall; .zero 16", code, sizeof(code));
	assert_false(pw_abi_x86_64.is_sigreturn(code));
	assert_int_equal(pw_abi_x86_64.signal_slot(17), -1);
	assert_int_equal(pw_abi_x86_64.signal_slot(UINT32_MAX), -1);
}

/* ---- aarch64 ---- */

/* The depth at each byte of `code`, as far as an instruction begins there, is `depths`. */
static void expect_closure(const uint8_t *code, size_t length, const char *depths)
{
	enum { AROUND = PW_ABI_CLOSURE_BYTES };
	uint8_t around[3 * AROUND];
	for (uint8_t fill = 0; fill < 2; fill++) {
		memset(around, fill ? 0xf3 : 0x90, sizeof(around));
		memcpy(around + AROUND, code, length);
		for (size_t i = 0; i < length; i++) {
			int expected = depths[i] == '-' ? -1 : depths[i] == '0' ? 0 : 16;
			assert_int_equal(
				pw_abi_x86_64.closure_depth(around, sizeof(around), AROUND + i),
				expected);
		}
		assert_int_equal(
			pw_abi_x86_64.closure_depth(around, sizeof(around), AROUND + length), -1);
		/* Cut off, or another: nowhere. */
		assert_int_equal(pw_abi_x86_64.closure_depth(around, AROUND + length - 1, AROUND),
				 -1);
		around[AROUND + length - 1] ^= 1;
		assert_int_equal(pw_abi_x86_64.closure_depth(around, sizeof(around), AROUND), -1);
	}
}

static void test_x86_64_closures(void **state)
{
	/* endbr64; lea -0xb(%rip),%r10; jmp *0x7(%rip) */
	static const uint8_t newer[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0xf5, 0xff,
					0xff, 0xff, 0xff, 0x25, 7,    0,    0,	  0};
	/* mov $n,%r11; mov $n,%r10; clc; jmp *%r11 */
	static const uint8_t older[] = {0x49, 0xbb, 1, 2, 3, 4, 5, 6, 7,    8,	  0x49, 0xba,
					1,    2,    3, 4, 5, 6, 7, 8, 0xf8, 0x49, 0xff, 0xe3};
	/* As Debian's libffi 3.5 has it in its table. */
	static const uint8_t table[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x10, 0x4c,
					0x89, 0x14, 0x24, 0x4c, 0x8b, 0x15, 0xed, 0x0f, 0x00,
					0x00, 0x4c, 0x89, 0x54, 0x24, 0x08, 0x4c, 0x8b, 0x15,
					0xe9, 0x0f, 0x00, 0x00, 0x41, 0xff, 0xe2};
	expect_closure(newer, sizeof(newer), "0---0------0-----");
	expect_closure(older, sizeof(older), "0---------0---------00--");
	expect_closure(table, sizeof(table), "0---0---1---1------1----1------1--");
	assert_int_equal(pw_abi_x86_64.closure_depth(table, 0, 0), -1);
}

static void test_aarch64_calls(void **state)
{
	static const struct {
		uint32_t word;
		enum pw_call call;
		int64_t distance;
	} cases[] = {
		{0x94000400, PW_CALL_DIRECT, 0x1000},	  /* bl . + 0x1000 */
		{0x97fff800, PW_CALL_DIRECT, -0x2000},	  /* bl . - 0x2000 */
		{0x95ffffff, PW_CALL_DIRECT, 0x7fffffc},  /* bl . + 0x7fffffc */
		{0x96000000, PW_CALL_DIRECT, -0x8000000}, /* bl . - 0x8000000 */
		{0xd63f0000, PW_CALL_INDIRECT, 0},	  /* blr x0 */
		{0xd63f0220, PW_CALL_INDIRECT, 0},	  /* blr x17 */
		{0xd63f03c0, PW_CALL_INDIRECT, 0},	  /* blr x30 */
		{0xd73f0822, PW_CALL_INDIRECT, 0},	  /* blraa x1, x2 */
		{0xd73f0c3f, PW_CALL_INDIRECT, 0},	  /* blrab x1, sp */
		{0xd63f087f, PW_CALL_INDIRECT, 0},	  /* blraaz x3 */
		{0xd63f0c9f, PW_CALL_INDIRECT, 0},	  /* blrabz x4 */
		{0xd61f0200, PW_CALL_NONE, 0},		  /* br x16 */
		{0xd71f0a11, PW_CALL_NONE, 0},		  /* braa x16, x17 */
		{0xd65f03c0, PW_CALL_NONE, 0},		  /* ret */
		{0xd65f0bff, PW_CALL_NONE, 0},		  /* retaa */
		{0x14000004, PW_CALL_NONE, 0},		  /* b . + 16 */
		{0xb4000040, PW_CALL_NONE, 0},		  /* cbz x0, . + 8 */
		{0xd503201f, PW_CALL_NONE, 0},		  /* nop */
		{0xd4000001, PW_CALL_NONE, 0},		  /* svc #0 */
		{0x10000000, PW_CALL_NONE, 0},		  /* adr x0, . */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* The instruction before is a call: it must not matter. */
		uint32_t code[2] = {0x94000400, cases[i].word};
		uint64_t target = 0;
		uint64_t address = UINT64_C(0x10000000);
		assert_int_equal(
			pw_abi_aarch64.call_before((const uint8_t *)code, address + WORD, &target),
			cases[i].call);
		if (cases[i].call == PW_CALL_DIRECT)
			assert_int_equal(target, address + (uint64_t)cases[i].distance);
	}
}

static uint64_t aarch64_stub(uint64_t address, uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t code[4] = {a, b, c, 0xd61f0220};
	return pw_abi_aarch64.stub_slot((const uint8_t *)code, address);
}

/* A shared object's table, with the addresses of its relocations. */
static void test_aarch64_stubs(void **state)
{
	/* adrp x16, 20000; ldr x17, [x16] */
	assert_int_equal(aarch64_stub(0x2d0, 0x90000110, 0xf9400211, 0x91000210), 0x20000);
	assert_int_equal(aarch64_stub(0x2e0, 0x90000110, 0xf9400611, 0x91002210), 0x20008);
	/* adrp x16, 1f000; ldr x17, [x16, #4088] */
	assert_int_equal(aarch64_stub(0x2b4, 0xf00000f0, 0xf947fe11, 0x913fe210), 0x1fff8);
	/* bti c before it, which may end a page */
	assert_int_equal(aarch64_stub(0x35c, 0xd503245f, 0x90000110, 0xf9400211), 0x20000);
	assert_int_equal(aarch64_stub(0xffc, 0xd503245f, 0x90000110, 0xf9400211), 0x21000);
	/* adrp x16, -0x1000 from here */
	assert_int_equal(aarch64_stub(0x45e78, 0xf0fffff0, 0xf9400611, 0), 0x44008);
	/* The table's first entry, and others that are none. */
	assert_int_equal(aarch64_stub(0x2b0, 0xa9bf7bf0, 0xf00000f0, 0xf947fe11), 0);
	assert_int_equal(aarch64_stub(0x2d0, 0x90000111, 0xf9400211, 0x91000210), 0);
	assert_int_equal(aarch64_stub(0x2d0, 0x90000110, 0xf9400231, 0x91000210), 0);
	assert_int_equal(aarch64_stub(0x2d0, 0x10000110, 0xf9400211, 0x91000210), 0);
}

static bool aarch64_record(const uint32_t *code, size_t count)
{
	return pw_abi_aarch64.makes_record((const uint8_t *)code, count * WORD);
}

static void test_aarch64_prologues(void **state)
{
	enum {
		PUSH = 0xa9be7bfd,     /* stp x29, x30, [sp, #-32]! */
		STORE = 0xa9017bfd,    /* stp x29, x30, [sp, #16] */
		STORE_AT = 0xa9007bfd, /* stp x29, x30, [sp] */
		OTHERS = 0xa9be53f3,   /* stp x19, x20, [sp, #-32]! */
		SET = 0x910003fd,      /* mov x29, sp */
		SET_PLUS = 0x910143fd, /* add x29, sp, #0x50 */
		RESERVE = 0xd10103ff,  /* sub sp, sp, #0x40 */
		PACIASP = 0xd503233f,
		NOP = 0xd503201f,
	};
	static const uint32_t good[][4] = {{PUSH, SET},
					   {PACIASP, PUSH, SET},
					   {RESERVE, STORE, SET_PLUS},
					   {RESERVE, OTHERS, STORE_AT, SET}};
	static const uint32_t bad[][4] = {{OTHERS, SET, NOP, NOP},
					  {SET, PUSH, NOP, NOP},
					  {PUSH, OTHERS, RESERVE, NOP},
					  {NOP, NOP, NOP, NOP}};
	for (size_t i = 0; i < 4; i++) {
		assert_true(aarch64_record(good[i], 4));
		assert_false(aarch64_record(good[i], 1));
		assert_false(aarch64_record(bad[i], 4));
	}
	assert_int_equal(pw_abi_aarch64.frame_size((const uint8_t *)good[0], 16), -1);
}

static int aarch64_depth(const uint32_t *code, size_t count, size_t at)
{
	return pw_abi_aarch64.closure_depth((const uint8_t *)code, 4 * count, 4 * at);
}

static void test_aarch64_closures(void **state)
{
	/* bti c; adr x17, #-16; ldr x16, [x17, #16]; br x16; and the older: adr x17; ldr x16, [pc]
	 */
	const uint32_t newer[] = {0xd503245f, 0x10ffff91, 0xf9400a30, 0xd61f0200};
	const uint32_t older[] = {0x10000011, 0x58000070, 0xd61f0200};
	const uint32_t call[] = {0x10000011, 0x58000070, 0xd63f0200};  /* blr x16 */
	const uint32_t link[] = {0x1000001e, 0x58000070, 0xd61f0200};  /* adr x30 */
	const uint32_t stack[] = {0xa9bf7bfd, 0x58000070, 0xd61f0200}; /* stp */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(aarch64_depth(newer, 4, i), 0);
	assert_int_equal(aarch64_depth(newer, 3, 0), -1);
	assert_int_equal(aarch64_depth(newer, 0, 0), -1);
	assert_int_equal(aarch64_depth(older, 3, 0), 0);
	assert_int_equal(aarch64_depth(call, 3, 0), -1);
	assert_int_equal(aarch64_depth(link, 3, 0), -1);
	assert_int_equal(aarch64_depth(stack, 3, 0), -1);
}

static void test_aarch64_sigreturn(void **state)
{
	const uint32_t trampoline[4] = {0xd2801168, 0xd4000001}; /* mov x8, #139; svc #0 */
	const uint32_t other[4] = {0xd2801148, 0xd4000001};	 /* mov x8, #138; svc #0 */
	const uint32_t no_call[4] = {0xd2801168, 0xd503201f};	 /* nop */
	assert_true(pw_abi_aarch64.is_sigreturn((const uint8_t *)trampoline));
	assert_false(pw_abi_aarch64.is_sigreturn((const uint8_t *)other));
	assert_false(pw_abi_aarch64.is_sigreturn((const uint8_t *)no_call));
	/* <asm/sigcontext.h>: fault_address, then x0 to x30, sp, pc, pstate. */
	for (unsigned n = 1; n <= 32; n++)
		assert_int_equal(pw_abi_aarch64.signal_slot(n),
				 pw_abi_aarch64.signal_slot(n - 1) + 8);
	assert_int_equal(pw_abi_aarch64.signal_slot(33), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64_calls),	  cmocka_unit_test(test_x86_64_stubs),
		cmocka_unit_test(test_x86_64_prologues),  cmocka_unit_test(test_x86_64_sigreturn),
		cmocka_unit_test(test_aarch64_calls),	  cmocka_unit_test(test_aarch64_stubs),
		cmocka_unit_test(test_aarch64_prologues), cmocka_unit_test(test_aarch64_sigreturn),
		cmocka_unit_test(test_x86_64_closures),	  cmocka_unit_test(test_aarch64_closures),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
