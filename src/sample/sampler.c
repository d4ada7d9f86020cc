/* The processes that are looked at, and when. */
#include "sample/sampler.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the sampler ---- */

static struct pw_error *check_options(const struct pw_sampler_options *options)
{
	if (!(options->rate >= 0) || (options->rate && options->rate < 1e-3) || options->rate > 1e6)
		return pw_error_create(PW_ERROR_USAGE,
				       "a rate is from 0.001 to 1000000 per second, not %g",
				       options->rate);
	return NULL;
}

struct pw_error *pw_sampler_create(const struct pw_sampler_options *options,
				   struct pw_sampler **ret)
{
	struct pw_error *error = check_options(options);
	if (error)
		return error;
	struct pw_sampler *s = calloc(1, sizeof(*s));
	if (!s)
		return &pw_error_nomem;
	s->options = *options;
	if (!s->options.rate)
		s->options.rate = 100;
	s->interval = (uint64_t)(1e9 / s->options.rate);
	s->capture = (struct pw_capture_options){
		.size = sizeof(s->capture),
		.max_frames = options->max_frames,
		.native = options->native,
		.native_only_threads = options->native != PW_NATIVE_NONE,
	};
	s->info = (struct pw_profile_info){
		.clock = options->clock,
		.native = options->native != PW_NATIVE_NONE,
		.lines = !options->functions,
		.memory = options->memory,
		.rate_wished = s->options.rate,
		.complete = true, /* as far as it has got */
		.start = pw_clock(CLOCK_REALTIME),
	};
	s->pauses = malloc(PW_PAUSES_KEPT * sizeof(*s->pauses));
	error = s->pauses ? pw_engine_open(s) : &pw_error_nomem;
	if (!error)
		error = pw_profile_create(&s->info, &s->profile);
	if (error) {
		pw_sampler_destroy(s);
		return error;
	}
	s->cpu_at_begin = pw_clock(CLOCK_PROCESS_CPUTIME_ID);
	*ret = s;
	return NULL;
}

static void watched_deinit(struct pw_sampler *sampler, struct pw_watched *watched)
{
	if (sampler->engine->remove)
		sampler->engine->remove(sampler, watched);
	pw_taken_forget(watched);
	pw_follow_destroy(watched->follow);
}

void pw_sampler_destroy(struct pw_sampler *sampler)
{
	if (!sampler)
		return;
	for (size_t i = 0; i < sampler->watched_count; i++)
		watched_deinit(sampler, &sampler->watched[i]);
	pw_engine_close(sampler);
	pw_profile_destroy(sampler->profile);
	free(sampler->watched);
	free(sampler->pauses);
	free(sampler);
}

struct pw_profile *pw_sampler_profile(struct pw_sampler *sampler)
{
	return sampler->profile;
}

const char *pw_sampler_engine_note(const struct pw_sampler *sampler)
{
	return sampler->note ? pw_error_message(sampler->note) : NULL;
}

struct pw_error *pw_sampler_add(struct pw_sampler *sampler, struct pw_session *session,
				const char *command)
{
	const struct pw_profile_process process = {
		.pid = pw_session_pid(session),
		.parent = pw_session_parent_pid(session),
		.executable = pw_session_executable(session),
		.python = pw_session_python_version(session),
		.command = command,
	};
	struct pw_watched *more =
		realloc(sampler->watched, (sampler->watched_count + 1) * sizeof(*more));
	if (!more)
		return &pw_error_nomem;
	sampler->watched = more;
	struct pw_watched *added = &more[sampler->watched_count];
	*added = (struct pw_watched){.session = session};
	struct pw_error *error =
		pw_profile_add_process(sampler->profile, &process, &added->process);
	if (!error)
		error = pw_follow_create(session, &sampler->capture,
					 sampler->engine->follows(&sampler->options),
					 &added->follow);
	if (!error && sampler->engine->add)
		error = sampler->engine->add(sampler, added);
	if (error)
		pw_follow_destroy(added->follow);
	sampler->watched_count += !error;
	return error;
}

void pw_sampler_remove(struct pw_sampler *sampler, const struct pw_session *session)
{
	size_t kept = 0;
	for (size_t i = 0; i < sampler->watched_count; i++) {
		if (sampler->watched[i].session != session)
			sampler->watched[kept++] = sampler->watched[i];
		else
			watched_deinit(sampler, &sampler->watched[i]);
	}
	sampler->watched_count = kept;
}

/* ---- looks ---- */

/* `*ret_failed`: why this process can be looked at no more. */
static struct pw_error *look_at(struct pw_sampler *s, struct pw_watched *watched, uint64_t time,
				uint64_t weight, struct pw_error **ret_failed)
{
	struct pw_look look = {s, watched, {.time = time, .weight = weight}, NULL};
	look.proto.resident = watched->resident;
	*ret_failed = pw_engine_look(&look);
	pw_taken_sweep(s, watched);
	return look.error;
}

struct pw_error *pw_sampler_look(struct pw_sampler *sampler, uint64_t time, uint64_t weight,
				 void (*gone)(void *data, struct pw_session *session,
					      struct pw_error *error),
				 void *data)
{
	struct pw_error *error = NULL;
	sampler->looks++;
	sampler->info.ticks = sampler->looks;
	for (size_t i = 0; sampler->options.memory && i < sampler->watched_count; i++) {
		struct pw_watched *watched = &sampler->watched[i];
		watched->resident = pw_session_resident(watched->session);
	}
	if (sampler->engine->drain)
		error = sampler->engine->drain(sampler);
	for (size_t i = 0; !error && i < sampler->watched_count;) {
		struct pw_session *session = sampler->watched[i].session;
		struct pw_error *failed;
		error = look_at(sampler, &sampler->watched[i], time, weight, &failed);
		if (failed) {
			pw_sampler_remove(sampler, session);
			gone(data, session, failed);
			continue;
		}
		i++;
	}
	return error;
}

/* ---- time ---- */

bool pw_sampler_wait(struct pw_sampler *sampler, uint64_t *ret_time, uint64_t *ret_weight)
{
	uint64_t t = pw_now();
	if (!sampler->begin) {
		sampler->begin = sampler->next = t;
		sampler->last = t - sampler->interval;
	}
	if (t < sampler->next) {
		struct timespec until = {(time_t)(sampler->next / 1000000000),
					 (long)(sampler->next % 1000000000)};
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			return false;
		t = pw_now();
	}
	uint64_t due = (t - sampler->next) / sampler->interval + 1;
	sampler->info.missed += due - 1;
	sampler->next += due * sampler->interval;
	*ret_time = t - sampler->begin;
	/* What really passed: a sum of weights is the time of the recording. */
	*ret_weight = t - sampler->last;
	sampler->last = t;
	return true;
}

static int compare_pauses(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

struct pw_error *pw_sampler_summarize(struct pw_sampler *sampler)
{
	struct pw_profile_info *info = &sampler->info;
	size_t count = info->pauses < PW_PAUSES_KEPT ? (size_t)info->pauses : PW_PAUSES_KEPT;
	uint32_t *sorted = malloc((count + 1) * sizeof(*sorted));
	if (!sorted)
		return &pw_error_nomem;
	memcpy(sorted, sampler->pauses, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_pauses);
	if (count) {
		info->pause_median = sorted[count / 2];
		info->pause_p99 = sorted[count - 1 - count / 100];
	}
	free(sorted);
	info->duration = sampler->begin ? pw_now() - sampler->begin : 0;
	info->lost = sampler->lost;
	info->rate_reached =
		info->duration ? (double)info->ticks * 1e9 / (double)info->duration : 0;
	if (sampler->engine->count)
		sampler->engine->count(sampler, info);
	info->own_cpu = pw_clock(CLOCK_PROCESS_CPUTIME_ID) - sampler->cpu_at_begin;
	return pw_profile_set_info(sampler->profile, info);
}
