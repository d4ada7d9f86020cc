/* Output formats of tables: one file report_*.c each, and one line in report_write.c. */
#ifndef PW_OUTPUT_REPORT_WRITER_H
#define PW_OUTPUT_REPORT_WRITER_H

#include "output/profile_writer.h"
#include "pywalk_report.h"

struct pw_report_output {
	struct pw_sink *sink;
	const struct pw_report *report;
	unsigned width;	 /* of a line; 0: any */
	size_t measured; /* samples before some were chosen; 0: all were */
};

struct pw_error *pw_report_write_text(const struct pw_report_output *output);
struct pw_error *pw_report_write_json(const struct pw_report_output *output);
/* What was measured, in lines for people. */
void pw_report_append_head(struct pw_buffer *b, const struct pw_profile *profile, size_t measured);
/* "1,234,567" */
void pw_report_append_count(struct pw_buffer *b, uint64_t count);

#endif
