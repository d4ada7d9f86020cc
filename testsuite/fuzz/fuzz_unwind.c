/*
 * Call-frame information: .eh_frame through libdw into rows, DWARF expressions, steps.  Input: pc
 * (2 bytes), which registers are known (4 bytes), a byte of which the lowest bit is the machine and
 * the rest the length of the stack in words, the stack, .eh_frame.
 */
#include "fuzz.h"

#include "binary/cfi.h"
#include "binary/elf_private.h"
#include "binary/fde.h"

enum { TEXT = 0x1000, EH_FRAME = 0x20000, STACK = 0x7000, MAX_SIZE = 1 << 16, STEPS = 40 };

struct stack {
	const uint8_t *bytes;
	size_t size;
};

static bool read_stack(void *data, uint64_t address, uint64_t *ret)
{
	const struct stack *stack = data;
	if (address < STACK || address - STACK > stack->size ||
	    stack->size - (address - STACK) < sizeof(*ret))
		return false;
	memcpy(ret, stack->bytes + (address - STACK), sizeof(*ret));
	return true;
}

static void check_rule(const struct pw_row *row, const struct pw_rule *rule)
{
	FUZZ_EXPECT(rule->target < PW_REGS_MAX);
	FUZZ_EXPECT(rule->kind != PW_RULE_REGISTER || rule->reg < PW_REGS_MAX);
	if (rule->kind != PW_RULE_AT_EXPR && rule->kind != PW_RULE_EXPRESSION)
		return;
	for (unsigned i = 0; i < rule->length; i++)
		FUZZ_EXPECT(row->ops[rule->first + i].jump <= rule->length);
}

static void check_row(const struct pw_row *row)
{
	FUZZ_EXPECT(row->ra < PW_REGS_MAX && row->rule_count <= PW_ROW_RULES_MAX);
	check_rule(row, &row->cfa);
	for (unsigned i = 0; i < row->rule_count; i++)
		check_rule(row, &row->rules[i]);
}

static struct pw_row *row_at(const struct pw_abi *abi, const struct pw_fde_section *section,
			     const struct pw_range *ranges, size_t count, uint64_t pc)
{
	for (size_t i = 0; i < count; i++) {
		struct pw_fde fde;
		if (pc < ranges[i].start || pc >= ranges[i].end ||
		    !pw_fde_read(section, ranges[i].offset, &fde))
			continue;
		FUZZ_EXPECT(fde.start == ranges[i].start && fde.end == ranges[i].end);
		struct pw_row *row = pw_fde_row(section, &fde, abi, pc, 0);
		if (row)
			check_row(row);
		return row;
	}
	return NULL;
}

static void unwind(const struct pw_abi *abi, const struct pw_fde_section *section,
		   struct pw_regs regs, const struct pw_unwind_memory *memory)
{
	struct pw_range *ranges;
	size_t count = pw_fde_ranges(section, &ranges);
	for (size_t i = 0; i < count; i++)
		FUZZ_EXPECT(ranges[i].start < ranges[i].end);
	struct pw_step_result result;
	for (int i = 0; i < STEPS; i++) {
		struct pw_row *row = row_at(abi, section, ranges, count, regs.pc);
		enum pw_step step = row ? pw_unwind_step(abi, row, &regs, memory, &result)
					: pw_unwind_record(abi, &regs, memory, &result);
		if (step == PW_STEP_OK) {
			FUZZ_EXPECT(!(result.regs.known >> PW_REGS_MAX));
			FUZZ_EXPECT(result.regs.sp >= regs.sp || (row && row->signal_frame));
		}
		free(row);
		if (step != PW_STEP_OK)
			break;
		regs = result.regs;
	}
	free(ranges);
	pw_unwind_sigreturn(abi, &regs, memory, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct pw_regs regs = {.pc = TEXT + fuzz_take(&input, 2), .sp = STACK};
	regs.known = fuzz_take(&input, 4);
	unsigned choice = (unsigned)fuzz_take(&input, 1);
	const struct pw_abi *abi = choice & 1 ? &pw_abi_aarch64 : &pw_abi_x86_64;
	for (unsigned i = 0; i < PW_REGS_MAX; i++)
		regs.value[i] = STACK + 8 * i;
	pw_regs_set(&regs, abi->sp, STACK);
	struct stack stack = {input.at, 8 * (size_t)(choice >> 1)};
	if (stack.size > input.left)
		stack.size = input.left;
	size_t length = input.left - stack.size;
	if (length > MAX_SIZE)
		return 0;
	/* On the heap, so that a sanitizer sees its end. */
	uint8_t *bytes = malloc(length ? length : 1);
	FUZZ_EXPECT(bytes);
	memcpy(bytes, input.at + stack.size, length);
	const struct pw_fde_section section = {
		.bytes = bytes,
		.length = length,
		.address = EH_FRAME,
		.debug_frame = choice == UINT8_MAX,
	};
	const struct pw_unwind_memory memory = {.read = read_stack, .data = &stack};
	unwind(abi, &section, regs, &memory);
	free(bytes);
	return 0;
}
