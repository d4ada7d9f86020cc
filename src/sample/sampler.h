/*
 * A sampler: what its files share.  sampler.c keeps processes and time, taken.c puts what was taken
 * into the profile, engines.c takes it.
 */
#ifndef PW_SAMPLE_SAMPLER_H
#define PW_SAMPLE_SAMPLER_H

#include "pywalk_sample.h"

#include "sample/ebpf.h"
#include "stack/follow.h"

enum { PW_PAUSES_KEPT = 1 << 16 };

/* A thread as it was taken last: while it sleeps, it stays so. */
struct pw_known {
	uint64_t tid;
	uint32_t thread, node; /* in the profile */
	uint32_t flags;
	bool whole;
	uint64_t seen; /* at which look */
	UT_hash_handle hh;
};

struct pw_watched {
	struct pw_session *session;
	struct pw_follow *follow;
	struct pw_known *known; /* uthash, by tid */
	size_t known_limit;	/* there are dead ones among so many */
	uint32_t process;	/* in the profile */
	uint64_t resident;	/* bytes, at the last look; 0: not asked for */
};

struct pw_sampler {
	struct pw_sampler_options options;
	struct pw_capture_options capture;
	struct pw_profile *profile;
	struct pw_watched *watched;
	size_t watched_count;
	struct pw_profile_info info;
	const struct pw_engine_ops *engine;
	struct pw_ebpf *ebpf;  /* of that engine; else NULL */
	struct pw_error *note; /* see pw_sampler_engine_note(); owned */
	uint64_t looks;
	uint64_t newest;		      /* of the times of samples, ns */
	uint64_t lost;			      /* stacks that could not be read whole */
	uint32_t *pauses;		      /* ns, the last PW_PAUSES_KEPT of them; owned */
	uint64_t interval, begin, next, last; /* ns; CLOCK_MONOTONIC */
	uint64_t cpu_at_begin;
};

/* One look at one process. */
struct pw_look {
	struct pw_sampler *sampler;
	struct pw_watched *watched;
	struct pw_profile_sample proto; /* time, weight, memory */
	struct pw_error *error;		/* that ends the sampling */
};

struct pw_engine_ops {
	enum pw_engine engine;
	const char *name;
	/* What it needs before there are processes; NULL: nothing. */
	struct pw_error *(*open)(struct pw_sampler *sampler);
	/* Which threads pw_follow_look() is to take. */
	enum pw_followed (*follows)(const struct pw_sampler_options *options);
	struct pw_error *(*add)(struct pw_sampler *sampler, struct pw_watched *watched);
	void (*remove)(struct pw_sampler *sampler, struct pw_watched *watched);
	/* What was taken of all processes since the last look; NULL: nothing is. */
	struct pw_error *(*drain)(struct pw_sampler *sampler);
	/* Brings what it counts itself into the info; NULL: nothing. */
	void (*count)(const struct pw_sampler *sampler, struct pw_profile_info *info);
};

/* ---- engines.c ---- */

/* Picks and opens one; pw_engine_close() is due also after an error. */
struct pw_error *pw_engine_open(struct pw_sampler *sampler);
void pw_engine_close(struct pw_sampler *sampler);
/* Looks at a process; the error is that it can be looked at no more. */
struct pw_error *pw_engine_look(struct pw_look *look);

/* ---- taken.c ---- */

/* The threads of a dump, as samples. */
struct pw_error *pw_taken_add(struct pw_sampler *sampler, struct pw_watched *watched,
			      const struct pw_dump *dump, const struct pw_profile_sample *proto);
/* One that sleeps where it was taken last; false: that was not whole: for pw_follow_look(), `data`
 * a struct pw_look. */
bool pw_taken_asleep(void *data, uint64_t tid);
void pw_taken_sweep(const struct pw_sampler *sampler, struct pw_watched *watched);
void pw_taken_forget(struct pw_watched *watched);

#endif
