/*
 * The format "jsonl": a JSON object a line, for jq and programs, as
 * docs/pywalk-profile.schema.json describes each of them: schema pywalk-profile/1.
 *
 * First what the profile is, then what samples refer to (processes, threads, frames, and stacks: a
 * frame and the stack that called it), then the samples, in the order of time, and an end by which
 * a reader knows that it has seen all.  Nothing is referred to before it stands there.  What is
 * unknown is left out.
 */
#include "output/json_text.h"
#include "output/profile_tracks.h"

static struct pw_buffer *begin_line(struct pw_sink *sink, const char *type)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_buffer_append_string(b, "{\"type\": \"");
	pw_buffer_append_string(b, type);
	pw_buffer_append_char(b, '"');
	return b;
}

/* False: stop writing. */
static bool end_line(struct pw_sink *sink)
{
	pw_buffer_append_string(pw_sink_buffer(sink), "}\n");
	return pw_sink_settle(sink);
}

static void append_signed(struct pw_buffer *b, const char *key, int64_t number)
{
	pw_buffer_printf(b, ", \"%s\": ", key);
	pw_json_append_integer(b, number);
}

static bool write_head(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_buffer *b = begin_line(sink, "profile");
	pw_json_append_member(b, "schema", "pywalk-profile/1");
	pw_json_append_member(b, "pywalk", pw_version());
	pw_buffer_append_string(b, ", ");
	pw_profile_append_info(b, profile);
	return end_line(sink);
}

static bool write_process(struct pw_sink *sink, const struct pw_profile *profile, size_t i)
{
	const struct pw_profile_process *process = pw_profile_process(profile, i);
	struct pw_buffer *b = begin_line(sink, "process");
	pw_json_append_count(b, "id", i);
	append_signed(b, "pid", process->pid);
	if (process->parent)
		append_signed(b, "parent_pid", process->parent);
	pw_json_append_member(b, "executable", process->executable);
	pw_json_append_member(b, "python", process->python);
	pw_json_append_member(b, "command", process->command);
	return end_line(sink);
}

static bool write_thread(struct pw_sink *sink, const struct pw_profile *profile, size_t i)
{
	const struct pw_profile_thread *thread = pw_profile_thread(profile, i);
	struct pw_buffer *b = begin_line(sink, "thread");
	pw_json_append_count(b, "id", i);
	pw_json_append_count(b, "process", thread->process);
	pw_json_append_count(b, "tid", thread->tid);
	if (thread->ns_tid != thread->tid)
		pw_json_append_count(b, "ns_tid", thread->ns_tid);
	pw_json_append_member(b, "name", thread->name);
	pw_json_append_member(b, "kernel_name", thread->kernel_name);
	return end_line(sink);
}

static bool write_frame(struct pw_sink *sink, const struct pw_profile *profile, size_t i)
{
	const struct pw_profile_frame *frame = pw_profile_frame(profile, i);
	const struct pw_profile_function *f = pw_profile_function(profile, frame->function);
	struct pw_buffer *b = begin_line(sink, "frame");
	pw_json_append_count(b, "id", i);
	pw_json_append_member(b, "kind", pw_profile_kind_name(f->kind));
	pw_json_append_member(b, "name", f->name);
	pw_json_append_member(b, "file", f->file);
	if (frame->line > 0)
		pw_json_append_count(b, "line", (uint64_t)frame->line);
	if (f->first_line > 0)
		pw_json_append_count(b, "first_line", (uint64_t)f->first_line);
	pw_json_append_member(b, "module", f->module);
	return end_line(sink);
}

static bool write_stack(struct pw_sink *sink, const struct pw_profile *profile, size_t i)
{
	const struct pw_profile_node *node = pw_profile_node(profile, i);
	struct pw_buffer *b = begin_line(sink, "stack");
	pw_json_append_count(b, "id", i);
	if (node->parent)
		pw_json_append_count(b, "caller", node->parent);
	pw_json_append_count(b, "frame", node->frame);
	return end_line(sink);
}

static bool write_sample(struct pw_sink *sink, const struct pw_profile *profile, size_t i)
{
	const struct pw_profile_sample *sample = pw_profile_sample(profile, i);
	struct pw_buffer *b = begin_line(sink, "sample");
	pw_json_append_count(b, "time_ns", sample->time);
	pw_json_append_count(b, "weight_ns", sample->weight);
	pw_json_append_count(b, "thread", sample->thread);
	if (sample->node)
		pw_json_append_count(b, "stack", sample->node);
	if (sample->resident)
		pw_json_append_count(b, "resident_bytes", sample->resident);
	if (sample->flags & PW_SAMPLE_RUNNING)
		pw_buffer_append_string(b, ", \"running\": true");
	if (sample->flags & PW_SAMPLE_GIL)
		pw_buffer_append_string(b, ", \"gil\": true");
	if (sample->flags & PW_SAMPLE_TORN)
		pw_buffer_append_string(b, ", \"torn\": true");
	return end_line(sink);
}

static bool write_end(struct pw_sink *sink, const struct pw_profile *profile)
{
	size_t count = pw_profile_sample_count(profile);
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum = pw_profile_add(sum, pw_profile_sample(profile, i)->weight);
	struct pw_buffer *b = begin_line(sink, "end");
	pw_json_append_count(b, "samples", count);
	pw_json_append_count(b, "weight_ns", sum);
	return end_line(sink);
}

static struct pw_error *write_jsonl(struct pw_sink *sink, const struct pw_profile *profile)
{
	const struct {
		size_t first, count;
		bool (*write)(struct pw_sink *sink, const struct pw_profile *profile, size_t i);
	} tables[] = {
		{0, pw_profile_process_count(profile), write_process},
		{0, pw_profile_thread_count(profile), write_thread},
		{0, pw_profile_frame_count(profile), write_frame},
		{1, pw_profile_node_count(profile), write_stack}, /* 0 is the root */
		{0, pw_profile_sample_count(profile), write_sample},
	};
	bool more = write_head(sink, profile);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = tables[t].first; i < tables[t].count && more; i++)
			more = tables[t].write(sink, profile, i);
	if (more)
		write_end(sink, profile);
	return NULL;
}

const struct pw_profile_writer pw_profile_writer_jsonl = {
	.format = {"jsonl", ".jsonl", "a JSON object a line, for jq and programs"},
	.write = write_jsonl,
};
