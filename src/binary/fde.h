/*
 * Entries of .eh_frame and .debug_frame: where they are, which code they cover, and the row of one.
 *
 * libdw executes an entry's program, but gets to see that entry alone, after what it would allocate
 * for it was bounded (cfa_program.h): the section is as hostile as everything else.
 */
#ifndef PW_BINARY_FDE_H
#define PW_BINARY_FDE_H

#include "binary/unwind.h"

struct pw_fde_section {
	const uint8_t *bytes; /* borrowed */
	size_t length;
	uint64_t address; /* ELF address of its first byte */
	bool debug_frame;
};

struct pw_fde {
	uint64_t start, end;  /* ELF addresses of the code */
	size_t offset, next;  /* of the entry in its section: its first byte, that behind it */
	size_t cie, cie_next; /* of its CIE */
};

/* false: no FDE begins there, or not one that can be used. */
bool pw_fde_read(const struct pw_fde_section *section, size_t offset, struct pw_fde *ret);

/* The row for the code at `pc`, an ELF address within the FDE; NULL: as pw_row_compile(). */
struct pw_row *pw_fde_row(const struct pw_fde_section *section, const struct pw_fde *fde,
			  const struct pw_abi *abi, uint64_t pc, uint64_t bias);

struct pw_range;
/* The function ranges of a section with the offsets of their FDEs, sorted; owned by the caller. */
size_t pw_fde_ranges(const struct pw_fde_section *section, struct pw_range **ret);

#endif
