/*
 * Output formats: how a dump becomes text.
 *
 * A format is one file and one line in the table of write.c.  A format reads the stack model
 * through the public accessors only; it never touches the target, and it never holds more than one
 * frame's text on its way out, so that 500 threads of 20,000 frames need no memory.
 */
#ifndef PW_OUTPUT_WRITER_H
#define PW_OUTPUT_WRITER_H

#include "output/sink.h"

/* What to write. */
struct pw_writer_input {
	const struct pw_session *session;
	const struct pw_dump *dump; /* NULL for a single thread */
	/* Which threads; NULL: all. */
	bool (*include)(void *data, const struct pw_thread *thread);
	void *include_data;
};

struct pw_writer {
	const char *name;
	/* Each returns only what is not the sink's failure: out of memory. */
	struct pw_error *(*dump)(struct pw_sink *sink, const struct pw_writer_input *input);
	struct pw_error *(*thread)(struct pw_sink *sink, const struct pw_thread *thread);
	struct pw_error *(*info)(struct pw_sink *sink, const struct pw_writer_input *input);
	/* Around and between several dumps. */
	const char *list_begin, *list_between, *list_end;
	/* Between the dumps and the targets that could not be dumped; NULL: those are left out. */
	const char *list_failures;
	struct pw_error *(*failure)(struct pw_sink *sink, const char *target, const char *message);
};

extern const struct pw_writer pw_writer_text; /* text.c */
extern const struct pw_writer pw_writer_json; /* json.c */

#endif
