/*
 * The format "speedscope": for speedscope, https://www.speedscope.app, by the schema that it ships
 * (file-format-schema.json of npm's speedscope 1.25).
 *
 * One sampled profile a thread that has samples; frames are shared by all.  Weights are
 * nanoseconds. A sampled profile has no place for the time at which a sample was taken: a thread's
 * samples stand one after the other, and its end is the sum of their weights.  What is unknown is
 * left out: speedscope takes null for a value.
 */
#include "output/json_text.h"
#include "output/profile_tracks.h"

#include <stdlib.h>

static void write_frame(struct pw_buffer *b, const struct pw_profile *profile,
			const struct pw_profile_frame *frame)
{
	const struct pw_profile_function *f = pw_profile_function(profile, frame->function);
	pw_buffer_append_string(b, "{\"name\": ");
	pw_json_append_text(b, f->name);
	pw_json_append_member(b, "file", f->file ? f->file : f->module);
	if (f->file && frame->line > 0)
		pw_json_append_count(b, "line", (uint64_t)frame->line);
	pw_buffer_append_char(b, '}');
}

static uint64_t total_weight(const struct pw_profile_tracks *tracks, size_t thread)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < pw_profile_track_length(tracks, thread); i++)
		sum = pw_profile_add(sum, pw_profile_track_sample(tracks, thread, i)->weight);
	return sum;
}

static bool write_sample(struct pw_buffer *b, const struct pw_profile *profile, uint32_t node,
			 struct pw_profile_stack_room *stack)
{
	if (!pw_profile_fill_stack(stack, profile, node))
		return false;
	pw_buffer_append_char(b, '[');
	for (size_t i = 0; i < stack->count; i++) {
		if (i)
			pw_buffer_append_char(b, ',');
		const struct pw_profile_node *at = pw_profile_node(profile, stack->nodes[i]);
		pw_buffer_append_number(b, at->frame, 0);
	}
	pw_buffer_append_char(b, ']');
	return true;
}

/* Of several processes, each thread's name begins with its process. */
static void append_name(struct pw_buffer *b, const struct pw_profile *profile,
			const struct pw_profile_thread *thread)
{
	pw_auto_buffer struct pw_buffer name = {0};
	if (pw_profile_process_count(profile) > 1) {
		pw_profile_append_process(&name, pw_profile_process(profile, thread->process));
		pw_buffer_append_string(&name, ": ");
	}
	pw_profile_append_thread(&name, thread);
	b->failed |= name.failed;
	pw_json_append_text(b, name.failed ? "" : name.data);
}

static struct pw_error *write_thread(struct pw_sink *sink, const struct pw_profile_tracks *tracks,
				     size_t thread, struct pw_profile_stack_room *stack)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const struct pw_profile *profile = tracks->profile;
	size_t count = pw_profile_track_length(tracks, thread);

	pw_buffer_append_string(b, "{\"type\": \"sampled\", \"name\": ");
	append_name(b, profile, pw_profile_thread(profile, thread));
	pw_buffer_append_string(b, ", \"unit\": \"nanoseconds\", \"startValue\": 0");
	pw_json_append_count(b, "endValue", total_weight(tracks, thread));
	pw_buffer_append_string(b, ",\n  \"samples\": [");
	for (size_t i = 0; i < count && pw_sink_settle(sink); i++) {
		pw_buffer_append_string(b, i ? ",\n" : "\n");
		uint32_t node = pw_profile_track_sample(tracks, thread, i)->node;
		if (!write_sample(b, profile, node, stack))
			return &pw_error_nomem;
	}
	pw_buffer_append_string(b, "],\n  \"weights\": [");
	for (size_t i = 0; i < count && pw_sink_settle(sink); i++) {
		if (i)
			pw_buffer_append_char(b, ',');
		pw_buffer_append_number(b, pw_profile_track_sample(tracks, thread, i)->weight, 0);
	}
	pw_buffer_append_string(b, "]}");
	return NULL;
}

static struct pw_error *write_profiles(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_profile_stack_room stack = {0};
	struct pw_profile_tracks tracks;
	const char *comma = "\n";
	struct pw_error *error = pw_profile_tracks_init(&tracks, profile);
	if (error)
		return error;
	for (size_t t = 0; t < pw_profile_thread_count(profile) && !error; t++) {
		if (!pw_profile_track_length(&tracks, t))
			continue;
		pw_buffer_append_string(pw_sink_buffer(sink), comma);
		comma = ",\n";
		error = write_thread(sink, &tracks, t, &stack);
	}
	free(stack.nodes);
	pw_profile_tracks_deinit(&tracks);
	return error;
}

static struct pw_error *write_speedscope(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_buffer_append_string(
		b, "{\"$schema\": \"https://www.speedscope.app/file-format-schema.json\"");
	pw_buffer_printf(b, ",\n\"exporter\": \"pywalk@%s\"", pw_version());
	pw_buffer_append_string(b, ",\n\"shared\": {\"frames\": [");
	for (size_t i = 0; i < pw_profile_frame_count(profile) && pw_sink_settle(sink); i++) {
		pw_buffer_append_string(b, i ? ",\n" : "\n");
		write_frame(b, profile, pw_profile_frame(profile, i));
	}
	pw_buffer_append_string(b, "]},\n\"profiles\": [");
	struct pw_error *error = write_profiles(sink, profile);
	pw_buffer_append_string(b, "]}\n");
	return error;
}

const struct pw_profile_writer pw_profile_writer_speedscope = {
	.format = {"speedscope", ".speedscope.json",
		   "a profile a thread, for speedscope: flame graphs over time"},
	.write = write_speedscope,
};
