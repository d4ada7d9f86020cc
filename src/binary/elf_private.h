/*
 * What the parts of module.h share: one ELF image, its headers, and symbol tables.
 *
 * Read from the ELF-64 object file format (System V gABI, chapters 4 and 5) and <elf.h>.
 * Little-endian only, as all supported machines are.  Only for the files behind module.h.
 */
#ifndef PW_BINARY_ELF_PRIVATE_H
#define PW_BINARY_ELF_PRIVATE_H

#include "binary/module.h"

#include <elf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

enum {
	PW_PHDR_MAX = 256,
	PW_SYMBOL_MAX = 1000000,
	PW_STRINGS_MAX = 64 << 20,
	PW_EH_FRAME_MAX = 64 << 20,
	PW_SYMTAB_MAX = 3,
	PW_LOOKUP_MAX = 512, /* remembered names of one module */
};

/* ELF header and program headers. */
struct pw_elf_headers {
	Elf64_Ehdr ehdr;
	Elf64_Phdr *phdrs; /* owned */
	size_t phdr_count;
};

/* One symbol table.  `strings` ends with a NUL at strings_size - 1. */
struct pw_symtab {
	const Elf64_Sym *symbols;
	size_t count;
	const char *strings;
	size_t strings_size;
	Elf *elf;	     /* whose sections the symbols name; NULL: unknown */
	bool full;	     /* a .symtab: what is not in it has no name */
	void *owned_symbols; /* freed with the table; NULL: they belong to `elf` */
	void *owned_strings;
};

struct pw_symtabs {
	struct pw_symtab tables[PW_SYMTAB_MAX];
	size_t count;
};

/* A function symbol in ELF addresses; `limit` is the largest end of all entries up to and with this
 * one. */
struct pw_function {
	uint64_t start, end, limit;
	const char *name;
	uint8_t rank; /* less is better */
	bool sized;
};

struct pw_function_index {
	struct pw_function *items; /* sorted by start, then rank; owned */
	size_t count;
};

struct pw_range {
	uint64_t start, end;
	size_t offset; /* of its FDE in the section */
};

struct pw_lookup {
	struct pw_lookup *next;
	bool found, searched_debug_file;
	struct pw_symbol symbol;
	char name[];
};

struct pw_elf {
	struct pw_elf_headers headers;
	char *host_path;     /* the file to use; owned; NULL: memory */
	bool is_vdso;	     /* its mapping is the whole image */
	uint64_t image_size; /* bytes of that mapping */

	bool opened;
	Elf *elf;    /* NULL: no usable file */
	void *image; /* what `elf` lies in, when not in a file; owned */
	struct pw_symtabs own;
	bool own_indexed;
	struct pw_function_index own_functions;

	bool debug_opened;
	Elf *debug_elf;
	struct pw_symtabs debug;
	bool debug_indexed;
	struct pw_function_index debug_functions;
	bool debug_fetched; /* debuginfod was asked */

	bool source_opened;
	struct pw_source *source; /* of source_lines.h; owned; NULL: no DWARF */

	struct pw_cfi *cfi; /* NULL: not asked for yet; owned, private to cfi.c */

	struct pw_lookup *lookups; /* owned */
	size_t lookup_count;
	struct pw_lookup *names; /* copies of versioned names without their version; owned */
};

/* ---- build_id.c: headers and build-ids, from bytes that somebody supplies ---- */

struct pw_bytes {
	/* Exactly `length` bytes, or false. */
	bool (*read)(const struct pw_bytes *bytes, uint64_t position, void *buffer, size_t length);
	struct pw_target *target; /* pw_bytes_memory */
	uint64_t base;
	bool *from_file; /* set when the target's supplier was a file on disk; NULL: not asked */
	int fd;		 /* pw_bytes_file */
};
/* Position 0 is the target's address `base`. */
struct pw_bytes pw_bytes_memory(struct pw_target *target, uint64_t base, bool *from_file);
struct pw_bytes pw_bytes_file(int fd);

/* false: not an ELF-64 executable or shared object of `machine` (0: any). */
bool pw_elf_headers_read(const struct pw_bytes *bytes, uint16_t machine,
			 struct pw_elf_headers *ret);
void pw_elf_headers_deinit(struct pw_elf_headers *headers);
/* By PT_NOTE; `by_address`: positions are p_vaddr, not p_offset.  Returns its length, 0: none. */
size_t pw_elf_build_id(const struct pw_bytes *bytes, const struct pw_elf_headers *headers,
		       bool by_address, uint8_t ret[PW_BUILD_ID_MAX]);
/* In a block of notes. */
size_t pw_note_build_id(const uint8_t *notes, size_t length, size_t align,
			uint8_t ret[PW_BUILD_ID_MAX]);

/* ---- elf_file.c: files on disk ---- */

/* A regular file for reading, or -1; never blocks. */
int pw_open_regular(const char *path);
/* The file through libelf, its descriptor closed again; NULL when it is not ELF-64. */
Elf *pw_elf_open(const char *path);
/* The section and its header; NULL: none. */
Elf_Scn *pw_elf_section(Elf *elf, const char *name, Elf64_Shdr *ret);
/* Adds the symbol tables of a file: SHT_SYMTAB, then SHT_DYNSYM when `dynamic`. */
void pw_symtabs_add_elf(struct pw_symtabs *tables, Elf *elf, bool dynamic);
void pw_symtabs_deinit(struct pw_symtabs *tables);

/* ---- debug_file.c: separate debug files ---- */

/* Fills `tables` from the separate debug file, or else from .gnu_debugdata; *ret is what they lie
 * in, or NULL. */
void pw_debug_file_symbols(struct pw_modules *modules, struct pw_module *module,
			   struct pw_symtabs *tables, Elf **ret);
/* Asks debuginfod, once, for the debug file of a module that has none, when the user's environment
 * wants that.  true: it brought one. */
bool pw_debug_file_fetch(struct pw_modules *modules, struct pw_module *module);
/* A file with that build-id under the debug folder, or named by .gnu_debugaltlink; NULL: none. */
Elf *pw_debug_file_alternate(struct pw_modules *modules, const char *name, const uint8_t *build_id,
			     size_t length);

/* ---- debug_info.c ---- */

/* The DWARF of a module. */
struct pw_debug_info {
	Dwarf *dwarf;
	Dwarf *alternate; /* what several files share (.gnu_debugaltlink); NULL: nothing */
	Elf *alternate_elf;
};
/* From the module itself, its separate debug file, or debuginfod; false: there is none, or its
 * compressed sections make more than `inflate_max` bytes (0: any sane number). */
bool pw_debug_info_init(struct pw_debug_info *info, struct pw_modules *modules,
			struct pw_module *module, uint64_t inflate_max);
void pw_debug_info_deinit(struct pw_debug_info *info);

/* ---- elf_memory.c: what can be had without a file ---- */

/* Adds the dynamic symbols that the target's memory holds. */
void pw_symtabs_add_memory(struct pw_symtabs *tables, struct pw_target *target,
			   const struct pw_module *module);
/* .eh_frame by PT_GNU_EH_FRAME: bytes (owned by the caller) and ELF address; false: none. */
bool pw_memory_eh_frame(struct pw_target *target, const struct pw_module *module,
			uint8_t **ret_data, size_t *ret_length, uint64_t *ret_address);

/* ---- symbols.c ---- */

/* In ELF addresses; *ret_absolute: the bias does not apply. */
bool pw_symtabs_find(const struct pw_symtabs *tables, const char *name, struct pw_symbol *ret,
		     bool *ret_absolute);
void pw_function_index_build(const struct pw_symtabs *tables, const struct pw_elf_headers *headers,
			     struct pw_function_index *ret);
void pw_function_index_deinit(struct pw_function_index *index);
/* The innermost sized function around `address`; `unsized`: the nearest label without size instead.
 */
const struct pw_function *pw_function_index_find(const struct pw_function_index *index,
						 uint64_t address, bool unsized);

/* ---- plt.c ---- */

/* The function to which the linkage stub at a runtime address leads, in ret->name; address and size
 * are the stub's.  false: there is none, no file, or its relocation has no name. */
bool pw_plt_symbolize(struct pw_modules *modules, struct pw_module *module, uint64_t address,
		      struct pw_symbol *ret);

/* ---- module.c ---- */

/* Opens the file or image and its own symbol tables, once. */
void pw_elf_ensure(struct pw_modules *modules, struct pw_module *module);
/* The same for its separate debug file on this machine. */
void pw_elf_ensure_debug(struct pw_modules *modules, struct pw_module *module);
/* The PT_LOAD segment that holds an ELF address, or NULL. */
const Elf64_Phdr *pw_elf_segment(const struct pw_elf_headers *headers, uint64_t address);

#endif
