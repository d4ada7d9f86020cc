/* A recording that is written while it grows; see record_file.h. */
#include "cli/record_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *record_file_name(const char *folder, pid_t pid)
{
	char stamp[32], *path;
	time_t seconds = time(NULL);
	struct tm local;
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&seconds, &local));
	int length = asprintf(&path, "%s%spywalk-%d-%s.pywalk", folder ? folder : "",
			      folder ? "/" : "", (int)pid, stamp);
	return length < 0 ? NULL : path;
}

static bool write_stream(void *data, const char *piece, size_t length)
{
	struct record_file *file = data;
	if (fwrite(piece, 1, length, file->stream) == length && !fflush(file->stream))
		return true;
	if (!file->problem)
		file->problem = errno;
	return false;
}

static enum cli_exit say(struct record_file *file)
{
	if (!file->told)
		cli_message("cannot write to %s: %s", file->path ? file->path : "standard output",
			    strerror(file->problem));
	file->told = true;
	return CLI_INCOMPLETE;
}

/* The error is taken over; of writing, more is known than it says. */
static enum cli_exit settle(struct record_file *file, struct pw_error *error)
{
	if (!error)
		return CLI_OK;
	if (!file->problem)
		return cli_report(error);
	pw_error_destroy(error);
	return say(file);
}

enum cli_exit record_file_begin(struct record_file *file, char *path, struct pw_profile *profile)
{
	bool standard = path && strcmp(path, "-") == 0;
	*file = (struct record_file){.stream = standard ? stdout : NULL};
	if (standard)
		free(path);
	else
		file->path = path;
	if (file->path)
		file->stream = fopen(file->path, "we");
	if (!file->stream) {
		cli_message("cannot write to %s: %s", file->path ? file->path : "a file",
			    strerror(errno));
		return CLI_USAGE;
	}
	return settle(file, pw_recording_begin(profile, write_stream, file, &file->recording));
}

enum cli_exit record_file_flush(struct record_file *file)
{
	return settle(file, pw_recording_flush(file->recording, true));
}

enum cli_exit record_file_end(struct record_file *file)
{
	enum cli_exit status = settle(file, pw_recording_end(file->recording));
	file->recording = NULL;
	if (file->stream != stdout && fclose(file->stream) && !file->problem) {
		file->problem = errno;
		status = say(file);
	}
	file->stream = NULL;
	return status;
}

void record_file_deinit(struct record_file *file)
{
	if (file->stream && file->stream != stdout)
		fclose(file->stream);
	free(file->path);
}
