/* What a cut core lacks, thread by thread, and what that costs. */
#include "target/core.h"

#include <inttypes.h>

static const struct core_segment *segment_at(const struct pw_core *core, uint64_t address)
{
	size_t low = 0, high = core->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (core->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == core->segment_count || core->segments[low].start > address)
		return NULL;
	return &core->segments[low];
}

/* Whether a thread's stack is cut: of the `*ret_size` bytes from its stack pointer to the end of
 * the segment, `*ret_lost` are behind the core's end. */
static bool stack_cut(const struct pw_core *core, const struct pw_lwp *lwp, uint64_t *ret_lost,
		      uint64_t *ret_size)
{
	const struct core_segment *segment = lwp->has_regs ? segment_at(core, lwp->regs.sp) : NULL;
	if (!segment || !segment->cut)
		return false;
	uint64_t begin = segment->start + segment->present;
	uint64_t end = begin + segment->cut;
	if (begin < lwp->regs.sp)
		begin = lwp->regs.sp;
	if (end <= lwp->regs.sp)
		return false;
	*ret_lost = end - begin;
	*ret_size = end - lwp->regs.sp;
	return true;
}

struct pw_error *core_note_missing(struct pw_core *core)
{
	struct pw_target *target = &core->base;
	size_t count = 0;
	for (size_t i = 0; i < target->lwp_count; i++) {
		uint64_t lost, size;
		if (!stack_cut(core, &target->lwps[i], &lost, &size))
			continue;
		count++;
		struct pw_error *error = pw_target_add_missing(
			target, "stack",
			"of thread %" PRIu64 ": %" PRIu64 " of %" PRIu64 " bytes are cut off: %s",
			target->lwps[i].tid, lost, size,
			lost == size ? "its C frames cannot be shown, nor the Python frames that "
				       "are known only by them"
				     : "its frames end early");
		if (error)
			return error;
	}
	if (count)
		pw_notes_add(&target->notes,
			     "the stacks of %zu of %zu threads are cut: their C frames end early",
			     count, target->lwp_count);
	if (!core->has_prstatus)
		return pw_target_add_missing(target, "registers",
					     "of all threads: their notes are not in the core: C "
					     "frames cannot be shown, "
					     "and threads that never ran Python are not known");
	return NULL;
}
