/* The format "text" of tables: for people, as wide as their terminal. */
#include "output/report_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME_MIN = 16, /* columns that a name has, however narrow the terminal is */
	INDENT = 2,
};

/* A unit for all times of a table, so that they can be compared at a glance. */
struct unit {
	const char *name;
	double ns;
};

static struct unit choose_unit(uint64_t largest)
{
	static const struct unit units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
	size_t i = 0;
	while (i < 3 && (double)largest < units[i].ns)
		i++;
	return units[i];
}

struct layout {
	const struct pw_report_output *output;
	struct unit unit;
	int time, samples;     /* widths of columns */
	struct pw_buffer name; /* of a row */
};

/* ---- names ---- */

static void append_place(struct pw_buffer *b, const struct pw_report_row *row)
{
	const char *place = row->file ? row->file : row->module;
	if (!place)
		return;
	pw_buffer_printf(b, " (%s", pw_profile_base_name(place));
	if (row->file && row->line > 0)
		pw_buffer_printf(b, ":%d", row->line);
	pw_buffer_append_char(b, ')');
}

static void append_label(struct pw_buffer *b, enum pw_report_table table, enum pw_report_by by,
			 const struct pw_report_row *row)
{
	if (row->thread) {
		pw_profile_append_thread(b, row->thread);
	} else if (row->process) {
		pw_profile_append_process(b, row->process);
	} else if (row->name) {
		pw_buffer_append_string(b, row->name[0] ? row->name : "(no name)");
		append_place(b, row);
	} else if (row->file || row->module) {
		const char *path = row->file ? row->file : row->module;
		pw_buffer_append_string(b, path[0]		     ? path
					   : by == PW_REPORT_BY_FILE ? "(unknown file)"
								     : "(unknown module)");
	} else if (table == PW_REPORT_CALLERS && row->level) {
		pw_buffer_append_string(b, "(the thread's start)");
	} else {
		pw_buffer_append_string(b, "(no stack)");
	}
}

/* How many columns the character at *at has, which is moved behind it; text is valid UTF-8. */
static unsigned columns(const char **at)
{
	static const struct {
		uint32_t from, to;
		unsigned columns;
	} ranges[] = {
		{0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200d, 0},
		{0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
	};
	const unsigned char *p = (const unsigned char *)*at;
	unsigned more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = more ? *p & (0x3fu >> more) : *p;
	for (p++; more && (*p & 0xc0) == 0x80; more--)
		c = c << 6 | (*p++ & 0x3f);
	*at = (const char *)p;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].columns;
	return 1;
}

static unsigned width_of(const char *text)
{
	unsigned width = 0;
	while (*text)
		width += columns(&text);
	return width;
}

/* The text, cut where it does not fit; room 0: it always does. */
static void append_fitting(struct pw_buffer *b, const char *text, unsigned room)
{
	const char *at = text, *end = text;
	if (!room || width_of(text) <= room) {
		pw_buffer_append_string(b, text);
		return;
	}
	for (unsigned used = 0; *at; end = at) {
		used += columns(&at);
		if (used + 3 > room)
			break;
	}
	pw_buffer_append(b, text, (size_t)(end - text));
	pw_buffer_append_string(b, "...");
}

/* A name behind `used` columns.  Deep trees stop to move to the right, and say how deep they are.
 */
static void append_name(struct layout *l, struct pw_buffer *b, const struct pw_report_row *row,
			unsigned used)
{
	const struct pw_report *report = l->output->report;
	pw_auto_buffer struct pw_buffer printable = {0};
	unsigned width = l->output->width, room = 0;
	if (width)
		room = width > used + NAME_MIN ? width - used : NAME_MIN;
	unsigned deepest = (room ? room / 2 : 100) / INDENT;
	l->name.length = 0;
	if (row->level > deepest)
		pw_buffer_printf(&l->name, "[%" PRIu32 "] ", row->level);
	append_label(&l->name, pw_report_table(report), pw_report_by(report), row);
	pw_text_append_printable(&printable, l->name.data ? l->name.data : "");
	unsigned indent = (row->level > deepest ? deepest : row->level) * INDENT;
	pw_buffer_printf(b, "%*s", (int)indent, "");
	append_fitting(b, printable.data ? printable.data : "", room ? room - indent : 0);
	b->failed |= printable.failed;
	pw_buffer_append_char(b, '\n');
}

/* ---- rows ---- */

static void append_share(struct pw_buffer *b, struct pw_report_cost cost,
			 struct pw_report_cost total)
{
	pw_buffer_printf(b, "%6.2f%%", 100 * pw_report_share(cost, total));
}

static void append_time(const struct layout *l, struct pw_buffer *b, struct pw_report_cost cost)
{
	pw_buffer_printf(b, " %*.3f", l->time, (double)cost.time / l->unit.ns);
}

static void append_samples(const struct layout *l, struct pw_buffer *b, struct pw_report_cost cost)
{
	pw_buffer_printf(b, " %*" PRIu64, l->samples, cost.samples);
}

/* The first share of a row comes with samples, the other one without. */
static void append_row(struct layout *l, const struct pw_report_row *row)
{
	const struct pw_report *report = l->output->report;
	struct pw_buffer *b = pw_sink_buffer(l->output->sink);
	struct pw_report_cost total = pw_report_total(report);
	bool flat = pw_report_table(report) == PW_REPORT_FLAT;
	bool edge = row->level && pw_report_table(report) != PW_REPORT_TREE;
	size_t start = b->length;
	append_share(b, flat ? row->self : row->total, total);
	append_time(l, b, flat ? row->self : row->total);
	append_samples(l, b, flat ? row->self : row->total);
	pw_buffer_append_char(b, ' ');
	if (edge) {
		pw_buffer_printf(b, "%*s", 8 + l->time, "");
	} else {
		append_share(b, flat ? row->total : row->self, total);
		append_time(l, b, flat ? row->total : row->self);
	}
	pw_buffer_append_string(b, "  ");
	append_name(l, b, row, (unsigned)(b->length - start));
}

static void append_change(struct layout *l, const struct pw_report_row *row)
{
	const struct pw_report *report = l->output->report;
	struct pw_buffer *b = pw_sink_buffer(l->output->sink);
	bool flat = pw_report_table(report) == PW_REPORT_FLAT;
	struct pw_report_cost before = flat ? row->self_before : row->total_before,
			      after = flat ? row->self : row->total;
	double was = pw_report_share(before, pw_report_total_before(report)),
	       is = pw_report_share(after, pw_report_total(report));
	size_t start = b->length;
	pw_buffer_printf(b, "%+7.2f %6.2f%% %6.2f%%", 100 * (is - was), 100 * was, 100 * is);
	append_time(l, b, before);
	append_time(l, b, after);
	pw_buffer_append_string(b, "  ");
	append_name(l, b, row, (unsigned)(b->length - start));
}

/* ---- heads ---- */

static void append_titles(struct layout *l)
{
	const struct pw_report *report = l->output->report;
	struct pw_buffer *b = pw_sink_buffer(l->output->sink);
	bool flat = pw_report_table(report) == PW_REPORT_FLAT;
	if (pw_report_before(report)) {
		const char *what = flat ? "self" : "total";
		pw_buffer_printf(
			b,
			"%s: change in percentage points, shares and times (%s) before and "
			"after\n",
			what, l->unit.name);
		pw_buffer_printf(b, "%7s %7s %7s %*s %*s  %s\n", "change", "before", "after",
				 l->time, "before", l->time, "after",
				 pw_report_by_name(pw_report_by(report)));
		return;
	}
	pw_buffer_printf(b, "%7s %*s %*s %7s %*s  %s\n", flat ? "self" : "total", l->time,
			 l->unit.name, l->samples, "samples", flat ? "total" : "self", l->time,
			 l->unit.name, pw_report_by_name(pw_report_by(report)));
}

static void prepare(struct layout *l)
{
	const struct pw_report *report = l->output->report;
	struct pw_report_cost total = pw_report_total(report),
			      before = pw_report_total_before(report);
	uint64_t largest = total.time > before.time ? total.time : before.time;
	l->unit = choose_unit(largest);
	l->time = snprintf(NULL, 0, "%.3f", (double)largest / l->unit.ns);
	l->time = l->time < 6 ? 6 : l->time;
	l->samples = snprintf(NULL, 0, "%" PRIu64, total.samples);
	l->samples = l->samples < 7 ? 7 : l->samples;
}

static void append_rest(const struct layout *l)
{
	const struct pw_report *report = l->output->report;
	struct pw_buffer *b = pw_sink_buffer(l->output->sink);
	if (!pw_report_row_count(report))
		pw_buffer_append_string(b, pw_report_left_out(report) ? "(nothing that large)\n"
								      : "(nothing)\n");
	if (pw_report_left_out(report)) {
		pw_report_append_count(b, pw_report_left_out(report));
		pw_buffer_append_string(b, " more; --limit and --threshold choose\n");
	}
}

static void append_heads(const struct layout *l)
{
	const struct pw_report *report = l->output->report;
	struct pw_buffer *b = pw_sink_buffer(l->output->sink);
	if (pw_report_before(report)) {
		pw_buffer_append_string(b, "before\n");
		pw_report_append_head(b, pw_report_before(report), 0);
		pw_buffer_append_string(b, "after\n");
	}
	pw_report_append_head(b, pw_report_profile(report), l->output->measured);
	pw_buffer_append_char(b, '\n');
}

struct pw_error *pw_report_write_text(const struct pw_report_output *output)
{
	struct layout l = {.output = output};
	bool graph = pw_report_table(output->report) == PW_REPORT_CALLERS ||
		     pw_report_table(output->report) == PW_REPORT_CALLEES;
	prepare(&l);
	append_heads(&l);
	append_titles(&l);
	for (size_t i = 0; i < pw_report_row_count(output->report) && pw_sink_settle(output->sink);
	     i++) {
		const struct pw_report_row *row = pw_report_row(output->report, i);
		if (graph && i && !row->level)
			pw_buffer_append_char(pw_sink_buffer(output->sink), '\n');
		if (pw_report_before(output->report))
			append_change(&l, row);
		else
			append_row(&l, row);
	}
	append_rest(&l);
	bool failed = l.name.failed;
	pw_buffer_deinit(&l.name);
	return failed ? &pw_error_nomem : NULL;
}
