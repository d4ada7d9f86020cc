/*
 * The format "collapsed": a line a stack, oldest frame first, and how many samples had it.
 *
 *	thread;frame;frame COUNT
 *
 * As Brendan Gregg's flamegraph.pl and inferno read it: the number is what follows the last blank.
 * Of several processes, each line begins with its process.
 */
#include "output/profile_writer.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* How often a thread had a stack. */
struct line {
	uint32_t thread, node;
	uint64_t count;
};

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Each pair once. */
static size_t fold(struct line *lines, size_t count)
{
	size_t kept = 0;
	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++) {
		if (kept && !compare_lines(&lines[kept - 1], &lines[i]))
			lines[kept - 1].count += lines[i].count;
		else
			lines[kept++] = lines[i];
	}
	return kept;
}

/* A piece of a line: what separates pieces and lines is replaced. */
static void append_piece(struct pw_buffer *b, struct pw_buffer *piece)
{
	for (size_t i = 0; i < piece->length; i++)
		if (piece->data[i] == ';')
			piece->data[i] = ':';
	pw_text_append_printable(b, piece->data ? piece->data : "");
	piece->length = 0;
}

static void write_line(struct pw_sink *sink, const struct pw_profile *profile,
		       const struct line *line, struct pw_buffer *piece, uint32_t *nodes,
		       size_t depth)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const struct pw_profile_thread *thread = pw_profile_thread(profile, line->thread);
	if (pw_profile_process_count(profile) > 1) {
		pw_profile_append_process(piece, pw_profile_process(profile, thread->process));
		append_piece(b, piece);
		pw_buffer_append_char(b, ';');
	}
	pw_profile_append_thread(piece, thread);
	append_piece(b, piece);
	size_t count = pw_profile_stack(profile, line->node, nodes, depth);
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_node *node = pw_profile_node(profile, nodes[i]);
		pw_buffer_append_char(b, ';');
		pw_profile_append_frame(piece, profile, pw_profile_frame(profile, node->frame));
		append_piece(b, piece);
	}
	pw_buffer_append_char(b, ' ');
	pw_buffer_append_number(b, line->count, 0);
	pw_buffer_append_char(b, '\n');
}

static size_t deepest(const struct pw_profile *profile, const struct line *lines, size_t count)
{
	size_t most = 0;
	for (size_t i = 0; i < count; i++) {
		size_t depth = pw_profile_stack(profile, lines[i].node, NULL, 0);
		most = depth > most ? depth : most;
	}
	return most;
}

static struct pw_error *write_collapsed(struct pw_sink *sink, const struct pw_profile *profile)
{
	size_t count = pw_profile_sample_count(profile);
	struct line *lines = malloc((count + 1) * sizeof(*lines));
	pw_auto_buffer struct pw_buffer piece = {0};
	if (!lines)
		return &pw_error_nomem;
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(profile, i);
		lines[i] = (struct line){sample->thread, sample->node, 1};
	}
	count = fold(lines, count);
	size_t depth = deepest(profile, lines, count);
	uint32_t *nodes = malloc((depth + 1) * sizeof(*nodes));
	for (size_t i = 0; nodes && i < count && pw_sink_settle(sink); i++)
		write_line(sink, profile, &lines[i], &piece, nodes, depth);
	bool failed = !nodes || piece.failed;
	free(nodes);
	free(lines);
	return failed ? &pw_error_nomem : NULL;
}

const struct pw_profile_writer pw_profile_writer_collapsed = {
	.format = {"collapsed", ".folded",
		   "a line a stack, for flamegraph.pl, inferno, speedscope"},
	.write = write_collapsed,
};
