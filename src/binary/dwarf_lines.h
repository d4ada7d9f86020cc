/*
 * The line table of one compilation unit, by DWARF 2 to 5.  Private to binary/.
 *
 * libdw's own reader makes an object of every row and sorts them all: a third of what a dump with
 * names costs, when a few addresses of a large unit are asked for (docs/unwinding.md).  Here rows
 * are 16 bytes each and stay in the order of the file; sequences are what is sorted.
 *
 * Read from DWARF 2 to 5, section 6.2; names as elfutils 0.188 libdw/dwarf_getsrclines.c puts them
 * together.  Not read: several operations per instruction (VLIW), file names outside of the file.
 */
#ifndef PW_BINARY_DWARF_LINES_H
#define PW_BINARY_DWARF_LINES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pw_dwarf_bytes {
	const uint8_t *at; /* NULL: the file has none */
	size_t size;
};

/* The sections that a line table is made of; they belong to the Dwarf. */
struct pw_dwarf_line_sections {
	struct pw_dwarf_bytes lines, line_strings, strings; /* .debug_line, _line_str, _str */
};

/* Of an open one, which has inflated them. */
void pw_dwarf_line_sections_find(struct pw_dwarf_line_sections *ret, Dwarf *dwarf);

struct pw_dwarf_line {
	uint64_t address;
	uint32_t line; /* 0: none */
	uint32_t file : 31;
	uint32_t statement : 1;
};

/* Rows of ascending addresses, for the addresses [low, high). */
struct pw_dwarf_sequence {
	uint64_t low, high;
	uint64_t limit; /* the largest `high` up to and with this one */
	size_t first, count;
};

struct pw_dwarf_file {
	const char *name; /* in a section */
	uint64_t folder;
	char *path; /* owned; NULL: not asked for yet */
};

struct pw_dwarf_lines {
	struct pw_dwarf_line *rows;
	size_t row_count, row_capacity;
	struct pw_dwarf_sequence *sequences; /* sorted by `low` */
	size_t sequence_count, sequence_capacity;
	const char **folders; /* texts in a section */
	size_t folder_count, folder_capacity;
	struct pw_dwarf_file *files;
	size_t file_count, file_capacity;
	unsigned version;
};

/* The table at `offset`, of a unit that was compiled in `folder` (NULL: unknown).  What cannot be
 * read is left out: there may be no row at all. */
void pw_dwarf_lines_read(struct pw_dwarf_lines *ret, const struct pw_dwarf_line_sections *sections,
			 uint64_t offset, const char *folder);
void pw_dwarf_lines_deinit(struct pw_dwarf_lines *table);

/* The last row with a line at or before an address; among those of one address, as GDB does, one
 * that is a statement's.  NULL: none. */
const struct pw_dwarf_line *pw_dwarf_lines_find(const struct pw_dwarf_lines *table,
						uint64_t address);

/* The path of a file by its number in rows and in DW_AT_call_file; it belongs to the table.  NULL:
 * there is no such file. */
const char *pw_dwarf_lines_path(struct pw_dwarf_lines *table, uint64_t number);

#endif
