/*
 * Two profiles as folded stacks with two numbers, a line a stack: what difffolded.pl and
 * inferno-diff-folded make of two files of the format "collapsed".  Threads are left out: other
 * runs have others.
 */
#include "output/report_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

struct difference {
	struct pw_profile *both; /* the stacks of both, with what the lines show of functions */
	uint64_t *counts;	 /* two a node of it */
	size_t nodes;
	uint64_t totals[2];
};

/* What two machines or versions have in common: the last parts of paths. */
static struct pw_profile_function comparable(const struct pw_profile_function *function)
{
	struct pw_profile_function f = *function;
	f.file = f.file ? pw_profile_base_name(f.file) : NULL;
	f.module = f.module ? pw_profile_base_name(f.module) : NULL;
	f.first_line = 0;
	return f;
}

static struct pw_error *add_node(struct difference *d, const struct pw_profile *from, size_t index,
				 uint32_t *nodes)
{
	const struct pw_profile_node *node = pw_profile_node(from, index);
	struct pw_profile_frame frame = *pw_profile_frame(from, node->frame);
	struct pw_profile_node added = {.parent = nodes[node->parent]};
	const struct pw_profile_function function =
		comparable(pw_profile_function(from, frame.function));
	struct pw_error *error = pw_profile_add_function(d->both, &function, &frame.function);
	if (!error)
		error = pw_profile_add_frame(d->both, &frame, &added.frame);
	if (!error)
		error = pw_profile_add_node(d->both, &added, &nodes[index]);
	return error;
}

static struct pw_error *add_profile(struct difference *d, const struct pw_profile *from,
				    unsigned which)
{
	size_t count = pw_profile_node_count(from);
	struct pw_error *error = NULL;
	uint32_t *nodes = calloc(count, sizeof(*nodes));
	if (!nodes)
		return &pw_error_nomem;
	for (size_t i = 1; !error && i < count; i++)
		error = add_node(d, from, i, nodes);
	size_t now = pw_profile_node_count(d->both);
	uint64_t *counts = error ? NULL : realloc(d->counts, now * 2 * sizeof(*counts));
	if (!counts) {
		free(nodes);
		return error ? error : &pw_error_nomem;
	}
	d->counts = counts;
	for (; d->nodes < now; d->nodes++)
		counts[d->nodes * 2] = counts[d->nodes * 2 + 1] = 0;
	for (size_t i = 0; i < pw_profile_sample_count(from); i++)
		counts[nodes[pw_profile_sample(from, i)->node] * 2 + which]++;
	d->totals[which] = pw_profile_sample_count(from);
	free(nodes);
	return NULL;
}

static void append_stack(struct pw_buffer *b, const struct pw_profile *profile, uint32_t at,
			 uint32_t *nodes, struct pw_buffer *piece)
{
	size_t count = pw_profile_stack(profile, at, nodes, SIZE_MAX);
	if (!count)
		pw_buffer_append_string(b, "(no stack)");
	for (size_t i = 0; i < count; i++) {
		piece->length = 0;
		pw_profile_append_frame(
			piece, profile,
			pw_profile_frame(profile, pw_profile_node(profile, nodes[i])->frame));
		for (size_t j = 0; j < piece->length; j++)
			if (piece->data[j] == ';')
				piece->data[j] = ':';
		if (i)
			pw_buffer_append_char(b, ';');
		pw_text_append_printable(b, piece->data ? piece->data : "");
	}
}

static struct pw_error *write_lines(const struct difference *d, bool normalize,
				    struct pw_sink *sink)
{
	pw_auto_buffer struct pw_buffer piece = {0};
	/* No stack has more frames than there are nodes. */
	uint32_t *nodes = calloc(d->nodes, sizeof(*nodes));
	double scale = normalize && d->totals[0] ? (double)d->totals[1] / (double)d->totals[0] : 1;
	if (!nodes)
		return &pw_error_nomem;
	for (size_t i = 0; i < d->nodes && pw_sink_settle(sink); i++) {
		uint64_t before = d->counts[i * 2], after = d->counts[i * 2 + 1];
		struct pw_buffer *b = pw_sink_buffer(sink);
		if (!before && !after)
			continue;
		append_stack(b, d->both, (uint32_t)i, nodes, &piece);
		pw_buffer_printf(b, " %.0f %" PRIu64 "\n", (double)before * scale, after);
	}
	free(nodes);
	return piece.failed ? &pw_error_nomem : NULL;
}

struct pw_error *pw_profile_write_difference(const struct pw_profile *before,
					     const struct pw_profile *after, bool normalize,
					     pw_write_fn write, void *data)
{
	struct pw_sink sink = {.write = write, .data = data};
	struct difference d = {0};
	struct pw_error *error = pw_profile_create(pw_profile_info(after), &d.both);
	if (!error)
		error = add_profile(&d, before, 0);
	if (!error)
		error = add_profile(&d, after, 1);
	if (!error)
		error = write_lines(&d, normalize, &sink);
	pw_profile_destroy(d.both);
	free(d.counts);
	return pw_sink_finish(&sink, error);
}
