/*
 * Unwinding by one frame: registers and memory in, the caller's registers out.
 *
 * A row is the compact form of one row of the call-frame table (DWARF 5, section 6.4): how the CFA
 * and the caller's registers are found while the pc is within [start, end).  cfi.c makes rows;
 * pw_unwind_step() applies one.  It is a pure function: no process, no file, no allocation.
 *
 * Registers that are not known stay unknown: nothing is assumed of them.
 */
#ifndef PW_BINARY_UNWIND_H
#define PW_BINARY_UNWIND_H

#include "binary/abi.h"
#include "target/arch.h"

enum pw_rule_kind {
	PW_RULE_UNDEFINED,  /* lost */
	PW_RULE_SAME,	    /* as it is */
	PW_RULE_AT_CFA,	    /* in memory at CFA + offset */
	PW_RULE_CFA_PLUS,   /* CFA + offset */
	PW_RULE_REGISTER,   /* register + offset */
	PW_RULE_AT_EXPR,    /* in memory at what an expression says */
	PW_RULE_EXPRESSION, /* what an expression says */
};

struct pw_rule {
	uint8_t kind;	/* enum pw_rule_kind */
	uint8_t target; /* the caller's register that it gives; of a CFA: unused */
	uint8_t reg;	/* of PW_RULE_REGISTER */
	uint8_t length; /* of an expression: operations */
	uint32_t first; /* of an expression: its first operation in row->ops */
	int64_t offset;
};

/* One operation of a DWARF expression (DWARF 5, section 2.5). */
struct pw_op {
	uint8_t atom;
	int64_t number, number2;
	uint32_t jump; /* of DW_OP_skip and DW_OP_bra: the operation to go on with */
};

enum { PW_ROW_RULES_MAX = PW_REGS_MAX, PW_ROW_OPS_MAX = 255 };

struct pw_row {
	/* The pcs it holds for, as runtime addresses.  Behind a DW_CFA_restore_state libdw says
	 * where the restored row began: ask for each pc. */
	uint64_t start, end;
	bool signal_frame; /* the caller did not call: it was interrupted */
	uint8_t ra;	   /* the column of the return address */
	struct pw_rule cfa;
	/* Callee-saved registers without a rule are the same, all others lost. */
	uint8_t rule_count;
	const struct pw_rule *rules;
	const struct pw_op *ops;
};

struct pw_unwind_memory {
	/* Reads the word at `address`; false: it cannot be had. */
	bool (*read)(void *data, uint64_t address, uint64_t *ret);
	void *data;
};

enum pw_step {
	PW_STEP_OK,
	PW_STEP_BOTTOM,	    /* the return address is undefined: nobody called */
	PW_STEP_UNREADABLE, /* the return address or CFA is in memory that is not there */
	PW_STEP_REGISTER,   /* the CFA or return address needs a register that is not known */
	PW_STEP_CORRUPT, /* the caller's stack is not above the frame's, or an expression is none */
};

struct pw_step_result {
	struct pw_regs regs; /* the caller's; pc and sp are set */
	uint64_t cfa;
	uint64_t where; /* UNREADABLE: the address; REGISTER: its DWARF number; CORRUPT: the
			 * caller's stack pointer */
};

/* `ret` is filled as far as it goes: cfa also when only the return address is missing. */
enum pw_step pw_unwind_step(const struct pw_abi *abi, const struct pw_row *row,
			    const struct pw_regs *regs, const struct pw_unwind_memory *memory,
			    struct pw_step_result *ret);

/* By the frame record that the frame pointer leads to, for functions that keep one but have no
 * call-frame information.  Where the record does not end the frame (aarch64), ret->regs.sp is a
 * lower bound and the register is not known. */
enum pw_step pw_unwind_record(const struct pw_abi *abi, const struct pw_regs *regs,
			      const struct pw_unwind_memory *memory, struct pw_step_result *ret);

/* Out of a signal trampoline that has no call-frame information. */
enum pw_step pw_unwind_sigreturn(const struct pw_abi *abi, const struct pw_regs *regs,
				 const struct pw_unwind_memory *memory, struct pw_step_result *ret);

static inline bool pw_regs_get(const struct pw_regs *regs, unsigned n, uint64_t *ret)
{
	if (n >= PW_REGS_MAX || !(regs->known >> n & 1))
		return false;
	*ret = regs->value[n];
	return true;
}

static inline void pw_regs_set(struct pw_regs *regs, unsigned n, uint64_t value)
{
	if (n >= PW_REGS_MAX)
		return;
	regs->value[n] = value;
	regs->known |= UINT64_C(1) << n;
}

#endif
