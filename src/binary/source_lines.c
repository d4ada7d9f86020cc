#include "binary/source_lines.h"

#include "binary/elf_private.h"
#include "binary/dwarf_lines.h"
#include "binary/source_units.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
	SCOPES_MAX = 1 << 20, /* looked at for one address */
	DEPTH_MAX = 256,      /* of nested scopes */
};

/* A compilation unit that an address was asked of. */
struct unit {
	Dwarf_Off offset;
	Dwarf_Die die;
	bool is_c;
	struct pw_die_reader plain;    /* of a C unit: its functions */
	struct pw_die_index functions; /* otherwise, or those within functions as well */
	bool deep;
	struct pw_dwarf_lines lines;
	UT_hash_handle hh;
};

/* The composed name of a function, by its DIE. */
struct composed {
	Dwarf_Off die;
	char *name; /* owned; NULL: none */
	UT_hash_handle hh;
};

struct pw_source {
	struct pw_debug_info info;
	struct pw_dwarf_line_sections line_sections;
	Dwarf_Aranges *aranges;
	bool units_indexed;
	struct pw_die_index unit_ranges;
	struct unit *units;
	struct composed *names;
};

struct pw_source *pw_module_source(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_elf *elf = module->elf;
	size_t count;

	if (elf->source_opened)
		return elf->source;
	elf->source_opened = true;
	struct pw_source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	if (!pw_debug_info_init(&source->info, modules, module, modules->inflate_max)) {
		free(source);
		return NULL;
	}
	pw_dwarf_line_sections_find(&source->line_sections, source->info.dwarf);
	if (dwarf_getaranges(source->info.dwarf, &source->aranges, &count) != 0)
		source->aranges = NULL;
	return elf->source = source;
}

void pw_source_destroy(struct pw_source *source)
{
	struct unit *unit, *next;
	struct composed *name, *next_name;

	if (!source)
		return;
	HASH_ITER (hh, source->names, name, next_name) {
		HASH_DEL(source->names, name);
		free(name->name);
		free(name);
	}
	HASH_ITER (hh, source->units, unit, next) {
		HASH_DEL(source->units, unit);
		pw_die_reader_deinit(&unit->plain);
		pw_die_index_deinit(&unit->functions);
		pw_dwarf_lines_deinit(&unit->lines);
		free(unit);
	}
	pw_die_index_deinit(&source->unit_ranges);
	pw_debug_info_deinit(&source->info);
	free(source);
}

/* Not every compiler writes .debug_aranges. */
static bool unit_offset(struct pw_source *source, uint64_t address, Dwarf_Off *ret)
{
	Dwarf_Arange *arange =
		source->aranges ? dwarf_getarange_addr(source->aranges, address) : NULL;

	if (arange && dwarf_getarangeinfo(arange, NULL, NULL, ret) == 0)
		return true;
	if (!source->units_indexed) {
		source->units_indexed = true;
		pw_die_index_units(&source->unit_ranges, source->info.dwarf);
	}
	const struct pw_die_range *range = pw_die_index_find(&source->unit_ranges, address);
	if (range)
		*ret = range->die;
	return range;
}

static void read_lines(struct pw_source *source, struct unit *unit)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset;
	const char *folder = NULL;

	if (dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute))
		folder = dwarf_formstring(&attribute);
	if (dwarf_attr(&unit->die, DW_AT_stmt_list, &attribute) &&
	    dwarf_formudata(&attribute, &offset) == 0)
		pw_dwarf_lines_read(&unit->lines, &source->line_sections, offset, folder);
}

static struct unit *find_unit(struct pw_source *source, uint64_t address)
{
	Dwarf_Off offset;
	struct unit *unit;

	if (!unit_offset(source, address, &offset))
		return NULL;
	HASH_FIND(hh, source->units, &offset, sizeof(offset), unit);
	if (unit)
		return unit;
	unit = calloc(1, sizeof(*unit));
	if (!unit)
		return NULL;
	unit->offset = offset;
	if (dwarf_offdie(source->info.dwarf, offset, &unit->die))
		HASH_ADD(hh, source->units, offset, sizeof(offset), unit);
	if (!unit->hh.tbl) {
		free(unit);
		return NULL;
	}
	unit->is_c = pw_die_unit_is_c(&unit->die);
	if (unit->is_c)
		pw_die_reader_init(&unit->plain, &unit->die);
	else
		pw_die_index_functions(&unit->functions, &unit->die, false);
	read_lines(source, unit);
	return unit;
}

static bool find_function(struct pw_source *source, struct unit *unit, uint64_t address,
			  Dwarf_Die *ret)
{
	const struct pw_die_range *range = unit->is_c
						   ? pw_die_reader_find(&unit->plain, address)
						   : pw_die_index_find(&unit->functions, address);

	/* Functions within functions are rare enough to be read only when one is missing. */
	if (!range && !unit->deep) {
		unit->deep = true;
		pw_die_index_deinit(&unit->functions);
		pw_die_index_functions(&unit->functions, &unit->die, true);
	}
	if (!range)
		range = pw_die_index_find(&unit->functions, address);
	return range && dwarf_offdie(source->info.dwarf, range->die, ret);
}

/* The scopes at an address, outermost first: the function, then what is inlined. */
struct chain {
	uint64_t address;
	Dwarf_Die dies[PW_INLINE_MAX];
	size_t count;
	size_t left;
};

static bool is_scope(int tag)
{
	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* true: what `scope` holds at the address is in the chain. */
static bool descend(struct chain *chain, Dwarf_Die *scope, int depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || !pw_die_child(scope, &die))
		return false;
	do {
		if (chain->left == 0)
			return false;
		chain->left--;
		int tag = dwarf_tag(&die);
		if (!is_scope(tag))
			continue;
		bool covers = dwarf_haspc(&die, chain->address) > 0;
		if (covers && tag == DW_TAG_inlined_subroutine && chain->count < PW_INLINE_MAX) {
			chain->dies[chain->count++] = die;
			descend(chain, &die, depth + 1);
			return true;
		}
		/* A block without addresses of its own may hold scopes that have some. */
		bool open = !covers && tag != DW_TAG_inlined_subroutine &&
			    !dwarf_hasattr(&die, DW_AT_low_pc) &&
			    !dwarf_hasattr(&die, DW_AT_ranges);
		if ((covers || open) && descend(chain, &die, depth + 1))
			return true;
	} while (pw_die_sibling(&die, &die));
	return false;
}

static const char *text_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_attr_integrate(die, name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static const char *composed_name(struct pw_source *source, Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	struct composed *name;

	HASH_FIND(hh, source->names, &offset, sizeof(offset), name);
	if (name)
		return name->name;
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	name->die = offset;
	HASH_ADD(hh, source->names, die, sizeof(offset), name);
	if (!name->hh.tbl) {
		free(name);
		return NULL;
	}
	name->name = pw_die_qualified_name(die);
	return name->name;
}

/* Compilers leave out the linkage name of what no other file can link to. */
static void fill_names(struct pw_source *source, const struct unit *unit, Dwarf_Die *die,
		       struct pw_source_frame *ret)
{
	ret->linkage_name = text_of(die, DW_AT_linkage_name);
	if (!ret->linkage_name)
		ret->linkage_name = text_of(die, DW_AT_MIPS_linkage_name);
	if (ret->linkage_name)
		return;
	if (!unit->is_c)
		ret->name = composed_name(source, die);
	if (!ret->name)
		ret->name = text_of(die, DW_AT_name);
}

static int bounded_line(uint64_t line)
{
	return line <= INT32_MAX ? (int)line : 0;
}

/* Where the function of `die` was inlined. */
static void fill_call(struct unit *unit, Dwarf_Die *die, struct pw_source_frame *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (dwarf_attr(die, DW_AT_call_line, &attribute) &&
	    dwarf_formudata(&attribute, &value) == 0)
		ret->line = bounded_line(value);
	if (dwarf_attr(die, DW_AT_call_file, &attribute) &&
	    dwarf_formudata(&attribute, &value) == 0)
		ret->file = pw_dwarf_lines_path(&unit->lines, value);
}

static void fill_line(struct unit *unit, uint64_t address, struct pw_source_frame *ret)
{
	const struct pw_dwarf_line *row = pw_dwarf_lines_find(&unit->lines, address);

	if (!row)
		return;
	ret->file = pw_dwarf_lines_path(&unit->lines, row->file);
	ret->line = bounded_line(row->line);
}

size_t pw_source_find(struct pw_source *source, uint64_t address,
		      struct pw_source_frame ret[PW_INLINE_MAX])
{
	struct chain chain = {.address = address, .left = SCOPES_MAX};
	struct unit *unit = find_unit(source, address);

	if (!unit)
		return 0;
	if (find_function(source, unit, address, &chain.dies[0])) {
		chain.count = 1;
		descend(&chain, &chain.dies[0], 0);
	}
	/* A line without a function is worth having: assembly. */
	size_t count = chain.count ? chain.count : 1;
	memset(ret, 0, count * sizeof(ret[0]));
	for (size_t i = 0; i < chain.count; i++) {
		struct pw_source_frame *to = &ret[count - 1 - i];
		fill_names(source, unit, &chain.dies[i], to);
		if (i + 1 < chain.count)
			fill_call(unit, &chain.dies[i + 1], to);
	}
	fill_line(unit, address, &ret[0]);
	return chain.count || ret[0].file ? count : 0;
}
