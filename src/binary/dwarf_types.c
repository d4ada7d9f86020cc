/*
 * Structure layouts from DWARF, by libdw: one pass over the top-level DIEs of every unit makes an
 * index of tags, typedefs and enumerators; a lookup then walks the members of one structure.
 *
 * Debug information may come out of a target's root and is not trusted: every chain of types has an
 * end. DWARF 2-5, split units and dwz's supplementary file (.gnu_debugaltlink) are read.
 */
#include "binary/dwarf_types.h"

#include "binary/dwarf_open.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	TYPE_CHAIN_MAX = 32,	 /* typedefs and qualifiers around a type */
	ANONYMOUS_DEPTH_MAX = 8, /* anonymous structures within each other */
	PATH_COMPONENT_MAX = 128,
};

/* A name of C's tag, typedef or enumerator name space. */
struct name {
	const char *key; /* in the string section */
	Dwarf_Die die;
	int64_t value; /* of an enumerator */
	UT_hash_handle hh;
};

struct index {
	struct name *tags, *typedefs, *enumerators;
	bool built;
};

struct pw_dwarf {
	struct pw_dwarf_file file;
	struct index index;
};

static void names_destroy(struct name *names)
{
	struct name *name, *next;
	HASH_ITER (hh, names, name, next) {
		HASH_DEL(names, name);
		free(name);
	}
}

/* The first definition of a name stays. */
static void names_add(struct name **names, const char *key, const Dwarf_Die *die, int64_t value)
{
	size_t length = strlen(key);
	struct name *name;
	HASH_FIND(hh, *names, key, length, name);
	if (name)
		return;
	name = malloc(sizeof(*name));
	if (!name)
		return;
	*name = (struct name){.key = key, .die = *die, .value = value};
	HASH_ADD_KEYPTR(hh, *names, name->key, length, name);
}

static struct name *names_find(struct name *names, const char *key)
{
	struct name *name;
	HASH_FIND(hh, names, key, strlen(key), name);
	return name;
}

static void index_enumerators(struct index *index, Dwarf_Die *type)
{
	Dwarf_Die child;
	if (dwarf_child(type, &child) != 0)
		return;
	do {
		Dwarf_Attribute attr;
		Dwarf_Sword value;
		const char *name = dwarf_diename(&child);
		if (dwarf_tag(&child) == DW_TAG_enumerator && name &&
		    dwarf_attr(&child, DW_AT_const_value, &attr) &&
		    dwarf_formsdata(&attr, &value) == 0)
			names_add(&index->enumerators, name, &child, value);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void index_die(struct index *index, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_typedef:
		break;
	default:
		return;
	}
	if (dwarf_hasattr(die, DW_AT_declaration))
		return;
	const char *name = dwarf_diename(die);
	if (tag == DW_TAG_typedef) {
		if (name)
			names_add(&index->typedefs, name, die, 0);
		return;
	}
	if (tag == DW_TAG_enumeration_type && !(name && names_find(index->tags, name)))
		index_enumerators(index, die);
	if (name)
		names_add(&index->tags, name, die, 0);
}

static void index_dwarf(struct index *index, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, split, child;
	uint8_t unit_type;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &unit_type, &unit, &split) == 0) {
		if (unit_type == DW_UT_skeleton && dwarf_tag(&split) != DW_TAG_invalid)
			unit = split;
		if (dwarf_child(&unit, &child) != 0)
			continue;
		do
			index_die(index, &child);
		while (dwarf_siblingof(&child, &child) == 0);
	}
}

/* Strips typedefs and qualifiers; a typedef's other name may stand for a declaration. */
static bool peel_type(struct pw_dwarf *dwarf, Dwarf_Die *die)
{
	for (int i = 0; i < TYPE_CHAIN_MAX; i++) {
		Dwarf_Attribute attr;
		switch (dwarf_tag(die)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_atomic_type:
		case DW_TAG_restrict_type:
			if (!dwarf_attr_integrate(die, DW_AT_type, &attr) ||
			    !dwarf_formref_die(&attr, die))
				return false;
			continue;
		default:
			break;
		}
		if (!dwarf_hasattr(die, DW_AT_declaration))
			return true;
		const char *tag = dwarf_diename(die);
		struct name *definition = tag ? names_find(dwarf->index.tags, tag) : NULL;
		if (!definition)
			return false;
		*die = definition->die;
	}
	return false;
}

static bool member_type(struct pw_dwarf *dwarf, Dwarf_Die *member, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;
	return dwarf_attr_integrate(member, DW_AT_type, &attr) && dwarf_formref_die(&attr, ret) &&
	       peel_type(dwarf, ret);
}

static bool is_aggregate(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);
	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static bool number(Dwarf_Die *die, unsigned attribute, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	if (!dwarf_attr_integrate(die, attribute, &attr) || dwarf_formudata(&attr, &word) != 0)
		return false;
	*ret = word;
	return true;
}

/* DW_AT_data_member_location: a constant, or the expression "plus constant" (DWARF 2). */
static uint64_t member_location(Dwarf_Die *member)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	Dwarf_Op *ops;
	size_t count;
	if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attr))
		return 0; /* of a union, or data_bit_offset is used */
	if (dwarf_formudata(&attr, &word) == 0)
		return word;
	if (dwarf_getlocation(&attr, &ops, &count) == 0 && count == 1 &&
	    ops[0].atom == DW_OP_plus_uconst)
		return ops[0].number;
	return 0;
}

/* The bit at which a bit field begins, from its structure's start.  Little-endian targets only. */
static uint64_t bit_position(struct pw_dwarf *dwarf, Dwarf_Die *member, uint64_t bits)
{
	uint64_t position, from_msb, storage;
	if (number(member, DW_AT_data_bit_offset, &position))
		return position;
	uint64_t location = member_location(member) * 8;
	if (!number(member, DW_AT_bit_offset, &from_msb))
		return location;
	if (!number(member, DW_AT_byte_size, &storage)) {
		Dwarf_Die type;
		Dwarf_Word size;
		if (!member_type(dwarf, member, &type) || dwarf_aggregate_size(&type, &size) != 0)
			return location;
		storage = size;
	}
	return location + storage * 8 - from_msb - bits;
}

/* Finds a member by name, through anonymous structures and unions; adds its place to *ret. */
static bool find_member(struct pw_dwarf *dwarf, Dwarf_Die *type, const char *name, int depth,
			struct pw_member *ret, Dwarf_Die *ret_type)
{
	Dwarf_Die child;
	if (depth > ANONYMOUS_DEPTH_MAX || dwarf_child(type, &child) != 0)
		return false;
	do {
		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		const char *child_name = dwarf_diename(&child);
		if (child_name && strcmp(child_name, name) != 0)
			continue;
		if (!member_type(dwarf, &child, ret_type))
			continue;
		uint64_t base = ret->offset, bits;
		if (!child_name) {
			ret->offset = base + member_location(&child);
			Dwarf_Die anonymous = *ret_type;
			if (is_aggregate(&anonymous) &&
			    find_member(dwarf, &anonymous, name, depth + 1, ret, ret_type))
				return true;
			ret->offset = base;
			continue;
		}
		if (number(&child, DW_AT_bit_size, &bits) && bits != 0) {
			/* Its offset is made one of a whole word at the end of the path. */
			ret->bit_offset = bit_position(dwarf, &child, bits);
			ret->bit_size = bits;
		} else {
			ret->offset = base + member_location(&child);
		}
		return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static bool find_element(struct pw_dwarf *dwarf, Dwarf_Die *type, uint64_t number_of,
			 struct pw_member *ret)
{
	Dwarf_Word size;
	if (dwarf_tag(type) != DW_TAG_array_type || !member_type(dwarf, type, type) ||
	    dwarf_aggregate_size(type, &size) != 0)
		return false;
	ret->offset += number_of * size;
	return true;
}

/* One component: "name", "name[2]".  *path is moved behind it and its '.'. */
static bool step(struct pw_dwarf *dwarf, const char **path, Dwarf_Die *type, struct pw_member *ret)
{
	char name[PATH_COMPONENT_MAX];
	size_t length = strcspn(*path, ".[");
	if (length == 0 || length >= sizeof(name) || !is_aggregate(type) || ret->bit_size)
		return false;
	memcpy(name, *path, length);
	name[length] = '\0';
	*path += length;
	Dwarf_Die aggregate = *type;
	if (!find_member(dwarf, &aggregate, name, 0, ret, type))
		return false;
	while (**path == '[') {
		char *end;
		unsigned long i = strtoul(*path + 1, &end, 10);
		if (*end != ']' || i > UINT16_MAX || !find_element(dwarf, type, i, ret))
			return false;
		*path = end + 1;
	}
	if (**path == '\0')
		return true;
	return *(*path)++ == '.' && **path != '\0';
}

/* The 4-byte word, aligned if that will do, in which the whole bit field lies. */
static void normalise_bits(struct pw_member *member)
{
	uint64_t position = member->offset * 8 + member->bit_offset;
	uint64_t start = position / 32 * 32;
	if (position + member->bit_size > start + 32)
		start = position / 8 * 8;
	member->offset = start / 8;
	member->bit_offset = position - start;
}

static bool find_type(struct pw_dwarf *dwarf, const char *type, Dwarf_Die *ret)
{
	if (!dwarf->index.built) {
		index_dwarf(&dwarf->index, dwarf->file.dwarf);
		Dwarf *supplementary = dwarf_getalt(dwarf->file.dwarf);
		if (supplementary)
			index_dwarf(&dwarf->index, supplementary);
		dwarf->index.built = true;
	}
	struct name *names[] = {names_find(dwarf->index.tags, type),
				names_find(dwarf->index.typedefs, type)};
	for (size_t i = 0; i < 2; i++) {
		if (!names[i])
			continue;
		*ret = names[i]->die;
		if (peel_type(dwarf, ret))
			return true;
	}
	return false;
}

bool pw_dwarf_member(struct pw_dwarf *dwarf, const char *type, const char *path,
		     struct pw_member *ret)
{
	Dwarf_Die die;
	Dwarf_Word size;
	struct pw_member member = {0};
	if (!find_type(dwarf, type, &die))
		return false;
	while (*path)
		if (!step(dwarf, &path, &die, &member))
			return false;
	if (member.bit_size)
		normalise_bits(&member);
	if (dwarf_aggregate_size(&die, &size) == 0)
		member.size = size;
	*ret = member;
	return true;
}

bool pw_dwarf_enumerator(struct pw_dwarf *dwarf, const char *name, int64_t *ret)
{
	Dwarf_Die unused;
	find_type(dwarf, "", &unused); /* builds the index */
	struct name *enumerator = names_find(dwarf->index.enumerators, name);
	if (!enumerator)
		return false;
	*ret = enumerator->value;
	return true;
}

struct pw_error *pw_dwarf_create(struct pw_dwarf_file *file, struct pw_dwarf **ret)
{
	struct pw_dwarf *dwarf = NULL;
	if (file->dwarf) {
		dwarf = calloc(1, sizeof(*dwarf));
		if (!dwarf) {
			pw_dwarf_file_deinit(file);
			return &pw_error_nomem;
		}
		dwarf->file = *file;
	} else {
		pw_dwarf_file_deinit(file);
	}
	*ret = dwarf;
	return NULL;
}

struct pw_error *pw_dwarf_open_file(const char *path, const char *debug_dir, struct pw_dwarf **ret)
{
	struct pw_dwarf_file file;
	struct pw_error *error = pw_dwarf_file_init(&file, path, debug_dir, "", NULL, 0);
	return error ? error : pw_dwarf_create(&file, ret);
}

void pw_dwarf_close(struct pw_dwarf *dwarf)
{
	if (!dwarf)
		return;
	names_destroy(dwarf->index.tags);
	names_destroy(dwarf->index.typedefs);
	names_destroy(dwarf->index.enumerators);
	pw_dwarf_file_deinit(&dwarf->file);
	free(dwarf);
}
