/* What was measured, above a table. */
#include "output/report_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void pw_report_append_count(struct pw_buffer *b, uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			pw_buffer_append_char(b, ',');
		pw_buffer_append_char(b, digits[i]);
	}
}

/* "3 threads" */
static void append_several(struct pw_buffer *b, uint64_t count, const char *what, const char *more)
{
	pw_report_append_count(b, count);
	pw_buffer_printf(b, " %s", count == 1 ? what : more);
}

static void append_duration(struct pw_buffer *b, uint64_t ns)
{
	static const struct {
		double from, unit;
		const char *name;
	} units[] = {{1e9, 1e9, "s"}, {1e6, 1e6, "ms"}, {1e3, 1e3, "us"}, {0, 1, "ns"}};
	size_t i = 0;
	while ((double)ns < units[i].from)
		i++;
	pw_buffer_printf(b, i ? "%.3g %s" : "%.2f %s", (double)ns / units[i].unit, units[i].name);
}

static void append_start(struct pw_buffer *b, uint64_t start)
{
	char text[32];
	struct tm tm;
	time_t seconds = (time_t)(start / 1000000000);
	if (!start || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return;
	pw_buffer_printf(b, "%s UTC, for ", text);
}

static void append_engine(struct pw_buffer *b, const struct pw_profile_info *info)
{
	pw_buffer_append_string(b, "measured  ");
	pw_text_append_printable(b, info->engine[0] ? info->engine : "unknown engine");
	pw_buffer_printf(b, ", %s time, %s\nwhen      ", pw_profile_clock_name(info->clock),
			 info->native ? "Python and C frames" : "Python frames");
	append_start(b, info->start);
	append_duration(b, info->duration);
	pw_buffer_append_string(b, info->complete ? "\n" : "; cut off\n");
	pw_buffer_printf(b, "rate      %.6g per second wished, ", info->rate_wished);
	if (info->rate_reached > 0)
		pw_buffer_printf(b, "%.6g reached", info->rate_reached);
	else
		pw_buffer_append_string(b, "unknown how many reached");
	pw_buffer_append_string(b, "; ");
	pw_report_append_count(b, info->missed);
	pw_buffer_append_string(b, " of ");
	append_several(b, info->ticks + info->missed, "tick", "ticks");
	pw_buffer_append_string(b, " missed\n");
}

static void append_pauses(struct pw_buffer *b, const struct pw_profile_info *info)
{
	pw_buffer_append_string(b, "cost      ");
	append_several(b, info->pauses, "pause", "pauses");
	if (info->pauses) {
		pw_buffer_append_string(b, ": median ");
		append_duration(b, info->pause_median);
		pw_buffer_append_string(b, ", 99 % below ");
		append_duration(b, info->pause_p99);
		pw_buffer_append_string(b, ", longest ");
		append_duration(b, info->pause_max);
	}
	pw_buffer_append_string(b, "; own CPU ");
	append_duration(b, info->own_cpu);
	pw_buffer_append_char(b, '\n');
}

void pw_report_append_head(struct pw_buffer *b, const struct pw_profile *profile, size_t measured)
{
	const struct pw_profile_info *info = pw_profile_info(profile);
	append_engine(b, info);
	pw_buffer_append_string(b, "samples   ");
	pw_report_append_count(b, pw_profile_sample_count(profile));
	if (measured) {
		pw_buffer_append_string(b, " chosen of ");
		pw_report_append_count(b, measured);
	}
	pw_buffer_append_string(b, ", in ");
	append_several(b, pw_profile_thread_count(profile), "thread", "threads");
	pw_buffer_append_string(b, " of ");
	append_several(b, pw_profile_process_count(profile), "process", "processes");
	pw_buffer_append_string(b, "; ");
	pw_report_append_count(b, info->lost);
	pw_buffer_append_string(b, " lost, ");
	pw_report_append_count(b, info->torn);
	pw_buffer_append_string(b, " torn, ");
	pw_report_append_count(b, info->impossible);
	pw_buffer_append_string(b, " impossible\n");
	append_pauses(b, info);
}
