#include "binary/source_units.h"

#include "base/buffer.h"

#include <dwarf.h>
#include <stdlib.h>

enum {
	ORIGINS_MAX = 8,       /* from a copy of a function to its declaration */
	RANGES_MAX = 8 << 20,  /* of one index */
	DIE_RANGES_MAX = 4096, /* of one DIE */
	DEPTH_MAX = 64,	       /* of nested scopes */
	DIES_MAX = 64 << 20,   /* looked at for one index */
};

bool pw_die_child(Dwarf_Die *die, Dwarf_Die *ret)
{
	return dwarf_child(die, ret) == 0;
}

bool pw_die_sibling(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Off before = dwarf_dieoffset(die);

	return dwarf_siblingof(die, ret) == 0 && dwarf_dieoffset(ret) > before;
}

static void append(struct pw_die_index *index, uint64_t start, uint64_t end, Dwarf_Off die)
{
	if (start >= end || index->count >= RANGES_MAX)
		return;
	if (index->count == index->capacity) {
		size_t more = index->capacity ? index->capacity * 2 : 64;
		struct pw_die_range *grown = realloc(index->items, more * sizeof(*grown));
		if (!grown) {
			index->failed = true;
			return;
		}
		index->items = grown;
		index->capacity = more;
	}
	index->items[index->count++] =
		(struct pw_die_range){.start = start, .end = end, .die = die};
}

void pw_die_index_add(struct pw_die_index *index, Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	for (int i = 0; i < DIE_RANGES_MAX; i++) {
		at = dwarf_ranges(die, at, &base, &start, &end);
		if (at <= 0)
			return;
		append(index, start, end, offset);
	}
}

static int compare(const void *a, const void *b)
{
	const struct pw_die_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end) /* the inner one later: the search goes backwards */
		return x->end > y->end ? -1 : 1;
	return x->die < y->die ? -1 : x->die > y->die;
}

void pw_die_index_sort(struct pw_die_index *index)
{
	uint64_t limit = 0;

	if (index->count)
		qsort(index->items, index->count, sizeof(*index->items), compare);
	for (size_t i = 0; i < index->count; i++) {
		limit = index->items[i].end > limit ? index->items[i].end : limit;
		index->items[i].limit = limit;
	}
}

const struct pw_die_range *pw_die_index_find(const struct pw_die_index *index, uint64_t address)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && index->items[i].limit > address;) {
		if (index->items[i].end > address)
			return &index->items[i];
	}
	return NULL;
}

void pw_die_index_deinit(struct pw_die_index *index)
{
	free(index->items);
	*index = (struct pw_die_index){0};
}

void pw_die_index_units(struct pw_die_index *index, Dwarf *dwarf)
{
	Dwarf_Off offset = 0, next;
	size_t header_size;
	Dwarf_Die unit;

	while (dwarf_nextcu(dwarf, offset, &next, &header_size, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(dwarf, offset + header_size, &unit) &&
		    dwarf_tag(&unit) == DW_TAG_compile_unit)
			pw_die_index_add(index, &unit);
		if (next <= offset)
			break;
		offset = next;
	}
	pw_die_index_sort(index);
}

bool pw_die_unit_is_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return true;
	default:
		return false;
	}
}

struct walk {
	struct pw_die_index *index;
	bool types, functions; /* what may hold functions */
	size_t left;
};

static bool holds_functions(const struct walk *walk, int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_variant_part:
		return walk->types;
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
		return walk->functions;
	default:
		return false;
	}
}

static void add_children(struct walk *walk, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || !pw_die_child(parent, &die))
		return;
	do {
		if (walk->left-- == 0) {
			walk->left = 0;
			return;
		}
		int tag = dwarf_tag(&die);
		if (tag == DW_TAG_subprogram)
			pw_die_index_add(walk->index, &die);
		if (holds_functions(walk, tag))
			add_children(walk, &die, depth + 1);
	} while (pw_die_sibling(&die, &die));
}

void pw_die_index_functions(struct pw_die_index *index, Dwarf_Die *unit, bool deep)
{
	struct walk walk = {.index = index,
			    .types = deep || !pw_die_unit_is_c(unit),
			    .functions = deep,
			    .left = DIES_MAX};

	add_children(&walk, unit, 0);
	pw_die_index_sort(index);
}

void pw_die_reader_init(struct pw_die_reader *reader, Dwarf_Die *unit)
{
	*reader = (struct pw_die_reader){0};
	reader->more = pw_die_child(unit, &reader->next);
}

void pw_die_reader_deinit(struct pw_die_reader *reader)
{
	pw_die_index_deinit(&reader->index);
	reader->more = false;
}

const struct pw_die_range *pw_die_reader_find(struct pw_die_reader *reader, uint64_t address)
{
	struct pw_die_index *index = &reader->index;
	for (size_t i = 0;;) {
		for (; i < index->count; i++)
			if (address >= index->items[i].start && address < index->items[i].end)
				return &index->items[i];
		if (!reader->more)
			return NULL;
		if (dwarf_tag(&reader->next) == DW_TAG_subprogram)
			pw_die_index_add(index, &reader->next);
		reader->more = pw_die_sibling(&reader->next, &reader->next);
	}
}

/* The declaration that stands where the function was written. */
static Dwarf_Die declaration_of(Dwarf_Die *function)
{
	static const unsigned links[] = {DW_AT_abstract_origin, DW_AT_specification};
	Dwarf_Die die = *function;
	Dwarf_Attribute attribute;

	for (int step = 0; step < ORIGINS_MAX; step++) {
		bool moved = false;
		for (size_t i = 0; i < 2 && !moved; i++)
			moved = dwarf_attr(&die, links[i], &attribute) &&
				dwarf_formref_die(&attribute, &die);
		if (!moved)
			break;
	}
	return die;
}

static void append_scope(struct pw_buffer *name, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_namespace && tag != DW_TAG_class_type && tag != DW_TAG_structure_type &&
	    tag != DW_TAG_union_type && tag != DW_TAG_enumeration_type && tag != DW_TAG_module &&
	    tag != DW_TAG_subprogram)
		return;
	const char *text = dwarf_diename(die);
	if (!text)
		text = tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed type}";
	pw_buffer_printf(name, "%s::", text);
}

char *pw_die_qualified_name(Dwarf_Die *function)
{
	Dwarf_Die declaration = declaration_of(function), unit, die;
	Dwarf_Off target = dwarf_dieoffset(&declaration);
	const char *plain = dwarf_diename(&declaration);
	pw_auto_buffer struct pw_buffer name = {0};

	if (!plain || !dwarf_diecu(&declaration, &unit, NULL, NULL))
		return NULL;
	/* DIEs know no parents: the one around an offset is the last that begins before it. */
	for (int depth = 0; depth < DEPTH_MAX && pw_die_child(&unit, &die); depth++) {
		Dwarf_Die next = die;
		while (pw_die_sibling(&next, &next) && dwarf_dieoffset(&next) <= target)
			die = next;
		if (dwarf_dieoffset(&die) >= target)
			break;
		append_scope(&name, &die);
		unit = die;
	}
	pw_buffer_append_string(&name, plain);
	return name.failed ? NULL : pw_buffer_steal(&name);
}
