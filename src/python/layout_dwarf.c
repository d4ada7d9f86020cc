/*
 * A layout from debug information: the field table's types and paths, looked up one by one.
 */
#include "python/layout.h"

#include <string.h>

enum { ALTERNATIVE_MAX = 64 };

/* Takes the alternative at *list out, into `buffer`; moves *list to the next, NULL behind the last.
 */
static const char *next_alternative(const char **list, char buffer[ALTERNATIVE_MAX])
{
	size_t length = strcspn(*list, "|");
	if (length >= ALTERNATIVE_MAX)
		length = ALTERNATIVE_MAX - 1;
	memcpy(buffer, *list, length);
	buffer[length] = '\0';
	*list = (*list)[length] == '|' ? *list + length + 1 : NULL;
	return buffer;
}

static bool find_member(struct pw_dwarf *dwarf, const struct pw_field_info *info,
			struct pw_member *ret)
{
	char type[ALTERNATIVE_MAX], path[ALTERNATIVE_MAX];
	for (const char *types = info->types; types;) {
		next_alternative(&types, type);
		for (const char *paths = info->paths; paths;) {
			next_alternative(&paths, path);
			if (pw_dwarf_member(dwarf, type, path, ret))
				return true;
		}
	}
	return false;
}

static struct pw_field field_from_dwarf(struct pw_dwarf *dwarf, const struct pw_field_info *info)
{
	struct pw_field field = {.offset = -1, .debug_slot = -1};
	struct pw_member member;
	int64_t value;
	if (info->enumerator) {
		if (!pw_dwarf_enumerator(dwarf, info->enumerator, &value) || value < 0 ||
		    value > INT32_MAX)
			return field;
		field.offset = value;
	} else {
		if (!find_member(dwarf, info, &member))
			return field;
		uint64_t offset = info->paths[0] ? member.offset : member.size;
		if (offset > PW_LAYOUT_OFFSET_MAX)
			return field;
		field.offset = offset;
		field.bit = member.bit_offset;
		field.bits = member.bit_size;
	}
	field.source = PW_LAYOUT_DWARF;
	if (info->debug_name &&
	    pw_dwarf_member(dwarf, "_Py_DebugOffsets", info->debug_name, &member) &&
	    member.offset <= PW_LAYOUT_OFFSET_MAX)
		field.debug_slot = member.offset;
	return field;
}

void pw_layout_from_dwarf(struct pw_dwarf *dwarf, struct pw_layout *ret, bool *ret_found)
{
	*ret = (struct pw_layout){0};
	for (size_t i = 0; i < PW_FIELD_COUNT; i++)
		ret->all[i] = field_from_dwarf(dwarf, &pw_field_infos[i]);
	*ret_found = pw_has(ret, tstate_next) && pw_has(ret, code_name) && pw_has(ret, object_type);
}
