/* The table of output formats, and the public functions that choose from it. */
#include "output/writer.h"

#include "base/text.h"

#include <string.h>

static const struct pw_writer *const writers[] = {&pw_writer_text, &pw_writer_json};

enum { SINK_PIECE = 32 * 1024 };

static void sink_flush(struct pw_sink *sink)
{
	struct pw_buffer *b = &sink->buffer;
	if (b->length && !sink->refused)
		sink->refused = !sink->write(sink->data, b->data, b->length);
	b->length = 0;
}

bool pw_sink_settle(struct pw_sink *sink)
{
	if (sink->buffer.length >= SINK_PIECE)
		sink_flush(sink);
	return !sink->refused && !sink->buffer.failed;
}

/* Ends a run of a writer: the rest of the buffer, and what went wrong first. */
static struct pw_error *sink_finish(struct pw_sink *sink, struct pw_error *error)
{
	if (!error && sink->buffer.failed)
		error = &pw_error_nomem;
	if (!error)
		sink_flush(sink);
	if (!error && sink->refused)
		error = pw_error_create(PW_ERROR_IO, "the output could not be written");
	pw_buffer_deinit(&sink->buffer);
	return error;
}

static struct pw_error *find_writer(const char *format, const struct pw_writer **ret)
{
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		if (strcmp(writers[i]->name, format) == 0) {
			*ret = writers[i];
			return NULL;
		}
	}
	return pw_error_create(PW_ERROR_USAGE,
			       "no output format \"%s\"; there are \"text\" and \"json\"", format);
}

struct pw_error *pw_dump_write_threads(const struct pw_session *session, const struct pw_dump *dump,
				       bool (*include)(void *data, const struct pw_thread *thread),
				       void *include_data, const char *format, unsigned flags,
				       pw_write_fn write, void *data)
{
	const struct pw_writer *writer;
	struct pw_error *error = find_writer(format, &writer);
	if (error)
		return error;
	struct pw_sink sink = {.write = write, .data = data, .flags = flags};
	struct pw_writer_input input = {session, dump, include, include_data};
	return sink_finish(&sink, writer->dump(&sink, &input));
}

struct pw_error *pw_dump_write(const struct pw_session *session, const struct pw_dump *dump,
			       const char *format, unsigned flags, pw_write_fn write, void *data)
{
	return pw_dump_write_threads(session, dump, NULL, NULL, format, flags, write, data);
}

struct pw_error *pw_thread_write(const struct pw_session *session, const struct pw_thread *thread,
				 const char *format, unsigned flags, pw_write_fn write, void *data)
{
	const struct pw_writer *writer;
	struct pw_error *error = find_writer(format, &writer);
	if (error)
		return error;
	struct pw_sink sink = {.write = write, .data = data, .flags = flags};
	return sink_finish(&sink, writer->thread(&sink, thread));
}

struct pw_error *pw_session_write_info(const struct pw_session *session, const struct pw_dump *dump,
				       const char *format, unsigned flags, pw_write_fn write,
				       void *data)
{
	const struct pw_writer *writer;
	struct pw_error *error = find_writer(format, &writer);
	if (error)
		return error;
	struct pw_sink sink = {.write = write, .data = data, .flags = flags};
	struct pw_writer_input input = {session, dump, NULL, NULL};
	return sink_finish(&sink, writer->info(&sink, &input));
}

char *pw_printable(const char *text)
{
	struct pw_buffer b;
	pw_buffer_init(&b);
	pw_text_append_printable(&b, text);
	return pw_buffer_steal(&b);
}
