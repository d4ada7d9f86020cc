/*
 * Read from the LSB core specification ("Exception Frames") and DWARF 5, 6.4.1; entries are split
 * by libdw, which does not hand out an FDE's own range.
 */
#include "binary/fde.h"

#include "binary/cfa_program.h"
#include "binary/cfi.h"
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

struct cie {
	size_t offset, next;
	uint8_t encoding; /* of its FDEs' pointers */
};

static int next_entry(const struct pw_fde_section *section, size_t offset, size_t *ret_next,
		      Dwarf_CFI_Entry *ret)
{
	Elf_Data data = {
		.d_buf = (void *)section->bytes,
		.d_type = ELF_T_BYTE,
		.d_size = section->length,
		.d_version = EV_CURRENT,
	};
	Dwarf_Off next = offset;
	int result = dwarf_next_cfi(e_ident, &data, !section->debug_frame, offset, &next, ret);
	*ret_next = next <= section->length ? next : section->length;
	return result;
}

/* How a CIE has its FDEs' pointers encoded; false: not understood. */
static bool cie_encoding(const Dwarf_CIE *cie, uint8_t *ret)
{
	*ret = DW_EH_PE_absptr;
	const uint8_t *p = cie->augmentation_data;
	size_t left = p ? cie->augmentation_data_size : 0;
	const char *letters = cie->augmentation;
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

static bool read_cie(const struct pw_fde_section *section, uint64_t offset, struct cie *ret)
{
	Dwarf_CFI_Entry entry;
	ret->offset = (size_t)offset;
	return offset < section->length &&
	       next_entry(section, ret->offset, &ret->next, &entry) == 0 &&
	       dwarf_cfi_cie_p(&entry) && cie_encoding(&entry.cie, &ret->encoding) &&
	       pw_cfa_program_modest(entry.cie.initial_instructions,
				     entry.cie.initial_instructions_end, ret->encoding);
}

static bool fde_range(const struct pw_fde_section *section, const Dwarf_FDE *fde, uint8_t encoding,
		      struct pw_range *ret)
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
		start += section->address + (uint64_t)(fde->start - section->bytes);
		break;
	default:
		return false;
	}
	/* A function that the linker dropped begins at 0. */
	if (!start || !length || length > UINT64_MAX - start)
		return false;
	*ret = (struct pw_range){.start = start, .end = start + length};
	return true;
}

/* Where the instructions of an FDE begin: behind its range and augmentation. */
static bool program_is_modest(const Dwarf_FDE *fde, const struct cie *cie, bool augmented)
{
	const uint8_t *at = fde->start + 2 * encoded_size(cie->encoding);
	if (!augmented)
		return pw_cfa_program_modest(at, fde->end, cie->encoding);
	uint64_t length = 0;
	for (unsigned shift = 0; at < fde->end && shift < 28; shift += 7) {
		uint8_t byte = *at++;
		length |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return length <= (uint64_t)(fde->end - at) &&
			       pw_cfa_program_modest(at + length, fde->end, cie->encoding);
	}
	return false;
}

bool pw_fde_read(const struct pw_fde_section *section, size_t offset, struct pw_fde *ret)
{
	Dwarf_CFI_Entry entry, cie_entry;
	struct cie cie;
	struct pw_range range;
	size_t next, ignored;
	if (offset >= section->length || next_entry(section, offset, &next, &entry) != 0 ||
	    dwarf_cfi_cie_p(&entry) || !read_cie(section, entry.fde.CIE_pointer, &cie) ||
	    !fde_range(section, &entry.fde, cie.encoding, &range) ||
	    next_entry(section, cie.offset, &ignored, &cie_entry) != 0 ||
	    !program_is_modest(&entry.fde, &cie, cie_entry.cie.augmentation[0] == 'z'))
		return false;
	*ret = (struct pw_fde){
		.start = range.start,
		.end = range.end,
		.offset = offset,
		.next = next,
		.cie = cie.offset,
		.cie_next = cie.next,
	};
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

size_t pw_fde_ranges(const struct pw_fde_section *section, struct pw_range **ret)
{
	struct pw_range *ranges = NULL;
	size_t count = 0, room = 0;
	struct cie cie = {.offset = SIZE_MAX};
	bool understood = false;

	for (size_t at = 0, next; at < section->length; at = next) {
		Dwarf_CFI_Entry entry;
		struct pw_range range;
		int result = next_entry(section, at, &next, &entry);
		if (result > 0 || next <= at)
			break;
		if (result < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		if (entry.fde.CIE_pointer != cie.offset) {
			understood = read_cie(section, entry.fde.CIE_pointer, &cie);
			cie.offset = (size_t)entry.fde.CIE_pointer;
		}
		if (!understood || !fde_range(section, &entry.fde, cie.encoding, &range))
			continue;
		range.offset = at;
		if (!append_range(&ranges, &count, &room, &range))
			break;
	}
	if (count)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	*ret = ranges;
	return count;
}

/* ---- one row ---- */

static const char section_names[] = "\0.eh_frame\0.shstrtab";

/* An ELF file with a CIE and an FDE, and nothing else. */
struct image {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[sizeof(section_names)];
	uint8_t entries[] __attribute__((aligned(8)));
};

static void image_init(struct image *image, const struct pw_abi *abi, uint64_t address,
		       size_t length)
{
	image->header = (Elf64_Ehdr){
		.e_type = ET_DYN,
		.e_machine = abi->elf_machine,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shoff = offsetof(struct image, sections),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 2,
	};
	memcpy(image->header.e_ident, e_ident, sizeof(e_ident));
	image->sections[1] = (Elf64_Shdr){
		.sh_name = 1,
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC,
		.sh_addr = address,
		.sh_offset = offsetof(struct image, entries),
		.sh_size = length,
		.sh_addralign = 1,
	};
	image->sections[2] = (Elf64_Shdr){
		.sh_name = sizeof("\0.eh_frame"),
		.sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct image, names),
		.sh_size = sizeof(section_names),
		.sh_addralign = 1,
	};
	memcpy(image->names, section_names, sizeof(section_names));
}

/* Links the copies as .eh_frame does: a CIE's id is 0, an FDE has the distance to its CIE. */
static void link_entries(uint8_t *entries, size_t cie_length)
{
	const uint32_t id = 0, distance = (uint32_t)cie_length + sizeof(uint32_t);
	memcpy(entries + sizeof(uint32_t), &id, sizeof(id));
	memcpy(entries + cie_length + sizeof(uint32_t), &distance, sizeof(distance));
}

static bool is_short(const struct pw_fde_section *section, size_t offset, size_t next)
{
	enum { LENGTH_MAX = 1 << 20, HEADER = 2 * sizeof(uint32_t) };
	uint32_t length;
	if (next <= offset || next - offset < HEADER || next - offset > LENGTH_MAX)
		return false;
	memcpy(&length, section->bytes + offset, sizeof(length));
	return length == next - offset - sizeof(length); /* not DWARF's 64-bit form */
}

struct pw_row *pw_fde_row(const struct pw_fde_section *section, const struct pw_fde *fde,
			  const struct pw_abi *abi, uint64_t pc, uint64_t bias)
{
	if (!is_short(section, fde->cie, fde->cie_next) ||
	    !is_short(section, fde->offset, fde->next))
		return NULL;
	size_t cie_length = fde->cie_next - fde->cie, length = fde->next - fde->offset;
	struct image *image = malloc(sizeof(*image) + cie_length + length);
	if (!image)
		return NULL;
	/* The FDE stays where it is: its pointers may be relative to their own place. */
	image_init(image, abi, section->address + fde->offset - cie_length, cie_length + length);
	memcpy(image->entries, section->bytes + fde->cie, cie_length);
	memcpy(image->entries + cie_length, section->bytes + fde->offset, length);
	link_entries(image->entries, cie_length);

	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)image, sizeof(*image) + cie_length + length);
	Dwarf_CFI *cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
	Dwarf_Frame *frame;
	struct pw_row *row = NULL;
	if (cfi && dwarf_cfi_addrframe(cfi, pc, &frame) == 0) {
		row = pw_row_compile(abi, frame, bias);
		free(frame);
	}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	free(image);
	return row;
}
