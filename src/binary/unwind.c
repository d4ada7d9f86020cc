/* Read from DWARF 5, section 6.4; the psABIs as abi_*.c say. */
#include "binary/expression.h"

static enum pw_step read_word(const struct pw_unwind_memory *memory, uint64_t address,
			      uint64_t *ret, uint64_t *ret_where)
{
	*ret_where = address;
	return memory->read(memory->data, address, ret) ? PW_STEP_OK : PW_STEP_UNREADABLE;
}

/* `initial`: what an expression begins with; of the CFA's own rule NULL, and `cfa` is not asked
 * for. */
static enum pw_step apply(const struct pw_row *row, const struct pw_rule *rule, uint64_t cfa,
			  const uint64_t *initial, const struct pw_regs *regs,
			  const struct pw_unwind_memory *memory, uint64_t *ret, uint64_t *where)
{
	enum pw_step step;
	*where = rule->reg;
	switch ((enum pw_rule_kind)rule->kind) {
	case PW_RULE_SAME:
		*where = rule->target;
		return pw_regs_get(regs, rule->target, ret) ? PW_STEP_OK : PW_STEP_REGISTER;
	case PW_RULE_AT_CFA:
		return read_word(memory, cfa + (uint64_t)rule->offset, ret, where);
	case PW_RULE_CFA_PLUS:
		*ret = cfa + (uint64_t)rule->offset;
		return PW_STEP_OK;
	case PW_RULE_REGISTER:
		if (!pw_regs_get(regs, rule->reg, ret))
			return PW_STEP_REGISTER;
		*ret += (uint64_t)rule->offset;
		return PW_STEP_OK;
	case PW_RULE_AT_EXPR:
	case PW_RULE_EXPRESSION:
		step = pw_expression(row->ops + rule->first, rule->length, initial, regs, memory,
				     ret, where);
		if (step == PW_STEP_OK && rule->kind == PW_RULE_AT_EXPR)
			step = read_word(memory, *ret, ret, where);
		return step;
	case PW_RULE_UNDEFINED:
		break;
	}
	return PW_STEP_BOTTOM;
}

static const struct pw_rule *rule_for(const struct pw_row *row, unsigned target)
{
	for (unsigned i = 0; i < row->rule_count; i++)
		if (row->rules[i].target == target)
			return &row->rules[i];
	return NULL;
}

/* Whether the return address is in a register that is lost to the caller. */
static bool is_passing(const struct pw_abi *abi, const struct pw_row *row, const struct pw_rule *ra)
{
	if (!ra)
		return !abi->return_slot && row->ra == abi->ra;
	return ra->kind == PW_RULE_REGISTER && !(abi->callee_saved >> ra->reg & 1) &&
	       ra->reg != abi->sp;
}

/* The caller's stack pointer must lie above: that is what makes every chain end.  Where calls leave
 * the return address in a register, a function that has not touched its stack has no frame; nor has
 * one any more that has taken it from the stack and is about to jump there (libgcc's
 * _Unwind_RaiseException(), where an exception is handled).  The register is lost to the caller,
 * with every other that a call may change, so that there is no second such frame. */
static bool grows(const struct pw_abi *abi, const struct pw_row *row, const struct pw_rule *ra,
		  uint64_t sp, uint64_t caller_sp)
{
	if (row->signal_frame || (ra && ra->kind == PW_RULE_UNDEFINED))
		return true;
	if (is_passing(abi, row, ra))
		return caller_sp >= sp;
	return caller_sp > sp && caller_sp - sp >= abi->return_slot;
}

/* The caller's registers but for the pc. */
static void restore(const struct pw_abi *abi, const struct pw_row *row, const struct pw_regs *regs,
		    const struct pw_unwind_memory *memory, struct pw_step_result *ret)
{
	/* What no rule speaks of. */
	ret->regs.known = regs->known & abi->callee_saved;
	for (unsigned n = 0; n < PW_REGS_MAX; n++)
		if (ret->regs.known >> n & 1)
			ret->regs.value[n] = regs->value[n];
	ret->regs.thread_pointer = regs->thread_pointer;
	pw_regs_set(&ret->regs, abi->sp, ret->cfa);

	for (unsigned i = 0; i < row->rule_count; i++) {
		const struct pw_rule *rule = &row->rules[i];
		uint64_t value, where;
		if (apply(row, rule, ret->cfa, &ret->cfa, regs, memory, &value, &where) ==
		    PW_STEP_OK)
			pw_regs_set(&ret->regs, rule->target, value);
		else
			ret->regs.known &= ~(UINT64_C(1) << rule->target);
	}
}

enum pw_step pw_unwind_step(const struct pw_abi *abi, const struct pw_row *row,
			    const struct pw_regs *regs, const struct pw_unwind_memory *memory,
			    struct pw_step_result *ret)
{
	*ret = (struct pw_step_result){0};
	enum pw_step step = apply(row, &row->cfa, 0, NULL, regs, memory, &ret->cfa, &ret->where);
	if (step != PW_STEP_OK)
		return step == PW_STEP_BOTTOM ? PW_STEP_CORRUPT : step;
	const struct pw_rule *ra = rule_for(row, row->ra), *sp = rule_for(row, abi->sp);
	if (!sp && !grows(abi, row, ra, regs->sp, ret->cfa)) {
		ret->where = ret->cfa;
		return PW_STEP_CORRUPT;
	}
	restore(abi, row, regs, memory, ret);
	struct pw_rule same = {.kind = PW_RULE_SAME, .target = row->ra};
	uint64_t pc;
	step = apply(row, ra ? ra : &same, ret->cfa, &ret->cfa, regs, memory, &pc, &ret->where);
	if (step != PW_STEP_OK)
		return step;
	ret->regs.pc = pc & abi->code_bits;
	ret->where = abi->sp;
	if (!pw_regs_get(&ret->regs, abi->sp, &ret->regs.sp))
		return PW_STEP_REGISTER;
	ret->where = ret->regs.sp;
	if (is_passing(abi, row, ra))
		ret->regs.known &= abi->callee_saved | UINT64_C(1) << abi->sp;
	return grows(abi, row, ra, regs->sp, ret->regs.sp) ? PW_STEP_OK : PW_STEP_CORRUPT;
}

enum pw_step pw_unwind_record(const struct pw_abi *abi, const struct pw_regs *regs,
			      const struct pw_unwind_memory *memory, struct pw_step_result *ret)
{
	uint64_t fp, value;
	*ret = (struct pw_step_result){.where = abi->fp};
	if (!pw_regs_get(regs, abi->fp, &fp))
		return PW_STEP_REGISTER;
	ret->cfa = fp + (uint64_t)abi->record_cfa;
	ret->where = ret->cfa;
	if (fp < regs->sp || fp % 8 || ret->cfa < fp)
		return PW_STEP_CORRUPT;
	enum pw_step step =
		read_word(memory, fp + (uint64_t)abi->record_ra, &ret->regs.pc, &ret->where);
	if (step != PW_STEP_OK)
		return step;
	ret->regs.pc &= abi->code_bits;
	step = read_word(memory, fp + (uint64_t)abi->record_fp, &value, &ret->where);
	if (step != PW_STEP_OK)
		return step;
	/* The other callee-saved registers may have been changed and saved anywhere. */
	pw_regs_set(&ret->regs, abi->fp, value);
	/* Where a record stands at the frame's lowest end, its end is above, and not known. */
	if (abi->return_slot)
		pw_regs_set(&ret->regs, abi->sp, ret->cfa);
	ret->regs.sp = ret->cfa;
	ret->regs.thread_pointer = regs->thread_pointer;
	return PW_STEP_OK;
}

enum pw_step pw_unwind_sigreturn(const struct pw_abi *abi, const struct pw_regs *regs,
				 const struct pw_unwind_memory *memory, struct pw_step_result *ret)
{
	*ret = (struct pw_step_result){0};
	for (unsigned n = 0; n < PW_REGS_MAX; n++) {
		int slot = abi->signal_slot(n);
		uint64_t value;
		if (slot < 0)
			continue;
		enum pw_step step =
			read_word(memory, regs->sp + (uint64_t)slot, &value, &ret->where);
		if (step != PW_STEP_OK)
			return step;
		pw_regs_set(&ret->regs, n, value);
	}
	ret->regs.sp = ret->regs.value[abi->sp];
	ret->regs.pc = ret->regs.value[abi->return_slot ? abi->ra : abi->sp + 1];
	ret->regs.thread_pointer = regs->thread_pointer;
	ret->cfa = ret->regs.sp;
	return PW_STEP_OK;
}
