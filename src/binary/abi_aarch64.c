/*
 * aarch64: Procedure Call Standard (aapcs64, register roles: section 6.1), DWARF numbers
 * (aadwarf64, section 4.1), Arm ARM (encodings of bl, blr, adrp, ldr, br, stp, sub), struct
 * rt_sigframe and struct sigcontext (Linux arch/arm64/kernel/signal.c,
 * arch/arm64/include/uapi/asm/sigcontext.h).
 */
#include "binary/abi.h"

#include <elf.h>
#include <string.h>

enum { FP = 29, LR = 30, SP = 31 };

static uint32_t instruction(const uint8_t *code)
{
	uint32_t word;
	memcpy(&word, code, sizeof(word));
	return word;
}

static int64_t sign_extend(uint64_t value, unsigned bits)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);
	return (int64_t)((value ^ sign) - sign);
}

static enum pw_call call_before(const uint8_t *code, uint64_t return_address, uint64_t *ret_target)
{
	uint32_t word = instruction(code + PW_ABI_CALL_BYTES - 4);
	if ((word & 0xfc000000) == 0x94000000) { /* bl */
		*ret_target =
			return_address - 4 + (uint64_t)(sign_extend(word & 0x3ffffff, 26) * 4);
		return PW_CALL_DIRECT;
	}
	/* blr, and its forms that check a signature: blraa, blrab, blraaz, blrabz */
	if ((word & 0xfffffc1f) == 0xd63f0000 || (word & 0xfefff800) == 0xd63f0800)
		return PW_CALL_INDIRECT;
	return PW_CALL_NONE;
}

/* [bti c] adrp x16, page; ldr x17, [x16, #offset] */
static uint64_t stub_slot(const uint8_t *code, uint64_t address)
{
	enum { BTI_C = (int)0xd503245f };
	unsigned at = instruction(code) == (uint32_t)BTI_C ? 4 : 0;
	uint32_t adrp = instruction(code + at), ldr = instruction(code + at + 4);
	if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
		return 0;
	uint64_t pages = ((adrp >> 5 & 0x7ffff) << 2) | (adrp >> 29 & 3);
	uint64_t page =
		((address + at) & ~UINT64_C(0xfff)) + (uint64_t)(sign_extend(pages, 21) * 4096);
	return page + (ldr >> 10 & 0xfff) * 8;
}

/* stp x29, x30, [sp, ...]; mov x29, sp (or add x29, sp, #n) */
static bool makes_record(const uint8_t *code, size_t length)
{
	bool stored = false;
	for (size_t i = 0; i + 4 <= length && i < 48; i += 4) {
		uint32_t word = instruction(code + i);
		stored |= (word & 0xffc07fff) == 0xa9807bfd || (word & 0xffc07fff) == 0xa9007bfd;
		if (stored && (word & 0xffc003ff) == 0x910003fd)
			return true;
	}
	return false;
}

/* The frame record lies at the lowest end: what is below the CFA cannot be told from it. */
static int64_t frame_size(const uint8_t *code, size_t length)
{
	return -1;
}

/* A closure as libffi 3.0 to 3.4 writes it (src/aarch64/ffi.c), from the pc on: nop or bti; adr,
 * ldr to x16 or x17; br to one of these.  It leaves the stack and x30 alone. */
static int closure_depth(const uint8_t *code, size_t length, size_t pc)
{
	for (size_t at = pc; at + 4 <= length; at += 4) {
		uint32_t word = instruction(code + at);
		bool to_scratch = (word & 31) == 16 || (word & 31) == 17;
		if (word == 0xd61f0200 || word == 0xd61f0220) /* br x16, br x17 */
			return 0;
		bool hint = (word & 0xfffff01f) == 0xd503201f;
		bool load = (word & 0x9f000000) == 0x10000000 || /* adr */
			    (word & 0xff000000) == 0x58000000 || /* ldr, of pc */
			    (word & 0xffc00000) == 0xf9400000;	 /* ldr */
		if (!hint && !(load && to_scratch))
			return -1;
	}
	return -1;
}

/* mov x8, #__NR_rt_sigreturn; svc #0 */
static bool is_sigreturn(const uint8_t *code)
{
	return instruction(code) == 0xd2801168 && instruction(code + 4) == 0xd4000001;
}

static int signal_slot(unsigned n)
{
	/* siginfo_t (128 bytes), then uc_flags, uc_link, uc_stack, uc_sigmask and its padding up to
	 * 128 bytes, alignment to 16; struct sigcontext: fault_address, x0 to x30, sp, pc. */
	enum { SIGCONTEXT = 128 + 176, PC = 32 };
	return n <= PC ? SIGCONTEXT + 8 + 8 * (int)n : -1;
}

const struct pw_abi pw_abi_aarch64 = {
	.elf_machine = EM_AARCH64,
	.sp = SP,
	.fp = FP,
	.ra = LR,
	.return_slot = 0,
	.callee_saved = UINT64_C(0x7ff) << 19, /* x19 to x29 */
	.code_bits = (UINT64_C(1) << 48) - 1,  /* above: pointer authentication, tags */
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
