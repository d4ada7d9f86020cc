/* A short profile of a command's tree that hangs; see watch.h. */
#include "cli/record.h"
#include "cli/record_file.h"
#include "cli/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static const double default_seconds = 5;

enum { FLUSH_MS = 1000 };

struct recording_run {
	struct watch *watch;
	struct pw_sampler *sampler;
	struct record_processes processes;
	struct record_file file;
	uint64_t samples; /* written and forgotten */
	bool failed;
};

static void flush(struct recording_run *run)
{
	struct pw_profile *profile = pw_sampler_profile(run->sampler);
	struct pw_error *error = pw_sampler_summarize(run->sampler);
	if (error) {
		cli_report(error);
		run->failed = true;
		return;
	}
	run->samples += pw_profile_sample_count(profile);
	run->failed |= record_file_flush(&run->file) != CLI_OK;
}

/* Signals go to the command meanwhile; one that asks for the end need not wait for a profile. */
static bool goes_on(struct recording_run *run, uint64_t time)
{
	double seconds = run->watch->arguments->record_seconds;
	while (watch_wait(run->watch, 0))
		;
	return !run->failed && !run->watch->asked_to_end &&
	       (double)time < (seconds ? seconds : default_seconds) * 1e9 &&
	       record_alive(&run->processes);
}

static void sample(struct recording_run *run)
{
	uint64_t time = 0, weight, flushed = 0;
	while (goes_on(run, time)) {
		if (!pw_sampler_wait(run->sampler, &time, &weight))
			continue;
		struct pw_error *error =
			pw_sampler_look(run->sampler, time, weight, record_gone, &run->processes);
		if (error) {
			cli_report(error);
			run->failed = true;
		}
		record_tend(&run->processes);
		if (time - flushed >= FLUSH_MS * 1000000ull) {
			flush(run);
			flushed = time;
		}
	}
}

static void write_recording(struct recording_run *run)
{
	const struct watch *watch = run->watch;
	const struct pw_profile *profile = pw_sampler_profile(run->sampler);
	char *path = record_file_name(watch->arguments->output_dir, watch->command);
	if (!path) {
		cli_message("out of memory");
		return;
	}
	if (record_file_begin(&run->file, path, pw_sampler_profile(run->sampler)) != CLI_OK)
		return;
	sample(run);
	if (!run->failed)
		flush(run);
	run->failed |= record_file_end(&run->file) != CLI_OK;
	size_t count = pw_profile_process_count(profile);
	if (!run->failed)
		cli_message("a recording of %zu process%s, %.1f s and %" PRIu64
			    " samples, is in %s",
			    count, count == 1 ? "" : "es",
			    (double)pw_profile_info(profile)->duration / 1e9, run->samples,
			    run->file.path);
}

void watch_record(struct watch *watch)
{
	const struct cli_common *common = &watch->arguments->common;
	const struct pw_sampler_options options = {
		.size = sizeof(options),
		.rate = watch->arguments->record_rate,
		.native = common->capture.native,
	};
	struct recording_run run = {.watch = watch};
	cli_raise_files();
	struct pw_error *error = pw_sampler_create(&options, &run.sampler);
	if (error) {
		cli_report(error);
		return;
	}
	run.processes = (struct record_processes){
		.common = common, .sampler = run.sampler, .descendants = true};
	record_add_parent(&run.processes, watch->keeper);
	record_tend(&run.processes);
	if (pw_profile_process_count(pw_sampler_profile(run.sampler)))
		write_recording(&run);
	else
		cli_message("none of the processes is Python: nothing is recorded");
	record_processes_deinit(&run.processes);
	pw_sampler_destroy(run.sampler);
	record_file_deinit(&run.file);
}
