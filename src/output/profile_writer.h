/*
 * Output formats of profiles.  A format is one file profile_*.c and one line in the table of
 * profile_write.c.  It reads the profile through the public accessors, and holds no more memory
 * than its tables: samples are many.
 */
#ifndef PW_OUTPUT_PROFILE_WRITER_H
#define PW_OUTPUT_PROFILE_WRITER_H

#include "output/sink.h"
#include "pywalk_profile.h"

struct pw_profile_writer {
	struct pw_profile_format format;
	/* Returns only what is not the sink's failure: out of memory. */
	struct pw_error *(*write)(struct pw_sink *sink, const struct pw_profile *profile);
};

extern const struct pw_profile_writer pw_profile_writer_collapsed;  /* profile_collapsed.c */
extern const struct pw_profile_writer pw_profile_writer_chrome;	    /* profile_chrome.c */
extern const struct pw_profile_writer pw_profile_writer_flamegraph; /* profile_flamegraph.c */
extern const struct pw_profile_writer pw_profile_writer_gecko;	    /* profile_gecko.c */
extern const struct pw_profile_writer pw_profile_writer_igprof;	    /* profile_igprof.c */
extern const struct pw_profile_writer pw_profile_writer_jsonl;	    /* profile_jsonl.c */
extern const struct pw_profile_writer pw_profile_writer_otlp;	    /* profile_otlp.c */
extern const struct pw_profile_writer pw_profile_writer_pprof;	    /* profile_pprof.c */
extern const struct pw_profile_writer pw_profile_writer_raw;	    /* profile_raw.c */
extern const struct pw_profile_writer pw_profile_writer_speedscope; /* profile_speedscope.c */

/* ---- what several formats say alike (profile_names.c) ---- */

/* "NAME (tid 12)", or "Thread 12": threads of one name are told apart. */
void pw_profile_append_thread(struct pw_buffer *b, const struct pw_profile_thread *thread);
/* "process 12 (python3 server.py)" */
void pw_profile_append_process(struct pw_buffer *b, const struct pw_profile_process *process);
/* "function (file.py:12)", the file's last part alone; of native ones "function (libc.so.6)". */
void pw_profile_append_frame(struct pw_buffer *b, const struct pw_profile *profile,
			     const struct pw_profile_frame *frame);
/* The last part of a path. */
const char *pw_profile_base_name(const char *path);
/* The frames of a node, oldest first: into `nodes`, which has room for `room`; how many there are.
 * Call with room 0 for the number. */
size_t pw_profile_stack(const struct pw_profile *profile, uint32_t node, uint32_t *nodes,
			size_t room);

#endif
