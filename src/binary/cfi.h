/*
 * Call-frame information: the row for an address, compiled from .eh_frame or .debug_frame by libdw
 * and kept.
 *
 * The file is asked first, then its separate debug file, then what the target's memory holds of
 * .eh_frame (a file that is gone, the vdso).
 */
#ifndef PW_BINARY_CFI_H
#define PW_BINARY_CFI_H

#include "binary/module.h"
#include "binary/unwind.h"

/*
 * The row that holds at a runtime address, NULL: there is no call-frame information for it.  Of a
 * return address, ask for the byte before it.  The result lives until the next call.
 */
const struct pw_row *pw_modules_row(struct pw_modules *modules, uint64_t address);

/* Compiles one row of an FDE; NULL: out of memory, or nothing that makes sense.  free() it.  `bias`
 * is added to its addresses. */
struct Dwarf_Frame_s;
struct pw_row *pw_row_compile(const struct pw_abi *abi, struct Dwarf_Frame_s *frame, uint64_t bias);

struct pw_row_cache;
void pw_row_cache_destroy(struct pw_row_cache *cache);
struct pw_cfi;
void pw_cfi_destroy(struct pw_cfi *cfi);

#endif
