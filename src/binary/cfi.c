/* Read from elfutils 0.188 libdw/libdw.h; the LSB core specification (.eh_frame_hdr). */
#include "binary/cfi.h"

#include "binary/elf_private.h"

#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { ROWS_MAX = 1 << 16, IMAGE_MAX = 256 << 20 };

/* Where a module's rows come from. */
struct pw_cfi {
	Dwarf_CFI *eh_frame;
	Elf *image_elf; /* of `image` */
	void *image;	/* a file as far as memory holds it; NULL: there is a real one */

	bool debug_opened;
	Dwarf *dwarf;
	Dwarf_CFI *debug_frame; /* borrowed of `dwarf` */
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

void pw_cfi_destroy(struct pw_cfi *cfi)
{
	if (!cfi)
		return;
	if (cfi->eh_frame)
		dwarf_cfi_end(cfi->eh_frame);
	if (cfi->dwarf)
		dwarf_end(cfi->dwarf);
	if (cfi->image_elf)
		elf_end(cfi->image_elf);
	free(cfi->image);
	free(cfi);
}

/* The segment that holds .eh_frame_hdr, and .eh_frame with it. */
static const Elf64_Phdr *frame_segment(const struct pw_elf_headers *headers)
{
	for (size_t i = 0; i < headers->phdr_count; i++)
		if (headers->phdrs[i].p_type == PT_GNU_EH_FRAME)
			return pw_elf_segment(headers, headers->phdrs[i].p_vaddr);
	return NULL;
}

/* A file of which memory holds the headers and one segment: all that libdw asks for. */
static Elf *open_image(struct pw_modules *modules, const struct pw_module *module,
		       struct pw_cfi *cfi)
{
	const struct pw_elf_headers *headers = &module->elf->headers;
	const Elf64_Phdr *segment = frame_segment(headers);
	size_t phdrs_size = headers->phdr_count * sizeof(Elf64_Phdr);
	if (!segment || segment->p_filesz > IMAGE_MAX || segment->p_offset > IMAGE_MAX)
		return NULL;
	size_t size = segment->p_offset + segment->p_filesz;
	Elf64_Ehdr ehdr = headers->ehdr;
	if (ehdr.e_phoff > IMAGE_MAX || size < ehdr.e_phoff + phdrs_size)
		size = sizeof(ehdr) + phdrs_size + size;
	cfi->image = calloc(1, size);
	if (!cfi->image || ehdr.e_phoff > size - phdrs_size)
		return NULL;
	size_t done = 0;
	enum pw_supplier supplier;
	pw_error_destroy(pw_read_some(modules->target, module->bias + segment->p_vaddr,
				      (char *)cfi->image + segment->p_offset, segment->p_filesz,
				      &done, &supplier));
	if (!done)
		return NULL;
	ehdr.e_shoff = 0;
	ehdr.e_shnum = ehdr.e_shstrndx = 0;
	memcpy(cfi->image, &ehdr, sizeof(ehdr));
	memcpy((char *)cfi->image + ehdr.e_phoff, headers->phdrs, phdrs_size);
	elf_version(EV_CURRENT);
	return elf_memory(cfi->image, size);
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
	Elf *elf = module->elf->elf;
	if (!elf)
		elf = cfi->image_elf = open_image(modules, module, cfi);
	if (elf)
		cfi->eh_frame = dwarf_getcfi_elf(elf);
	return cfi;
}

/* .debug_frame stands in the file itself or in its separate debug file. */
static Dwarf_CFI *debug_frame(struct pw_modules *modules, struct pw_module *module,
			      struct pw_cfi *cfi)
{
	if (cfi->debug_opened)
		return cfi->debug_frame;
	cfi->debug_opened = true;
	Elf64_Shdr shdr;
	Elf *elf = module->elf->elf;
	if (!elf || !pw_elf_section(elf, ".debug_frame", &shdr)) {
		pw_elf_ensure_debug(modules, module);
		elf = module->elf->debug_elf;
		if (!elf || !pw_elf_section(elf, ".debug_frame", &shdr))
			return NULL;
	}
	cfi->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (cfi->dwarf)
		cfi->debug_frame = dwarf_getcfi(cfi->dwarf);
	return cfi->debug_frame;
}

static struct pw_row *row_from(const struct pw_abi *abi, Dwarf_CFI *cfi, uint64_t address,
			       uint64_t bias)
{
	Dwarf_Frame *frame;
	if (!cfi || dwarf_cfi_addrframe(cfi, address, &frame))
		return NULL;
	struct pw_row *row = pw_row_compile(abi, frame, bias);
	free(frame);
	return row;
}

static struct pw_row *compile(struct pw_modules *modules, uint64_t address)
{
	const struct pw_abi *abi = pw_abi_by_machine(modules->target->arch->elf_machine);
	struct pw_module *module = pw_modules_find(modules, address);
	struct pw_cfi *cfi = abi && module ? ensure(modules, module) : NULL;
	if (!cfi)
		return NULL;
	uint64_t bias = module->bias;
	struct pw_row *row = row_from(abi, cfi->eh_frame, address - bias, bias);
	return row ? row : row_from(abi, debug_frame(modules, module, cfi), address - bias, bias);
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
