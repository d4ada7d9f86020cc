/* The table of the formats of tables. */
#include "output/report_writer.h"

#include <string.h>

static const struct {
	const char *name;
	struct pw_error *(*write)(const struct pw_report_output *output);
} formats[] = {
	{"text", pw_report_write_text},
	{"json", pw_report_write_json},
};

struct pw_error *pw_report_write(const struct pw_report *report, const char *format, unsigned width,
				 size_t measured, pw_write_fn write, void *data)
{
	struct pw_sink sink = {.write = write, .data = data};
	const struct pw_report_output output = {&sink, report, width, measured};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, format) == 0)
			return pw_sink_finish(&sink, formats[i].write(&output));
	return pw_error_create(PW_ERROR_USAGE,
			       "there are no tables in the format \"%s\", only in text and json",
			       format);
}
