/*
 * Compilation units: the one of an address, the function of an address in it.  Private to
 * source_lines.c.
 */
#ifndef PW_BINARY_SOURCE_UNITS_H
#define PW_BINARY_SOURCE_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses [start, end) of the DIE at an offset. */
struct pw_die_range {
	uint64_t start, end;
	uint64_t limit; /* the largest end up to and with this entry */
	Dwarf_Off die;
};

struct pw_die_index {
	struct pw_die_range *items; /* sorted by start; owned */
	size_t count, capacity;
	bool failed;
};

void pw_die_index_add(struct pw_die_index *index, Dwarf_Die *die);
void pw_die_index_sort(struct pw_die_index *index);
/* The innermost range around an address; NULL: none. */
const struct pw_die_range *pw_die_index_find(const struct pw_die_index *index, uint64_t address);
void pw_die_index_deinit(struct pw_die_index *index);

/* All units of the file by their addresses. */
void pw_die_index_units(struct pw_die_index *index, Dwarf *dwarf);
/* The functions of a unit that have code; `deep`: also those within other functions. */
void pw_die_index_functions(struct pw_die_index *index, Dwarf_Die *unit, bool deep);

/*
 * The functions of a unit whose functions all stand side by side, read as far as is needed: most
 * units are asked for one or two.
 */
struct pw_die_reader {
	struct pw_die_index index; /* not sorted */
	Dwarf_Die next;		   /* valid while `more` */
	bool more;
};

void pw_die_reader_init(struct pw_die_reader *reader, Dwarf_Die *unit);
void pw_die_reader_deinit(struct pw_die_reader *reader);
/* The first function that has code at an address; NULL: none. */
const struct pw_die_range *pw_die_reader_find(struct pw_die_reader *reader, uint64_t address);

/* In C, only a function can hold functions, and names stand alone. */
bool pw_die_unit_is_c(Dwarf_Die *unit);
/* The name of a function with the namespaces and types around it, "std::f"; of an inlined or
 * outlined copy, that of its original.  Owned by the caller; NULL: no name. */
char *pw_die_qualified_name(Dwarf_Die *function);

/* Puts the first child, or the next sibling, into *ret.  A sibling lies behind: chains end. */
bool pw_die_child(Dwarf_Die *die, Dwarf_Die *ret);
bool pw_die_sibling(Dwarf_Die *die, Dwarf_Die *ret);

#endif
