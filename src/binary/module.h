/*
 * Modules: the ELF files mapped into a target, their build-ids, symbols, sections.
 *
 * The file on disk is used when its build-id is that of the mapped bytes; a module without a usable
 * file is read from the target's memory (its dynamic symbols are there).  Nothing here knows
 * CPython.
 */
#ifndef PW_BINARY_MODULE_H
#define PW_BINARY_MODULE_H

#include "target/target.h"

enum { PW_BUILD_ID_MAX = 64 };

struct pw_module {
	char *path;	     /* as the target sees it; owned */
	uint64_t start, end; /* extent of its mappings */
	uint64_t bias;	     /* runtime address - ELF virtual address */
	uint8_t build_id[PW_BUILD_ID_MAX];
	size_t build_id_length; /* 0: none, or its note could not be read */
	const char *file_state; /* "ok", "missing", "other build", "deleted" */
	bool begins;		/* the file's beginning is mapped, at `start` */
	/* CLOCK_MONOTONIC, ns: it was not there before.  0: when the list was made, it was. */
	uint64_t since;
	unsigned doubts;    /* how often "other build" was found; private to modules.c */
	struct pw_elf *elf; /* symbols and sections; opened on first use; private to module.c */
};

struct pw_name_cache;
struct pw_debuginfod;

struct pw_modules {
	struct pw_target *target; /* borrowed */
	struct pw_module *items;  /* sorted by start */
	size_t count;
	char *debug_dir;  /* owned */
	uint64_t updated; /* CLOCK_MONOTONIC, ns: when they were last found to be these */
	/* Compressed debug information of a module beyond so many inflated bytes is not used for
	 * source lines and inlined functions; 0: all is.  The caller's to set. */
	uint64_t inflate_max;
	struct pw_name_cache *names;	  /* of names.h; owned; NULL until asked */
	struct pw_debuginfod *debuginfod; /* owned; NULL until asked, or not wanted */
	struct pw_row_cache *rows;	  /* of cfi.h; owned; NULL until asked */
};

/* Groups the target's file mappings.  Never fails for one bad module: that one has no symbols. */
struct pw_error *pw_modules_create(struct pw_target *target, const char *debug_dir,
				   struct pw_modules **ret);
void pw_modules_destroy(struct pw_modules *modules);
/* After the target's mappings have changed.  When modules have come or gone, *ret_changed is true:
 * pointers to modules are not valid any more, nor is what belongs to those that went. */
struct pw_error *pw_modules_update(struct pw_modules *modules, bool *ret_changed);
/* Whether an update is due even if the mappings are the same. */
bool pw_modules_are_doubtful(const struct pw_modules *modules);

struct pw_module *pw_modules_find(struct pw_modules *modules, uint64_t address);
/* Of a target that runs: whether its memory at the module's beginning has the module's headers.
 * Since the mappings were read it may have been unloaded, and another one loaded in its place, and
 * also while its headers were read: then it looks like another build, and false is said until
 * pw_modules_update() has found the same a few times.  One read. */
bool pw_module_is_there(struct pw_modules *modules, const struct pw_module *module);

struct pw_symbol {
	const char *name; /* lives as long as the module */
	uint64_t address; /* runtime */
	uint64_t size;	  /* 0: unknown */
};

/* By exact name, in .symtab, then .dynsym, then the separate debug file's .symtab; false: no such
 * symbol. */
bool pw_module_symbol(struct pw_modules *modules, struct pw_module *module, const char *name,
		      struct pw_symbol *ret);
/* In any module; *ret_module (may be NULL) says where. */
bool pw_modules_symbol(struct pw_modules *modules, const char *name, struct pw_symbol *ret,
		       struct pw_module **ret_module);
/* The function symbol that covers a runtime address (nearest below, with size honoured); false:
 * none. */
bool pw_modules_symbolize(struct pw_modules *modules, uint64_t address, struct pw_symbol *ret,
			  struct pw_module **ret_module);
/* A section's runtime address and size; false: no such section or no section headers. */
bool pw_module_section(struct pw_modules *modules, struct pw_module *module, const char *name,
		       uint64_t *ret_address, uint64_t *ret_size);
/* The runtime ranges of its PT_LOAD segments that are writable (.data and .bss): at most `max`,
 * returns count. */
size_t pw_module_writable(struct pw_modules *modules, struct pw_module *module, uint64_t (*ret)[2],
			  size_t max);
/* The same for read-only data and text segments. */
size_t pw_module_readonly(struct pw_modules *modules, struct pw_module *module, uint64_t (*ret)[2],
			  size_t max);
/* The section .rodata of the module's file; NULL: there is no file, or no such section in it. */
const char *pw_module_rodata(struct pw_modules *modules, struct pw_module *module,
			     size_t *ret_length);
/* The function [start, end) that covers a runtime address, by the FDE of .eh_frame; false: no FDE.
 */
bool pw_module_function(struct pw_modules *modules, uint64_t address, uint64_t *ret_start,
			uint64_t *ret_end);

#endif
