/* Read from DWARF 5, section 6.4.2 and 7.24; elfutils 0.188 libdw/cfi.c, for what it allocates. */
#include "binary/cfa_program.h"

#include <dwarf.h>
#include <stddef.h>

enum { REGISTER_MAX = 1024, STATES_MAX = 64 };

struct program {
	const uint8_t *at, *end;
	unsigned states;
};

static bool leb128(struct program *p, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; p->at < p->end; shift += 7) {
		uint8_t byte = *p->at++;
		if (shift < 64)
			*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static bool skip(struct program *p, uint64_t length)
{
	if (length > (uint64_t)(p->end - p->at))
		return false;
	p->at += length;
	return true;
}

static size_t address_size(uint8_t encoding)
{
	switch (encoding & 0x07) {
	case DW_EH_PE_udata2:
		return 2;
	case DW_EH_PE_udata4:
		return 4;
	default:
		return 8;
	}
}

/* The operands of an instruction: a letter each. */
static const char *operands_of(uint8_t opcode)
{
	switch (opcode) {
	case DW_CFA_nop:
	case DW_CFA_remember_state:
	case DW_CFA_restore_state:
	case DW_CFA_GNU_window_save:
		return "";
	case DW_CFA_set_loc:
		return "a";
	case DW_CFA_advance_loc1:
		return "1";
	case DW_CFA_advance_loc2:
		return "2";
	case DW_CFA_advance_loc4:
		return "4";
	case DW_CFA_MIPS_advance_loc8:
		return "8";
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
		return "r";
	case DW_CFA_register:
		return "rr";
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
	case DW_CFA_GNU_negative_offset_extended:
		return "rn";
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		return "n";
	case DW_CFA_def_cfa_expression:
		return "b";
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		return "rb";
	default:
		return NULL;
	}
}

static bool read_operand(struct program *p, char kind, uint8_t encoding)
{
	uint64_t value;
	switch (kind) {
	case 'r':
		return leb128(p, &value) && value <= REGISTER_MAX;
	case 'n':
		return leb128(p, &value);
	case 'b':
		return leb128(p, &value) && skip(p, value);
	case 'a':
		return skip(p, address_size(encoding));
	default:
		return skip(p, (uint64_t)(kind - '0'));
	}
}

static bool read_instruction(struct program *p, uint8_t encoding)
{
	uint8_t opcode = *p->at++;
	uint64_t value;
	switch (opcode & 0xc0) {
	case DW_CFA_advance_loc:
	case DW_CFA_restore:
		return true;
	case DW_CFA_offset:
		return leb128(p, &value);
	default:
		break;
	}
	const char *operands = operands_of(opcode);
	if (!operands || (opcode == DW_CFA_remember_state && ++p->states > STATES_MAX))
		return false;
	if (opcode == DW_CFA_restore_state && p->states)
		p->states--;
	for (; *operands; operands++)
		if (!read_operand(p, *operands, encoding))
			return false;
	return true;
}

bool pw_cfa_program_modest(const uint8_t *at, const uint8_t *end, uint8_t encoding)
{
	struct program p = {.at = at, .end = end};
	while (p.at < p.end)
		if (!read_instruction(&p, encoding))
			return false;
	return true;
}
