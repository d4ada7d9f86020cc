/* What a person has chosen to see, and how keys change it. */
#include "cli/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void top_view_init(struct top_view *view, enum pw_profile_clock clock, bool no_lines)
{
	*view = (struct top_view){
		.clock = clock, .no_lines = no_lines, .chosen = TOP_NONE, .opens = TOP_NONE};
}

void top_view_deinit(struct top_view *view)
{
	if (view->query.filter)
		regfree(&view->filter);
	top_function_deinit(&view->function);
}

static void notice(struct top_view *view, const char *text)
{
	snprintf(view->notice, sizeof(view->notice), "%s", text);
}

/* ---- the filter ---- */

const char *top_view_filter(struct top_view *view, const char *pattern)
{
	static char why[128];
	regex_t made;
	int failed = regcomp(&made, pattern, REG_EXTENDED | REG_NOSUB);
	if (failed) {
		regerror(failed, &made, why, sizeof(why));
		return why;
	}
	if (view->query.filter)
		regfree(&view->filter);
	view->filter = made;
	view->query.filter = &view->filter;
	if (!pattern[0]) {
		regfree(&view->filter);
		view->query.filter = NULL;
	}
	snprintf(view->pattern, sizeof(view->pattern), "%s", pattern);
	view->selected = view->first = 0;
	view->follows = false;
	return NULL;
}

static void append_typed(struct top_view *view, int key)
{
	unsigned c = (unsigned)key;
	char bytes[5] = {0};
	size_t count = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (count == 1)
		bytes[0] = (char)c;
	for (size_t i = count; count > 1 && i-- > 0; c >>= 6)
		bytes[i] = i ? (char)(0x80 | (c & 0x3f)) : (char)(0xf00 >> count | c);
	if (strlen(view->typed) + count < sizeof(view->typed))
		strcat(view->typed, bytes);
}

static void type(struct top_view *view, int key)
{
	size_t length = strlen(view->typed);
	const char *why = NULL;
	switch (key) {
	case TOP_KEY_ENTER:
		why = top_view_filter(view, view->typed);
		if (why)
			notice(view, why);
		view->typing = why;
		break;
	case TOP_KEY_ESCAPE:
		view->typing = false;
		break;
	case TOP_KEY_BACKSPACE:
		while (length && (view->typed[--length] & 0xc0) == 0x80)
			;
		view->typed[length] = 0;
		break;
	case 'U' - 64: /* Ctrl-U, as on a line of the terminal's own */
		view->typed[0] = 0;
		break;
	default:
		if (key >= 0x20 && key != 0x7f && key < TOP_KEY_NONE)
			append_typed(view, key);
	}
}

/* ---- moving about ---- */

void top_view_scroll(struct top_view *view, size_t rows, size_t page)
{
	/* A detail and the help have no selected row: what is seen moves. */
	bool pages = view->detail || view->help;
	view->rows = rows;
	view->page = page ? page : 1;
	size_t last = rows ? rows - 1 : 0;
	if (pages)
		last = rows > view->page ? rows - view->page : 0;
	if (view->selected > last)
		view->selected = last;
	if (pages)
		view->first = view->selected;
	if (view->selected < view->first)
		view->first = view->selected;
	if (view->selected >= view->first + view->page)
		view->first = view->selected - view->page + 1;
	if (!pages && rows <= view->page)
		view->first = 0;
}

static bool move(struct top_view *view, int key)
{
	size_t at = view->selected, page = view->page ? view->page : 1;
	switch (key) {
	case TOP_KEY_UP:
	case 'k':
		at -= at > 0;
		break;
	case TOP_KEY_DOWN:
	case 'j':
		at++;
		break;
	case TOP_KEY_PAGE_UP:
		at = at > page ? at - page : 0;
		break;
	case TOP_KEY_PAGE_DOWN:
		at += page;
		break;
	case TOP_KEY_HOME:
		at = 0;
		break;
	case TOP_KEY_END:
		at = view->rows;
		break;
	default:
		return false;
	}
	size_t last = view->rows ? view->rows - 1 : 0;
	view->selected = at < last ? at : last;
	/* At the top, the first row stays selected, whichever it is. */
	view->follows = view->selected > 0;
	view->chosen = TOP_NONE;
	return true;
}

/* ---- what is shown ---- */

static void show(struct top_view *view, enum top_by by)
{
	if (by == TOP_BY_LINE && view->no_lines) {
		notice(view, "lines are not told apart: --function");
		return;
	}
	view->query.by = by;
	view->detail = false;
	view->selected = view->first = 0;
	view->follows = false;
}

static void sort(struct top_view *view, enum top_sort by)
{
	view->query.reverse = view->query.sort == by && !view->query.reverse;
	view->query.sort = by;
}

static void only(struct top_view *view, uint32_t flag, enum pw_profile_clock clock,
		 const char *already)
{
	if (view->clock == clock || (flag == PW_SAMPLE_RUNNING && view->clock == PW_CLOCK_GIL))
		notice(view, already);
	else
		view->query.flags ^= flag;
}

static void open_detail(struct top_view *view, const struct top_model *model)
{
	const struct pw_profile *profile = model->profile;
	if (!profile || view->opens >= pw_profile_function_count(profile) ||
	    view->chosen_moves != model->moves) {
		notice(view, "there is no more to say about this row");
		return;
	}
	top_function_deinit(&view->function);
	if (!top_function_copy(pw_profile_function(profile, view->opens), &view->function)) {
		notice(view, "out of memory");
		return;
	}
	view->detail = true;
	view->selected_before = view->selected;
	view->first_before = view->first;
	view->selected = view->first = 0;
}

/* Out of the help, a detail, the filter: the nearest first. */
static void leave(struct top_view *view)
{
	if (view->help && view->detail) {
		view->help = false;
		view->selected = view->first = 0;
	} else if (view->help || view->detail) {
		view->help = view->detail = false;
		view->selected = view->selected_before;
		view->first = view->first_before;
	} else if (view->query.filter) {
		top_view_filter(view, "");
	}
}

static void open_help(struct top_view *view)
{
	if (!view->detail) {
		view->selected_before = view->selected;
		view->first_before = view->first;
	}
	view->help = true;
	view->selected = view->first = 0;
}

static enum top_action choose(struct top_view *view, const struct top_model *model, int key)
{
	switch (key) {
	case 'q':
		return TOP_QUIT;
	case 'p':
	case ' ':
		return TOP_PAUSE;
	case 'z':
		return TOP_RESET;
	case '?':
	case 'h':
		open_help(view);
		break;
	case 'f':
	case 'l':
	case 't':
		show(view, key == 'f' ? TOP_BY_FUNCTION : key == 'l' ? TOP_BY_LINE : TOP_BY_THREAD);
		break;
	case TOP_KEY_TAB:
		show(view, view->query.by == TOP_BY_FUNCTION && view->no_lines
				   ? TOP_BY_THREAD
				   : (enum top_by)((view->query.by + 1) % TOP_BY_COUNT));
		break;
	case 'w':
		view->query.since_start = !view->query.since_start;
		break;
	case '1':
	case '2':
	case '3':
	case '4':
		sort(view, (enum top_sort)(key - '1'));
		break;
	case '<':
	case '>':
		view->query.reverse = false;
		view->query.sort =
			(enum top_sort)((view->query.sort + (key == '>' ? 1 : TOP_SORT_COUNT - 1)) %
					TOP_SORT_COUNT);
		break;
	case 'r':
		view->query.reverse = !view->query.reverse;
		break;
	case 'i':
		only(view, PW_SAMPLE_RUNNING, PW_CLOCK_CPU, "threads that sleep are not sampled");
		break;
	case 'g':
		only(view, PW_SAMPLE_GIL, PW_CLOCK_GIL, "only who holds the GIL is sampled");
		break;
	case '/':
		view->typing = true;
		snprintf(view->typed, sizeof(view->typed), "%s", view->pattern);
		break;
	case TOP_KEY_ENTER:
	case TOP_KEY_RIGHT:
		if (!view->detail)
			open_detail(view, model);
		break;
	case TOP_KEY_ESCAPE:
	case TOP_KEY_LEFT:
	case TOP_KEY_BACKSPACE:
		leave(view);
		break;
	default:
		if (key > ' ' && key < 0x7f)
			snprintf(view->notice, sizeof(view->notice),
				 "%c does nothing; ? shows the keys", key);
	}
	return TOP_NOTHING;
}

enum top_action top_view_key(struct top_view *view, const struct top_model *model, int key)
{
	if (key == TOP_KEY_NONE || key == TOP_KEY_RESIZE)
		return TOP_NOTHING;
	view->notice[0] = 0;
	if (view->typing) {
		type(view, key);
		return TOP_NOTHING;
	}
	if (move(view, key))
		return TOP_NOTHING;
	if (view->help && key != 'q') {
		leave(view);
		return TOP_NOTHING;
	}
	return choose(view, model, key);
}
