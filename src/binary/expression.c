/* Read from DWARF 5, section 2.5. */
#include "binary/expression.h"

#include <dwarf.h>

enum { DEPTH_MAX = 64, STEPS_MAX = 1000 };

struct machine {
	const struct pw_regs *regs;
	const struct pw_unwind_memory *memory;
	uint64_t stack[DEPTH_MAX];
	size_t depth;
	uint64_t where;
};

static bool push(struct machine *m, uint64_t value)
{
	if (m->depth == DEPTH_MAX)
		return false;
	m->stack[m->depth++] = value;
	return true;
}

static enum pw_step pushed(struct machine *m, uint64_t value)
{
	return push(m, value) ? PW_STEP_OK : PW_STEP_CORRUPT;
}

static enum pw_step push_register(struct machine *m, uint64_t number, int64_t offset)
{
	uint64_t value;
	if (number >= PW_REGS_MAX || !pw_regs_get(m->regs, (unsigned)number, &value)) {
		m->where = number;
		return PW_STEP_REGISTER;
	}
	return pushed(m, value + (uint64_t)offset);
}

static enum pw_step dereference(struct machine *m, uint64_t size)
{
	uint64_t *top = &m->stack[m->depth - 1];
	if (size == 0 || size > 8)
		return PW_STEP_CORRUPT;
	m->where = *top;
	if (!m->memory->read(m->memory->data, *top, top))
		return PW_STEP_UNREADABLE;
	if (size < 8)
		*top &= (UINT64_C(1) << size * 8) - 1;
	return PW_STEP_OK;
}

/* Of the two topmost values, `a` the one below. */
static bool combine(uint8_t atom, uint64_t a, uint64_t b, uint64_t *ret)
{
	int64_t x = (int64_t)a, y = (int64_t)b;
	switch (atom) {
	case DW_OP_and:
		*ret = a & b;
		return true;
	case DW_OP_or:
		*ret = a | b;
		return true;
	case DW_OP_xor:
		*ret = a ^ b;
		return true;
	case DW_OP_plus:
		*ret = a + b;
		return true;
	case DW_OP_minus:
		*ret = a - b;
		return true;
	case DW_OP_mul:
		*ret = a * b;
		return true;
	case DW_OP_div:
		if (!y || (y == -1 && x == INT64_MIN))
			return false;
		*ret = (uint64_t)(x / y);
		return true;
	case DW_OP_mod:
		if (!b)
			return false;
		*ret = a % b;
		return true;
	case DW_OP_shl:
		*ret = b < 64 ? a << b : 0;
		return true;
	case DW_OP_shr:
		*ret = b < 64 ? a >> b : 0;
		return true;
	case DW_OP_shra:
		*ret = (uint64_t)(x >> (b < 64 ? b : 63));
		return true;
	case DW_OP_eq:
		*ret = x == y;
		return true;
	case DW_OP_ne:
		*ret = x != y;
		return true;
	case DW_OP_lt:
		*ret = x < y;
		return true;
	case DW_OP_le:
		*ret = x <= y;
		return true;
	case DW_OP_gt:
		*ret = x > y;
		return true;
	case DW_OP_ge:
		*ret = x >= y;
		return true;
	default:
		return false;
	}
}

static enum pw_step binary(struct machine *m, uint8_t atom)
{
	if (m->depth < 2)
		return PW_STEP_CORRUPT;
	uint64_t b = m->stack[--m->depth], *top = &m->stack[m->depth - 1];
	return combine(atom, *top, b, top) ? PW_STEP_OK : PW_STEP_CORRUPT;
}

/* Operations that need at least one value. */
static enum pw_step on_top(struct machine *m, const struct pw_op *op)
{
	if (!m->depth)
		return PW_STEP_CORRUPT;
	uint64_t *top = &m->stack[m->depth - 1];
	switch (op->atom) {
	case DW_OP_dup:
		return pushed(m, *top);
	case DW_OP_drop:
		m->depth--;
		return PW_STEP_OK;
	case DW_OP_deref:
		return dereference(m, 8);
	case DW_OP_deref_size:
		return dereference(m, (uint64_t)op->number);
	case DW_OP_abs:
		*top = (int64_t)*top < 0 ? -*top : *top;
		return PW_STEP_OK;
	case DW_OP_neg:
		*top = -*top;
		return PW_STEP_OK;
	case DW_OP_not:
		*top = ~*top;
		return PW_STEP_OK;
	case DW_OP_plus_uconst:
		*top += (uint64_t)op->number;
		return PW_STEP_OK;
	case DW_OP_swap:
	case DW_OP_over:
	case DW_OP_rot:
	case DW_OP_pick:
		break;
	default:
		return binary(m, op->atom);
	}
	size_t below = op->atom == DW_OP_pick ? (size_t)(uint8_t)op->number : 1;
	if (m->depth <= below || (op->atom == DW_OP_rot && m->depth < 3))
		return PW_STEP_CORRUPT;
	if (op->atom == DW_OP_over || op->atom == DW_OP_pick)
		return pushed(m, m->stack[m->depth - 1 - below]);
	uint64_t first = *top;
	*top = top[-1];
	if (op->atom == DW_OP_swap) {
		top[-1] = first;
	} else {
		top[-1] = top[-2];
		top[-2] = first;
	}
	return PW_STEP_OK;
}

static enum pw_step execute(struct machine *m, const struct pw_op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return pushed(m, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_register(m, op->atom - DW_OP_breg0, op->number);
	switch (op->atom) {
	case DW_OP_bregx:
		return push_register(m, (uint64_t)op->number, op->number2);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return pushed(m, (uint64_t)op->number);
	case DW_OP_nop:
		return PW_STEP_OK;
	default:
		return on_top(m, op);
	}
}

enum pw_step pw_expression(const struct pw_op *ops, size_t count, const uint64_t *initial,
			   const struct pw_regs *regs, const struct pw_unwind_memory *memory,
			   uint64_t *ret, uint64_t *ret_where)
{
	struct machine m = {.regs = regs, .memory = memory};
	if (initial)
		push(&m, *initial);
	size_t at = 0;
	for (unsigned steps = 0; at < count; steps++) {
		const struct pw_op *op = &ops[at];
		if (steps == STEPS_MAX)
			return PW_STEP_CORRUPT;
		if (op->atom == DW_OP_skip || op->atom == DW_OP_bra) {
			if (op->atom == DW_OP_bra && !m.depth)
				return PW_STEP_CORRUPT;
			bool taken = op->atom == DW_OP_skip || m.stack[--m.depth];
			at = taken ? op->jump : at + 1;
			continue;
		}
		enum pw_step result = execute(&m, op);
		*ret_where = m.where;
		if (result != PW_STEP_OK)
			return result;
		at++;
	}
	if (at != count || !m.depth)
		return PW_STEP_CORRUPT;
	*ret = m.stack[m.depth - 1];
	return PW_STEP_OK;
}
