/* One address space of the segments that a core holds and the files that its NT_FILE note names. */
#include "target/core.h"

#include <string.h>

/* Where a sorted list without overlaps stands while both are walked. */
struct cursor {
	const struct core_segment *segment, *segment_end;
	const struct core_name *name, *name_end;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next piece from `at` on that is covered by either list and in which neither changes. */
static bool next_piece(struct cursor *c, uint64_t *at, uint64_t *ret_end,
		       const struct core_segment **ret_segment, const struct core_name **ret_name)
{
	while (c->segment < c->segment_end && c->segment->end <= *at)
		c->segment++;
	while (c->name < c->name_end && c->name->end <= *at)
		c->name++;
	bool more_segments = c->segment < c->segment_end, more_names = c->name < c->name_end;
	if (!more_segments && !more_names)
		return false;
	uint64_t start = least(more_segments ? c->segment->start : UINT64_MAX,
			       more_names ? c->name->start : UINT64_MAX);
	if (start > *at)
		*at = start;
	*ret_segment = more_segments && c->segment->start <= *at ? c->segment : NULL;
	*ret_name = more_names && c->name->start <= *at ? c->name : NULL;
	uint64_t end = UINT64_MAX;
	if (more_segments)
		end = least(end, *ret_segment ? c->segment->end : c->segment->start);
	if (more_names)
		end = least(end, *ret_name ? c->name->end : c->name->start);
	*ret_end = end;
	return true;
}

static void describe(const struct pw_core *core, uint64_t at, uint64_t end,
		     const struct core_segment *segment, const struct core_name *name,
		     struct pw_mapping *mapping, struct core_range *range)
{
	*mapping = (struct pw_mapping){.start = at, .end = end, .readable = true};
	*range = (struct core_range){.file = SIZE_MAX};
	const struct core_file *file = NULL;
	if (name) {
		mapping->path = (char *)name->path;
		mapping->offset = name->offset + (at - name->start);
		range->file = name->file;
		file = name->file == SIZE_MAX ? NULL : &core->files[name->file];
		mapping->host_path = file ? file->host_path : NULL;
	}
	/* No file, and so no name in NT_FILE. */
	if (!name && segment && core->vdso && segment->start <= core->vdso &&
	    core->vdso < segment->end)
		mapping->path = (char *)"[vdso]";
	unsigned flags = 0;
	if (segment) {
		uint64_t skip = at - segment->start;
		range->offset = segment->offset + skip;
		range->present =
			segment->present > skip ? least(segment->present - skip, end - at) : 0;
		flags = segment->flags;
		mapping->readable = flags & PF_R;
	} else {
		range->named_only = true;
		flags = file ? core_file_flags(file, at) : 0;
	}
	mapping->writable = flags & PF_W;
	mapping->executable = flags & PF_X;
}

struct pw_error *core_make_mappings(struct pw_core *core)
{
	struct pw_target *target = &core->base;
	/* Each border of each list begins at most one piece. */
	size_t most = 2 * (core->segment_count + core->name_count);
	/* A core that splits a long name into many pieces would multiply it. */
	uint64_t path_budget = 4 * core->size + (1 << 20);
	core->ranges = calloc(most ? most : 1, sizeof(*core->ranges));
	if (!core->ranges)
		return &pw_error_nomem;
	struct cursor cursor = {.segment = core->segments, .name = core->names};
	/* A list without entries is NULL, which has no end either. */
	cursor.segment_end = core->segment_count ? core->segments + core->segment_count : NULL;
	cursor.name_end = core->name_count ? core->names + core->name_count : NULL;
	const struct core_segment *segment;
	const struct core_name *name;
	for (uint64_t at = 0, end; next_piece(&cursor, &at, &end, &segment, &name); at = end) {
		struct pw_mapping mapping;
		struct core_range range;
		describe(core, at, end, segment, name, &mapping, &range);
		uint64_t cost =
			mapping.path ? strlen(mapping.path) +
					       (mapping.host_path ? strlen(mapping.host_path) : 0)
				     : 0;
		if (cost > path_budget)
			mapping.path = mapping.host_path = NULL;
		else
			path_budget -= cost;
		size_t before = target->mapping_count;
		struct pw_error *error = pw_target_add_mapping(target, &mapping);
		if (error)
			return error;
		if (target->mapping_count > before)
			core->ranges[before] = range;
	}
	return NULL;
}
