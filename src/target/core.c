/* Reading a core.  Bytes that it does not hold are missing, never zero; a file supplies them only
 * where core_files.c says so. */
#include "target/core.h"

#include <string.h>

size_t core_read_segments(const struct pw_core *core, uint64_t address, void *buffer, size_t length)
{
	size_t done = 0, low = 0, high = core->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (core->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; done < length && low < core->segment_count; low++) {
		const struct core_segment *segment = &core->segments[low];
		if (segment->start > address + done ||
		    address + done - segment->start >= segment->present)
			break;
		uint64_t skip = address + done - segment->start;
		size_t piece = length - done;
		if (piece > segment->present - skip)
			piece = (size_t)(segment->present - skip);
		size_t got = core_cache_read(core->cache, 0, core->fd, segment->offset + skip,
					     (char *)buffer + done, piece);
		done += got;
		if (got < piece || address + done < segment->end)
			break;
	}
	return done;
}

/* Reads inside one mapping; how many bytes. */
static size_t read_range(struct pw_core *core, size_t index, uint64_t address, void *buffer,
			 size_t length, enum pw_supplier *ret_supplier)
{
	const struct pw_mapping *mapping = &core->base.mappings[index];
	const struct core_range *range = &core->ranges[index];
	uint64_t skip = address - mapping->start;
	if (length > mapping->end - address)
		length = (size_t)(mapping->end - address);
	if (skip < range->present) {
		if (length > range->present - skip)
			length = (size_t)(range->present - skip);
		*ret_supplier = PW_SUPPLIER_CORE;
		return core_cache_read(core->cache, 0, core->fd, range->offset + skip, buffer,
				       length);
	}
	if (mapping->writable || range->file == SIZE_MAX)
		return 0;
	uint64_t covered =
		core_file_covers(&core->files[range->file], address, mapping->offset + skip);
	if (length > covered)
		length = (size_t)covered;
	*ret_supplier = PW_SUPPLIER_FILE;
	return length ? core_file_read(core, range->file, mapping->offset + skip, buffer, length)
		      : 0;
}

static struct pw_error *core_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct pw_core *core = (struct pw_core *)target;
	*ret_done = 0;
	while (*ret_done < length) {
		enum pw_supplier supplier;
		uint64_t at = address + *ret_done;
		const struct pw_mapping *mapping = pw_target_mapping(target, at);
		size_t got = mapping ? read_range(core, (size_t)(mapping - target->mappings), at,
						  (char *)buffer + *ret_done, length - *ret_done,
						  &supplier)
				     : 0;
		if (!got)
			break;
		/* Of the first byte, when several had a part. */
		if (!*ret_done)
			*ret_supplier = supplier;
		*ret_done += got;
	}
	return NULL;
}

static void core_destroy(struct pw_target *target)
{
	struct pw_core *core = (struct pw_core *)target;
	core_free_files(core);
	if (core->fd >= 0)
		close(core->fd);
	core_cache_destroy(core->cache);
	free(core->path);
	free(core->file_note);
	free(core->hint);
	free(core->segments);
	for (size_t i = 0; i < core->recovered_count; i++)
		free(core->recovered[i]);
	free(core->recovered);
	free(core->names);
	free(core->ranges);
	free(core);
}

const struct pw_target_ops core_ops = {
	.kind = "core",
	.read = core_read,
	.destroy = core_destroy,
};
