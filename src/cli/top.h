/*
 * `pywalk top`: what its files share.
 *
 *	top_sample.c	looks at the processes, in a thread of its own
 *	top_model.c	adds up what was seen: since the start, and in the last seconds
 *	top_rows.c	the tables of it
 *	top_text.c	text that fits into columns of a terminal
 *	top_view.c	what a person has chosen to see; keys change it
 *	top_draw.c	the lines of a screen, or of a page of text
 *	top_screen.c	ncurses, and nothing else
 *	cmd_top.c	options, and what happens when
 *
 * Functions that return a bool return false when memory is out.  Only top_screen.c knows the
 *terminal, only top_sample.c the processes.
 */
#ifndef PW_CLI_TOP_H
#define PW_CLI_TOP_H

#include "cli/record.h"

#include <wchar.h>

/* ---- the model (top_model.c) ---- */

enum { TOP_SLICES = 20 }; /* of the window */

/* What one thread did in one way: samples that are alike, added up.  Its size does not depend on
 * time. */
struct top_cell {
	uint32_t thread, node; /* in the profile */
	uint32_t flags;	       /* PW_SAMPLE_* */
	struct pw_report_cost all, window;
	uint64_t slice; /* the slice whose last part is about it, and where that is */
	size_t part;
};

struct top_slice;
struct top_index; /* finds cells */

struct top_model {
	const struct pw_profile *profile; /* what cells refer to; NULL: nothing yet */
	struct top_cell *cells;
	size_t count, capacity;
	struct top_index *index;
	struct top_slice *slices; /* TOP_SLICES */
	uint64_t slice_length;	  /* ns */
	uint64_t slice;		  /* the number of the current one, from 1 */
	uint64_t all, window;	  /* ns that were looked at */
	uint64_t all_looks, window_looks;
	uint64_t moves; /* how often numbers of functions, frames and threads have changed */
	size_t limit;	/* of cells, and of each of the profile's tables */
};

/* `window` in nanoseconds; `limit` 0: a sensible one. */
bool top_model_init(struct top_model *model, uint64_t window, size_t limit);
void top_model_deinit(struct top_model *model);
/* After a look that stands for `weight` ns: adds all samples of the profile, which the caller has
 * forgotten then.  The profile is always the same but for top_model_move(). */
bool top_model_take(struct top_model *model, const struct pw_profile *profile, uint64_t weight);
/* As if nothing had been seen yet. */
void top_model_reset(struct top_model *model);
/* Whether tables have become so large that it should be moved. */
bool top_model_is_full(const struct top_model *model);
/* From now on it is about that profile, which gets what is worth keeping; the rest stays as time of
 * which nothing more is known. */
bool top_model_move(struct top_model *model, struct pw_profile *to);

/* ---- tables (top_rows.c) ---- */

enum top_by { TOP_BY_FUNCTION, TOP_BY_LINE, TOP_BY_THREAD, TOP_BY_COUNT };
enum top_sort { TOP_SORT_OWN, TOP_SORT_TOTAL, TOP_SORT_GIL, TOP_SORT_NAME, TOP_SORT_COUNT };

/* What is asked for. */
struct top_query {
	enum top_by by;
	enum top_sort sort; /* the largest first, names in their order */
	bool reverse;
	bool since_start;      /* else of the window */
	uint32_t flags;	       /* only samples with these PW_SAMPLE_* */
	const regex_t *filter; /* only rows in whose text it is found; NULL: all */
};

enum top_kind {
	TOP_ROW_PYTHON,
	TOP_ROW_NATIVE,
	TOP_ROW_OTHER, /* no function: a gap, a thread, no stack */
};

/* A row; of threads `own` is the time in which it ran. */
struct top_row {
	uint32_t index;		  /* of the function, frame or thread; TOP_NONE: of nothing */
	uint64_t own, total, gil; /* ns; gil is the part of total */
	char *text;		  /* printable UTF-8; owned */
	uint32_t where;		  /* thread: the newest frame it was seen in; or TOP_NONE */
	enum top_kind kind;
};
enum { TOP_NONE = UINT32_MAX };

struct top_table {
	struct top_row *rows;
	size_t count;
	size_t hidden;	  /* by the filter */
	uint64_t elapsed; /* ns that all this is a part of */
	/* Of all samples that count. */
	uint64_t samples, time, running, gil;
	size_t threads, running_threads;
};

bool top_table(const struct top_model *model, const struct top_query *query, struct top_table *ret);
void top_table_deinit(struct top_table *table);
/* "name (file.py:12)", printable; free() it. */
char *top_function_text(const struct pw_profile_function *function, int line);

/* A function by what it is, whatever its number is. */
struct top_function {
	enum pw_profile_kind kind;
	char *name, *file, *module; /* owned */
	int first_line;
};
bool top_function_copy(const struct pw_profile_function *function, struct top_function *ret);
void top_function_deinit(struct top_function *function);

/* One function: who called it, its lines, whom it called.  What was recursion is counted once:
 * callers are those of its oldest frame in a stack, callees those of its newest. */
struct top_detail {
	struct top_row row; /* all zero but for the text: it was not seen */
	struct top_table callers, lines, callees;
};
bool top_detail(const struct top_model *model, const struct top_query *query,
		const struct top_function *function, struct top_detail *ret);
void top_detail_deinit(struct top_detail *detail);

/* ---- text (top_text.c) ---- */

/*
 * Puts a text into `columns` columns of a terminal: what does not fit is cut, with an ellipsis.
 * `wide`: the terminal shows Unicode; else what is not ASCII becomes escapes.  What has no width,
 * or none that is known, becomes an escape too, so that columns stay where they are.  `to` has room
 * for TOP_ROOM(columns); how many columns were used is returned.
 */
#define TOP_ROOM(columns) ((size_t)(columns)*3 + 1)
unsigned top_fit(const char *utf8, unsigned columns, bool wide, wchar_t *to);

/* ---- what is seen (top_view.c, top_draw.c) ---- */

enum top_style {
	TOP_PLAIN,
	TOP_TITLE,
	TOP_HEAD, /* of a table */
	TOP_NATIVE,
	TOP_DIM,
	TOP_ALERT,
	TOP_SELECTED = 1 << 4, /* a flag */
};

struct top_line {
	char *text; /* owned; UTF-8, printable */
	unsigned style;
};
struct top_lines {
	struct top_line *items;
	size_t count, capacity;
	bool failed; /* out of memory */
	bool typing; /* the last line ends in what is typed */
};
void top_lines_deinit(struct top_lines *lines);

/* Keys that are no characters. */
enum top_key {
	TOP_KEY_NONE = 0x110000,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_BACKSPACE,
	TOP_KEY_ESCAPE,
	TOP_KEY_TAB,
	TOP_KEY_RESIZE,
	TOP_KEY_GONE, /* there is no terminal any more */
};

/* What a key asks of others. */
enum top_action { TOP_NOTHING, TOP_QUIT, TOP_PAUSE, TOP_RESET };

enum { TOP_FILTER_MAX = 200 };

struct top_view {
	struct top_query query;
	bool no_lines;		     /* the sampler does not tell lines apart */
	enum pw_profile_clock clock; /* the sampler's */
	bool help, typing, detail;
	char typed[TOP_FILTER_MAX], pattern[TOP_FILTER_MAX]; /* UTF-8 */
	regex_t filter;					     /* of the pattern, if that is not "" */
	char notice[256];				     /* about the last key; "": none */
	/* In the table, or in the lines of a detail or the help. */
	size_t selected, first, rows; /* rows: how many there were */
	size_t page;		      /* how many fit */
	uint32_t chosen, opens;	      /* the selected row's index, and the function it opens */
	uint64_t chosen_moves;	      /* the model's, of both */
	bool follows;		      /* the selection stays with its row; else at its place */
	struct top_function function; /* of the detail */
	size_t selected_before, first_before; /* in the table, behind a detail */
};
void top_view_init(struct top_view *view, enum pw_profile_clock clock, bool no_lines);
void top_view_deinit(struct top_view *view);
enum top_action top_view_key(struct top_view *view, const struct top_model *model, int key);
/* Sets the filter.  NULL, or why the pattern is none, printable and static. */
const char *top_view_filter(struct top_view *view, const char *pattern);
/* Puts a number of rows on the screen, so that the selected one is seen. */
void top_view_scroll(struct top_view *view, size_t rows, size_t page);

/* What is said besides the tables. */
struct top_status {
	const char *target;  /* printable */
	const char *message; /* printable; "": none */
	bool paused, ended;
	bool own_clock; /* samples come by the threads' own clock, not by looks */
	size_t processes;
	double rate_wished;
	uint64_t window; /* ns */
	uint64_t lost, torn, own_cpu, duration;
};
/* `rows` 0: as many as it takes, for batches.  `columns` 0: as wide as it gets. */
bool top_draw(struct top_view *view, const struct top_model *model, const struct top_status *status,
	      unsigned rows, unsigned columns, struct top_lines *ret);

/* ---- the screen (top_screen.c) ---- */

/* NULL, or why there is none; static. */
const char *top_screen_open(void);
void top_screen_close(void);   /* may be called at any time */
void top_screen_end_now(void); /* the same from a signal's handler, that ends the program then */
void top_screen_size(unsigned *ret_rows, unsigned *ret_columns);
void top_screen_show(const struct top_lines *lines);
/* A code point, or a TOP_KEY_*; waits so long at most. */
int top_screen_key(int milliseconds);

/* ---- sampling (top_sample.c) ---- */

struct top_sampler;
enum { TOP_TOLD = 256 };

/* What is looked at, in a few words, printable; free() it (cmd_top.c). */
char *top_target_name(const struct cli_sampling *sampling);
/* Begins to look; it is borrowed.  `private`: the command gets no terminal, what it prints is
 * kept.  NULL: it could not begin, which was said; *ret_status is the exit status. */
struct top_sampler *top_sampler_start(struct cli_sampling *sampling, uint64_t window, bool private,
				      int *ret_status);
/* Stops, and says what there is to say.  The exit status. */
int top_sampler_stop(struct top_sampler *sampler);
/* From the handler of SIGCONT: what was while this program was stopped is not known. */
void top_sampler_continued(void);
void top_sampler_pause(struct top_sampler *sampler, bool pause);
/* The model is good until it is unlocked.  Texts of the status are too. */
const struct top_model *top_sampler_lock(struct top_sampler *sampler, struct top_status *ret);
void top_sampler_unlock(struct top_sampler *sampler);
void top_sampler_reset(struct top_sampler *sampler);

#endif
