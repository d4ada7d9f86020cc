/* The table of output formats, and the public functions that choose from it. */
#include "output/writer.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct pw_writer *const writers[] = {&pw_writer_text, &pw_writer_json};

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
	return pw_sink_finish(&sink, writer->dump(&sink, &input));
}

struct pw_error *pw_dump_write(const struct pw_session *session, const struct pw_dump *dump,
			       const char *format, unsigned flags, pw_write_fn write, void *data)
{
	return pw_dump_write_threads(session, dump, NULL, NULL, format, flags, write, data);
}

/* ---- several dumps ---- */

struct pw_dump_list {
	const struct pw_writer *writer;
	struct pw_sink sink;
	size_t count;
	struct pw_sink failures; /* written to nowhere: its buffer waits for the end */
	size_t failure_count;
};

struct pw_error *pw_dump_list_begin(const char *format, unsigned flags, pw_write_fn write,
				    void *data, struct pw_dump_list **ret)
{
	const struct pw_writer *writer;
	struct pw_error *error = find_writer(format, &writer);
	if (error)
		return error;
	struct pw_dump_list *list = calloc(1, sizeof(*list));
	if (!list)
		return &pw_error_nomem;
	list->writer = writer;
	list->sink = (struct pw_sink){.write = write, .data = data, .flags = flags};
	pw_buffer_append_string(&list->sink.buffer, writer->list_begin);
	*ret = list;
	return NULL;
}

struct pw_error *pw_dump_list_add(struct pw_dump_list *list, const struct pw_session *session,
				  const struct pw_dump *dump,
				  bool (*include)(void *data, const struct pw_thread *thread),
				  void *include_data, unsigned flags)
{
	struct pw_sink *sink = &list->sink;
	struct pw_writer_input input = {session, dump, include, include_data};
	unsigned usual = sink->flags;
	if (list->count++)
		pw_buffer_append_string(&sink->buffer, list->writer->list_between);
	sink->flags |= flags;
	struct pw_error *error = pw_sink_drain(sink, list->writer->dump(sink, &input));
	sink->flags = usual;
	return error;
}

struct pw_error *pw_dump_list_fail(struct pw_dump_list *list, const char *target,
				   const char *message)
{
	if (!list->writer->failure)
		return NULL;
	if (list->failure_count++)
		pw_buffer_append_string(&list->failures.buffer, ",\n ");
	return list->writer->failure(&list->failures, target, message);
}

struct pw_error *pw_dump_list_end(struct pw_dump_list *list)
{
	if (!list)
		return NULL;
	struct pw_buffer *b = &list->sink.buffer, *failures = &list->failures.buffer;
	if (list->writer->failure) {
		pw_buffer_append_string(b, list->writer->list_failures);
		pw_buffer_append(b, failures->data, failures->length);
	}
	pw_buffer_append_string(b, list->writer->list_end);
	struct pw_error *error =
		pw_sink_finish(&list->sink, failures->failed ? &pw_error_nomem : NULL);
	pw_buffer_deinit(failures);
	free(list);
	return error;
}

struct pw_error *pw_thread_write(const struct pw_session *session, const struct pw_thread *thread,
				 const char *format, unsigned flags, pw_write_fn write, void *data)
{
	const struct pw_writer *writer;
	struct pw_error *error = find_writer(format, &writer);
	if (error)
		return error;
	struct pw_sink sink = {.write = write, .data = data, .flags = flags};
	return pw_sink_finish(&sink, writer->thread(&sink, thread));
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
	return pw_sink_finish(&sink, writer->info(&sink, &input));
}

char *pw_printable(const char *text)
{
	struct pw_buffer b;
	pw_buffer_init(&b);
	pw_text_append_printable(&b, text);
	return pw_buffer_steal(&b);
}
