/*
 * Line tables: from a bytecode offset to a place in the source.  Pure functions over copied bytes.
 *
 * Formats: co_lnotab (2.7: unsigned line increments; 3.6-3.9: signed, Objects/lnotab_notes.txt),
 * co_linetable of 3.10 (PEP 626, Objects/lnotab_notes.txt), location table (3.11+: PEP 657,
 * Objects/locations.md, InternalDocs/code_objects.md).
 */
#ifndef PW_PYTHON_LINES_H
#define PW_PYTHON_LINES_H

#include "python/layout.h"

struct pw_location {
	int line;	/* 1-based; 0: the instruction has none */
	int end_line;	/* 0: unknown */
	int column;	/* 0-based, UTF-8 bytes; -1: unknown */
	int end_column; /* -1: unknown */
};

/* `lasti`: byte offset of the instruction; below 0: nothing has run, the first line is the place.
 * A table that ends too early gives line 0. */
struct pw_location pw_lines_find(enum pw_line_table format, const uint8_t *table, size_t size,
				 int firstlineno, int64_t lasti);
/* The same; *ret_end is the offset at which the table's next entry begins, INT64_MAX: it is the
 * last one. */
struct pw_location pw_lines_span(enum pw_line_table format, const uint8_t *table, size_t size,
				 int firstlineno, int64_t lasti, int64_t *ret_end);

#endif
