/*
 * What unwinding must know of a machine beyond its call-frame information: the roles of registers,
 * and what a few instructions look like.
 *
 * One abi_*.c a machine.  Register numbers are DWARF's.  Nothing here reads a target: code bytes
 * are handed in.
 */
#ifndef PW_BINARY_ABI_H
#define PW_BINARY_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pw_call {
	PW_CALL_NONE,	  /* what stands before that address is no call */
	PW_CALL_DIRECT,	  /* of a function whose address the instruction tells */
	PW_CALL_INDIRECT, /* of whatever a register or a memory word says */
};

enum {
	PW_ABI_CALL_BYTES = 8,	   /* code before a return address that call_before() looks at */
	PW_ABI_ENTRY_BYTES = 192,  /* code of a function's start that frame_size() looks at */
	PW_ABI_CLOSURE_BYTES = 40, /* code on either side that closure_depth() looks at */
	PW_ABI_STUB_BYTES = 16,	   /* code that stub_slot() and is_sigreturn() look at */
};

struct pw_abi {
	uint16_t elf_machine;
	uint8_t sp, fp, ra;    /* DWARF numbers; ra is the column of the return address */
	uint8_t return_slot;   /* the return address stands at CFA - return_slot; 0: in a register
				*/
	uint64_t callee_saved; /* bit n: register n survives a call */
	uint64_t code_bits;    /* of a code address; the rest may be a signature */
	/* Offset of the saved frame pointer and of the return address from where the frame pointer
	 * points, and of the CFA: the frame record of functions that keep one. */
	int8_t record_fp, record_ra, record_cfa;

	/* What the instruction is that ends at `return_address`; `code` holds the
	 * PW_ABI_CALL_BYTES before it. */
	enum pw_call (*call_before)(const uint8_t *code, uint64_t return_address,
				    uint64_t *ret_target);
	/* A stub of the procedure linkage table at `address`: where it loads its target from; 0: is
	 * none. */
	uint64_t (*stub_slot)(const uint8_t *code, uint64_t address);
	/* Whether a function's first instructions make a frame record. */
	bool (*makes_record)(const uint8_t *code, size_t length);
	/* How many bytes a function's first instructions reserve below what it saves; -1: not
	 * understood. */
	int64_t (*frame_size)(const uint8_t *code, size_t length);
	/* Closures of libffi's have no call-frame information: how many bytes one has put on the
	 * stack when it is at code[pc]; -1: that is none.  `code` holds up to PW_ABI_CLOSURE_BYTES
	 * on either side. */
	int (*closure_depth)(const uint8_t *code, size_t length, size_t pc);
	/* The trampoline that a signal handler returns to. */
	bool (*is_sigreturn)(const uint8_t *code);
	/* Where, from the stack pointer in that trampoline, the kernel left register n: a byte
	 * offset, -1: nowhere.  The pc is pw_abi.ra, or, where that is a register, sp + 1. */
	int (*signal_slot)(unsigned n);
};

extern const struct pw_abi pw_abi_x86_64;
extern const struct pw_abi pw_abi_aarch64;
/* NULL: not supported. */
const struct pw_abi *pw_abi_by_machine(uint16_t elf_machine);

#endif
