/* The lines of a screen, or of a page of text: the state above, a table, what keys do below. */
#include "cli/top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	AROUND = 4,	   /* lines that are not rows */
	WITH_SECONDS = 60, /* columns from which on all numbers are shown */
};

/* ---- lines ---- */

void top_lines_deinit(struct top_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->items[i].text);
	free(lines->items);
	*lines = (struct top_lines){0};
}

__attribute__((format(printf, 3, 4))) static void put(struct top_lines *lines, unsigned style,
						      const char *format, ...)
{
	if (lines->count == lines->capacity) {
		size_t capacity = lines->capacity ? lines->capacity * 2 : 64;
		struct top_line *items = reallocarray(lines->items, capacity, sizeof(*items));
		lines->failed |= !items;
		if (!items)
			return;
		lines->items = items;
		lines->capacity = capacity;
	}
	struct top_line *line = &lines->items[lines->count];
	va_list ap;
	va_start(ap, format);
	line->style = style;
	if (vasprintf(&line->text, format, ap) < 0)
		lines->failed = true;
	else
		lines->count++;
	va_end(ap);
}

/* ---- numbers ---- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Seconds in 8 columns. */
static const char *seconds(uint64_t ns, char to[16])
{
	double s = (double)ns / 1e9;
	if (s < 99999)
		snprintf(to, 16, "%8.2f", s);
	else
		snprintf(to, 16, "%7.1fh", s / 3600);
	return to;
}

static const char *clock_time(uint64_t ns, char to[32])
{
	uint64_t s = ns / 1000000000;
	snprintf(to, 32, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
		 (unsigned)(s % 60));
	return to;
}

/* ---- above ---- */

static const char *state_of(const struct top_status *status)
{
	return status->ended ? "ENDED  " : status->paused ? "PAUSED  " : "";
}

static void put_title(const struct top_view *view, const struct top_model *model,
		      const struct top_status *status, struct top_lines *lines)
{
	char since[32];
	char window[32];
	snprintf(window, sizeof(window), "last %g s", (double)status->window / 1e9);
	put(lines, TOP_TITLE, "pywalk top  %s%s  %s  %s", state_of(status),
	    view->query.since_start ? "since the start" : window, clock_time(model->all, since),
	    status->target);
}

static void put_state(const struct top_view *view, const struct top_model *model,
		      const struct top_status *status, const struct top_table *table,
		      struct top_lines *lines)
{
	uint64_t looks = view->query.since_start ? model->all_looks : model->window_looks;
	double rate = table->elapsed ? (double)looks * 1e9 / (double)table->elapsed : 0;
	char clock[64] = "", speed[64];
	if (view->clock != PW_CLOCK_WALL)
		snprintf(clock, sizeof(clock), "  --%s", pw_profile_clock_name(view->clock));
	if (status->own_clock)
		snprintf(speed, sizeof(speed), "ebpf %g/s", status->rate_wished);
	else
		snprintf(speed, sizeof(speed), "%.0f/s of %g", rate, status->rate_wished);
	put(lines, TOP_PLAIN,
	    "CPU %.0f%%  GIL %.0f%%  threads %zu, %zu ran%s  %s  lost %" PRIu64 "  torn %" PRIu64
	    "  pywalk %.0f%%",
	    percent(table->running, table->elapsed), percent(table->gil, table->elapsed),
	    table->threads, table->running_threads, clock, speed, status->lost, status->torn,
	    percent(status->own_cpu, status->duration));
}

/* ---- tables ---- */

static const char *const sort_names[TOP_BY_COUNT][TOP_SORT_COUNT] = {
	[TOP_BY_FUNCTION] = {"own", "total", "gil", "function"},
	[TOP_BY_LINE] = {"own", "total", "gil", "line"},
	[TOP_BY_THREAD] = {"cpu", "seen", "gil", "thread"},
};

/* A column's title, with what says that it is sorted by it. */
static const char *title(const struct top_query *query, enum top_sort sort, char to[24])
{
	const char *name = sort_names[query->by][sort];
	const char *mark = query->sort != sort ? "" : query->reverse ? "^" : "*";
	snprintf(to, 24, "%s%s%s", mark, sort == TOP_SORT_NAME ? "" : "%", name);
	return to;
}

static void put_head(const struct top_query *query, bool all, const char *what,
		     struct top_lines *lines)
{
	char own[24], total[24], gil[24], name[24];
	title(query, TOP_SORT_OWN, own);
	title(query, TOP_SORT_TOTAL, total);
	title(query, TOP_SORT_GIL, gil);
	title(query, TOP_SORT_NAME, name);
	if (all)
		put(lines, TOP_HEAD, "%6s %7s %6s %6s s %6s s  %s", own, total, gil,
		    sort_names[query->by][TOP_SORT_OWN], sort_names[query->by][TOP_SORT_TOTAL],
		    what ? what : name);
	else
		put(lines, TOP_HEAD, "%6s %7s  %s", own, total, what ? what : name);
}

static void put_row(const struct top_row *row, uint64_t elapsed, bool all, unsigned style,
		    const char *more, struct top_lines *lines)
{
	char own[16], total[16];
	if (all)
		put(lines, style, "%6.1f %7.1f %6.1f %s %s  %s%s", percent(row->own, elapsed),
		    percent(row->total, elapsed), percent(row->gil, elapsed),
		    seconds(row->own, own), seconds(row->total, total), row->text, more);
	else
		put(lines, style, "%6.1f %7.1f  %s%s", percent(row->own, elapsed),
		    percent(row->total, elapsed), row->text, more);
}

static unsigned style_of(const struct top_row *row)
{
	return row->kind == TOP_ROW_NATIVE  ? TOP_NATIVE
	       : row->kind == TOP_ROW_OTHER ? TOP_DIM
					    : TOP_PLAIN;
}

static uint32_t opens(const struct top_view *view, const struct pw_profile *profile,
		      const struct top_row *row)
{
	uint32_t frame = view->query.by == TOP_BY_THREAD ? row->where : row->index;
	if (row->index == TOP_NONE || frame == TOP_NONE)
		return TOP_NONE;
	return view->query.by == TOP_BY_FUNCTION ? row->index
						 : pw_profile_frame(profile, frame)->function;
}

/* Where the selected row is now. */
static void choose(struct top_view *view, const struct top_model *model,
		   const struct top_table *table, size_t page)
{
	bool known =
		view->follows && view->chosen != TOP_NONE && view->chosen_moves == model->moves;
	for (size_t i = 0; known && i < table->count; i++) {
		if (table->rows[i].index == view->chosen) {
			view->selected = i;
			break;
		}
	}
	top_view_scroll(view, table->count, page);
	const struct top_row *row = table->count ? &table->rows[view->selected] : NULL;
	view->chosen = row ? row->index : TOP_NONE;
	view->opens = row ? opens(view, model->profile, row) : TOP_NONE;
	view->chosen_moves = model->moves;
}

static void put_table(struct top_view *view, const struct top_model *model,
		      const struct top_table *table, size_t page, bool all, struct top_lines *lines)
{
	bool screen = page != SIZE_MAX;
	put_head(&view->query, all, NULL, lines);
	if (screen)
		choose(view, model, table, page);
	size_t first = screen ? view->first : 0;
	for (size_t i = first; i < table->count && i - first < page; i++) {
		const struct top_row *row = &table->rows[i];
		char *where = NULL;
		if (view->query.by == TOP_BY_THREAD && row->where != TOP_NONE) {
			const struct pw_profile_frame *frame =
				pw_profile_frame(model->profile, row->where);
			where = top_function_text(
				pw_profile_function(model->profile, frame->function), frame->line);
		}
		char *more = NULL;
		if (where && asprintf(&more, "  in %s", where) < 0)
			more = NULL;
		put_row(row, table->elapsed, all,
			screen && i == view->selected ? style_of(row) | TOP_SELECTED
						      : style_of(row),
			more ? more : "", lines);
		free(more);
		free(where);
	}
	if (!table->count)
		put(lines, TOP_DIM, "%s",
		    table->hidden ? "(the filter hides all rows)" : "(nothing seen yet)");
}

/* ---- a detail ---- */

static void put_part(const struct top_table *table, const char *what, bool own, bool all,
		     struct top_lines *lines)
{
	if (all)
		put(lines, TOP_HEAD, "%6s %7s %8s %8s  %s", own ? "%own" : "", "%total",
		    own ? "own s" : "", "total s", what);
	else
		put(lines, TOP_HEAD, "%6s %7s  %s", own ? "%own" : "", "%total", what);
	for (size_t i = 0; i < table->count; i++) {
		const struct top_row *row = &table->rows[i];
		char share[16] = "", own_time[16] = "", total[16];
		if (own) {
			snprintf(share, sizeof(share), "%.1f", percent(row->own, table->elapsed));
			seconds(row->own, own_time);
		}
		if (all)
			put(lines, TOP_PLAIN, "%6s %7.1f %8s %s  %s", share,
			    percent(row->total, table->elapsed), own_time,
			    seconds(row->total, total), row->text);
		else
			put(lines, TOP_PLAIN, "%6s %7.1f  %s", share,
			    percent(row->total, table->elapsed), row->text);
	}
}

/* Moves what is seen of `all` to `lines`. */
static void put_page(struct top_view *view, struct top_lines *all, size_t page,
		     struct top_lines *lines)
{
	top_view_scroll(view, all->count, page);
	for (size_t i = view->first; i < all->count && i - view->first < page; i++)
		put(lines, all->items[i].style, "%s", all->items[i].text);
	lines->failed |= all->failed;
	top_lines_deinit(all);
}

static bool put_detail(struct top_view *view, const struct top_model *model, size_t page, bool wide,
		       struct top_lines *lines)
{
	struct top_detail detail;
	struct top_lines all = {0};
	if (!top_detail(model, &view->query, &view->function, &detail))
		return false;
	uint64_t elapsed = detail.callers.elapsed;
	const char *path = view->function.file ? view->function.file : view->function.module;
	char *place = pw_printable(path ? path : "");
	put(lines, TOP_TITLE, "%s", detail.row.text);
	put(&all, TOP_PLAIN, "own %.1f%%, total %.1f%% of %.0f s, GIL %.1f%%",
	    percent(detail.row.own, elapsed), percent(detail.row.total, elapsed),
	    (double)elapsed / 1e9, percent(detail.row.gil, elapsed));
	if (path)
		put(&all, TOP_DIM, "%s", place ? place : "out of memory");
	put_part(&detail.callers, "called by", false, wide, &all);
	put_part(&detail.lines, "its lines", true, wide, &all);
	put_part(&detail.callees, "calls", false, wide, &all);
	free(place);
	top_detail_deinit(&detail);
	put_page(view, &all, page, lines);
	return true;
}

/* ---- help ---- */

static const char *const help[] = {
	"f l t Tab   functions, lines, threads, the next of them",
	"w           the last seconds, or since the start",
	"1 2 3 4 < > sort by this column, the one to the left or right",
	"r           the other way round",
	"/           only rows in which this is found (extended regex); Esc: all",
	"i           only threads that run, or all",
	"g           only samples of who holds the GIL, or all",
	"p Space     pause: nothing is looked at, the processes are left alone",
	"z           start from zero",
	"Enter Right the selected function: callers, lines, whom it calls",
	"Esc Left    back",
	"arrows j k PgUp PgDn Home End   move",
	"q           quit",
	"",
	"Percents are of the time that passed: a thread that does nothing else",
	"has 100, two have 200. own: it was the newest frame. total: with all",
	"that it called. gil: of total, while its thread held the GIL.",
	"CPU: threads that ran or could have run. The sorted column has a *.",
};

static void put_help(struct top_view *view, size_t page, struct top_lines *lines)
{
	struct top_lines all = {0};
	for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		put(&all, TOP_PLAIN, "%s", help[i]);
	put(lines, TOP_HEAD, "Keys");
	put_page(view, &all, page, lines);
}

/* ---- below ---- */

static void put_bottom(const struct top_view *view, const struct top_status *status,
		       const struct top_table *table, struct top_lines *lines)
{
	const struct top_query *query = &view->query;
	char only[64];
	snprintf(only, sizeof(only), "%s%s",
		 query->flags & PW_SAMPLE_RUNNING ? "i: running only  " : "",
		 query->flags & PW_SAMPLE_GIL ? "g: GIL only  " : "");
	if (view->typing && view->notice[0])
		put(lines, TOP_ALERT, "/%s  %s", view->typed, view->notice);
	else if (view->typing)
		put(lines, TOP_PLAIN, "/%s", view->typed);
	else if (view->notice[0])
		put(lines, TOP_ALERT, "%s", view->notice);
	else if (view->help || view->detail)
		put(lines, TOP_DIM, "Esc back  arrows move  q quit");
	else if (status->message[0])
		put(lines, TOP_ALERT, "%s", status->message);
	else if (query->filter)
		put(lines, TOP_DIM, "%s/%s/ hides %zu rows  Esc all rows  ? help", only,
		    view->pattern, table->hidden);
	else if (query->flags)
		put(lines, TOP_DIM, "%s ? help", only);
	else
		put(lines, TOP_DIM,
		    "q quit  ? help  / filter  p pause  w window  f l t views  Enter detail");
}

bool top_draw(struct top_view *view, const struct top_model *model, const struct top_status *status,
	      unsigned rows, unsigned columns, struct top_lines *ret)
{
	struct top_table table;
	bool wide = !columns || columns >= WITH_SECONDS, good = true;
	size_t page = !rows ? SIZE_MAX : rows > AROUND ? rows - AROUND : 1;
	*ret = (struct top_lines){.typing = view->typing};
	if (!top_table(model, &view->query, &table))
		return false;
	put_title(view, model, status, ret);
	put_state(view, model, status, &table, ret);
	if (view->help)
		put_help(view, page, ret);
	else if (view->detail)
		good = put_detail(view, model, page, wide, ret);
	else
		put_table(view, model, &table, page, wide, ret);
	if (rows) {
		while (!ret->failed && ret->count + 1 < rows)
			put(ret, TOP_PLAIN, "%s", "");
		put_bottom(view, status, &table, ret);
	}
	top_table_deinit(&table);
	if (good && !ret->failed)
		return true;
	top_lines_deinit(ret);
	return false;
}
