/*
 * The format "igprof": the text that igprof-analyse and igprof-query read.
 *
 *	P=(ID=pid N=(program) T=0.000000001)
 *	C1 FN0=(F0=(python:/srv/main.py)+1 N=(main [/srv/main.py]))+4
 *V0=(PERF_TICKS):(2,20000000,20000000)
 *
 * A line a node, those called behind their caller, C and its depth first.  A tick is a nanosecond
 * in every dump, so that dumps add and compare; the first number of PERF_TICKS counts the samples,
 * the second is their time, both of the node alone.  Threads and processes are not told apart.
 *
 * igprof takes symbols of one name for the same, whatever their files; of Python functions the name
 * says the file, therefore.  Behind "+" stand the line where a function begins, and how many lines
 * further down it was.
 */
#include "output/profile_writer.h"
#include "output/protobuf.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* A node, or the root's stand-in at index 0: what igprof can't say of the root itself. */
struct entry {
	uint64_t count, weight;
	uint32_t child, sibling; /* 0: none */
	bool used;
};

struct dump {
	const struct pw_profile *profile;
	struct pw_sink *sink;
	struct entry *entries;	 /* by node */
	uint32_t *ids;		 /* of functions; UINT32_MAX: not written yet */
	struct pw_strings files; /* an id is one less than the number */
	uint32_t next_function;
	uint32_t next_file;
	bool counter; /* PERF_TICKS has its id */
};

static void add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum) || *sum > INT64_MAX)
		*sum = INT64_MAX;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static void count_samples(struct dump *d)
{
	for (size_t i = 0; i < pw_profile_sample_count(d->profile); i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(d->profile, i);
		struct entry *entry = &d->entries[sample->node];
		add(&entry->count, 1);
		add(&entry->weight, sample->weight);
		entry->used = true;
	}
}

/* Children in the order of their numbers; only nodes with samples, or with a used child. */
static void link_nodes(struct dump *d)
{
	for (size_t i = pw_profile_node_count(d->profile) - 1; i > 0; i--) {
		struct entry *parent = &d->entries[pw_profile_node(d->profile, i)->parent];
		if (!d->entries[i].used)
			continue;
		d->entries[i].sibling = parent->child;
		parent->child = (uint32_t)i;
		parent->used |= parent != d->entries;
	}
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Names end at ")", and lines at a line's end. */
static void append_name(struct pw_buffer *b, const char *text)
{
	pw_auto_buffer struct pw_buffer clean = {0};
	pw_text_append_bytes(&clean, text, strlen(text));
	for (size_t i = 0; i < clean.length; i++) {
		if (clean.data[i] == '(')
			clean.data[i] = '{';
		if (clean.data[i] == ')')
			clean.data[i] = '}';
	}
	if (clean.data)
		pw_text_append_printable(b, clean.data);
	b->failed |= clean.failed;
}

/* "KIND:PATH": no file is found under that name.  Of one that is, igprof-analyse -g would look for
 * symbols itself, and take an address's name for ours or a source for a program that is broken. */
static void append_file(struct dump *d, const char *kind, const char *path)
{
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	pw_auto_buffer struct pw_buffer name = {0};
	pw_buffer_append_string(&name, kind);
	pw_buffer_append_char(&name, ':');
	pw_buffer_append_string(&name, path ? path : "");
	uint32_t number = pw_strings_add(&d->files, name.data), id = number ? number - 1 : 0;
	b->failed |= name.failed;
	pw_buffer_append_char(b, 'F');
	pw_buffer_append_number(b, id, 0);
	if (id < d->next_file)
		return;
	d->next_file = id + 1;
	pw_buffer_append_string(b, "=(");
	append_name(b, pw_strings_get(&d->files, number));
	pw_buffer_append_char(b, ')');
}

static void append_definition(struct dump *d, const struct pw_profile_function *f)
{
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	bool python = f->kind == PW_PROFILE_PYTHON;
	pw_buffer_append_string(b, "=(");
	append_file(d, pw_profile_kind_name(f->kind), python || !f->module ? f->file : f->module);
	pw_buffer_append_char(b, '+');
	pw_buffer_append_number(b, f->first_line > 0 ? (uint64_t)f->first_line : 0, 0);
	pw_buffer_append_string(b, " N=(");
	append_name(b, *f->name ? f->name : "??");
	if (python && f->file) {
		pw_buffer_append_string(b, " [");
		append_name(b, f->file);
		pw_buffer_append_char(b, ']');
	}
	pw_buffer_append_string(b, "))");
}

static void append_counter(struct dump *d, const struct entry *entry)
{
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	if (!entry->used || !entry->count)
		return;
	pw_buffer_append_string(b, d->counter ? " V0:(" : " V0=(PERF_TICKS):(");
	d->counter = true;
	pw_buffer_printf(b, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ")", entry->count, entry->weight,
			 entry->weight);
}

static void write_node(struct dump *d, uint32_t node, unsigned depth)
{
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	const struct pw_profile_frame *frame =
		pw_profile_frame(d->profile, pw_profile_node(d->profile, node)->frame);
	const struct pw_profile_function *f = pw_profile_function(d->profile, frame->function);
	uint32_t *id = &d->ids[frame->function];
	bool known = *id != UINT32_MAX;
	if (!known)
		*id = d->next_function++;
	pw_buffer_printf(b, "C%u FN%" PRIu32, depth, *id);
	if (!known)
		append_definition(d, f);
	pw_buffer_append_char(b, '+');
	pw_buffer_append_number(
		b,
		frame->line > f->first_line ? (uint64_t)frame->line - (uint64_t)f->first_line : 0,
		0);
	append_counter(d, &d->entries[node]);
	pw_buffer_append_char(b, '\n');
}

/* Without recursion: stacks are as deep as they like. */
static void write_tree(struct dump *d)
{
	unsigned depth = 1;
	for (uint32_t at = d->entries[0].child; at && pw_sink_settle(d->sink);) {
		write_node(d, at, depth);
		if (d->entries[at].child) {
			at = d->entries[at].child;
			depth++;
			continue;
		}
		while (at && !d->entries[at].sibling) {
			at = pw_profile_node(d->profile, at)->parent;
			depth--;
		}
		at = d->entries[at].sibling;
	}
}

/* Samples without any frame; and a profile without any sample: a dump without a counter is an error
 * to its reader. */
static void write_stackless(struct dump *d)
{
	struct entry *entry = &d->entries[0];
	if (!entry->count && pw_profile_sample_count(d->profile))
		return;
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	pw_buffer_printf(b, "C1 FN%" PRIu32 "=(", d->next_function++);
	append_file(d, pw_profile_kind_name(PW_PROFILE_GAP), NULL);
	pw_buffer_append_string(b, "+0 N=([no stack]))+0");
	pw_buffer_append_string(b, d->counter ? " V0:(" : " V0=(PERF_TICKS):(");
	pw_buffer_printf(b, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ")\n", entry->count, entry->weight,
			 entry->weight);
}

static void write_header(struct dump *d)
{
	struct pw_buffer *b = pw_sink_buffer(d->sink);
	const struct pw_profile_process *process =
		pw_profile_process_count(d->profile) ? pw_profile_process(d->profile, 0) : NULL;
	pw_buffer_append_string(b, "P=(ID=");
	pw_buffer_append_number(b, process && process->pid > 0 ? (uint64_t)process->pid : 0, 0);
	pw_buffer_append_string(b, " N=(");
	append_name(b, process && process->executable ? process->executable : "python");
	pw_buffer_append_string(b, ") T=0.000000001)\n");
}

static struct pw_error *write_igprof(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct dump d = {.profile = profile, .sink = sink};
	size_t functions = pw_profile_function_count(profile);
	d.entries = calloc(pw_profile_node_count(profile) + 1, sizeof(*d.entries));
	d.ids = malloc((functions + 1) * sizeof(*d.ids));
	bool failed = !d.entries || !d.ids;
	if (!failed) {
		memset(d.ids, 0xff, (functions + 1) * sizeof(*d.ids));
		count_samples(&d);
		link_nodes(&d);
		write_header(&d);
		write_tree(&d);
		write_stackless(&d);
	}
	failed |= d.files.failed;
	pw_strings_deinit(&d.files);
	free(d.entries);
	free(d.ids);
	return failed ? &pw_error_nomem : NULL;
}

const struct pw_profile_writer pw_profile_writer_igprof = {
	.format = {"igprof", ".igprof", "for igprof-analyse and igprof-query"},
	.write = write_igprof,
};
