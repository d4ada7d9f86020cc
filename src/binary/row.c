/*
 * Compiling a row: libdw's view of an FDE at one pc (dwarf_frame_cfa, dwarf_frame_register) into
 * rules.
 *
 * Read from elfutils 0.188 libdw/libdw.h; DWARF 5, sections 2.5 and 6.4.
 */
#include "binary/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	struct pw_rule rules[PW_ROW_RULES_MAX];
	size_t rule_count;
	struct pw_op ops[PW_ROW_OPS_MAX];
	size_t op_count;
};

/* The operation at a byte offset, `count`: the end; SIZE_MAX: within one, or outside. */
static size_t operation_at(const Dwarf_Op *ops, size_t count, uint64_t offset)
{
	/* How long the last one is, libdw does not tell. */
	enum { OPERATION_MAX = 1 + 2 * 10 };
	for (size_t i = 0; i < count; i++)
		if (ops[i].offset == offset)
			return i;
	uint64_t behind = count ? offset - ops[count - 1].offset : 0;
	return behind && behind <= OPERATION_MAX ? count : SIZE_MAX;
}

/* false: too long, or a jump into the middle of an operation. */
static bool add_expression(struct builder *b, const Dwarf_Op *ops, size_t count,
			   struct pw_rule *rule)
{
	enum { JUMP_BYTES = 3 };
	if (count > UINT8_MAX || count > PW_ROW_OPS_MAX - b->op_count)
		return false;
	rule->first = (uint32_t)b->op_count;
	rule->length = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		struct pw_op *op = &b->ops[b->op_count++];
		*op = (struct pw_op){.atom = ops[i].atom,
				     .number = (int64_t)ops[i].number,
				     .number2 = (int64_t)ops[i].number2};
		if (op->atom != DW_OP_skip && op->atom != DW_OP_bra)
			continue;
		uint64_t to = ops[i].offset + JUMP_BYTES + (uint64_t)(int64_t)(int16_t)op->number;
		size_t target = operation_at(ops, count, to);
		if (target == SIZE_MAX)
			return false;
		op->jump = (uint32_t)target;
	}
	return true;
}

/* A register's location as libdw writes it: an expression that begins with the CFA. */
static bool make_rule(struct builder *b, const Dwarf_Op *ops, size_t count, struct pw_rule *rule)
{
	bool value = count && ops[count - 1].atom == DW_OP_stack_value;
	count -= value;
	if (!count)
		return false;
	if (count == 1 && (ops[0].atom == DW_OP_regx ||
			   (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31))) {
		uint64_t reg = ops[0].atom == DW_OP_regx ? ops[0].number
							 : ops[0].atom - (uint64_t)DW_OP_reg0;
		rule->kind = PW_RULE_REGISTER;
		rule->reg = (uint8_t)reg;
		return reg < PW_REGS_MAX;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa)
		return false;
	bool offset = count == 2 && ops[1].atom == DW_OP_plus_uconst;
	if (count == 1 || offset) {
		rule->kind = value ? PW_RULE_CFA_PLUS : PW_RULE_AT_CFA;
		rule->offset = offset ? (int64_t)ops[1].number : 0;
		return true;
	}
	rule->kind = value ? PW_RULE_EXPRESSION : PW_RULE_AT_EXPR;
	return add_expression(b, ops + 1, count - 1, rule);
}

static bool make_cfa(struct builder *b, Dwarf_Frame *frame, struct pw_rule *rule)
{
	Dwarf_Op *ops;
	size_t count;
	if (dwarf_frame_cfa(frame, &ops, &count) || !count)
		return false;
	if (ops[count - 1].atom == DW_OP_stack_value)
		count--;
	if (count == 1 && ops[0].atom == DW_OP_bregx && ops[0].number < PW_REGS_MAX) {
		rule->kind = PW_RULE_REGISTER;
		rule->reg = (uint8_t)ops[0].number;
		rule->offset = (int64_t)ops[0].number2;
		return true;
	}
	rule->kind = PW_RULE_EXPRESSION;
	return count && add_expression(b, ops, count, rule);
}

/* What libdw takes for granted where it means rbx, which calls preserve, it says of rax (elfutils
 * 0.188, backends/x86_64_cfi.c; DWARF's number of rbx is 3).  It does not tell whether a table said
 * so. */
static bool is_mistaken(const struct pw_abi *abi, const struct pw_rule *rule)
{
	enum { RAX = 0, RBX = 3 };
	if (abi != &pw_abi_x86_64)
		return false;
	return (rule->target == RAX && rule->kind == PW_RULE_SAME) ||
	       (rule->target == RBX && rule->kind == PW_RULE_UNDEFINED);
}

/* What a step does anyway is not written down. */
static bool goes_without_saying(const struct pw_abi *abi, const struct pw_rule *rule, unsigned ra)
{
	bool saved = abi->callee_saved >> rule->target & 1;
	if (rule->target == ra)
		return rule->kind == PW_RULE_SAME;
	if (rule->target == abi->sp)
		return rule->kind == PW_RULE_SAME ||
		       (rule->kind == PW_RULE_CFA_PLUS && !rule->offset);
	return rule->kind == (saved ? PW_RULE_SAME : PW_RULE_UNDEFINED);
}

static void add_register(struct builder *b, const struct pw_abi *abi, Dwarf_Frame *frame,
			 unsigned number, unsigned ra)
{
	Dwarf_Op memory[3], *ops = NULL;
	size_t count = 0;
	struct pw_rule rule = {.target = (uint8_t)number, .kind = PW_RULE_UNDEFINED};
	size_t before = b->op_count;
	if (dwarf_frame_register(frame, (int)number, memory, &ops, &count))
		return;
	if (!count && !ops)
		rule.kind = PW_RULE_SAME;
	else if (count && !make_rule(b, ops, count, &rule)) {
		rule = (struct pw_rule){.target = (uint8_t)number, .kind = PW_RULE_UNDEFINED};
		b->op_count = before;
	}
	if (!count && is_mistaken(abi, &rule))
		return;
	if (!goes_without_saying(abi, &rule, ra) && b->rule_count < PW_ROW_RULES_MAX)
		b->rules[b->rule_count++] = rule;
}

struct pw_row *pw_row_compile(const struct pw_abi *abi, Dwarf_Frame *frame, uint64_t bias)
{
	Dwarf_Addr start, end;
	bool signal_frame;
	struct builder b;
	struct pw_rule cfa = {0};
	b.rule_count = b.op_count = 0;
	int ra = dwarf_frame_info(frame, &start, &end, &signal_frame);
	if (ra < 0 || ra >= PW_REGS_MAX || !make_cfa(&b, frame, &cfa))
		return NULL;
	for (unsigned n = 0; n < PW_REGS_MAX; n++)
		add_register(&b, abi, frame, n, (unsigned)ra);

	size_t rules = b.rule_count * sizeof(*b.rules), ops = b.op_count * sizeof(*b.ops);
	struct pw_row *row = malloc(sizeof(*row) + rules + ops);
	if (!row)
		return NULL;
	char *behind = (char *)(row + 1);
	memcpy(behind, b.ops, ops);
	memcpy(behind + ops, b.rules, rules);
	*row = (struct pw_row){
		.start = start + bias,
		.end = end + bias,
		.signal_frame = signal_frame,
		.ra = (uint8_t)ra,
		.cfa = cfa,
		.rule_count = (uint8_t)b.rule_count,
		.ops = (const struct pw_op *)behind,
		.rules = (const struct pw_rule *)(behind + ops),
	};
	return row;
}
