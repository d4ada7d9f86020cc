/*
 * The format "gecko": for the Firefox Profiler, https://profiler.firefox.com, in its processed
 * form, version 48 (docs-developer/CHANGELOG-formats.md and src/types/profile.js there), which
 * later ones read as well.
 *
 * Each thread that has samples brings tables of its own with what its samples refer to, column by
 * column.  Weights and times are milliseconds.  Python's functions are marked as what the profiler
 * calls JavaScript: its filters tell interpreted and native frames apart so.
 */
#include "output/json_text.h"
#include "output/profile_gecko.h"

#include <inttypes.h>
#include <stdlib.h>

/* What a column says of one row; `item` is the profile's index of what the row is about. */
typedef void (*column_fn)(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t item);

static void append_index(struct pw_buffer *b, uint32_t index)
{
	pw_buffer_append_number(b, index, 0);
}

static void append_null(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t item)
{
	pw_buffer_append_string(b, "null");
}

static void append_zero(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t item)
{
	pw_buffer_append_char(b, '0');
}

static void append_one(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t item)
{
	pw_buffer_append_char(b, '1');
}

static void append_minus_one(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t item)
{
	pw_buffer_append_string(b, "-1");
}

static void append_line(struct pw_buffer *b, int line)
{
	if (line > 0)
		pw_buffer_append_number(b, (uint64_t)line, 0);
	else
		pw_buffer_append_string(b, "null");
}

/* ---- stacks -------------------------------------------------------------------------------- */

static void stack_frame(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t node)
{
	append_index(b, pw_gecko_row(&t->frames, pw_profile_node(t->profile, node)->frame));
}

static void stack_prefix(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t node)
{
	uint32_t parent = pw_profile_node(t->profile, node)->parent;
	if (parent)
		append_index(b, pw_gecko_row(&t->nodes, parent));
	else
		pw_buffer_append_string(b, "null");
}

/* The categories of meta stand in the order of enum pw_profile_kind. */
static void stack_category(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t node)
{
	uint32_t function = pw_profile_node_function(t->profile, node);
	append_index(b, pw_profile_function(t->profile, function)->kind);
}

/* ---- frames -------------------------------------------------------------------------------- */

static void frame_category(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t frame)
{
	uint32_t function = pw_profile_frame(t->profile, frame)->function;
	append_index(b, pw_profile_function(t->profile, function)->kind);
}

static void frame_func(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t frame)
{
	append_index(b, pw_gecko_row(&t->functions, pw_profile_frame(t->profile, frame)->function));
}

static void frame_line(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t frame)
{
	append_line(b, pw_profile_frame(t->profile, frame)->line);
}

/* ---- functions ----------------------------------------------------------------------------- */

static void append_string(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t string,
			  const char *none)
{
	if (string == PW_GECKO_NONE)
		pw_buffer_append_string(b, none);
	else
		append_index(b, pw_gecko_row(&t->strings, string));
}

static void func_name(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	append_string(b, t, pw_gecko_string(t, function, PW_GECKO_NAME), "0");
}

static void func_is_python(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	bool python = pw_profile_function(t->profile, function)->kind == PW_PROFILE_PYTHON;
	pw_buffer_append_string(b, python ? "true" : "false");
}

static void func_relevant(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	pw_buffer_append_string(b, "false");
}

static void func_resource(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	uint32_t module = pw_gecko_string(t, function, PW_GECKO_MODULE);
	if (module == PW_GECKO_NONE)
		pw_buffer_append_string(b, "-1");
	else
		append_index(b, pw_gecko_row(&t->modules, module));
}

static void func_file(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	append_string(b, t, pw_gecko_string(t, function, PW_GECKO_FILE), "null");
}

static void func_line(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t function)
{
	append_line(b, pw_profile_function(t->profile, function)->first_line);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void resource_name(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t module)
{
	append_string(b, t, module, "0");
}

static void string_text(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t string)
{
	pw_json_append_text(b, t->texts[string]);
}

static void sample_stack(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t sample)
{
	uint32_t node = pw_profile_sample(t->profile, sample)->node;
	if (node)
		append_index(b, pw_gecko_row(&t->nodes, node));
	else
		pw_buffer_append_string(b, "null");
}

static void sample_time(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t sample)
{
	pw_json_append_fixed(b, pw_profile_sample(t->profile, sample)->time, 6);
}

static void sample_weight(struct pw_buffer *b, const struct pw_gecko_tables *t, uint32_t sample)
{
	pw_json_append_fixed(b, pw_profile_sample(t->profile, sample)->weight, 6);
}

struct column {
	const char *name;
	column_fn append;
};

static void write_rows(struct pw_sink *sink, const struct pw_gecko_tables *t, const uint32_t *items,
		       size_t count, column_fn append)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_buffer_append_char(b, '[');
	for (size_t i = 0; i < count && pw_sink_settle(sink); i++) {
		if (i)
			pw_buffer_append_char(b, ',');
		append(b, t, items[i]);
	}
	pw_buffer_append_char(b, ']');
}

/* The last column has no name. */
static void write_table(struct pw_sink *sink, const struct pw_gecko_tables *t, const char *name,
			const char *members, const uint32_t *items, size_t count,
			const struct column *columns)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_buffer_printf(b, ",\n \"%s\": {%s\"length\": %zu", name, members, count);
	for (; columns->name; columns++) {
		pw_buffer_printf(b, ",\n  \"%s\": ", columns->name);
		write_rows(sink, t, items, count, columns->append);
	}
	pw_buffer_append_char(b, '}');
}

static const struct column stack_columns[] = {
	{"frame", stack_frame},
	{"prefix", stack_prefix},
	{"category", stack_category},
	{"subcategory", append_zero},
	{0},
};
static const struct column frame_columns[] = {
	{"address", append_minus_one},
	{"inlineDepth", append_zero},
	{"category", frame_category},
	{"subcategory", append_zero},
	{"func", frame_func},
	{"nativeSymbol", append_null},
	{"innerWindowID", append_null},
	{"implementation", append_null},
	{"line", frame_line},
	{"column", append_null},
	{0},
};
static const struct column func_columns[] = {
	{"name", func_name},
	{"isJS", func_is_python},
	{"relevantForJS", func_relevant},
	{"resource", func_resource},
	{"fileName", func_file},
	{"lineNumber", func_line},
	{"columnNumber", append_null},
	{0},
};
/* Of type 1: libraries. */
static const struct column resource_columns[] = {
	{"lib", append_null},
	{"name", resource_name},
	{"host", append_null},
	{"type", append_one},
	{0},
};
static const struct column sample_columns[] = {
	{"stack", sample_stack},
	{"time", sample_time},
	{"weight", sample_weight},
	{0},
};
static const struct column no_symbols[] = {
	{"libIndex", append_null},
	{"address", append_null},
	{"name", append_null},
	{"functionSize", append_null},
	{0},
};
static const struct column no_markers[] = {
	{"data", append_null},
	{"name", append_null},
	{"startTime", append_null},
	{"endTime", append_null},
	{"phase", append_null},
	{"category", append_null},
	{0},
};

static void write_tables(struct pw_sink *sink, const struct pw_gecko_tables *t,
			 const uint32_t *samples, size_t count)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	write_table(sink, t, "samples", "\"weightType\": \"tracing-ms\", ", samples, count,
		    sample_columns);
	write_table(sink, t, "stackTable", "", t->nodes.items, t->nodes.count, stack_columns);
	write_table(sink, t, "frameTable", "", t->frames.items, t->frames.count, frame_columns);
	write_table(sink, t, "funcTable", "", t->functions.items, t->functions.count, func_columns);
	write_table(sink, t, "resourceTable", "", t->modules.items, t->modules.count,
		    resource_columns);
	write_table(sink, t, "nativeSymbols", "", NULL, 0, no_symbols);
	write_table(sink, t, "markers", "", NULL, 0, no_markers);
	pw_buffer_append_string(b, ",\n \"stringArray\": ");
	write_rows(sink, t, t->strings.items, t->strings.count, string_text);
}

static void append_quoted(struct pw_buffer *b, struct pw_buffer *text)
{
	pw_json_append_text(b, text->failed ? "" : text->data);
	b->failed |= text->failed;
	text->length = 0;
}

static void write_thread(struct pw_sink *sink, struct pw_gecko_tables *t,
			 const struct pw_profile_process *process,
			 const struct pw_profile_thread *thread, const uint32_t *samples,
			 size_t count)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_auto_buffer struct pw_buffer name = {0};

	pw_gecko_tables_fill(t, samples, count);
	pw_profile_append_thread(&name, thread);
	pw_buffer_append_string(b, "\n{\"name\": ");
	append_quoted(b, &name);
	pw_profile_append_process(&name, process);
	pw_buffer_append_string(b, ", \"processName\": ");
	append_quoted(b, &name);
	pw_buffer_printf(b, ", \"pid\": \"%" PRId64 "\"", process->pid);
	pw_json_append_count(b, "tid", thread->tid);
	bool is_main = (int64_t)thread->tid == process->pid;
	pw_buffer_printf(b, ", \"isMainThread\": %s", is_main ? "true" : "false");
	pw_buffer_append_string(b, ", \"processType\": \"default\", \"processStartupTime\": 0, "
				   "\"processShutdownTime\": null, \"registerTime\": 0, "
				   "\"unregisterTime\": null, \"pausedRanges\": []");
	write_tables(sink, t, samples, count);
	pw_buffer_append_char(b, '}');
}

static void write_threads(struct pw_sink *sink, struct pw_gecko_tables *tables,
			  const struct pw_profile_tracks *tracks)
{
	const struct pw_profile *profile = tables->profile;
	bool any = false;
	for (size_t t = 0; t < pw_profile_thread_count(profile) && pw_sink_settle(sink); t++) {
		const struct pw_profile_thread *thread = pw_profile_thread(profile, t);
		size_t count = pw_profile_track_length(tracks, t);
		if (!count)
			continue;
		if (any)
			pw_buffer_append_char(pw_sink_buffer(sink), ',');
		any = true;
		write_thread(sink, tables, pw_profile_process(profile, thread->process), thread,
			     tracks->samples + tracks->starts[t], count);
	}
	/* The profiler refuses a profile without threads. */
	static const struct pw_profile_process no_process = {0};
	static const struct pw_profile_thread no_thread = {.name = "no samples"};
	if (!any)
		write_thread(sink, tables, &no_process, &no_thread, NULL, 0);
}

static void write_meta(struct pw_buffer *b, const struct pw_profile *profile)
{
	const struct pw_profile_info *info = pw_profile_info(profile);
	double rate = info->rate_reached > 0 ? info->rate_reached : info->rate_wished;
	pw_buffer_append_string(b, "{\"meta\": {\"version\": 30, \"preprocessedProfileVersion\": 48"
				   ", \"interval\": ");
	pw_json_append_real(b, rate > 0 ? 1e3 / rate : 1);
	pw_buffer_append_string(b, ", \"startTime\": ");
	pw_json_append_fixed(b, info->start, 6);
	pw_buffer_append_string(b, ", \"profilingStartTime\": 0, \"profilingEndTime\": ");
	pw_json_append_fixed(b, info->duration, 6);
	pw_buffer_append_string(b, ", \"processType\": 0, \"product\": ");
	const struct pw_profile_process *first =
		pw_profile_process_count(profile) ? pw_profile_process(profile, 0) : NULL;
	pw_json_append_text(b, first && first->command	    ? first->command
			       : first && first->executable ? first->executable
							    : "pywalk");
	pw_buffer_printf(b, ", \"importedFrom\": \"pywalk %s\"", pw_version());
	pw_buffer_append_string(b, ", \"stackwalk\": 1, \"debug\": false, \"symbolicated\": true, "
				   "\"doesNotUseFrameImplementation\": true, "
				   "\"sourceCodeIsNotOnSearchfox\": true, "
				   "\"usesOnlyOneStackType\": ");
	pw_buffer_append_string(b, info->native ? "false" : "true");
	pw_buffer_append_string(
		b, ", \"markerSchema\": [],\n\"categories\": ["
		   "{\"name\": \"Python\", \"color\": \"yellow\", \"subcategories\": [\"Other\"]}, "
		   "{\"name\": \"Native\", \"color\": \"blue\", \"subcategories\": [\"Other\"]}, "
		   "{\"name\": \"Gap\", \"color\": \"orange\", \"subcategories\": [\"Other\"]}, "
		   "{\"name\": \"Other\", \"color\": \"grey\", \"subcategories\": [\"Other\"]}],\n"
		   "\"pywalk\": {");
	pw_profile_append_info(b, profile);
	pw_buffer_append_string(b, "}},\n\"libs\": [],\n\"pages\": [],\n\"threads\": [");
}

static struct pw_error *write_gecko(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	struct pw_profile_tracks tracks = {0};
	struct pw_gecko_tables tables = {0};
	struct pw_error *error = pw_profile_tracks_init(&tracks, profile);
	if (!error)
		error = pw_gecko_tables_init(&tables, profile);
	if (!error) {
		write_meta(b, profile);
		write_threads(sink, &tables, &tracks);
		pw_buffer_append_string(b, "]}\n");
	}
	pw_gecko_tables_deinit(&tables);
	pw_profile_tracks_deinit(&tracks);
	return error;
}

const struct pw_profile_writer pw_profile_writer_gecko = {
	.format = {"gecko", ".gecko.json", "for the Firefox Profiler: a timeline and call trees"},
	.write = write_gecko,
};
