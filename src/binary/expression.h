/* DWARF expressions as call-frame information uses them: integers, registers, memory words. */
#ifndef PW_BINARY_EXPRESSION_H
#define PW_BINARY_EXPRESSION_H

#include "binary/unwind.h"

/*
 * Evaluates `count` operations on a stack that begins with `initial` (the CFA; of a CFA's own
 * expression: nothing, `initial` NULL).  *ret is the value on top.  UNREADABLE and REGISTER say in
 * *ret_where what was missing; CORRUPT: an operation that is none, an empty stack, no end.
 */
enum pw_step pw_expression(const struct pw_op *ops, size_t count, const uint64_t *initial,
			   const struct pw_regs *regs, const struct pw_unwind_memory *memory,
			   uint64_t *ret, uint64_t *ret_where);

#endif
