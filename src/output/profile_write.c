/* The table of the formats of profiles, and the public functions that choose from it. */
#include "output/profile_writer.h"

#include <string.h>

static const struct pw_profile_writer *const writers[] = {
	&pw_profile_writer_raw,	       &pw_profile_writer_collapsed, &pw_profile_writer_flamegraph,
	&pw_profile_writer_speedscope, &pw_profile_writer_pprof,     &pw_profile_writer_chrome,
	&pw_profile_writer_gecko,      &pw_profile_writer_otlp,	     &pw_profile_writer_igprof,
	&pw_profile_writer_jsonl,
};

enum { WRITER_COUNT = sizeof(writers) / sizeof(writers[0]) };

const struct pw_profile_format *pw_profile_formats(void)
{
	static struct pw_profile_format formats[WRITER_COUNT + 1];
	for (size_t i = 0; i < WRITER_COUNT; i++)
		formats[i] = writers[i]->format;
	return formats;
}

static struct pw_error *no_such_format(const char *format)
{
	pw_auto_buffer struct pw_buffer names = {0};
	for (size_t i = 0; i < WRITER_COUNT; i++) {
		pw_buffer_append_string(&names, !i ? "" : i + 1 < WRITER_COUNT ? ", " : " and ");
		pw_buffer_append_string(&names, writers[i]->format.name);
	}
	return pw_error_create(PW_ERROR_USAGE, "no profile format \"%s\"; there are %s", format,
			       names.failed ? "others" : names.data);
}

struct pw_error *pw_profile_write(const struct pw_profile *profile, const char *format,
				  pw_write_fn write, void *data)
{
	struct pw_sink sink = {.write = write, .data = data};
	for (size_t i = 0; i < WRITER_COUNT; i++)
		if (strcmp(writers[i]->format.name, format) == 0)
			return pw_sink_finish(&sink, writers[i]->write(&sink, profile));
	return no_such_format(format);
}
