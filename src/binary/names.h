/*
 * Names of native frames: functions, those inlined into them, source lines.
 *
 * From the symbol tables and, when asked, from DWARF: of the module itself, of its separate debug
 * file, or of what debuginfod has, when DEBUGINFOD_URLS is set.  All of it is read when an address
 * is asked for first: never while a target stands still.
 */
#ifndef PW_BINARY_NAMES_H
#define PW_BINARY_NAMES_H

#include "binary/module.h"

/* One name of a code address: the function there, or one that was inlined there.  Texts are valid
 * UTF-8, bounded in length, and live as long as the modules. */
struct pw_native_name {
	const char *function; /* demangled; "f@plt": the stub that leads to f; NULL: unknown */
	const char *symbol;   /* as in the symbol table / linkage name; NULL: unknown */
	const char *file;     /* source file; NULL: no DWARF */
	int line;	      /* 0: unknown */
	bool inlined;	      /* a pseudo-frame: inlined into the next entry */
};

struct pw_names {
	struct pw_native_name *items;
	size_t count;
	uint64_t symbol_address;  /* runtime start of the function symbol, 0 unknown */
	struct pw_module *module; /* NULL: none */
};

/*
 * What runs at `address`: newest inlined function first, the function itself last; at least one
 * entry when the module or symbol is known; count 0: nothing known.  Never NULL.  For a return
 * address, the caller passes the byte before it.
 * `source`: also source lines and inlined functions, by DWARF.  A function's name is DWARF's then
 * ("f" for the symbol "f.cold").
 * Cached per address: the second call costs a hash lookup.  Lives as long as the modules.
 */
const struct pw_names *pw_modules_names(struct pw_modules *modules, uint64_t address, bool source);

/* Called by pw_modules_destroy() alone. */
void pw_name_cache_destroy(struct pw_name_cache *cache);

#endif
