/* Where the text of a format goes: a buffer that is handed on in larger pieces. */
#ifndef PW_OUTPUT_SINK_H
#define PW_OUTPUT_SINK_H

#include "base/buffer.h"
#include "base/error.h"

/* Collects pieces and hands them on in larger ones.  The first failure is kept; later pieces are
 * dropped. */
struct pw_sink {
	pw_write_fn write;
	void *data;
	unsigned flags; /* PW_WRITE_* */
	struct pw_buffer buffer;
	bool refused; /* `write` said no */
};

/* The buffer to append to.  Call pw_sink_settle() after every few lines. */
static inline struct pw_buffer *pw_sink_buffer(struct pw_sink *sink)
{
	return &sink->buffer;
}
/* Passes the buffer on when it has grown large.  False: stop writing, the output has failed. */
bool pw_sink_settle(struct pw_sink *sink);
/* Passes the rest on; `error`, or what went wrong with the output. */
struct pw_error *pw_sink_drain(struct pw_sink *sink, struct pw_error *error);
/* The same, and the sink's memory is gone. */
struct pw_error *pw_sink_finish(struct pw_sink *sink, struct pw_error *error);

#endif
