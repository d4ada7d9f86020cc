/*
 * The format "chrome": trace events as chrome://tracing and Perfetto read them, the JSON object
 * form of "Trace Event Format".
 *
 * A thread's samples become spans: a function begins at the first sample that has it at that place
 * of the stack, and ends with the last one in a row.  Lines do not end it, or a loop would be cut
 * to pieces.  The spans of a thread last as long as its samples weigh together: samples follow each
 * other without a hole when they are late or early by no more than half of what they stand for, and
 * a span moves by as much; else the thread shows nothing in between.  Times are microseconds.
 *
 * Begin and end are events of their own, each thread's in order, so that nesting is what the order
 * says even where times are equal.
 */
#include "output/json_text.h"
#include "output/profile_tracks.h"

#include <stdlib.h>

struct events {
	struct pw_sink *sink;
	bool any; /* one was written */
};

/* What is shown of a thread. */
struct track {
	struct events *events;
	const struct pw_profile *profile;
	uint32_t thread;
	struct pw_profile_stack_room shown, wanted;
	uint32_t node; /* of `shown` */
	uint64_t end;  /* what is shown lasts until then */
	bool failed;   /* out of memory */
};

static struct pw_buffer *next_event(struct events *events, char phase)
{
	struct pw_buffer *b = pw_sink_buffer(events->sink);
	pw_sink_settle(events->sink);
	pw_buffer_append_string(b, events->any ? ",\n{\"ph\": \"" : "\n{\"ph\": \"");
	pw_buffer_append_char(b, phase);
	pw_buffer_append_string(b, "\", \"pid\": ");
	events->any = true;
	return b;
}

/* What all events of a thread begin with. */
static struct pw_buffer *begin_event(struct track *track, char phase, uint64_t time)
{
	struct pw_buffer *b = next_event(track->events, phase);
	const struct pw_profile_thread *thread = pw_profile_thread(track->profile, track->thread);
	pw_json_append_integer(b, pw_profile_process(track->profile, thread->process)->pid);
	pw_json_append_count(b, "tid", thread->tid);
	pw_buffer_append_string(b, ", \"ts\": ");
	pw_json_append_fixed(b, time, 3);
	return b;
}

static void begin_span(struct track *track, uint64_t time, uint32_t node)
{
	const struct pw_profile_function *f =
		pw_profile_function(track->profile, pw_profile_node_function(track->profile, node));
	const char *place = f->file ? f->file : f->module;
	struct pw_buffer *b = begin_event(track, 'B', time);
	pw_json_append_member(b, "name", f->name);
	pw_json_append_member(b, "cat", pw_profile_kind_name(f->kind));
	if (place) {
		pw_buffer_append_string(b, ", \"args\": {\"file\": ");
		pw_json_append_text(b, place);
		if (f->first_line > 0)
			pw_json_append_count(b, "line", (uint64_t)f->first_line);
		pw_buffer_append_char(b, '}');
	}
	pw_buffer_append_char(b, '}');
}

static void end_span(struct track *track, uint64_t time, uint32_t node)
{
	uint32_t function = pw_profile_node_function(track->profile, node);
	struct pw_buffer *b = begin_event(track, 'E', time);
	pw_json_append_member(b, "name", pw_profile_function(track->profile, function)->name);
	pw_buffer_append_char(b, '}');
}

/* From `time` on, the stack of `node` is shown; 0: nothing. */
static void show(struct track *track, uint64_t time, uint32_t node)
{
	struct pw_profile_stack_room *old = &track->shown, *new = &track->wanted;
	size_t same = 0;
	if (node == track->node || track->failed)
		return;
	if (!pw_profile_fill_stack(new, track->profile, node)) {
		track->failed = true;
		return;
	}
	while (same < old->count && same < new->count &&
	       (old->nodes[same] == new->nodes[same] ||
		pw_profile_node_function(track->profile, old->nodes[same]) ==
			pw_profile_node_function(track->profile, new->nodes[same])))
		same++;
	for (size_t i = old->count; i > same; i--)
		end_span(track, time, old->nodes[i - 1]);
	for (size_t i = same; i < new->count; i++)
		begin_span(track, time, new->nodes[i]);
	struct pw_profile_stack_room was = *old;
	*old = *new;
	*new = was;
	track->node = node;
}

static void show_sample(struct track *track, const struct pw_profile_sample *sample)
{
	uint64_t start = track->end;
	if (sample->time > start && (!track->node || sample->time - start > sample->weight / 2)) {
		show(track, track->end, 0);
		start = sample->time;
	}
	if (!sample->weight)
		return;
	show(track, start, sample->node);
	track->end = pw_profile_add(start, sample->weight);
}

static bool write_thread(struct events *events, const struct pw_profile_tracks *tracks,
			 size_t thread)
{
	struct track track = {
		.events = events, .profile = tracks->profile, .thread = (uint32_t)thread};
	size_t count = pw_profile_track_length(tracks, thread);
	for (size_t i = 0; i < count && !track.failed && pw_sink_settle(events->sink); i++)
		show_sample(&track, pw_profile_track_sample(tracks, thread, i));
	show(&track, track.end, 0);
	free(track.shown.nodes);
	free(track.wanted.nodes);
	return !track.failed;
}

/* ---- names --------------------------------------------------------------------------------- */

static void write_name(struct events *events, const char *what, int64_t pid, uint64_t tid,
		       const struct pw_buffer *name)
{
	struct pw_buffer *b = next_event(events, 'M');
	pw_json_append_integer(b, pid);
	pw_json_append_count(b, "tid", tid);
	pw_json_append_member(b, "name", what);
	pw_buffer_append_string(b, ", \"args\": {\"name\": ");
	pw_json_append_text(b, name->failed ? "" : name->data);
	pw_buffer_append_string(b, "}}");
	b->failed |= name->failed;
}

static void write_names(struct events *events, const struct pw_profile *profile)
{
	pw_auto_buffer struct pw_buffer name = {0};
	for (size_t i = 0; i < pw_profile_process_count(profile); i++) {
		const struct pw_profile_process *process = pw_profile_process(profile, i);
		const char *what = process->command ? process->command : process->executable;
		name.length = 0;
		/* Viewers write the number behind it. */
		pw_buffer_append_string(&name, what ? what : "process");
		write_name(events, "process_name", process->pid, 0, &name);
	}
	for (size_t i = 0; i < pw_profile_thread_count(profile); i++) {
		const struct pw_profile_thread *thread = pw_profile_thread(profile, i);
		name.length = 0;
		pw_profile_append_thread(&name, thread);
		write_name(events, "thread_name", pw_profile_process(profile, thread->process)->pid,
			   thread->tid, &name);
	}
}

/* ---- memory -------------------------------------------------------------------------------- */

/* A counter of each process, an event whenever it changes. */
static struct pw_error *write_memory(struct events *events, const struct pw_profile *profile)
{
	uint64_t *last = calloc(pw_profile_process_count(profile) + 1, sizeof(*last));
	if (!last)
		return &pw_error_nomem;
	for (size_t i = 0; i < pw_profile_sample_count(profile) && pw_sink_settle(events->sink);
	     i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(profile, i);
		uint32_t process = pw_profile_thread(profile, sample->thread)->process;
		if (!sample->resident || sample->resident == last[process])
			continue;
		last[process] = sample->resident;
		struct pw_buffer *b = next_event(events, 'C');
		pw_json_append_integer(b, pw_profile_process(profile, process)->pid);
		pw_buffer_append_string(b, ", \"ts\": ");
		pw_json_append_fixed(b, sample->time, 3);
		pw_buffer_append_string(b,
					", \"name\": \"resident memory\", \"args\": {\"bytes\": ");
		pw_buffer_append_number(b, sample->resident, 0);
		pw_buffer_append_string(b, "}}");
	}
	free(last);
	return NULL;
}

static struct pw_error *write_threads(struct events *events, const struct pw_profile *profile)
{
	struct pw_profile_tracks tracks;
	struct pw_error *error = pw_profile_tracks_init(&tracks, profile);
	if (error)
		return error;
	for (size_t t = 0; t < pw_profile_thread_count(profile) && !error; t++)
		if (!write_thread(events, &tracks, t))
			error = &pw_error_nomem;
	pw_profile_tracks_deinit(&tracks);
	return error;
}

static struct pw_error *write_chrome(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	struct events events = {.sink = sink};
	pw_buffer_append_string(b, "{\"displayTimeUnit\": \"ns\",\n\"otherData\": {");
	pw_profile_append_info(b, profile);
	pw_buffer_append_string(b, "},\n\"traceEvents\": [");
	write_names(&events, profile);
	struct pw_error *error = write_threads(&events, profile);
	if (!error && pw_profile_info(profile)->memory)
		error = write_memory(&events, profile);
	pw_buffer_append_string(b, "\n]}\n");
	return error;
}

const struct pw_profile_writer pw_profile_writer_chrome = {
	.format = {"chrome", ".trace.json",
		   "trace events over time, for Perfetto and chrome://tracing"},
	.write = write_chrome,
};
