/*
 * The function ranges of .eh_frame.  They stay when symbols are stripped.
 *
 * Read from the LSB core specification ("Exception Frames") and DWARF 5, 6.4.1; entries are split
 * by libdw, which does not hand out an FDE's own range.
 */
#include "binary/elf_private.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char e_ident[EI_NIDENT] = {
	[EI_MAG0] = ELFMAG0,	   [EI_MAG1] = ELFMAG1,	    [EI_MAG2] = ELFMAG2,
	[EI_MAG3] = ELFMAG3,	   [EI_CLASS] = ELFCLASS64, [EI_DATA] = ELFDATA2LSB,
	[EI_VERSION] = EV_CURRENT,
};

/* Bytes of an encoded pointer; 0: of no fixed size. */
static size_t encoded_size(uint8_t encoding)
{
	switch (encoding & 0x07) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
		return 8;
	case DW_EH_PE_udata4:
		return 4;
	case DW_EH_PE_udata2:
		return 2;
	default:
		return 0;
	}
}

static uint64_t read_encoded(const uint8_t *p, uint8_t encoding)
{
	uint64_t value = 0;
	size_t size = encoded_size(encoding);

	memcpy(&value, p, size);
	if ((encoding & 0x08) && size < 8 && (value >> (size * 8 - 1)))
		value |= ~UINT64_C(0) << (size * 8);
	return value;
}

/* How the CIE at `offset` has its FDEs' pointers encoded; false: not understood. */
static bool cie_encoding(Elf_Data *data, Dwarf_Off offset, uint8_t *ret)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next = offset;

	*ret = DW_EH_PE_absptr;
	if (dwarf_next_cfi(e_ident, data, true, offset, &next, &entry) != 0 ||
	    !dwarf_cfi_cie_p(&entry))
		return false;
	const uint8_t *p = entry.cie.augmentation_data;
	size_t left = p ? entry.cie.augmentation_data_size : 0;
	const char *letters = entry.cie.augmentation;
	if (letters[0] != 'z')
		return letters[0] == '\0';
	while (*++letters) {
		size_t skip = *letters == 'L' || *letters == 'R' ? 1 : 0;
		if (*letters == 'P') {
			size_t size = left ? encoded_size(*p) : 0;
			if (!size)
				return false;
			skip = 1 + size;
		} else if (!skip && *letters != 'S' && *letters != 'B') {
			return false;
		}
		if (skip > left)
			return false;
		if (*letters == 'R') {
			*ret = *p;
			return true;
		}
		p += skip;
		left -= skip;
	}
	return true;
}

static bool fde_range(const uint8_t *eh_frame, uint64_t address, const Dwarf_FDE *fde,
		      uint8_t encoding, struct pw_range *ret)
{
	size_t size = encoded_size(encoding);

	if (!size || (encoding & 0x80) || (size_t)(fde->end - fde->start) < 2 * size)
		return false;
	uint64_t start = read_encoded(fde->start, encoding);
	uint64_t length = read_encoded(fde->start + size, encoding & 0x07);
	switch (encoding & 0x70) {
	case DW_EH_PE_absptr:
		break;
	case DW_EH_PE_pcrel:
		start += address + (uint64_t)(fde->start - eh_frame);
		break;
	default:
		return false;
	}
	/* A function that the linker dropped begins at 0. */
	if (!start || !length || length > UINT64_MAX - start)
		return false;
	*ret = (struct pw_range){start, start + length};
	return true;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct pw_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static bool append_range(struct pw_range **ranges, size_t *count, size_t *room,
			 const struct pw_range *range)
{
	if (*count == *room) {
		size_t more = *room ? *room * 2 : 1024;
		struct pw_range *grown = realloc(*ranges, more * sizeof(*grown));
		if (!grown)
			return false;
		*ranges = grown;
		*room = more;
	}
	(*ranges)[(*count)++] = *range;
	return true;
}

size_t pw_fde_ranges(const uint8_t *eh_frame, size_t length, uint64_t address,
		     struct pw_range **ret)
{
	Elf_Data data = {
		.d_buf = (void *)eh_frame,
		.d_type = ELF_T_BYTE,
		.d_size = length,
		.d_version = EV_CURRENT,
	};
	struct pw_range *ranges = NULL;
	size_t count = 0, room = 0;
	Dwarf_Off cie = LIBDW_CIE_ID, next = 0;
	bool understood = false;
	uint8_t encoding = 0;

	for (Dwarf_Off at = 0; at < length; at = next) {
		Dwarf_CFI_Entry entry;
		struct pw_range range;
		next = at;
		int result = dwarf_next_cfi(e_ident, &data, true, at, &next, &entry);
		if (result > 0 || next <= at)
			break;
		if (result < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		if (entry.CIE_id != cie) {
			cie = entry.CIE_id;
			understood = cie < length && cie_encoding(&data, cie, &encoding);
		}
		if (understood && fde_range(eh_frame, address, &entry.fde, encoding, &range) &&
		    !append_range(&ranges, &count, &room, &range))
			break;
	}
	if (count)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	*ret = ranges;
	return count;
}
