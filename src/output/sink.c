/* Where the text of a format goes: pieces are collected, and handed on in larger ones. */
#include "output/sink.h"

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

struct pw_error *pw_sink_drain(struct pw_sink *sink, struct pw_error *error)
{
	if (!error && sink->buffer.failed)
		error = &pw_error_nomem;
	if (!error)
		sink_flush(sink);
	if (!error && sink->refused)
		error = pw_error_create(PW_ERROR_IO, "the output could not be written");
	return error;
}

struct pw_error *pw_sink_finish(struct pw_sink *sink, struct pw_error *error)
{
	error = pw_sink_drain(sink, error);
	pw_buffer_deinit(&sink->buffer);
	return error;
}
