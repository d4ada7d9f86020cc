/* Threads of dumps as samples: what pw_profile_add_dump() and the sampler share. */
#ifndef PW_SAMPLE_DUMPED_H
#define PW_SAMPLE_DUMPED_H

#include "pywalk_profile.h"

/* Whether the options want a sample of it. */
bool pw_dumped_is_wanted(const struct pw_profile_dump_options *options,
			 const struct pw_thread *thread);
/* Whether all of its stack could be read. */
bool pw_dumped_is_whole(const struct pw_thread *thread);
/* Fills in the sample's thread, node and flags. */
struct pw_error *pw_dumped_intern(struct pw_profile *profile,
				  const struct pw_profile_dump_options *options,
				  const struct pw_thread *thread, struct pw_profile_sample *ret);

#endif
