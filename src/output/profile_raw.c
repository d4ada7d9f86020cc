/* The format "raw": a recording, docs/recording.md. */
#include "output/profile_writer.h"

static bool pass_on(void *data, const char *piece, size_t length)
{
	struct pw_sink *sink = data;
	pw_buffer_append(pw_sink_buffer(sink), piece, length);
	return pw_sink_settle(sink);
}

static struct pw_error *write_raw(struct pw_sink *sink, const struct pw_profile *profile)
{
	return pw_recording_write(profile, pass_on, sink);
}

const struct pw_profile_writer pw_profile_writer_raw = {
	.format = {"raw", ".pywalk",
		   "a recording, which `pywalk report` turns into all the others"},
	.write = write_raw,
};
