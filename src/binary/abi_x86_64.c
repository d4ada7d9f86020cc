/*
 * x86-64: System V psABI (register roles: figure 3.4; DWARF numbers: figure 3.36), Intel SDM volume
 * 2 (encodings of call, jmp, push, sub), struct rt_sigframe and struct sigcontext_64 (Linux
 * arch/x86/include/asm/sigframe.h, arch/x86/include/uapi/asm/sigcontext.h).
 */
#include "binary/abi.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, R13, R14, R15, RA = 16 };

static uint64_t after(uint64_t address, const uint8_t *distance)
{
	int32_t d;
	memcpy(&d, distance, sizeof(d));
	return address + (uint64_t)(int64_t)d;
}

/* Bytes of ModRM, SIB and displacement of `ff /2`; 0: another instruction. */
static unsigned indirect_length(const uint8_t *modrm)
{
	unsigned mod = *modrm >> 6, reg = (*modrm >> 3) & 7, rm = *modrm & 7;
	if (reg != 2)
		return 0;
	if (mod == 3)
		return 1;
	unsigned length = 1 + (rm == 4);
	if (mod == 1)
		return length + 1;
	if (mod == 2 || rm == 5 || (rm == 4 && (modrm[1] & 7) == 5))
		return length + 4;
	return length;
}

static enum pw_call call_before(const uint8_t *code, uint64_t return_address, uint64_t *ret_target)
{
	const uint8_t *end = code + PW_ABI_CALL_BYTES;
	if (end[-5] == 0xe8) {
		*ret_target = after(return_address, end - 4);
		return PW_CALL_DIRECT;
	}
	for (unsigned length = 2; length <= 7; length++) {
		const uint8_t *at = end - length;
		if (at[0] == 0xff && indirect_length(at + 1) == length - 1)
			return PW_CALL_INDIRECT;
	}
	return PW_CALL_NONE;
}

/* [endbr64] [bnd] jmp *slot(%rip) */
static uint64_t stub_slot(const uint8_t *code, uint64_t address)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	unsigned at = memcmp(code, endbr64, sizeof(endbr64)) ? 0 : sizeof(endbr64);
	at += code[at] == 0xf2;
	if (code[at] != 0xff || code[at + 1] != 0x25)
		return 0;
	return after(address + at + 6, code + at + 2);
}

/* push %rbp; mov %rsp,%rbp, with other instructions the compiler may put between them. */
static bool makes_record(const uint8_t *code, size_t length)
{
	bool pushed = false;
	for (size_t i = 0; i + 3 <= length && i < 48; i++) {
		pushed |= code[i] == 0x55;
		if (pushed && code[i] == 0x48 &&
		    ((code[i + 1] == 0x89 && code[i + 2] == 0xe5) ||
		     (code[i + 1] == 0x8b && code[i + 2] == 0xec)))
			return true;
	}
	return false;
}

/* sub $n,%rsp: the first one in the function's beginning. */
static int64_t frame_size(const uint8_t *code, size_t length)
{
	for (size_t i = 0; i + 7 <= length; i++) {
		if (code[i] != 0x48 || code[i + 2] != 0xec)
			continue;
		if (code[i + 1] == 0x83)
			return (int8_t)code[i + 3];
		if (code[i + 1] == 0x81)
			return (int64_t)after(0, code + i + 3);
	}
	return 0;
}

/* Code of a closure: its instructions, ?? for bytes that differ, | between them, and how many bytes
 * it has put on the stack before each. */
struct closure {
	const char *code;
	uint8_t depth[8];
};

/* As libffi writes them (src/x86/ffi64.c, unix64.S). */
static const struct closure closures[] = {
	/* 3.4: endbr64; lea -0xb(%rip),%r10; jmp *0x7(%rip) */
	{"f3 0f 1e fa|4c 8d 15 f5 ff ff ff|ff 25 07 00 00 00", {0}},
	/* 3.2: lea -0x7(%rip),%r10; jmp *0x3(%rip) */
	{"4c 8d 15 f9 ff ff ff|ff 25 03 00 00 00", {0}},
	/* before: mov $n,%r11; mov $n,%r10; clc or stc; jmp *%r11 */
	{"49 bb ?? ?? ?? ?? ?? ?? ?? ??|49 ba ?? ?? ?? ?? ?? ?? ?? ??|f8|49 ff e3", {0}},
	{"49 bb ?? ?? ?? ?? ?? ?? ?? ??|49 ba ?? ?? ?? ?? ?? ?? ?? ??|f9|49 ff e3", {0}},
	/* 3.4, of its table: endbr64; sub $16,%rsp; mov %r10,(%rsp); mov n(%rip),%r10;
	 * mov %r10,8(%rsp); mov n(%rip),%r11 or %r10; jmp *%r11 or *%r10 */
	{"f3 0f 1e fa|48 83 ec 10|4c 89 14 24|4c 8b 15 ?? ?? ?? ??|4c 89 54 24 08|"
	 "4c 8b 1d ?? ?? ?? ??|41 ff e3",
	 {0, 0, 16, 16, 16, 16, 16}},
	{"f3 0f 1e fa|48 83 ec 10|4c 89 14 24|4c 8b 15 ?? ?? ?? ??|4c 89 54 24 08|"
	 "4c 8b 15 ?? ?? ?? ??|41 ff e2",
	 {0, 0, 16, 16, 16, 16, 16}},
};

/* Whether the code is such a closure from `start` on, and an instruction begins at `pc`. */
static int depth_in(const struct closure *closure, const uint8_t *code, size_t length, size_t start,
		    size_t pc)
{
	int depth = -1;
	size_t at = start, instruction = 0;
	for (const char *text = closure->code;; text += 3) {
		unsigned byte;
		if (at == pc && (text == closure->code || text[-1] == '|'))
			depth = closure->depth[instruction];
		if (at == length ||
		    (text[0] != '?' && (sscanf(text, "%2x", &byte) != 1 || byte != code[at])))
			return -1;
		at++;
		if (!text[2])
			return depth;
		instruction += text[2] == '|';
	}
}

static int closure_depth(const uint8_t *code, size_t length, size_t pc)
{
	for (size_t i = 0; i < sizeof(closures) / sizeof(closures[0]); i++)
		for (size_t start = 0; start <= pc; start++) {
			int depth = depth_in(&closures[i], code, length, start, pc);
			if (depth >= 0)
				return depth;
		}
	return -1;
}

/* mov $__NR_rt_sigreturn,%rax (or %eax); syscall */
static bool is_sigreturn(const uint8_t *code)
{
	static const uint8_t rax[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};
	static const uint8_t eax[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};
	return !memcmp(code, rax, sizeof(rax)) || !memcmp(code, eax, sizeof(eax));
}

static int signal_slot(unsigned n)
{
	/* By DWARF number: its place in struct sigcontext_64, which follows uc_flags, uc_link and
	 * uc_stack. */
	enum { SIGCONTEXT = 40 };
	static const int8_t place[] = {13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16};
	return n < sizeof(place) ? SIGCONTEXT + 8 * place[n] : -1;
}

const struct pw_abi pw_abi_x86_64 = {
	.elf_machine = EM_X86_64,
	.sp = RSP,
	.fp = RBP,
	.ra = RA,
	.return_slot = 8,
	.callee_saved = 1 << RBX | 1 << RBP | 1 << R12 | 1 << R13 | 1 << R14 | 1 << R15,
	.code_bits = ~UINT64_C(0),
	.record_fp = 0,
	.record_ra = 8,
	.record_cfa = 16,
	.call_before = call_before,
	.stub_slot = stub_slot,
	.makes_record = makes_record,
	.frame_size = frame_size,
	.closure_depth = closure_depth,
	.is_sigreturn = is_sigreturn,
	.signal_slot = signal_slot,
};
