/* Several profiles as one. */
#include "sample/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of those that are merged. */
struct source {
	const struct pw_profile *profile;
	const char *name;
	uint64_t shift;		   /* what its times are later by */
	uint32_t *threads, *nodes; /* new numbers */
	size_t next;		   /* its first sample that was not taken */
};

struct merging {
	struct source *sources;
	size_t count;
	struct pw_profile *to;
	struct pw_profile_info info;
	void (*warn)(void *data, const char *message);
	void *warn_data;
};

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- what was measured ---- */

static void say(const struct merging *m, const char *what, const struct source *other,
		const char *a, const char *b)
{
	char *text;
	if (!m->warn || asprintf(&text, "%s of %s and %s differ: %s and %s", what,
				 m->sources[0].name, other->name, a, b) < 0)
		return;
	m->warn(m->warn_data, text);
	free(text);
}

static void compare_info(const struct merging *m, const struct source *source)
{
	const struct pw_profile_info *a = pw_profile_info(m->sources[0].profile),
				     *b = pw_profile_info(source->profile);
	char x[40], y[40];
	if (a->rate_wished != b->rate_wished) {
		snprintf(x, sizeof(x), "%g", a->rate_wished);
		snprintf(y, sizeof(y), "%g per second", b->rate_wished);
		say(m, "the rates", source, x, y);
	}
	if (strcmp(a->engine, b->engine) != 0)
		say(m, "the engines", source, a->engine[0] ? a->engine : "unknown",
		    b->engine[0] ? b->engine : "unknown");
	if (a->native != b->native)
		say(m, "the kinds of frames", source, a->native ? "with C frames" : "only Python",
		    b->native ? "with C frames" : "only Python");
	if (a->lines != b->lines)
		say(m, "the granularities", source, a->lines ? "lines" : "functions",
		    b->lines ? "lines" : "functions");
	if (!a->start != !b->start)
		say(m, "the starts", source, a->start ? "known" : "unknown",
		    b->start ? "known" : "unknown");
}

static struct pw_error *check_clock(const struct merging *m, const struct source *source)
{
	enum pw_profile_clock a = m->info.clock, b = pw_profile_info(source->profile)->clock;
	if (a == b)
		return NULL;
	return pw_error_create(PW_ERROR_USAGE, "%s and %s cannot be added up: %s time and %s time",
			       m->sources[0].name, source->name, pw_profile_clock_name(a),
			       pw_profile_clock_name(b));
}

static void add_info(struct pw_profile_info *to, const struct pw_profile_info *from)
{
	if (strcmp(to->engine, from->engine) != 0)
		to->engine = "several";
	to->native |= from->native;
	to->lines |= from->lines;
	to->memory |= from->memory;
	to->rate_wished = to->rate_wished > from->rate_wished ? to->rate_wished : from->rate_wished;
	to->rate_reached =
		to->rate_reached > from->rate_reached ? to->rate_reached : from->rate_reached;
	to->ticks = add(to->ticks, from->ticks);
	to->missed = add(to->missed, from->missed);
	to->lost = add(to->lost, from->lost);
	to->torn = add(to->torn, from->torn);
	to->impossible = add(to->impossible, from->impossible);
	to->pauses = add(to->pauses, from->pauses);
	to->pause_median = larger(to->pause_median, from->pause_median);
	to->pause_p99 = larger(to->pause_p99, from->pause_p99);
	to->pause_max = larger(to->pause_max, from->pause_max);
	to->own_cpu = add(to->own_cpu, from->own_cpu);
	to->complete &= from->complete;
}

static struct pw_error *merge_info(struct merging *m)
{
	uint64_t start = 0, duration = 0;
	for (size_t i = 0; i < m->count; i++) {
		uint64_t own = pw_profile_info(m->sources[i].profile)->start;
		start = own && (!start || own < start) ? own : start;
	}
	for (size_t i = 0; i < m->count; i++) {
		struct source *source = &m->sources[i];
		const struct pw_profile_info *info = pw_profile_info(source->profile);
		source->shift = info->start ? info->start - start : 0;
		duration = larger(duration, add(source->shift, info->duration));
		struct pw_error *error = check_clock(m, source);
		if (error)
			return error;
		if (i) {
			compare_info(m, source);
			add_info(&m->info, info);
		}
	}
	m->info.start = start;
	m->info.duration = duration;
	return pw_profile_set_info(m->to, &m->info);
}

/* ---- tables ---- */

static struct pw_error *add_threads(struct merging *m, struct source *source)
{
	const struct pw_profile *from = source->profile;
	size_t count = pw_profile_thread_count(from);
	struct pw_error *error = NULL;
	source->threads = calloc(count + 1, sizeof(*source->threads));
	if (!source->threads)
		return &pw_error_nomem;
	for (size_t i = 0; !error && i < pw_profile_process_count(from); i++) {
		uint32_t process;
		error = pw_profile_add_process(m->to, pw_profile_process(from, i), &process);
	}
	for (size_t i = 0; !error && i < count; i++) {
		struct pw_profile_thread thread = *pw_profile_thread(from, i);
		error = pw_profile_add_process(m->to, pw_profile_process(from, thread.process),
					       &thread.process);
		if (!error)
			error = pw_profile_add_thread(m->to, &thread, &source->threads[i]);
	}
	return error;
}

static struct pw_error *add_nodes(struct merging *m, struct source *source)
{
	const struct pw_profile *from = source->profile;
	size_t count = pw_profile_node_count(from);
	struct pw_error *error = NULL;
	source->nodes = calloc(count, sizeof(*source->nodes));
	if (!source->nodes)
		return &pw_error_nomem;
	for (size_t i = 1; !error && i < count; i++) {
		const struct pw_profile_node *node = pw_profile_node(from, i);
		struct pw_profile_frame frame = *pw_profile_frame(from, node->frame);
		struct pw_profile_node added = {.parent = source->nodes[node->parent]};
		error = pw_profile_add_function(m->to, pw_profile_function(from, frame.function),
						&frame.function);
		if (!error)
			error = pw_profile_add_frame(m->to, &frame, &added.frame);
		if (!error)
			error = pw_profile_add_node(m->to, &added, &source->nodes[i]);
	}
	return error;
}

/* ---- samples ---- */

static uint64_t next_time(const struct source *source)
{
	return add(source->shift, pw_profile_sample(source->profile, source->next)->time);
}

/* The one whose next sample is the earliest; NULL: there is none. */
static struct source *earliest(struct merging *m)
{
	struct source *found = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct source *source = &m->sources[i];
		if (source->next == pw_profile_sample_count(source->profile))
			continue;
		if (!found || next_time(source) < next_time(found))
			found = source;
	}
	return found;
}

static struct pw_error *add_samples(struct merging *m)
{
	struct pw_error *error = NULL;
	for (struct source *source; !error && (source = earliest(m));) {
		struct pw_profile_sample sample = *pw_profile_sample(source->profile, source->next);
		sample.time = next_time(source);
		sample.thread = source->threads[sample.thread];
		sample.node = source->nodes[sample.node];
		error = pw_profile_add_sample(m->to, &sample);
		source->next++;
	}
	return error;
}

static struct pw_error *merge(struct merging *m)
{
	struct pw_error *error = merge_info(m);
	for (size_t i = 0; !error && i < m->count; i++) {
		error = add_threads(m, &m->sources[i]);
		if (!error)
			error = add_nodes(m, &m->sources[i]);
	}
	return error ? error : add_samples(m);
}

struct pw_error *pw_profile_merge(const struct pw_profile *const *profiles,
				  const char *const *names, size_t count,
				  void (*warn)(void *data, const char *message), void *warn_data,
				  struct pw_profile **ret)
{
	struct merging m = {.count = count, .warn = warn, .warn_data = warn_data};
	if (!count)
		return pw_error_create(PW_ERROR_USAGE, "there are no profiles to merge");
	m.info = *pw_profile_info(profiles[0]);
	m.sources = calloc(count, sizeof(*m.sources));
	struct pw_error *error = m.sources ? pw_profile_create(&m.info, &m.to) : &pw_error_nomem;
	for (size_t i = 0; !error && i < count; i++)
		m.sources[i] = (struct source){.profile = profiles[i], .name = names[i]};
	if (!error)
		error = merge(&m);
	for (size_t i = 0; m.sources && i < count; i++) {
		free(m.sources[i].threads);
		free(m.sources[i].nodes);
	}
	free(m.sources);
	if (error) {
		pw_profile_destroy(m.to);
		return error;
	}
	*ret = m.to;
	return NULL;
}
