/*
 * Two profiles as a differential flame graph: the page of the format "flamegraph", with the samples
 * of the one in its first interval and those of the other in its second.
 */
#include "output/difference.h"
#include "output/flamegraph.h"

static struct pw_error *check_clocks(const struct pw_profile *before,
				     const struct pw_profile *after)
{
	enum pw_profile_clock a = pw_profile_info(before)->clock, b = pw_profile_info(after)->clock;
	if (a == b)
		return NULL;
	return pw_error_create(PW_ERROR_USAGE,
			       "%s time and %s time do not compare; profiles of one clock do",
			       pw_profile_clock_name(a), pw_profile_clock_name(b));
}

static struct pw_error *add_samples(struct pw_difference *d, bool by_samples)
{
	const struct pw_profile_process process = {0};
	struct pw_profile_thread thread = {0};
	uint32_t number;
	struct pw_error *error = pw_profile_add_process(d->both, &process, &thread.process);
	if (!error)
		error = pw_profile_add_thread(d->both, &thread, &number);
	for (int side = 0; side < 2; side++) {
		const struct pw_difference_side *s = &d->sides[side];
		for (size_t i = 0; i < d->nodes && !error; i++) {
			const struct pw_profile_sample sample = {
				.time = (uint64_t)side,
				.weight = by_samples ? s->counts[i] : s->times[i],
				.thread = number,
				.node = (uint32_t)i,
			};
			if (sample.weight)
				error = pw_profile_add_sample(d->both, &sample);
		}
	}
	return error;
}

struct pw_error *pw_profile_write_difference_graph(const struct pw_profile *before,
						   const struct pw_profile *after,
						   const char *const names[2], bool absolute,
						   pw_write_fn write, void *data)
{
	struct pw_sink sink = {.write = write, .data = data};
	struct pw_difference d = {0};
	struct pw_error *error = check_clocks(before, after);
	if (!error)
		error = pw_difference_init(&d, before, after);
	if (!error) {
		/* Samples without weights are only told by their number. */
		const struct pw_flamegraph_difference difference = {
			.names = {names[0], names[1]},
			.counts = {d.sides[0].count, d.sides[1].count},
			.by_samples = (d.sides[0].count && !d.sides[0].time) ||
				      (d.sides[1].count && !d.sides[1].time),
			.absolute = absolute,
		};
		const struct pw_profile_info info = {
			.engine = "",
			.clock = pw_profile_info(after)->clock,
			.complete = pw_profile_info(before)->complete &&
				    pw_profile_info(after)->complete,
		};
		error = add_samples(&d, difference.by_samples);
		if (!error)
			error = pw_profile_set_info(d.both, &info);
		if (!error)
			error = pw_flamegraph_write(&sink, d.both, &difference);
	}
	pw_difference_deinit(&d);
	return pw_sink_finish(&sink, error);
}
