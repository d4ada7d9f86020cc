/*
 * pywalk: sampling.  Looks at live processes again and again, and puts what their threads do into a
 * profile.
 *
 * A part of pywalk.h, which includes it; the rules there hold here too.
 */
/* First: it includes its parts in their order. */
#include "pywalk.h"

#ifndef PYWALK_SAMPLE_H
#define PYWALK_SAMPLE_H

#ifdef __cplusplus
extern "C" {
#endif

struct pw_sampler;

/* Whether this build can sample in the target's own context (eBPF). */
PW_API bool pw_sampler_has_ebpf(void);

/* How running threads are looked at; sleeping ones are read where they sleep, whatever the engine.
 */
enum pw_engine {
	PW_ENGINE_AUTO,	  /* ebpf where only running threads count and it may be used, else ptrace
			   */
	PW_ENGINE_PTRACE, /* each is stopped for a moment, at each look */
	PW_ENGINE_EBPF,	  /* in their own context, by a clock that ticks while they run */
	PW_ENGINE_PEEK,	  /* never stopped: what two copies have in common; without native frames */
};

/* Set `size` to sizeof(struct pw_sampler_options); all other members may be zero. */
struct pw_sampler_options {
	size_t size;
	double rate;		     /* looks per second; 0: 100 */
	enum pw_profile_clock clock; /* which threads count: wall all, cpu those that run, gil who
					holds it */
	bool no_idle;		     /* wall: without threads that sleep */
	enum pw_native native;
	bool functions; /* frames without lines */
	bool memory;	/* how much memory is resident, at each look */
	enum pw_engine engine;
	size_t max_frames; /* Python frames a thread; 0: 2^20 */
};

/* *ret is the caller's, and the profile is the sampler's: it grows with each look. */
PW_API struct pw_error *pw_sampler_create(const struct pw_sampler_options *options,
					  struct pw_sampler **ret);
PW_API void pw_sampler_destroy(struct pw_sampler *sampler); /* takes NULL; not the sessions */
PW_API struct pw_profile *pw_sampler_profile(struct pw_sampler *sampler);
/* Why PW_ENGINE_AUTO is not ebpf although only running threads count; NULL: it is, or need not be.
 * Lives as long as the sampler. */
PW_API const char *pw_sampler_engine_note(const struct pw_sampler *sampler);

/* Looks at this process too from now on, until it is removed; the session is borrowed so long.
 * `command`: what it was started with, NULL: unknown.  The same process again, after an exec: what
 * it was before is not forgotten. */
PW_API struct pw_error *pw_sampler_add(struct pw_sampler *sampler, struct pw_session *session,
				       const char *command);
PW_API void pw_sampler_remove(struct pw_sampler *sampler, const struct pw_session *session);

/*
 * Looks once at all threads of all processes.  `weight` is the time in nanoseconds that this look
 * stands for, and `time` when it is, since the first one.  A process that cannot be read any more
 * is told to `gone`, with the error, which it takes over; it has been removed then.
 */
PW_API struct pw_error *pw_sampler_look(struct pw_sampler *sampler, uint64_t time, uint64_t weight,
					void (*gone)(void *data, struct pw_session *session,
						     struct pw_error *error),
					void *data);

/* When the next look is due: sleeps until then, or until a signal comes (false).  Looks that are
 * overdue are counted as missed, and the next one's weight (in *ret_weight) stands for them too. */
PW_API bool pw_sampler_wait(struct pw_sampler *sampler, uint64_t *ret_time, uint64_t *ret_weight);

/* Brings the profile's info up to date: duration, rate reached, pauses, own time. */
PW_API struct pw_error *pw_sampler_summarize(struct pw_sampler *sampler);

#ifdef __cplusplus
}
#endif

#endif
