/* What was taken becomes samples: each thread's frames are interned, oldest first, and the stack is
 * one node of the profile. */
#include "sample/dumped.h"
#include "sample/profile.h"
#include "sample/sampler.h"

#include <stdlib.h>
#include <string.h>

static void note_pause(struct pw_sampler *s, uint64_t pause)
{
	if (!pause)
		return;
	s->pauses[s->info.pauses++ % PW_PAUSES_KEPT] =
		pause > UINT32_MAX ? UINT32_MAX : (uint32_t)pause;
	if (pause > s->info.pause_max)
		s->info.pause_max = pause;
}

/* Threads come and go: forgets those that were not there at the last look. */
void pw_taken_sweep(const struct pw_sampler *s, struct pw_watched *watched)
{
	enum { FEW = 1024 };
	struct pw_known *known, *next;
	if (HASH_COUNT(watched->known) <= watched->known_limit)
		return;
	HASH_ITER (hh, watched->known, known, next) {
		if (known->seen + 1 >= s->looks)
			continue;
		HASH_DEL(watched->known, known);
		free(known);
	}
	watched->known_limit = FEW + HASH_COUNT(watched->known) * 2;
}

/* What is known of a thread, made if there is nothing yet; NULL: out of memory. */
static struct pw_known *know(struct pw_watched *watched, uint64_t tid)
{
	struct pw_known *known;
	HASH_FIND(hh, watched->known, &tid, sizeof(tid), known);
	if (known)
		return known;
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->tid = tid;
	HASH_ADD(hh, watched->known, tid, sizeof(tid), known);
	return known;
}

static struct pw_error *add_sample(struct pw_sampler *s, struct pw_known *known,
				   const struct pw_profile_sample *proto)
{
	struct pw_profile_sample sample = *proto;
	known->seen = s->looks;
	if (!known->whole) {
		s->lost++;
		return NULL;
	}
	/* Several processors write into one ring. */
	if (sample.time < s->newest)
		sample.time = s->newest;
	s->newest = sample.time;
	sample.thread = known->thread;
	sample.node = known->node;
	sample.flags = known->flags;
	s->info.torn += (known->flags & PW_SAMPLE_TORN) != 0;
	return pw_profile_add_sample(s->profile, &sample);
}

struct pw_error *pw_taken_add(struct pw_sampler *s, struct pw_watched *watched,
			      const struct pw_dump *dump, const struct pw_profile_sample *proto)
{
	struct pw_error *error = NULL;
	const struct pw_profile_dump_options options = {
		.size = sizeof(options),
		.process = watched->process,
		.clock = s->options.clock,
		.no_idle = s->options.no_idle,
		.functions = s->options.functions,
	};
	note_pause(s, pw_dump_pause(dump));
	for (size_t i = 0; !error && i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		if (!pw_dumped_is_wanted(&options, thread))
			continue;
		struct pw_known *known = know(watched, pw_thread_tid(thread));
		if (!known)
			return &pw_error_nomem;
		known->whole = pw_dumped_is_whole(thread);
		struct pw_profile_sample sample;
		if (known->whole)
			error = pw_dumped_intern(s->profile, &options, thread, &sample);
		if (known->whole && !error) {
			known->thread = sample.thread;
			known->node = sample.node;
			known->flags = sample.flags;
		}
		if (!error)
			error = add_sample(s, known, proto);
	}
	return error;
}

bool pw_taken_asleep(void *data, uint64_t tid)
{
	struct pw_look *look = data;
	struct pw_known *known;
	HASH_FIND(hh, look->watched->known, &tid, sizeof(tid), known);
	if (known && !look->error)
		look->error = add_sample(look->sampler, known, &look->proto);
	return known && known->whole;
}

void pw_taken_forget(struct pw_watched *watched)
{
	struct pw_known *known, *next;
	HASH_ITER (hh, watched->known, known, next) {
		HASH_DEL(watched->known, known);
		free(known);
	}
}
