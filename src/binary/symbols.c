/*
 * Symbol tables: a symbol by its name, a function by an address within it.
 */
#include "binary/elf_private.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* In the order of preference.  A weak name is as good as a global one: libc's own are weak
	 * aliases of underscored ones. */
	RANK_PUBLIC,
	RANK_LOCAL,
	RANK_NOTYPE,
};

static const char *symbol_name(const struct pw_symtab *table, const Elf64_Sym *sym)
{
	return sym->st_name < table->strings_size ? table->strings + sym->st_name : "";
}

static bool is_defined(const Elf64_Sym *sym)
{
	switch (ELF64_ST_TYPE(sym->st_info)) {
	case STT_NOTYPE:
	case STT_OBJECT:
	case STT_FUNC:
	case STT_COMMON:
	case STT_GNU_IFUNC:
		return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_COMMON;
	default: /* of sections and files, and offsets in thread-local storage, which are no
		    addresses */
		return false;
	}
}

/* A name that is looked for: tables are long, and nearly all names in them differ from it within
 * the first bytes. */
struct wanted {
	const char *name;
	size_t length;
	uint64_t head; /* the first bytes, when there are as many */
};

static struct wanted want(const char *name)
{
	struct wanted w = {name, strlen(name), 0};
	if (w.length >= sizeof(w.head))
		memcpy(&w.head, name, sizeof(w.head));
	return w;
}

/* "name", "name@VERSION" and "name@@VERSION" are `name`. */
static bool is_named(const struct pw_symtab *table, const Elf64_Sym *sym, const struct wanted *w)
{
	const char *symbol = symbol_name(table, sym);
	uint64_t head;

	if (w->length >= sizeof(head) && sym->st_name < table->strings_size &&
	    table->strings_size - sym->st_name >= sizeof(head)) {
		memcpy(&head, symbol, sizeof(head));
		if (head != w->head)
			return false;
	}
	return strncmp(symbol, w->name, w->length) == 0 &&
	       (symbol[w->length] == '\0' || symbol[w->length] == '@');
}

bool pw_symtabs_find(const struct pw_symtabs *tables, const char *name, struct pw_symbol *ret,
		     bool *ret_absolute)
{
	struct wanted wanted = want(name);

	for (size_t t = 0; t < tables->count; t++) {
		const struct pw_symtab *table = &tables->tables[t];
		const Elf64_Sym *found = NULL;
		for (size_t i = 0; i < table->count; i++) {
			const Elf64_Sym *sym = &table->symbols[i];
			if (!is_named(table, sym, &wanted) || !is_defined(sym))
				continue;
			bool local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;
			if (!found || !local)
				found = sym;
			if (!local)
				break;
		}
		if (found) {
			ret->address = found->st_value;
			ret->size = found->st_size;
			*ret_absolute = found->st_shndx == SHN_ABS;
			return true;
		}
	}
	return false;
}

/* Labels of the assembler and of the AArch64 ELF ABI ("$x", "$d") name no function. */
static bool is_label(const struct pw_symtab *table, const Elf64_Sym *sym)
{
	char first = symbol_name(table, sym)[0];

	return first == '\0' || first == '$' || first == '.';
}

/* In the segment `near`, which becomes that of the symbol.  A function's name is not looked at: all
 * names together are long, and lie elsewhere. */
static bool is_function(const struct pw_symtab *table, const struct pw_elf_headers *headers,
			const Elf64_Sym *sym, const Elf64_Phdr **near)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	if (!sym->st_name || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC &&
	    (type != STT_NOTYPE || is_label(table, sym)))
		return false;
	if (!*near || sym->st_value - (*near)->p_vaddr >= (*near)->p_memsz)
		*near = pw_elf_segment(headers, sym->st_value);
	return *near && ((*near)->p_flags & PF_X);
}

static uint8_t rank_of(const Elf64_Sym *sym)
{
	if (ELF64_ST_TYPE(sym->st_info) == STT_NOTYPE)
		return RANK_NOTYPE;
	return ELF64_ST_BIND(sym->st_info) == STB_LOCAL ? RANK_LOCAL : RANK_PUBLIC;
}

/* Where a symbol without a size ends at the latest: in a full table with its section, elsewhere at
 * once, as functions without a name may follow it. */
static uint64_t unsized_end(const struct pw_symtab *table, const Elf64_Sym *sym)
{
	Elf_Scn *scn = table->full && table->elf ? elf_getscn(table->elf, sym->st_shndx) : NULL;
	GElf_Shdr shdr;

	if (scn && gelf_getshdr(scn, &shdr) && sym->st_value >= shdr.sh_addr &&
	    sym->st_value - shdr.sh_addr < shdr.sh_size &&
	    shdr.sh_size <= UINT64_MAX - shdr.sh_addr)
		return shdr.sh_addr + shdr.sh_size;
	return sym->st_value + 1;
}

static int compare_functions(const void *a, const void *b)
{
	const struct pw_function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end) /* the inner one later: the search goes backwards */
		return x->end > y->end ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	/* "read" rather than "__read": '_' sorts before letters, and the last one is taken. */
	return x->name && y->name ? strcmp(x->name, y->name) : 0;
}

/* The symbols for dynamic linking are in a full table of the same file as well. */
static bool is_contained(const struct pw_symtabs *tables, size_t index)
{
	const struct pw_symtab *table = &tables->tables[index];
	for (size_t t = 0; t < tables->count; t++) {
		const struct pw_symtab *other = &tables->tables[t];
		if (!table->full && other->full && table->elf && other->elf == table->elf &&
		    other->count >= table->count)
			return true;
	}
	return false;
}

static void sort_few(struct pw_function *items, size_t count)
{
	enum { FEW = 16 };

	if (count > FEW) {
		qsort(items, count, sizeof(*items), compare_functions);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct pw_function item = items[i];
		size_t at = i;
		for (; at > 0 && compare_functions(&items[at - 1], &item) > 0; at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

/* Function symbols of all tables, before they are sorted: of a large table most symbols are none,
 * and a few bytes each are enough. */
struct chosen {
	uint32_t *symbols; /* their numbers, one table after the other; owned */
	size_t counts[PW_SYMTAB_MAX], count;
	uint64_t lowest, highest;
};

static bool choose(const struct pw_symtabs *tables, const struct pw_elf_headers *headers,
		   struct chosen *ret)
{
	size_t count = 0;

	*ret = (struct chosen){.lowest = UINT64_MAX};
	for (size_t t = 0; t < tables->count; t++)
		count += tables->tables[t].count;
	ret->symbols = count ? malloc(count * sizeof(*ret->symbols)) : NULL;
	for (size_t t = 0; ret->symbols && t < tables->count; t++) {
		const struct pw_symtab *table = &tables->tables[t];
		const Elf64_Phdr *near = NULL;
		if (is_contained(tables, t))
			continue;
		for (size_t i = 0; i < table->count && i <= UINT32_MAX; i++) {
			const Elf64_Sym *sym = &table->symbols[i];
			if (!is_function(table, headers, sym, &near))
				continue;
			ret->symbols[ret->count++] = (uint32_t)i;
			ret->counts[t]++;
			if (sym->st_value < ret->lowest)
				ret->lowest = sym->st_value;
			if (sym->st_value > ret->highest)
				ret->highest = sym->st_value;
		}
	}
	return ret->count;
}

static struct pw_function function_of(const struct pw_symtab *table, const Elf64_Sym *sym)
{
	bool sized = sym->st_size > 0 && sym->st_size <= UINT64_MAX - sym->st_value;

	return (struct pw_function){
		.start = sym->st_value,
		.end = sized ? sym->st_value + sym->st_size : unsized_end(table, sym),
		.name = symbol_name(table, sym),
		.rank = rank_of(sym),
		.sized = sized,
	};
}

/*
 * Sorts by spreading over as many equal ranges of addresses as there are functions, which have few
 * each: of a large table a few names are wanted, and comparing would cost more than all else.
 */
static void spread(const struct pw_symtabs *tables, const struct chosen *chosen,
		   struct pw_function_index *ret)
{
	size_t ranges = chosen->count + 1;
	struct pw_function *items = calloc(chosen->count, sizeof(*items));
	uint32_t *ends = calloc(ranges + 1, sizeof(*ends));
	const uint32_t *number = chosen->symbols;
	unsigned shift = 0;

	if (!items || !ends) {
		free(items);
		free(ends);
		return;
	}
	/* A power of two, so that no number is divided for each of them. */
	while ((chosen->highest - chosen->lowest) >> shift >= ranges)
		shift++;
	for (size_t t = 0; t < tables->count; t++)
		for (size_t i = 0; i < chosen->counts[t]; i++) {
			uint64_t start = tables->tables[t].symbols[*number++].st_value;
			ends[((start - chosen->lowest) >> shift) + 1]++;
		}
	for (size_t i = 1; i <= ranges; i++)
		ends[i] += ends[i - 1];
	number = chosen->symbols;
	for (size_t t = 0; t < tables->count; t++)
		for (size_t i = 0; i < chosen->counts[t]; i++) {
			const Elf64_Sym *sym = &tables->tables[t].symbols[*number++];
			items[ends[(sym->st_value - chosen->lowest) >> shift]++] =
				function_of(&tables->tables[t], sym);
		}
	/* Now each is where its range ends, and where the next one begins. */
	for (size_t i = 0, from = 0; i < ranges; from = ends[i++])
		sort_few(items + from, ends[i] - from);
	free(ends);
	*ret = (struct pw_function_index){items, chosen->count};
}

void pw_function_index_build(const struct pw_symtabs *tables, const struct pw_elf_headers *headers,
			     struct pw_function_index *ret)
{
	struct chosen chosen;
	uint64_t limit = 0;

	*ret = (struct pw_function_index){0};
	if (choose(tables, headers, &chosen))
		spread(tables, &chosen, ret);
	free(chosen.symbols);
	for (size_t i = 0; i < ret->count; i++) {
		limit = ret->items[i].end > limit ? ret->items[i].end : limit;
		ret->items[i].limit = limit;
	}
}

void pw_function_index_deinit(struct pw_function_index *index)
{
	free(index->items);
	*index = (struct pw_function_index){0};
}

const struct pw_function *pw_function_index_find(const struct pw_function_index *index,
						 uint64_t address, bool unsized)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	uint64_t nearest = index->items[low - 1].start;
	for (size_t i = low; i-- > 0;) {
		const struct pw_function *f = &index->items[i];
		if (f->limit <= address || (unsized && f->start != nearest))
			return NULL;
		/* A damaged table's names may be empty: they were not looked at when it was read.
		 */
		if (f->sized != unsized && address < f->end && f->name[0])
			return f;
	}
	return NULL;
}
