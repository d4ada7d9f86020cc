/*
 * A core file, split over files: core.c reads, core_open.c opens, core_unpack.c unpacks what is
 * packed, core_notes.c takes the notes apart, core_recover.c finds the files' names when those are
 * lost, core_files.c decides which bytes a file may supply, core_maps.c makes one address space of
 * segments and named files, core_missing.c says what is not there and what that costs.
 *
 * Formats: ELF-64 (System V gABI), NT_PRSTATUS and NT_PRPSINFO (Linux include/linux/elfcore.h),
 * NT_FILE, NT_SIGINFO and NT_AUXV (Linux fs/binfmt_elf.c).  Everything is bounded by the size of
 * the file.
 */
#ifndef PW_TARGET_CORE_H
#define PW_TARGET_CORE_H

#include "target/core_cache.h"
#include "target/internal.h"

#include <elf.h>

/* A PT_LOAD: [start, end), of which the first `present` bytes stand at `offset` of the core. */
struct core_segment {
	uint64_t start, end;
	uint64_t offset;
	uint64_t present;
	uint64_t cut; /* bytes that the core was to hold, lost behind its end */
	unsigned flags;
};

/* One entry of NT_FILE. */
struct core_name {
	uint64_t start, end;
	uint64_t offset;  /* in the named file, bytes */
	const char *path; /* inside the core's note, ends there with a NUL */
	size_t file;	  /* index into core->files, SIZE_MAX: none */
};

enum { CORE_BUILD_ID_MAX = 64, CORE_MAX_LOADS = 16 };

/* An ELF file that was mapped, once for each place it was mapped at. */
struct core_file {
	const char *path;    /* as in core_name */
	char *host_path;     /* owned; NULL: not here */
	uint64_t start, end; /* addresses that its segments span */
	uint64_t bias;	     /* address - ELF virtual address */
	bool usable;	     /* may supply bytes */
	unsigned load_count;
	Elf64_Phdr loads[CORE_MAX_LOADS];
	uint64_t device, inode; /* of the file that was examined */
	int64_t changed;	/* its time of modification, nanoseconds */
};

/* What is behind target->mappings[i]. */
struct core_range {
	uint64_t offset; /* in the core */
	uint64_t present;
	size_t file;	 /* SIZE_MAX: none */
	bool named_only; /* the core has no segment for it */
};

/* A file of core->files that is open now. */
struct core_open_file {
	size_t file; /* its index */
	int fd;	     /* -1: the place is free */
};
enum { CORE_OPEN_MAX = 32 };

struct pw_core {
	struct pw_target base;
	char *path;
	int fd;
	uint64_t size;
	struct core_cache *cache;
	struct core_open_file opened[CORE_OPEN_MAX]; /* of `files`, some */
	uint32_t opened_clock;
	struct core_segment *segments; /* sorted, not overlapping */
	size_t segment_count;
	struct core_name *names; /* sorted, not overlapping */
	size_t name_count;
	struct core_file *files;
	size_t file_count;
	struct core_range *ranges; /* as many as base.mappings */
	uint64_t entry;		   /* AT_ENTRY, 0: unknown */
	uint64_t execfn;	   /* AT_EXECFN, 0: unknown */
	uint64_t vdso;		   /* AT_SYSINFO_EHDR, 0: unknown */
	char *file_note;	   /* NT_FILE, which names[].path point into; owned */
	char *hint;		   /* the executable, by whoever kept the core; NULL; owned */
	const char *packed;	   /* how the core was packed, NULL: it was not */
	char comm[64];		   /* NT_PRPSINFO */
	bool has_prstatus, notes_cut;
	uint64_t notes_read; /* bytes, to bound notes that lie over each other */
	uint64_t note_count;
	char **recovered; /* paths made by core_recover_names() */
	size_t recovered_count;
};

extern const struct pw_target_ops core_ops;

/* Exactly `length` bytes of the core at `offset`; false: it ends before, or cannot be read. */
static inline bool core_get(const struct pw_core *core, uint64_t offset, void *buffer,
			    size_t length)
{
	return core_cache_read(core->cache, 0, core->fd, offset, buffer, length) == length;
}

/* An ELF image: a file (fd >= 0), or what the core holds of it in memory (fd < 0). */
enum { CORE_MAX_PHDRS = 64 };
struct core_image {
	const struct pw_core *core;
	uint64_t start; /* in memory */
	int fd;
	uint8_t first[PW_PAGE];
	size_t first_length;
	Elf64_Phdr phdrs[CORE_MAX_PHDRS];
	unsigned phdr_count;
	uint64_t first_vaddr; /* of the first PT_LOAD, rounded down to a page */
	uint64_t entry;	      /* e_entry */
	bool is_elf;
	uint8_t build_id[CORE_BUILD_ID_MAX];
	size_t build_id_length;
};
/* Fills an image whose core and start, or fd, are set; is_elf stays false for anything else. */
void core_image_read(struct core_image *image);
bool core_same_build_id(const struct core_image *a, const struct core_image *b);
/* Opens a regular file without side effects; -1: cannot. */
int core_open_regular(const char *path);

/* For a core without NT_FILE: names the ELF images in its memory by their build-ids and sonames. */
struct pw_error *core_recover_names(struct pw_core *core, const struct pw_options *options);

/* Bytes that the core itself holds of an address, without any file; how many were copied. */
size_t core_read_segments(const struct pw_core *core, uint64_t address, void *buffer,
			  size_t length);

/* Takes one PT_NOTE apart. */
struct pw_error *core_parse_notes(struct pw_core *core, uint64_t offset, uint64_t size);

/* Finds the files behind the names, and which of them may be used; needs segments and names. */
struct pw_error *core_find_files(struct pw_core *core, const struct pw_options *options);
void core_free_files(struct pw_core *core);
/* Whether the file may supply the byte at `address`, and how many from there on; 0: not one. */
uint64_t core_file_covers(const struct core_file *file, uint64_t address, uint64_t file_offset);
/* The protection that the file's segment asks for at an address, PF_*; 0: none there. */
unsigned core_file_flags(const struct core_file *file, uint64_t address);
/* Copies bytes of core->files[index]; how many can be had. */
size_t core_file_read(struct pw_core *core, size_t index, uint64_t file_offset, void *buffer,
		      size_t length);

/* Makes base.mappings and ranges from segments, names and files. */
struct pw_error *core_make_mappings(struct pw_core *core);

/* Lists the threads whose stacks are cut; needs base.lwps and segments. */
struct pw_error *core_note_missing(struct pw_core *core);

#endif
