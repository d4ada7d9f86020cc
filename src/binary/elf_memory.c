/*
 * What a module's mapped bytes tell without its file: dynamic symbols and call-frame information.
 *
 * Read from the System V gABI (dynamic section, DT_HASH), binutils' description of DT_GNU_HASH, the
 * LSB
 * (.eh_frame_hdr), and glibc 2.36 elf/get-dynamic-info.h: glibc turns the pointers of the dynamic
 * section into addresses, other loaders and the vdso leave them as they are in the file.
 */
#include "binary/elf_private.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

enum { DYNAMIC_MAX = 64 << 10, CHAIN_CHUNK = 1024 };

struct dynamic {
	uint64_t symtab, strtab, strsz, hash, gnu_hash; /* runtime addresses; 0: absent */
};

static size_t read_up_to(struct pw_target *target, uint64_t address, void *buffer, size_t length)
{
	size_t done = 0;
	pw_auto_error struct pw_error *error =
		pw_read_some(target, address, buffer, length, &done, NULL);

	return error || done > length ? 0 : done;
}

static bool read_all(struct pw_target *target, uint64_t address, void *buffer, size_t length)
{
	return read_up_to(target, address, buffer, length) == length;
}

static const Elf64_Phdr *find_phdr(const struct pw_elf_headers *headers, uint32_t type)
{
	for (size_t i = 0; i < headers->phdr_count; i++) {
		if (headers->phdrs[i].p_type == type)
			return &headers->phdrs[i];
	}
	return NULL;
}

static uint64_t to_runtime(const struct pw_module *module, uint64_t pointer)
{
	if (pointer >= module->start && pointer < module->end)
		return pointer;
	return module->bias + pointer;
}

static bool read_dynamic(struct pw_target *target, const struct pw_module *module,
			 struct dynamic *ret)
{
	const Elf64_Phdr *phdr = find_phdr(&module->elf->headers, PT_DYNAMIC);
	Elf64_Dyn entries[64];

	*ret = (struct dynamic){0};
	if (!phdr)
		return false;
	size_t size = phdr->p_memsz < DYNAMIC_MAX ? phdr->p_memsz : DYNAMIC_MAX;
	uint64_t address = module->bias + phdr->p_vaddr;
	for (size_t at = 0; at < size; at += sizeof(entries)) {
		size_t want = size - at < sizeof(entries) ? size - at : sizeof(entries);
		size_t n = read_up_to(target, address + at, entries, want) / sizeof(entries[0]);
		for (size_t i = 0; i < n; i++) {
			uint64_t value = entries[i].d_un.d_val;
			switch (entries[i].d_tag) {
			case DT_NULL:
				return ret->symtab && ret->strtab;
			case DT_SYMTAB:
				ret->symtab = to_runtime(module, value);
				break;
			case DT_STRTAB:
				ret->strtab = to_runtime(module, value);
				break;
			case DT_STRSZ:
				ret->strsz = value;
				break;
			case DT_HASH:
				ret->hash = to_runtime(module, value);
				break;
			case DT_GNU_HASH:
				ret->gnu_hash = to_runtime(module, value);
				break;
			case DT_SYMENT:
				if (value != sizeof(Elf64_Sym))
					return false;
				break;
			default:
				break;
			}
		}
		if (n < want / sizeof(entries[0]))
			break;
	}
	return ret->symtab && ret->strtab;
}

/* The chain of the highest symbol ends with a word whose lowest bit is set. */
static size_t end_of_chain(struct pw_target *target, uint64_t chains, size_t symbol, size_t first)
{
	uint32_t words[CHAIN_CHUNK];

	while (symbol < PW_SYMBOL_MAX) {
		size_t n =
			read_up_to(target, chains + (symbol - first) * 4, words, sizeof(words)) / 4;
		for (size_t i = 0; i < n; i++) {
			if (words[i] & 1)
				return symbol + i + 1;
		}
		if (n < CHAIN_CHUNK)
			return 0;
		symbol += n;
	}
	return 0;
}

/* DT_GNU_HASH: {nbuckets, first symbol, bloom words, shift}, bloom filter, buckets, chains. */
static size_t count_gnu_hash(struct pw_target *target, uint64_t address)
{
	uint32_t head[4];
	uint32_t buckets[CHAIN_CHUNK];
	uint32_t last = 0;

	if (!read_all(target, address, head, sizeof(head)) || head[0] > PW_SYMBOL_MAX ||
	    head[2] > PW_SYMBOL_MAX)
		return 0;
	uint64_t at = address + sizeof(head) + (uint64_t)head[2] * 8;
	for (size_t done = 0; done < head[0];) {
		size_t n = head[0] - done < CHAIN_CHUNK ? head[0] - done : CHAIN_CHUNK;
		if (!read_all(target, at + done * 4, buckets, n * 4))
			return 0;
		for (size_t i = 0; i < n; i++)
			last = buckets[i] > last ? buckets[i] : last;
		done += n;
	}
	if (last < head[1])
		return head[1] <= PW_SYMBOL_MAX ? head[1] : 0; /* no symbol is hashed */
	return end_of_chain(target, at + (uint64_t)head[0] * 4, last, head[1]);
}

static size_t count_symbols(struct pw_target *target, const struct dynamic *dynamic)
{
	uint32_t hash[2];
	size_t count = 0;

	if (dynamic->gnu_hash)
		count = count_gnu_hash(target, dynamic->gnu_hash);
	if (!count && dynamic->hash && read_all(target, dynamic->hash, hash, sizeof(hash)))
		count = hash[1]; /* nchain: one for each symbol */
	/* Neither table: every linker puts the strings right behind the symbols. */
	if (!count && dynamic->strtab > dynamic->symtab)
		count = (dynamic->strtab - dynamic->symtab) / sizeof(Elf64_Sym);
	return count <= PW_SYMBOL_MAX ? count : 0;
}

void pw_symtabs_add_memory(struct pw_symtabs *tables, struct pw_target *target,
			   const struct pw_module *module)
{
	struct dynamic dynamic;

	if (tables->count == PW_SYMTAB_MAX || !read_dynamic(target, module, &dynamic))
		return;
	size_t count = count_symbols(target, &dynamic);
	if (!count || !dynamic.strsz || dynamic.strsz > PW_STRINGS_MAX)
		return;
	Elf64_Sym *symbols = malloc(count * sizeof(*symbols));
	char *strings = malloc(dynamic.strsz);
	if (symbols && strings) {
		count = read_up_to(target, dynamic.symtab, symbols, count * sizeof(*symbols)) /
			sizeof(*symbols);
		size_t size = read_up_to(target, dynamic.strtab, strings, dynamic.strsz);
		while (size > 0 && strings[size - 1] != '\0')
			size--;
		if (count && size) {
			tables->tables[tables->count++] = (struct pw_symtab){
				.symbols = symbols,
				.count = count,
				.strings = strings,
				.strings_size = size,
				.owned_symbols = symbols,
				.owned_strings = strings,
			};
			return;
		}
	}
	free(symbols);
	free(strings);
}

bool pw_memory_eh_frame(struct pw_target *target, const struct pw_module *module,
			uint8_t **ret_data, size_t *ret_length, uint64_t *ret_address)
{
	const struct pw_elf_headers *headers = &module->elf->headers;
	const Elf64_Phdr *phdr = find_phdr(headers, PT_GNU_EH_FRAME);
	uint8_t head[8];
	int32_t distance;

	/* {version, encoding of eh_frame_ptr, of the count, of the table, eh_frame_ptr}: every
	 * linker writes the pointer as a signed 32-bit distance from itself. */
	if (!phdr || !read_all(target, module->bias + phdr->p_vaddr, head, sizeof(head)) ||
	    head[0] != 1 || head[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
		return false;
	memcpy(&distance, head + 4, sizeof(distance));
	uint64_t address = phdr->p_vaddr + 4 + (uint64_t)(int64_t)distance;
	const Elf64_Phdr *segment = pw_elf_segment(headers, address);
	if (!segment)
		return false;
	/* Its length is not written down: it ends with a word of 0, at the latest with its segment.
	 */
	uint64_t length = segment->p_vaddr + segment->p_memsz - address;
	if (length > module->end - module->start)
		length = module->end - module->start;
	if (length > PW_EH_FRAME_MAX)
		length = PW_EH_FRAME_MAX;
	uint8_t *data = malloc(length);
	if (!data)
		return false;
	*ret_length = read_up_to(target, module->bias + address, data, length);
	*ret_data = data;
	*ret_address = address;
	return true;
}
