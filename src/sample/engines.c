/*
 * The engines.  All of them read sleeping threads where they sleep; they differ in how a running
 * one is looked at.
 */
#include "sample/sampler.h"

#include <stdlib.h>

/* What runs while it is looked at, or all. */
static enum pw_followed by_clock(const struct pw_sampler_options *options)
{
	if (options->clock == PW_CLOCK_GIL)
		return PW_FOLLOW_GIL;
	return options->clock == PW_CLOCK_CPU || options->no_idle ? PW_FOLLOW_RUNNING
								  : PW_FOLLOW_ALL;
}

struct pw_error *pw_engine_look(struct pw_look *look)
{
	struct pw_dump *dump;
	struct pw_error *error =
		pw_follow_look(look->watched->follow, &dump, pw_taken_asleep, look);
	if (error)
		return error;
	if (!look->error)
		look->error = pw_taken_add(look->sampler, look->watched, dump, &look->proto);
	look->sampler->lost += dump->lost_threads;
	pw_dump_destroy(dump);
	return NULL;
}

/* ---- peek ---- */

static struct pw_error *open_peek(struct pw_sampler *s)
{
	s->capture.no_stop = true;
	return NULL;
}

/* ---- ebpf ---- */

/* Ticks come by themselves; sleeping threads are for those who want them. */
static enum pw_followed asleep_by_clock(const struct pw_sampler_options *options)
{
	return options->clock == PW_CLOCK_WALL && !options->no_idle ? PW_FOLLOW_ASLEEP
								    : PW_FOLLOW_NONE;
}

static struct pw_error *open_ebpf(struct pw_sampler *s)
{
	enum { OFTEN_NS = 5000000 };
	struct pw_error *error =
		pw_ebpf_open(s->options.rate, s->options.native != PW_NATIVE_NONE, &s->ebpf);
	/* A wake-up for each tick would cost as much as the ticks; and the ring has its bounds. */
	if (!error && asleep_by_clock(&s->options) == PW_FOLLOW_NONE)
		s->interval = OFTEN_NS;
	return error;
}

static struct pw_error *add_ebpf(struct pw_sampler *s, struct pw_watched *watched)
{
	return pw_ebpf_add(s->ebpf, watched->session);
}

static void remove_ebpf(struct pw_sampler *s, struct pw_watched *watched)
{
	pw_ebpf_remove(s->ebpf, (pid_t)pw_session_pid(watched->session));
}

struct draining {
	struct pw_sampler *sampler;
	struct pw_error *error;
};

static struct pw_watched *find(const struct pw_sampler *s, pid_t pid)
{
	for (size_t i = 0; i < s->watched_count; i++)
		if (pw_session_pid(s->watched[i].session) == pid)
			return &s->watched[i];
	return NULL;
}

static void got_moment(void *data, const struct pw_moment *moment)
{
	struct draining *d = data;
	struct pw_sampler *s = d->sampler;
	struct pw_watched *watched = find(s, moment->pid);
	struct pw_dump *dump;
	if (!watched || d->error || !moment->tstate)
		return;
	pw_auto_error struct pw_error *error = pw_moment_decode(watched->follow, moment, &dump);
	if (error) {
		s->lost++;
		return;
	}
	const struct pw_profile_sample proto = {
		.time = moment->time > s->begin ? moment->time - s->begin : 0,
		.weight = (uint64_t)(1e9 * moment->periods / s->options.rate),
		.resident = watched->resident,
	};
	d->error = pw_taken_add(s, watched, dump, &proto);
	pw_dump_destroy(dump);
}

static struct pw_error *drain_ebpf(struct pw_sampler *s)
{
	struct draining d = {s, NULL};
	struct pw_error *error = pw_ebpf_drain(s->ebpf, got_moment, &d);
	if (d.error)
		pw_error_destroy(error);
	return d.error ? d.error : error;
}

/* Its looks are not what is counted: the clock's ticks are, and those that were not taken. */
static void count_ebpf(const struct pw_sampler *s, struct pw_profile_info *info)
{
	struct pw_ebpf_counts counts = pw_ebpf_count(s->ebpf);
	info->ticks = counts.ticks;
	info->missed = counts.skipped;
	info->lost = s->lost + pw_ebpf_lost(s->ebpf);
	/* The kernel's clock misses none: how many of its ticks there was room for. */
	uint64_t dropped = counts.ring_full < counts.ticks ? counts.ring_full : counts.ticks;
	info->rate_reached = info->rate_wished;
	if (counts.ticks)
		info->rate_reached *= 1 - (double)dropped / (double)counts.ticks;
	if (counts.sent)
		info->rate_reached *= (double)counts.sent / (double)(counts.sent + counts.skipped);
}

/* ---- choosing ---- */

static const struct pw_engine_ops engines[] = {
	{
		.engine = PW_ENGINE_PTRACE,
		.name = "ptrace",
		.follows = by_clock,
	},
	{
		.engine = PW_ENGINE_EBPF,
		.name = "ebpf",
		.open = open_ebpf,
		.follows = asleep_by_clock,
		.add = add_ebpf,
		.remove = remove_ebpf,
		.drain = drain_ebpf,
		.count = count_ebpf,
	},
	{
		.engine = PW_ENGINE_PEEK,
		.name = "peek",
		.open = open_peek,
		.follows = by_clock,
	},
};

static struct pw_error *open_engine(struct pw_sampler *s, enum pw_engine which)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (engines[i].engine == which)
			s->engine = &engines[i];
	s->info.engine = s->engine->name;
	return s->engine->open ? s->engine->open(s) : NULL;
}

struct pw_error *pw_engine_open(struct pw_sampler *s)
{
	if (s->options.engine > PW_ENGINE_PEEK)
		return pw_error_create(PW_ERROR_USAGE, "there is no engine number %d",
				       (int)s->options.engine);
	if (s->options.engine != PW_ENGINE_AUTO)
		return open_engine(s, s->options.engine);
	if (s->options.clock != PW_CLOCK_CPU)
		return open_engine(s, PW_ENGINE_PTRACE);
	s->note = open_engine(s, PW_ENGINE_EBPF);
	return s->note ? open_engine(s, PW_ENGINE_PTRACE) : NULL;
}

void pw_engine_close(struct pw_sampler *s)
{
	pw_ebpf_close(s->ebpf);
	pw_error_destroy(s->note);
}
