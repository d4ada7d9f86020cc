/*
 * Source lines and inlined functions of one module, by DWARF 2 to 5.
 *
 * What is read: the compilation unit of an address, once: its functions and its line table.  An
 * index of all units only when .debug_aranges does not name the address.  Split debug information
 * (.dwo files, whose names would lead anywhere) is not followed.  Private to binary/.
 */
#ifndef PW_BINARY_SOURCE_LINES_H
#define PW_BINARY_SOURCE_LINES_H

#include "binary/module.h"

enum { PW_INLINE_MAX = 64 }; /* functions inlined into each other at one address */

struct pw_source;

/* A function at an address; texts belong to the debug information, or to the source. */
struct pw_source_frame {
	const char *linkage_name; /* NULL: none, as in C */
	const char *name;	  /* with its namespaces; NULL: unknown */
	const char *file;	  /* NULL: unknown */
	int line;		  /* 0: unknown */
};

/* The module's debug information, opened on first use; NULL: none. */
struct pw_source *pw_module_source(struct pw_modules *modules, struct pw_module *module);
/* The functions at an ELF address, newest inlined one first, the function that holds them last; 0:
 * not known. */
size_t pw_source_find(struct pw_source *source, uint64_t address,
		      struct pw_source_frame ret[PW_INLINE_MAX]);
void pw_source_destroy(struct pw_source *source);

#endif
