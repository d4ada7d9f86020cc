/*
 * _Py_DebugOffsets laid over a layout.
 *
 * Include/internal/pycore_runtime.h (3.13), pycore_debug_offsets.h (3.14, 3.15): the cookie, the
 * version as in Py_Version, 1 for a free-threaded build, then 64-bit offsets and sizes in groups.
 * Which slot is which differs between minor versions: the layout's debug slots say it.
 */
#include "python/layout.h"

#include <inttypes.h>
#include <string.h>

enum {
	COOKIE_SIZE = 8,
	VERSION_SLOT = 8,
	FREE_THREADED_SLOT = 16,
	HEADER_SIZE = 24,
};
static const char cookie[] = "xdebugpy";

static uint64_t slot(const void *table, size_t offset)
{
	uint64_t value;
	memcpy(&value, (const char *)table + offset, sizeof(value));
	return value;
}

static struct pw_error *check_header(const struct pw_layout *layout, const void *table, size_t size)
{
	if (size < HEADER_SIZE || memcmp(table, cookie, COOKIE_SIZE) != 0)
		return pw_error_create(PW_ERROR_LAYOUT,
				       "_Py_DebugOffsets: expected the cookie \"%s\"", cookie);
	uint64_t version = slot(table, VERSION_SLOT);
	unsigned major = version >> 24, minor = version >> 16 & 0xff;
	if (version >> 32 || major != layout->major || minor != layout->minor)
		return pw_error_create(PW_ERROR_LAYOUT,
				       "_Py_DebugOffsets: version %#" PRIx64
				       ", expected one of CPython %u.%u",
				       version, layout->major, layout->minor);
	uint64_t free_threaded = slot(table, FREE_THREADED_SLOT);
	if (free_threaded != layout->free_threaded)
		return pw_error_create(PW_ERROR_LAYOUT,
				       "_Py_DebugOffsets: free_threaded is %" PRIu64
				       ", expected %d",
				       free_threaded, layout->free_threaded);
	return NULL;
}

struct pw_error *pw_layout_overlay(struct pw_layout *layout, const void *table, size_t size)
{
	struct pw_error *error = check_header(layout, table, size);
	if (error)
		return error;
	struct pw_layout result = *layout;
	for (size_t i = 0; i < PW_FIELD_COUNT; i++) {
		struct pw_field *field = &result.all[i];
		const struct pw_field_info *info = &pw_field_infos[i];
		if (field->debug_slot < 0)
			continue;
		if ((size_t)field->debug_slot + sizeof(uint64_t) > size)
			return pw_error_create(
				PW_ERROR_LAYOUT,
				"_Py_DebugOffsets: %zu bytes end before %s at byte %d", size,
				info->debug_name, field->debug_slot);
		uint64_t value = slot(table, field->debug_slot);
		if (value > PW_LAYOUT_OFFSET_MAX)
			return pw_error_create(PW_ERROR_LAYOUT,
					       "_Py_DebugOffsets: %s at byte %d is %#" PRIx64
					       ", expected at most %#x",
					       info->debug_name, field->debug_slot, value,
					       PW_LAYOUT_OFFSET_MAX);
		field->offset = value;
		field->source = PW_LAYOUT_DEBUG_OFFSETS;
	}
	*layout = result;
	return NULL;
}

size_t pw_layout_table_size(const struct pw_layout *layout)
{
	size_t size = 0;
	for (size_t i = 0; i < PW_FIELD_COUNT; i++)
		if (layout->all[i].debug_slot >= 0 && (size_t)layout->all[i].debug_slot + 8 > size)
			size = layout->all[i].debug_slot + 8;
	return size;
}
