/* A recording that is written while it grows: of `pywalk record` and `pywalk watch`. */
#ifndef PW_CLI_RECORD_FILE_H
#define PW_CLI_RECORD_FILE_H

#include "cli/cli.h"

#include <stdio.h>

struct record_file {
	struct pw_recording *recording;
	FILE *stream;
	char *path;  /* NULL: standard output */
	int problem; /* the errno of the first write that failed; 0: none */
	bool told;   /* it was said */
};

/* FOLDER/pywalk-PID-TIME.pywalk, or without a folder; NULL: out of memory.  free() it. */
char *record_file_name(const char *folder, pid_t pid);
/* Begins the file itself, so that it is there if we are killed.  `path` is taken over; "-" is
 * standard output.  What goes wrong is said. */
enum cli_exit record_file_begin(struct record_file *file, char *path, struct pw_profile *profile);
/* Writes what the profile has, and has it forgotten. */
enum cli_exit record_file_flush(struct record_file *file);
enum cli_exit record_file_end(struct record_file *file);
/* What it was called is good until then. */
void record_file_deinit(struct record_file *file);

#endif
