/*
 * Two profiles as folded stacks with two numbers, a line a stack: what difffolded.pl and
 * inferno-diff-folded make of two files of the format "collapsed".  Threads are left out: other
 * runs have others.
 */
#include "output/difference.h"
#include "output/report_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* What two machines or versions have in common: the last parts of paths. */
static struct pw_profile_function comparable(const struct pw_profile_function *function)
{
	struct pw_profile_function f = *function;
	f.file = f.file ? pw_profile_base_name(f.file) : NULL;
	f.module = f.module ? pw_profile_base_name(f.module) : NULL;
	f.first_line = 0;
	return f;
}

static struct pw_error *add_node(struct pw_difference *d, const struct pw_profile *from,
				 size_t index, uint32_t *nodes)
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

static void add(uint64_t *to, uint64_t what)
{
	if (__builtin_add_overflow(*to, what, to))
		*to = UINT64_MAX;
}

static void add_up(struct pw_difference_side *side, const struct pw_profile *from,
		   const uint32_t *nodes)
{
	side->count = pw_profile_sample_count(from);
	for (size_t i = 0; i < side->count; i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(from, i);
		side->counts[nodes[sample->node]]++;
		add(&side->times[nodes[sample->node]], sample->weight);
		add(&side->time, sample->weight);
	}
}

struct pw_error *pw_difference_init(struct pw_difference *d, const struct pw_profile *before,
				    const struct pw_profile *after)
{
	const struct pw_profile *const from[] = {before, after};
	uint32_t *nodes[2] = {NULL, NULL};
	*d = (struct pw_difference){0};
	struct pw_error *error = pw_profile_create(pw_profile_info(after), &d->both);
	for (int side = 0; side < 2 && !error; side++) {
		size_t count = pw_profile_node_count(from[side]);
		nodes[side] = calloc(count, sizeof(*nodes[side]));
		error = nodes[side] ? NULL : &pw_error_nomem;
		for (size_t i = 1; !error && i < count; i++)
			error = add_node(d, from[side], i, nodes[side]);
	}
	d->nodes = error ? 0 : pw_profile_node_count(d->both);
	for (int side = 0; side < 2 && !error; side++) {
		struct pw_difference_side *s = &d->sides[side];
		s->counts = calloc(d->nodes, sizeof(*s->counts));
		s->times = calloc(d->nodes, sizeof(*s->times));
		error = s->counts && s->times ? NULL : &pw_error_nomem;
		if (!error)
			add_up(s, from[side], nodes[side]);
	}
	free(nodes[0]);
	free(nodes[1]);
	return error;
}

void pw_difference_deinit(struct pw_difference *d)
{
	for (int side = 0; side < 2; side++) {
		free(d->sides[side].counts);
		free(d->sides[side].times);
	}
	pw_profile_destroy(d->both);
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

static struct pw_error *write_lines(const struct pw_difference *d, bool normalize,
				    struct pw_sink *sink)
{
	pw_auto_buffer struct pw_buffer piece = {0};
	/* No stack has more frames than there are nodes. */
	uint32_t *nodes = calloc(d->nodes, sizeof(*nodes));
	uint64_t from = d->sides[0].count, to = d->sides[1].count;
	double scale = normalize && from ? (double)to / (double)from : 1;
	if (!nodes)
		return &pw_error_nomem;
	for (size_t i = 0; i < d->nodes && pw_sink_settle(sink); i++) {
		uint64_t before = d->sides[0].counts[i], after = d->sides[1].counts[i];
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
	struct pw_difference d;
	struct pw_error *error = pw_difference_init(&d, before, after);
	if (!error)
		error = write_lines(&d, normalize, &sink);
	pw_difference_deinit(&d);
	return pw_sink_finish(&sink, error);
}
