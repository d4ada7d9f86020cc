/* How a profile was made, in JSON: docs/pywalk-profile.schema.json, definition "profile". */
#include "output/json_text.h"
#include "output/profile_tracks.h"

static void append_flag(struct pw_buffer *b, const char *key, bool value)
{
	pw_buffer_printf(b, ", \"%s\": %s", key, value ? "true" : "false");
}

static void append_rate(struct pw_buffer *b, const char *key, double rate)
{
	if (!(rate > 0)) /* unknown */
		return;
	pw_buffer_printf(b, ", \"%s\": ", key);
	pw_json_append_real(b, rate);
}

void pw_profile_append_info(struct pw_buffer *b, const struct pw_profile *profile)
{
	const struct pw_profile_info *info = pw_profile_info(profile);
	pw_buffer_append_string(b, "\"engine\": ");
	pw_json_append_text(b, info->engine ? info->engine : "");
	pw_json_append_member(b, "clock", pw_profile_clock_name(info->clock));
	append_flag(b, "native", info->native);
	append_flag(b, "lines", info->lines);
	append_flag(b, "memory", info->memory);
	append_flag(b, "complete", info->complete);
	append_rate(b, "rate_wished", info->rate_wished);
	append_rate(b, "rate_reached", info->rate_reached);
	const struct {
		const char *key;
		uint64_t number;
	} counts[] = {
		{"start_ns", info->start},
		{"duration_ns", info->duration},
		{"ticks", info->ticks},
		{"missed", info->missed},
		{"lost", info->lost},
		{"torn", info->torn},
		{"impossible", info->impossible},
		{"pauses", info->pauses},
		{"pause_median_ns", info->pause_median},
		{"pause_p99_ns", info->pause_p99},
		{"pause_max_ns", info->pause_max},
		{"own_cpu_ns", info->own_cpu},
	};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		pw_json_append_count(b, counts[i].key, counts[i].number);
}
