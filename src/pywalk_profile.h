/*
 * pywalk: profiles.  What a sampler saw: stacks over time, with what they cost; and the files that
 * hold them.
 *
 * A part of pywalk.h, which includes it; the rules there hold here too.
 *
 * A profile is a set of tables that refer to each other by index.  Indexes never change, and tables
 * only grow:
 *
 *	processes <- threads <- samples -> nodes -> frames -> functions
 *
 * A node is a frame and the node that called it, so that a stack is one number and stacks share
 *what they have in common.  Node 0 is the root and has no frame.
 */
/* First: it includes its parts in their order. */
#include "pywalk.h"

#ifndef PYWALK_PROFILE_H
#define PYWALK_PROFILE_H

#ifdef __cplusplus
extern "C" {
#endif

struct pw_profile;

/* ---- what was measured ----------------------------------------------------------------------- */

/* What a sample stands for. */
enum pw_profile_clock {
	PW_CLOCK_WALL, /* time that passed, whether the thread ran or not */
	PW_CLOCK_CPU,  /* time on a processor */
	PW_CLOCK_GIL,  /* time that passed while the thread held the GIL */
};
PW_API const char *pw_profile_clock_name(enum pw_profile_clock clock); /* "wall", "cpu", "gil" */

/* All times in nanoseconds. */
struct pw_profile_info {
	const char *engine; /* "ptrace", "ebpf", "peek"; "" : unknown */
	enum pw_profile_clock clock;
	bool native;	     /* C frames were asked for */
	bool lines;	     /* frames differ by line; else only by function */
	bool memory;	     /* samples say how much memory was resident */
	double rate_wished;  /* per second and thread */
	double rate_reached; /* 0: unknown */
	uint64_t start;	     /* since 1970 */
	uint64_t duration;
	uint64_t ticks;	     /* how often the sampler looked */
	uint64_t missed;     /* ticks that were due while it was still busy */
	uint64_t lost;	     /* stacks that were due and could not be read */
	uint64_t torn;	     /* samples whose newest frames were changing: flagged, never guessed */
	uint64_t impossible; /* stacks thrown away because they contradicted themselves */
	uint64_t pauses;     /* how often a thread was stopped */
	uint64_t pause_median, pause_p99, pause_max;
	uint64_t own_cpu; /* processor time of the sampler itself */
	bool complete;	  /* neither the recording nor one that it was made of was cut off */
};

struct pw_profile_process {
	int64_t pid, parent;	/* parent 0: unknown */
	const char *executable; /* NULL: unknown */
	const char *python;	/* "3.12.1"; NULL: unknown */
	const char *command;	/* its arguments, separated by blanks; NULL: unknown */
};

struct pw_profile_thread {
	uint32_t process;
	uint64_t tid, ns_tid;	 /* ns_tid: in its pid namespace */
	const char *name;	 /* Python's; NULL: unknown */
	const char *kernel_name; /* NULL: unknown */
};

enum pw_profile_kind {
	PW_PROFILE_PYTHON,
	PW_PROFILE_NATIVE,
	PW_PROFILE_GAP, /* frames are missing here; the name says why */
};
PW_API const char *pw_profile_kind_name(enum pw_profile_kind kind); /* "python", "native", "gap" */

struct pw_profile_function {
	enum pw_profile_kind kind;
	const char *name;   /* never NULL: Python's qualified name, or the C function's; "??" */
	const char *file;   /* of source; NULL: unknown */
	const char *module; /* native: path of the library or program; NULL: unknown */
	int first_line;	    /* Python: where its definition begins; 0: unknown */
};

struct pw_profile_frame {
	uint32_t function;
	int line; /* 0: unknown, or not recorded */
};

struct pw_profile_node {
	uint32_t parent; /* always less than the node itself; of the root: 0 */
	uint32_t frame;	 /* of the root: meaningless */
};

enum {
	PW_SAMPLE_RUNNING = 1 << 0, /* it was on a processor, or wanted to be */
	PW_SAMPLE_GIL = 1 << 1,	    /* it held the GIL */
	PW_SAMPLE_TORN = 1 << 2,    /* its newest frames are missing */
};

struct pw_profile_sample {
	uint64_t time;	   /* since info.start */
	uint64_t weight;   /* how much time it stands for, by info.clock */
	uint64_t resident; /* bytes of the process; 0: not measured */
	uint32_t thread;
	uint32_t node; /* of the newest frame; 0: no stack at all */
	uint32_t flags;
};

PW_API const struct pw_profile_info *pw_profile_info(const struct pw_profile *profile);
PW_API size_t pw_profile_process_count(const struct pw_profile *profile);
PW_API size_t pw_profile_thread_count(const struct pw_profile *profile);
PW_API size_t pw_profile_function_count(const struct pw_profile *profile);
PW_API size_t pw_profile_frame_count(const struct pw_profile *profile);
PW_API size_t pw_profile_node_count(const struct pw_profile *profile); /* with the root */
PW_API size_t pw_profile_sample_count(const struct pw_profile *profile);
/* Each of its count; an index beyond that is the caller's mistake.  Pointers are good until
 * something is added to the profile. */
PW_API const struct pw_profile_process *pw_profile_process(const struct pw_profile *profile,
							   size_t index);
PW_API const struct pw_profile_thread *pw_profile_thread(const struct pw_profile *profile,
							 size_t index);
PW_API const struct pw_profile_function *pw_profile_function(const struct pw_profile *profile,
							     size_t index);
PW_API const struct pw_profile_frame *pw_profile_frame(const struct pw_profile *profile,
						       size_t index);
PW_API const struct pw_profile_node *pw_profile_node(const struct pw_profile *profile,
						     size_t index);
/* In the order of time. */
PW_API const struct pw_profile_sample *pw_profile_sample(const struct pw_profile *profile,
							 size_t index);

/* ---- making one ------------------------------------------------------------------------------ */

/* An empty profile; texts of what is added are copied. */
PW_API struct pw_error *pw_profile_create(const struct pw_profile_info *info,
					  struct pw_profile **ret);
PW_API void pw_profile_destroy(struct pw_profile *profile); /* takes NULL */
PW_API struct pw_error *pw_profile_set_info(struct pw_profile *profile,
					    const struct pw_profile_info *info);
/* Each gives the index of an equal one that is there already, or of a new one. */
PW_API struct pw_error *pw_profile_add_process(struct pw_profile *profile,
					       const struct pw_profile_process *process,
					       uint32_t *ret);
/* The same process and tid with other names are the same thread: names that are not NULL replace.
 */
PW_API struct pw_error *pw_profile_add_thread(struct pw_profile *profile,
					      const struct pw_profile_thread *thread,
					      uint32_t *ret);
PW_API struct pw_error *pw_profile_add_function(struct pw_profile *profile,
						const struct pw_profile_function *function,
						uint32_t *ret);
PW_API struct pw_error *pw_profile_add_frame(struct pw_profile *profile,
					     const struct pw_profile_frame *frame, uint32_t *ret);
PW_API struct pw_error *pw_profile_add_node(struct pw_profile *profile,
					    const struct pw_profile_node *node, uint32_t *ret);
/* Not earlier than the one before. */
PW_API struct pw_error *pw_profile_add_sample(struct pw_profile *profile,
					      const struct pw_profile_sample *sample);

/* Drops the samples.  The tables stay, and what comes is not earlier than what was there. */
PW_API void pw_profile_forget(struct pw_profile *profile);
/* How many bytes it takes, about. */
PW_API size_t pw_profile_memory(const struct pw_profile *profile);
/* What of a dump becomes samples.  Set `size` to sizeof(struct pw_profile_dump_options); all other
 * members may be zero. */
struct pw_profile_dump_options {
	size_t size;
	uint32_t process;	       /* whose dump it is, by pw_profile_add_process() */
	uint64_t time, weight;	       /* of each sample */
	uint64_t resident;	       /* bytes of the process; 0: not measured */
	enum pw_profile_clock clock;   /* which threads count: wall all, cpu those that run, gil
					  who holds it */
	bool no_idle;		       /* wall: without threads that sleep */
	bool functions;		       /* frames without lines */
	const uint64_t *tids;	       /* only these threads */
	size_t tid_count;	       /* 0: all */
	const struct pw_session *fold; /* native frames that this session folds are left out; NULL:
					  none */
};
struct pw_profile_dump_counts {
	size_t samples; /* added */
	size_t lost;	/* stacks that could not be read to their end */
	size_t torn;	/* of the samples: their newest frames were changing */
};
/* Adds a sample of each thread of a dump that is wanted.  The profile's info is left as it is. */
PW_API struct pw_error *pw_profile_add_dump(struct pw_profile *profile, const struct pw_dump *dump,
					    const struct pw_profile_dump_options *options,
					    struct pw_profile_dump_counts *ret);

/* ---- recordings ------------------------------------------------------------------------------ */

/*
 * A recording is a profile as a file that is written while it grows (docs/recording.md): what was
 * flushed is readable whatever happens to the recorder.
 */
struct pw_recording;

/* Begins the file with what the profile holds now.  `write` gets whole blocks. */
PW_API struct pw_error *pw_recording_begin(struct pw_profile *profile, pw_write_fn write,
					   void *data, struct pw_recording **ret);
/* Writes what was added since the last time.  `forget`: the profile's samples, not its tables, are
 * dropped then, so that memory does not grow with time. */
PW_API struct pw_error *pw_recording_flush(struct pw_recording *recording, bool forget);
/* Writes the rest, and that it is complete.  The recording is gone afterwards, also on failure. */
PW_API struct pw_error *pw_recording_end(struct pw_recording *recording);

/* Writes all of a profile as one; whether it is complete is kept. */
PW_API struct pw_error *pw_recording_write(const struct pw_profile *profile, pw_write_fn write,
					   void *data);

/* Reads a recording.  One that was cut off is read as far as it goes: `warn` is told where it ends.
 * PW_ERROR_FORMAT: it is none. */
PW_API struct pw_error *pw_recording_read(const char *path,
					  void (*warn)(void *data, const char *message),
					  void *warn_data, struct pw_profile **ret);

/* ---- output formats -------------------------------------------------------------------------- */

struct pw_profile_format {
	const char *name;	 /* "collapsed" */
	const char *suffix;	 /* ".folded": what a file name is taken for */
	const char *description; /* one line */
};
/* All that there are, the last one with name NULL. */
PW_API const struct pw_profile_format *pw_profile_formats(void);
/* Writes a profile in the format of that name.  PW_ERROR_USAGE: there is no such format. */
PW_API struct pw_error *pw_profile_write(const struct pw_profile *profile, const char *format,
					 pw_write_fn write, void *data);

#ifdef __cplusplus
}
#endif

#endif
