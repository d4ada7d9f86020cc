/*
 * The format "flamegraph": one HTML page that needs nothing else, with the profile as JSON in it.
 *
 * The JSON is an element of its own that browsers do not run; no character that HTML knows is left
 * in it.  Its lists of numbers are flat, since a page of many objects is slow to read:
 *
 *	files	  paths; [0] is null
 *	functions [kind, name, file, module, first line]
 *	frames	  function, line, ...
 *	nodes	  how far back its parent is, frame, ... from node 1 on
 *	samples	  [interval, [thread * 4 + state, count, (node - the one before, weight) * count,
 *...]]
 *
 * Samples of the same interval, thread, state and stack are one; weights are in `unit` nanoseconds.
 * A profile without any weight counts its samples: `unit` is 0 then.  Of two profiles, `difference`
 * says what they are, and the intervals 0 and 1 are the samples before and after.
 */
#include "output/flamegraph.h"
#include "output/profile_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_INTERVALS = 256,
	STATES = 4, /* the flags RUNNING and GIL */
};

struct entry {
	uint64_t key; /* thread and state */
	uint64_t weight;
	uint32_t node;
};

struct context {
	struct pw_sink *sink;
	const struct pw_profile *profile;
	const struct pw_flamegraph_difference *difference; /* NULL: none */
	struct pw_buffer scratch;
	const char **files; /* sorted, each once */
	size_t file_count;
	struct entry *entries; /* of one interval */
	size_t entry_count, entry_room;
	uint64_t unit, span;
	uint64_t intervals;
};

static struct pw_buffer *out(struct context *c)
{
	return pw_sink_buffer(c->sink);
}

static void put_number(struct context *c, uint64_t number)
{
	pw_buffer_append_number(out(c), number, 0);
}

/* A string that neither JSON nor HTML can take for anything else. */
static void put_string(struct context *c, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	struct pw_buffer *b = out(c);
	if (!text) {
		pw_buffer_append_string(b, "null");
		return;
	}
	c->scratch.length = 0;
	pw_text_append_bytes(&c->scratch, text, strlen(text));
	pw_buffer_append_char(b, '"');
	for (size_t i = 0; i < c->scratch.length; i++) {
		unsigned char byte = (unsigned char)c->scratch.data[i];
		if (byte < ' ' || byte == 0x7f || strchr("\"\\<>&'", byte)) {
			pw_buffer_append_string(b, "\\u00");
			pw_buffer_append_char(b, hex[byte >> 4]);
			pw_buffer_append_char(b, hex[byte & 15]);
		} else {
			pw_buffer_append_char(b, (char)byte);
		}
	}
	pw_buffer_append_char(b, '"');
}

static void put_key(struct context *c, const char *key)
{
	pw_buffer_printf(out(c), ",\n\"%s\":", key);
}

static bool comma(struct context *c, size_t i)
{
	if (i)
		pw_buffer_append_char(out(c), ',');
	return pw_sink_settle(c->sink);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool collect_files(struct context *c)
{
	size_t count = pw_profile_function_count(c->profile), kept = 0;
	c->files = malloc((2 * count + 1) * sizeof(*c->files));
	if (!c->files)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_function *f = pw_profile_function(c->profile, i);
		if (f->file)
			c->files[c->file_count++] = f->file;
		if (f->module)
			c->files[c->file_count++] = f->module;
	}
	qsort(c->files, c->file_count, sizeof(*c->files), compare_texts);
	for (size_t i = 0; i < c->file_count; i++)
		if (!kept || strcmp(c->files[kept - 1], c->files[i]) != 0)
			c->files[kept++] = c->files[i];
	c->file_count = kept;
	return true;
}

static void put_file(struct context *c, const char *file)
{
	const char **found =
		!file ? NULL
		      : bsearch(&file, c->files, c->file_count, sizeof(*c->files), compare_texts);
	pw_buffer_append_char(out(c), ',');
	put_number(c, found ? (uint64_t)(found - c->files) + 1 : 0);
}

static void put_processes(struct context *c)
{
	put_key(c, "processes");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 0; i < pw_profile_process_count(c->profile) && comma(c, i); i++) {
		const struct pw_profile_process *p = pw_profile_process(c->profile, i);
		pw_buffer_printf(out(c), "[%" PRId64 ",%" PRId64 ",", p->pid, p->parent);
		put_string(c, p->executable);
		pw_buffer_append_char(out(c), ',');
		put_string(c, p->python);
		pw_buffer_append_char(out(c), ',');
		put_string(c, p->command);
		pw_buffer_append_char(out(c), ']');
	}
	pw_buffer_append_char(out(c), ']');
}

static void put_threads(struct context *c)
{
	put_key(c, "threads");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 0; i < pw_profile_thread_count(c->profile) && comma(c, i); i++) {
		const struct pw_profile_thread *t = pw_profile_thread(c->profile, i);
		pw_buffer_printf(out(c), "[%" PRIu32 ",\"%" PRIu64 "\",", t->process, t->tid);
		put_string(c, t->name ? t->name : t->kernel_name);
		pw_buffer_append_char(out(c), ']');
	}
	pw_buffer_append_char(out(c), ']');
}

static void put_functions(struct context *c)
{
	put_key(c, "files");
	pw_buffer_append_string(out(c), "[null");
	for (size_t i = 0; i < c->file_count && comma(c, 1); i++)
		put_string(c, c->files[i]);
	pw_buffer_append_char(out(c), ']');
	put_key(c, "functions");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 0; i < pw_profile_function_count(c->profile) && comma(c, i); i++) {
		const struct pw_profile_function *f = pw_profile_function(c->profile, i);
		pw_buffer_printf(out(c), "[%d,", (int)f->kind);
		put_string(c, f->name);
		put_file(c, f->file);
		put_file(c, f->module);
		pw_buffer_printf(out(c), ",%d]", f->first_line);
	}
	pw_buffer_append_char(out(c), ']');
}

static void put_nodes(struct context *c)
{
	put_key(c, "frames");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 0; i < pw_profile_frame_count(c->profile) && comma(c, i); i++) {
		const struct pw_profile_frame *f = pw_profile_frame(c->profile, i);
		pw_buffer_printf(out(c), "%" PRIu32 ",%d", f->function, f->line);
	}
	pw_buffer_append_char(out(c), ']');
	put_key(c, "nodes");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 1; i < pw_profile_node_count(c->profile) && comma(c, i - 1); i++) {
		const struct pw_profile_node *n = pw_profile_node(c->profile, i);
		put_number(c, i - n->parent);
		pw_buffer_append_char(out(c), ',');
		put_number(c, n->frame);
	}
	pw_buffer_append_char(out(c), ']');
}

static void put_difference(struct context *c)
{
	const struct pw_flamegraph_difference *d = c->difference;
	put_key(c, "difference");
	pw_buffer_append_string(out(c), "{\"names\":[");
	put_string(c, d->names[0]);
	pw_buffer_append_char(out(c), ',');
	put_string(c, d->names[1]);
	pw_buffer_printf(out(c), "],\"counts\":[%" PRIu64 ",%" PRIu64 "],\"bySamples\":%s,",
			 d->counts[0], d->counts[1], d->by_samples ? "true" : "false");
	pw_buffer_printf(out(c), "\"absolute\":%s}", d->absolute ? "true" : "false");
}

static void put_info(struct context *c)
{
	const struct pw_profile_info *info = pw_profile_info(c->profile);
	pw_buffer_append_string(out(c), "{\"version\":1");
	put_key(c, "engine");
	put_string(c, info->engine);
	put_key(c, "clock");
	put_string(c, pw_profile_clock_name(info->clock));
	put_key(c, "complete");
	pw_buffer_append_string(out(c), info->complete ? "true" : "false");
	/* In thousandths: printf's decimal point is the locale's, and a rate may be no number. */
	double rate = info->rate_reached > 0 ? info->rate_reached : info->rate_wished;
	put_key(c, "rate");
	put_number(c, rate > 0 && rate < 1e12 ? (uint64_t)(rate * 1000) : 0);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"start", info->start},
		{"duration", info->duration},
		{"missed", info->missed},
		{"lost", info->lost},
		{"torn", info->torn},
		{"impossible", info->impossible},
		{"count", pw_profile_sample_count(c->profile)},
		{"unit", c->unit},
		{"span", c->span},
		{"intervals", c->intervals},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		put_key(c, numbers[i].name);
		put_number(c, numbers[i].value);
	}
	if (c->difference)
		put_difference(c);
}

/* ---- samples --------------------------------------------------------------------------------- */

/* The largest number that all weights are multiples of: small numbers are short.  And intervals
 * that are a whole number of ticks long where ticks are regular, else the timeline has teeth. */
static void measure(struct context *c)
{
	size_t count = pw_profile_sample_count(c->profile);
	uint64_t times = 0, end = pw_profile_info(c->profile)->duration;
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_sample *s = pw_profile_sample(c->profile, i);
		for (uint64_t a = s->weight; a;) {
			uint64_t rest = c->unit % a;
			c->unit = a;
			a = rest;
		}
		times += !i || s->time != pw_profile_sample(c->profile, i - 1)->time;
		end = end > s->time ? end : s->time + (s->time < UINT64_MAX);
	}
	if (c->difference) {
		c->intervals = 2;
		c->span = 1;
		return;
	}
	uint64_t ticks = (times + MOST_INTERVALS - 1) / MOST_INTERVALS;
	c->intervals = times ? times / (ticks < 2 ? 2 : ticks) : 1;
	c->intervals = c->intervals ? c->intervals : 1;
	c->span = end / c->intervals + (end % c->intervals != 0 || !end);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Each stack of a thread once. */
static void fold(struct context *c)
{
	size_t kept = 0;
	qsort(c->entries, c->entry_count, sizeof(*c->entries), compare_entries);
	for (size_t i = 0; i < c->entry_count; i++) {
		if (!kept || compare_entries(&c->entries[kept - 1], &c->entries[i]))
			c->entries[kept++] = c->entries[i];
		else if (__builtin_add_overflow(c->entries[kept - 1].weight, c->entries[i].weight,
						&c->entries[kept - 1].weight))
			c->entries[kept - 1].weight = UINT64_MAX;
	}
	c->entry_count = kept;
}

static void put_interval(struct context *c, uint64_t interval, bool first)
{
	fold(c);
	pw_buffer_printf(out(c), "%s[%" PRIu64 ",[", first ? "" : ",\n", interval);
	for (size_t i = 0, end; i < c->entry_count && comma(c, i); i = end) {
		for (end = i; end < c->entry_count && c->entries[end].key == c->entries[i].key;)
			end++;
		put_number(c, c->entries[i].key);
		pw_buffer_append_char(out(c), ',');
		put_number(c, end - i);
		for (size_t j = i; j < end && comma(c, 1); j++) {
			put_number(c, c->entries[j].node - (j > i ? c->entries[j - 1].node : 0));
			pw_buffer_append_char(out(c), ',');
			put_number(c, c->entries[j].weight);
		}
	}
	pw_buffer_append_string(out(c), "]]");
	c->entry_count = 0;
}

static bool add_entry(struct context *c, const struct pw_profile_sample *s)
{
	if (c->entry_count == c->entry_room) {
		size_t room = c->entry_room ? 2 * c->entry_room : 1024;
		struct entry *more = realloc(c->entries, room * sizeof(*more));
		if (!more)
			return false;
		c->entries = more;
		c->entry_room = room;
	}
	c->entries[c->entry_count++] = (struct entry){
		.key = (uint64_t)s->thread * STATES +
		       (s->flags & (PW_SAMPLE_RUNNING | PW_SAMPLE_GIL)),
		.weight = c->unit ? s->weight / c->unit : 1,
		.node = s->node,
	};
	return true;
}

static bool put_samples(struct context *c)
{
	size_t count = pw_profile_sample_count(c->profile);
	uint64_t interval = 0;
	bool first = true;
	put_key(c, "samples");
	pw_buffer_append_char(out(c), '[');
	for (size_t i = 0; i < count && pw_sink_settle(c->sink); i++) {
		const struct pw_profile_sample *s = pw_profile_sample(c->profile, i);
		uint64_t at = s->time / c->span;
		at = at < c->intervals ? at : c->intervals - 1;
		if (at != interval && c->entry_count) {
			put_interval(c, interval, first);
			first = false;
		}
		interval = at;
		if (!add_entry(c, s))
			return false;
	}
	if (c->entry_count)
		put_interval(c, interval, first);
	pw_buffer_append_char(out(c), ']');
	return true;
}

struct pw_error *pw_flamegraph_write(struct pw_sink *sink, const struct pw_profile *profile,
				     const struct pw_flamegraph_difference *difference)
{
	struct context c = {.sink = sink, .profile = profile, .difference = difference};
	bool ok = collect_files(&c);
	if (ok) {
		measure(&c);
		pw_buffer_append(out(&c), pw_flamegraph_page.head, pw_flamegraph_page.head_length);
		pw_buffer_append_string(out(&c),
					"<script id=\"profile\" type=\"application/json\">");
		put_info(&c);
		put_processes(&c);
		put_threads(&c);
		put_functions(&c);
		put_nodes(&c);
		ok = put_samples(&c) && !c.scratch.failed;
		pw_buffer_append_string(out(&c), "}\n</script>\n");
		pw_buffer_append(out(&c), pw_flamegraph_page.tail, pw_flamegraph_page.tail_length);
	}
	pw_buffer_deinit(&c.scratch);
	free(c.files);
	free(c.entries);
	return ok ? NULL : &pw_error_nomem;
}

static struct pw_error *write_flamegraph(struct pw_sink *sink, const struct pw_profile *profile)
{
	return pw_flamegraph_write(sink, profile, NULL);
}

const struct pw_profile_writer pw_profile_writer_flamegraph = {
	.format = {"flamegraph", ".html",
		   "a page for browsers: icicle or flame graph, by thread and time"},
	.write = write_flamegraph,
};
