#include "output/profile_writer.h"

#include <inttypes.h>
#include <string.h>

const char *pw_profile_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

void pw_profile_append_thread(struct pw_buffer *b, const struct pw_profile_thread *thread)
{
	const char *name = thread->name ? thread->name : thread->kernel_name;
	if (name)
		pw_buffer_printf(b, "%s (tid %" PRIu64 ")", name, thread->tid);
	else
		pw_buffer_printf(b, "Thread %" PRIu64, thread->tid);
}

void pw_profile_append_process(struct pw_buffer *b, const struct pw_profile_process *process)
{
	const char *what = process->command ? process->command : process->executable;
	pw_buffer_printf(b, "process %" PRId64, process->pid);
	if (what)
		pw_buffer_printf(b, " (%s)", what);
}

void pw_profile_append_frame(struct pw_buffer *b, const struct pw_profile *profile,
			     const struct pw_profile_frame *frame)
{
	const struct pw_profile_function *f = pw_profile_function(profile, frame->function);
	const char *place = f->file ? f->file : f->module;
	pw_buffer_append_string(b, f->name);
	if (!place)
		return;
	pw_buffer_append_string(b, " (");
	pw_buffer_append_string(b, pw_profile_base_name(place));
	if (f->file && frame->line > 0) {
		pw_buffer_append_char(b, ':');
		pw_buffer_append_number(b, (uint64_t)frame->line, 0);
	}
	pw_buffer_append_char(b, ')');
}

size_t pw_profile_stack(const struct pw_profile *profile, uint32_t node, uint32_t *nodes,
			size_t room)
{
	size_t count = 0;
	for (uint32_t at = node; at; at = pw_profile_node(profile, at)->parent)
		count++;
	size_t i = count;
	for (uint32_t at = node; at; at = pw_profile_node(profile, at)->parent)
		if (--i < room)
			nodes[i] = at;
	return count;
}
