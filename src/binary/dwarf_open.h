/*
 * Opening debug information of an ELF file on disk with libdwfl: its own, or that of its separate
 * debug file, found by build-id or debuglink under the debug folder, or by libdebuginfod when
 * DEBUGINFOD_URLS is set.  For a module of a target: debug_info.c.  Private to binary/.
 */
#ifndef PW_BINARY_DWARF_OPEN_H
#define PW_BINARY_DWARF_OPEN_H

#include "binary/module.h"

#include <elfutils/libdwfl.h>

struct pw_dwarf;

struct pw_dwarf_file {
	Dwfl *dwfl;   /* NULL: of a module */
	Dwarf *dwarf; /* NULL: there is no debug information; borrowed of dwfl, if any */
	Dwfl_Callbacks *callbacks; /* owned, as what it points to */
	Dwarf *alternate;	   /* owned, as the next */
	Elf *alternate_elf;
};

extern const char pw_default_debug_dir[];

/*
 * Opens `path`.  `root` (may be "") is where else `debug_dir` is looked for.  When
 * `build_id_length` is not 0, a file with another build-id counts as one without debug information.
 */
struct pw_error *pw_dwarf_file_init(struct pw_dwarf_file *file, const char *path,
				    const char *debug_dir, const char *root,
				    const uint8_t *build_id, size_t build_id_length);
void pw_dwarf_file_deinit(struct pw_dwarf_file *file);
/* Takes the file over; *ret is NULL when it has no debug information. */
struct pw_error *pw_dwarf_create(struct pw_dwarf_file *file, struct pw_dwarf **ret);

#endif
