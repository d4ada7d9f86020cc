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
static bool is_function(const struct pw_elf_headers *headers, const Elf64_Sym *sym,
			const char *name)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	if (!name[0] || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return false;
	if (type == STT_NOTYPE && (name[0] == '$' || name[0] == '.'))
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	const Elf64_Phdr *segment = pw_elf_segment(headers, sym->st_value);
	return segment && (segment->p_flags & PF_X);
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

static void add_functions(const struct pw_symtab *table, const struct pw_elf_headers *headers,
			  struct pw_function_index *index)
{
	for (size_t i = 0; i < table->count; i++) {
		const Elf64_Sym *sym = &table->symbols[i];
		const char *name = symbol_name(table, sym);
		if (!is_function(headers, sym, name))
			continue;
		struct pw_function *f = &index->items[index->count++];
		f->start = sym->st_value;
		f->sized = sym->st_size > 0 && sym->st_size <= UINT64_MAX - sym->st_value;
		f->end = f->sized ? sym->st_value + sym->st_size : unsized_end(table, sym);
		f->name = name;
		f->rank = rank_of(sym);
	}
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

/*
 * Sorts by spreading over as many equal ranges of addresses as there are functions, which have few
 * each: of a large table a few names are wanted, and comparing would cost more than all else.
 */
static void sort_functions(struct pw_function_index *index)
{
	size_t count = index->count, ranges = count + 1;
	struct pw_function *spread = calloc(count, sizeof(*spread));
	size_t *ends = calloc(ranges + 1, sizeof(*ends));
	uint64_t lowest = UINT64_MAX, highest = 0;

	if (!spread || !ends) {
		qsort(index->items, count, sizeof(*index->items), compare_functions);
		free(spread);
		free(ends);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t start = index->items[i].start;
		lowest = start < lowest ? start : lowest;
		highest = start > highest ? start : highest;
	}
	/* A power of two, so that no number is divided for each of them. */
	unsigned shift = 0;
	while ((highest - lowest) >> shift >= ranges)
		shift++;
	for (size_t i = 0; i < count; i++)
		ends[((index->items[i].start - lowest) >> shift) + 1]++;
	for (size_t i = 1; i <= ranges; i++)
		ends[i] += ends[i - 1];
	for (size_t i = 0; i < count; i++)
		spread[ends[(index->items[i].start - lowest) >> shift]++] = index->items[i];
	/* Now each is where its range ends, and where the next one begins. */
	for (size_t i = 0, from = 0; i < ranges; from = ends[i++])
		sort_few(spread + from, ends[i] - from);
	free(ends);
	free(index->items);
	index->items = spread;
}

void pw_function_index_build(const struct pw_symtabs *tables, const struct pw_elf_headers *headers,
			     struct pw_function_index *ret)
{
	size_t count = 0;

	*ret = (struct pw_function_index){0};
	for (size_t t = 0; t < tables->count; t++)
		count += tables->tables[t].count;
	if (!count)
		return;
	ret->items = calloc(count, sizeof(*ret->items));
	if (!ret->items)
		return;
	for (size_t t = 0; t < tables->count; t++)
		if (!is_contained(tables, t))
			add_functions(&tables->tables[t], headers, ret);
	if (ret->count)
		sort_functions(ret);
	uint64_t limit = 0;
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
		if (f->sized != unsized && address < f->end)
			return f;
	}
	return NULL;
}
