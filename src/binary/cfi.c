/* Read from the LSB core specification (.eh_frame_hdr). */
#include "binary/cfi.h"

#include "binary/elf_private.h"
#include "binary/fde.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { ROWS_MAX = 1 << 16, TABLE_MAX = 64 << 20 };

/* The table of .eh_frame_hdr: {start, FDE}, both as distances from the header, sorted. */
struct table_entry {
	int32_t start, fde;
};

/* A section, and how an FDE is found in it: by the linker's table, or an index of our own. */
struct frames {
	struct pw_fde_section section;
	const uint8_t *table; /* table_count entries, not aligned */
	size_t table_count;
	uint64_t table_address; /* of the header */
	bool indexed;
	struct pw_range *index;
	size_t index_count;
	void *owned_section, *owned_table;
};

/* Where a module's rows come from. */
struct pw_cfi {
	struct frames eh_frame;
	bool debug_opened;
	struct frames debug_frame;
};

struct entry {
	uint64_t address;
	struct pw_row *row; /* NULL: none */
	UT_hash_handle hh;
};

struct pw_row_cache {
	struct entry *entries;
};

static void forget_rows(struct pw_row_cache *cache)
{
	struct entry *entry, *next;
	HASH_ITER (hh, cache->entries, entry, next) {
		HASH_DEL(cache->entries, entry);
		free(entry->row);
		free(entry);
	}
}

void pw_row_cache_destroy(struct pw_row_cache *cache)
{
	if (!cache)
		return;
	forget_rows(cache);
	free(cache);
}

static void frames_deinit(struct frames *frames)
{
	free(frames->index);
	free(frames->owned_section);
	free(frames->owned_table);
}

void pw_cfi_destroy(struct pw_cfi *cfi)
{
	if (!cfi)
		return;
	frames_deinit(&cfi->eh_frame);
	frames_deinit(&cfi->debug_frame);
	free(cfi);
}

/* ---- where the sections are ---- */

static bool section_bytes(Elf *elf, const char *name, struct pw_fde_section *ret)
{
	Elf64_Shdr shdr;
	Elf_Scn *scn = elf ? pw_elf_section(elf, name, &shdr) : NULL;
	Elf_Data *data = scn && shdr.sh_type != SHT_NOBITS ? elf_rawdata(scn, NULL) : NULL;
	if (!data || !data->d_buf || (shdr.sh_flags & SHF_COMPRESSED))
		return false;
	*ret = (struct pw_fde_section){data->d_buf, data->d_size, shdr.sh_addr, false};
	return true;
}

/* {version, encodings of the pointer to .eh_frame, of the count and of the table, pointer, count,
 * table}: every linker writes the same encodings. */
static void use_table(struct frames *frames, const uint8_t *bytes, size_t length, uint64_t address)
{
	static const uint8_t usual[] = {1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_udata4,
					DW_EH_PE_datarel | DW_EH_PE_sdata4};
	enum { POINTER = 4, COUNT = 8, TABLE = 12 };
	int32_t distance;
	uint32_t count;
	if (length < TABLE || memcmp(bytes, usual, sizeof(usual)) != 0)
		return;
	memcpy(&distance, bytes + POINTER, sizeof(distance));
	memcpy(&count, bytes + COUNT, sizeof(count));
	if (address + POINTER + (uint64_t)(int64_t)distance != frames->section.address ||
	    count > (length - TABLE) / sizeof(struct table_entry))
		return;
	frames->table = bytes + TABLE;
	frames->table_count = count;
	frames->table_address = address;
}

static bool frames_from_memory(struct frames *frames, struct pw_modules *modules,
			       const struct pw_module *module)
{
	const struct pw_elf_headers *headers = &module->elf->headers;
	uint8_t *bytes;
	if (!pw_memory_eh_frame(modules->target, module, &bytes, &frames->section.length,
				&frames->section.address))
		return false;
	frames->section.bytes = frames->owned_section = bytes;
	for (size_t i = 0; i < headers->phdr_count && !frames->owned_table; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		if (phdr->p_type != PT_GNU_EH_FRAME || !phdr->p_filesz ||
		    phdr->p_filesz > TABLE_MAX || phdr->p_filesz > module->end - module->start)
			continue;
		size_t done = 0;
		frames->owned_table = malloc(phdr->p_filesz);
		if (frames->owned_table)
			pw_error_destroy(pw_read_some(modules->target, module->bias + phdr->p_vaddr,
						      frames->owned_table, phdr->p_filesz, &done,
						      NULL));
		use_table(frames, frames->owned_table, done, phdr->p_vaddr);
	}
	return true;
}

static struct pw_cfi *ensure(struct pw_modules *modules, struct pw_module *module)
{
	if (module->elf->cfi)
		return module->elf->cfi;
	struct pw_cfi *cfi = calloc(1, sizeof(*cfi));
	module->elf->cfi = cfi;
	if (!cfi)
		return NULL;
	pw_elf_ensure(modules, module);
	struct pw_fde_section table;
	if (!section_bytes(module->elf->elf, ".eh_frame", &cfi->eh_frame.section))
		frames_from_memory(&cfi->eh_frame, modules, module);
	else if (section_bytes(module->elf->elf, ".eh_frame_hdr", &table))
		use_table(&cfi->eh_frame, table.bytes, table.length, table.address);
	return cfi;
}

/* .debug_frame stands in the file itself or in its separate debug file. */
static struct frames *debug_frame(struct pw_modules *modules, struct pw_module *module,
				  struct pw_cfi *cfi)
{
	struct frames *frames = &cfi->debug_frame;
	if (cfi->debug_opened)
		return frames;
	cfi->debug_opened = true;
	if (!section_bytes(module->elf->elf, ".debug_frame", &frames->section)) {
		pw_elf_ensure_debug(modules, module);
		if (!section_bytes(module->elf->debug_elf, ".debug_frame", &frames->section))
			return frames;
	}
	frames->section.debug_frame = true;
	return frames;
}

/* ---- rows ---- */

static bool find_in_table(const struct frames *frames, uint64_t pc, size_t *ret)
{
	size_t low = 0, high = frames->table_count;
	struct table_entry entry;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		memcpy(&entry, frames->table + middle * sizeof(entry), sizeof(entry));
		if (frames->table_address + (uint64_t)(int64_t)entry.start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	memcpy(&entry, frames->table + (low - 1) * sizeof(entry), sizeof(entry));
	*ret = (size_t)(frames->table_address + (uint64_t)(int64_t)entry.fde -
			frames->section.address);
	return true;
}

static bool find_in_index(struct frames *frames, uint64_t pc, size_t *ret)
{
	if (!frames->indexed) {
		frames->indexed = true;
		frames->index_count = pw_fde_ranges(&frames->section, &frames->index);
	}
	size_t low = 0, high = frames->index_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (frames->index[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low)
		*ret = frames->index[low - 1].offset;
	return low;
}

static bool find_fde(struct frames *frames, uint64_t pc, struct pw_fde *ret)
{
	size_t offset;
	return frames->section.bytes &&
	       (frames->table ? find_in_table(frames, pc, &offset)
			      : find_in_index(frames, pc, &offset)) &&
	       pw_fde_read(&frames->section, offset, ret) && pc >= ret->start && pc < ret->end;
}

static struct pw_row *row_from(struct frames *frames, const struct pw_abi *abi, uint64_t pc,
			       uint64_t bias)
{
	struct pw_fde fde;
	return find_fde(frames, pc, &fde) ? pw_fde_row(&frames->section, &fde, abi, pc, bias)
					  : NULL;
}

bool pw_module_function(struct pw_modules *modules, uint64_t address, uint64_t *ret_start,
			uint64_t *ret_end)
{
	struct pw_module *module = pw_modules_find(modules, address);
	struct pw_cfi *cfi = module ? ensure(modules, module) : NULL;
	struct pw_fde fde;
	if (!cfi || !find_fde(&cfi->eh_frame, address - module->bias, &fde))
		return false;
	*ret_start = fde.start + module->bias;
	*ret_end = fde.end + module->bias;
	return true;
}

static struct pw_row *compile(struct pw_modules *modules, uint64_t address)
{
	const struct pw_abi *abi = pw_abi_by_machine(modules->target->arch->elf_machine);
	struct pw_module *module = pw_modules_find(modules, address);
	struct pw_cfi *cfi = abi && module ? ensure(modules, module) : NULL;
	if (!cfi)
		return NULL;
	uint64_t pc = address - module->bias;
	struct pw_row *row = row_from(&cfi->eh_frame, abi, pc, module->bias);
	return row ? row : row_from(debug_frame(modules, module, cfi), abi, pc, module->bias);
}

const struct pw_row *pw_modules_row(struct pw_modules *modules, uint64_t address)
{
	struct entry *entry = NULL;
	if (!modules->rows)
		modules->rows = calloc(1, sizeof(*modules->rows));
	struct pw_row_cache *cache = modules->rows;
	if (!cache)
		return NULL;
	HASH_FIND(hh, cache->entries, &address, sizeof(address), entry);
	if (entry)
		return entry->row;
	if (HASH_COUNT(cache->entries) >= ROWS_MAX)
		forget_rows(cache);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->address = address;
	entry->row = compile(modules, address);
	HASH_ADD(hh, cache->entries, address, sizeof(address), entry);
	return entry->row;
}
