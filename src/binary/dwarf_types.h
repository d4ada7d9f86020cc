/*
 * Structure layouts from debug information: of the module itself or of its separate debug file
 * (build-id, debuglink, debuginfod when DEBUGINFOD_URLS is set).
 */
#ifndef PW_BINARY_DWARF_TYPES_H
#define PW_BINARY_DWARF_TYPES_H

#include "binary/module.h"

struct pw_dwarf;

/* NOT an error when there is no debug information: *ret is NULL then.  `file` may be an ELF file on
 * disk (for the program that makes offsets/), with modules and module NULL. */
struct pw_error *pw_dwarf_open(struct pw_modules *modules, struct pw_module *module,
			       struct pw_dwarf **ret);
struct pw_error *pw_dwarf_open_file(const char *path, const char *debug_dir, struct pw_dwarf **ret);
void pw_dwarf_close(struct pw_dwarf *dwarf);

struct pw_member {
	uint64_t offset;	       /* bytes from the start of the outermost structure */
	uint64_t size;		       /* bytes; 0 for a flexible array */
	unsigned bit_offset, bit_size; /* of a bit field, from the byte `offset`, little-endian;
					  bit_size 0: none */
};

/*
 * `type` is a structure tag or a typedef's name ("_ts", "PyThreadState"); `path` is a member path
 * through nested structures, unions and array indices: "ceval.gil.locked", "localsplus[0]".
 * Anonymous members are looked through.  An empty path gives the structure's size in ret->size.
 * false: no such type or member.
 */
bool pw_dwarf_member(struct pw_dwarf *dwarf, const char *type, const char *path,
		     struct pw_member *ret);
/* An enumerator's value by its name; false: none. */
bool pw_dwarf_enumerator(struct pw_dwarf *dwarf, const char *name, int64_t *ret);

#endif
