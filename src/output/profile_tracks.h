/*
 * A profile thread by thread, for the formats that write one thread after the other, and what those
 * say alike.
 */
#ifndef PW_OUTPUT_PROFILE_TRACKS_H
#define PW_OUTPUT_PROFILE_TRACKS_H

#include "output/profile_writer.h"

/* The samples of thread t are samples[starts[t]] up to samples[starts[t + 1]], in the order of
 * time: four bytes a sample, and no pass over all of them for each thread. */
struct pw_profile_tracks {
	const struct pw_profile *profile;
	uint32_t *samples;
	size_t *starts;
};

struct pw_error *pw_profile_tracks_init(struct pw_profile_tracks *tracks,
					const struct pw_profile *profile);
void pw_profile_tracks_deinit(struct pw_profile_tracks *tracks);

static inline size_t pw_profile_track_length(const struct pw_profile_tracks *tracks, size_t thread)
{
	return tracks->starts[thread + 1] - tracks->starts[thread];
}
static inline const struct pw_profile_sample *
pw_profile_track_sample(const struct pw_profile_tracks *tracks, size_t thread, size_t i)
{
	return pw_profile_sample(tracks->profile, tracks->samples[tracks->starts[thread] + i]);
}

/* Room for the stack of any sample; grows. */
struct pw_profile_stack_room {
	uint32_t *nodes; /* oldest first; owned */
	size_t count, room;
};
/* False: out of memory. */
bool pw_profile_fill_stack(struct pw_profile_stack_room *stack, const struct pw_profile *profile,
			   uint32_t node);

/* The function of a node that is not the root. */
static inline uint32_t pw_profile_node_function(const struct pw_profile *profile, uint32_t node)
{
	return pw_profile_frame(profile, pw_profile_node(profile, node)->frame)->function;
}

/* The members of a JSON object that hold pw_profile_info(), without its braces: "engine": ...
 * (profile_info.c) */
void pw_profile_append_info(struct pw_buffer *b, const struct pw_profile *profile);

/* a + b, or the largest number: what a damaged recording says may be anything. */
static inline uint64_t pw_profile_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

#endif
