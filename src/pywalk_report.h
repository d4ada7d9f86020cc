/*
 * pywalk: what profiles tell.  Choosing from them, adding them up, comparing them.
 *
 * A part of pywalk.h, which includes it; the rules there hold here too.
 */
/* First: it includes its parts in their order. */
#include "pywalk.h"

#ifndef PYWALK_REPORT_H
#define PYWALK_REPORT_H

#ifdef __cplusplus
extern "C" {
#endif

/* ---- choosing -------------------------------------------------------------------------------- */

/* A list of texts. */
struct pw_texts {
	const char *const *items;
	size_t count;
};

/* What to keep of a profile.  Set `size` to sizeof(struct pw_profile_filter); all zero keeps all.
 * Regular expressions are POSIX extended ones; they are looked for in names of functions, as `fold`
 * has left them. */
struct pw_profile_filter {
	size_t size;
	struct pw_texts threads; /* names, or thread ids in digits; none: all */
	/* Thread ids in digits, or expressions that are found in a name; none need be there; none
	 * given: all */
	struct pw_texts thread_patterns;
	const int64_t *processes;
	size_t process_count;	 /* 0: all */
	struct pw_texts include; /* only samples in whose stack one of these is found */
	struct pw_texts exclude; /* none in whose stack one of these is found */
	struct pw_texts fold; /* s/REGEX/NAME/, one after the other; as sed, with flags g and i */
	uint64_t from, to;    /* only samples of [from, to), since info.start; to 0: to the end */
	bool running, gil;    /* only samples with that flag */
	bool python, native;  /* only frames of that kind: one of the two */
};
/*
 * A new profile of what is kept.  Samples keep their times and weights; what was measured stays
 * what it was.  Functions of one kind whose names `fold` makes equal become one, and what they
 * differ in (file, module, first line) is unknown then.  A sample without frames that are kept is a
 * sample without a stack. PW_ERROR_USAGE: an expression makes no sense, the message says at which
 * position. PW_ERROR_NO_TARGET: there is no such thread or process.
 */
PW_API struct pw_error *pw_profile_filter(const struct pw_profile *profile,
					  const struct pw_profile_filter *filter,
					  struct pw_profile **ret);
/* Adds what is kept to another one, in which samples are not later than these. */
PW_API struct pw_error *pw_profile_filter_into(const struct pw_profile *profile,
					       const struct pw_profile_filter *filter,
					       struct pw_profile *to);

/*
 * Several profiles as one.  Times are moved by what the starts differ.  Equal processes and threads
 * are the same.  Counts are summed; of the pauses' median and 99th percentile the largest is kept,
 * below which that of all is.  `warn` is told of what does not fit, such as another rate.
 * PW_ERROR_USAGE: their clocks differ, so that no sum of their times means anything.
 */
PW_API struct pw_error *pw_profile_merge(const struct pw_profile *const *profiles,
					 const char *const *names, size_t count,
					 void (*warn)(void *data, const char *message),
					 void *warn_data, struct pw_profile **ret);

/* ---- tables ---------------------------------------------------------------------------------- */

enum pw_report_table {
	PW_REPORT_FLAT,	      /* by what they took themselves */
	PW_REPORT_CUMULATIVE, /* by what they took with all that they called */
	PW_REPORT_CALLERS,    /* each with those that called it below it */
	PW_REPORT_CALLEES,    /* each with those that it called below it */
	PW_REPORT_TREE,	      /* each below the one that called it */
};
/* "flat", "cumulative", "callers", "callees", "tree"; NULL: no such number. */
PW_API const char *pw_report_table_name(enum pw_report_table table);

/* What a row is. */
enum pw_report_by {
	PW_REPORT_BY_FUNCTION,
	PW_REPORT_BY_LINE,
	PW_REPORT_BY_FILE,   /* of source */
	PW_REPORT_BY_MODULE, /* native: library or program; Python: file of source */
	PW_REPORT_BY_THREAD, /* only flat and cumulative, which are the same then */
	PW_REPORT_BY_PROCESS,
};
/* "function", "line", "file", "module", "thread", "process"; NULL: no such number. */
PW_API const char *pw_report_by_name(enum pw_report_by by);

/* Set `size` to sizeof(struct pw_report_options); all others may be zero. */
struct pw_report_options {
	size_t size;
	enum pw_report_table table;
	enum pw_report_by by;
	const char *function; /* only rows in whose name this extended regular expression is found;
				 of callers and callees, those whose callers are shown.  Not for
				 trees.  NULL: all */
	size_t limit;	      /* so many rows at most, the largest; of callers and callees so many
				 with so many below each; 0: all */
	double threshold;     /* rows of a smaller share are left out, in percent */
};

struct pw_report_cost {
	uint64_t samples;
	uint64_t time; /* sum of the weights */
};
/* 0 to 1: a part of the time; of the samples, if they stand for no time.  Of nothing: 0. */
PW_API double pw_report_share(struct pw_report_cost cost, struct pw_report_cost total);

struct pw_report_row {
	uint32_t level; /* of callers, callees: 1 below their function, else 0; of trees: depth */
	/* What it is about.  All NULL: samples without a stack; of callers: nobody called it, the
	 * thread began there. */
	const char *name; /* the function's, or NULL: the row is not about one */
	enum pw_profile_kind kind;
	const char *file, *module; /* NULL: unknown, or the row is not about it; by file or module
				      "": all those that are unknown */
	int line;		   /* by line: that; by function: where it begins; 0: unknown */
	const struct pw_profile_thread *thread;
	const struct pw_profile_process *process;
	/* Stacks count once in a total, however often they have the function.  Below a function,
	 * the part of its total that came from this caller, or that went to this callee: they add
	 * up to its total (callees: with its self), recursion left out. */
	struct pw_report_cost self, total;
	/* Of a comparison: the same in the first profile. */
	struct pw_report_cost self_before, total_before;
};

struct pw_report;
/* The profile must live, and stay as it is, as long as the report. */
PW_API struct pw_error *pw_report_create(const struct pw_profile *profile,
					 const struct pw_report_options *options,
					 struct pw_report **ret);
/* What has changed between two profiles.  Rows are in the order of how much their share of the
 * profile has changed: of self if the table is flat, of total if it is cumulative; there are no
 * others.  The threshold is for the change in percentage points.  Functions are the same if name,
 * file and module are; threads if their names are. */
PW_API struct pw_error *pw_report_compare(const struct pw_profile *before,
					  const struct pw_profile *after,
					  const struct pw_report_options *options,
					  struct pw_report **ret);
PW_API void pw_report_destroy(struct pw_report *report); /* takes NULL */
PW_API enum pw_report_table pw_report_table(const struct pw_report *report);
PW_API enum pw_report_by pw_report_by(const struct pw_report *report);
PW_API size_t pw_report_row_count(const struct pw_report *report);
PW_API const struct pw_report_row *pw_report_row(const struct pw_report *report, size_t index);
/* How many rows limit and threshold left out. */
PW_API size_t pw_report_left_out(const struct pw_report *report);
/* All samples of the profile; of a comparison, of the second one. */
PW_API struct pw_report_cost pw_report_total(const struct pw_report *report);
/* Of a comparison, the first profile and all its samples; else NULL and nothing. */
PW_API const struct pw_profile *pw_report_before(const struct pw_report *report);
PW_API struct pw_report_cost pw_report_total_before(const struct pw_report *report);
PW_API const struct pw_profile *pw_report_profile(const struct pw_report *report);

/* Writes a report, with what was measured above it.  Formats: "text" for people, of lines of
 * `width` columns (0: as long as they get), and "json" (docs/pywalk-report.schema.json).
 * `measured`: how many samples there were before something was chosen from them; 0: nothing was. */
PW_API struct pw_error *pw_report_write(const struct pw_report *report, const char *format,
					unsigned width, size_t measured, pw_write_fn write,
					void *data);

/* The stacks of two profiles as lines "frame;frame SAMPLES-BEFORE SAMPLES-AFTER", which
 * difffolded.pl and inferno-diff-folded write and flamegraph.pl and inferno-flamegraph read.
 * `normalize`: the samples before are scaled, so that both have the same sum. */
PW_API struct pw_error *pw_profile_write_difference(const struct pw_profile *before,
						    const struct pw_profile *after, bool normalize,
						    pw_write_fn write, void *data);

/* Two profiles as a page for browsers: a flame graph whose colours tell what has grown and what has
 * shrunk, and which is drawn by what there is after or by what there was before.  `names` are of
 * the two.  `absolute`: by times (or samples), else by shares of each profile; the page can switch.
 * PW_ERROR_USAGE: their clocks differ. */
PW_API struct pw_error *pw_profile_write_difference_graph(const struct pw_profile *before,
							  const struct pw_profile *after,
							  const char *const names[2], bool absolute,
							  pw_write_fn write, void *data);

#ifdef __cplusplus
}
#endif

#endif
