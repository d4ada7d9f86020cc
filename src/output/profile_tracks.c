#include "output/profile_tracks.h"

#include <stdlib.h>
#include <string.h>

struct pw_error *pw_profile_tracks_init(struct pw_profile_tracks *tracks,
					const struct pw_profile *profile)
{
	size_t threads = pw_profile_thread_count(profile);
	size_t count = pw_profile_sample_count(profile);
	*tracks = (struct pw_profile_tracks){
		.profile = profile,
		.samples = malloc((count + 1) * sizeof(*tracks->samples)),
		.starts = calloc(threads + 2, sizeof(*tracks->starts)),
	};
	if (!tracks->samples || !tracks->starts) {
		pw_profile_tracks_deinit(tracks);
		return &pw_error_nomem;
	}
	/* Counted one further than they belong; filling moves each start to where the next one
	 * begins, which is then right. */
	size_t *next = tracks->starts + 1;
	for (size_t i = 0; i < count; i++)
		next[pw_profile_sample(profile, i)->thread + 1]++;
	for (size_t t = 1; t <= threads; t++)
		next[t] += next[t - 1];
	for (size_t i = 0; i < count; i++)
		tracks->samples[next[pw_profile_sample(profile, i)->thread]++] = (uint32_t)i;
	return NULL;
}

void pw_profile_tracks_deinit(struct pw_profile_tracks *tracks)
{
	free(tracks->samples);
	free(tracks->starts);
	*tracks = (struct pw_profile_tracks){0};
}

bool pw_profile_fill_stack(struct pw_profile_stack_room *stack, const struct pw_profile *profile,
			   uint32_t node)
{
	stack->count = pw_profile_stack(profile, node, stack->nodes, stack->room);
	if (stack->count <= stack->room)
		return true;
	size_t room = stack->count * 2;
	uint32_t *nodes = realloc(stack->nodes, room * sizeof(*nodes));
	if (!nodes)
		return false;
	stack->nodes = nodes;
	stack->room = room;
	stack->count = pw_profile_stack(profile, node, nodes, room);
	return true;
}
