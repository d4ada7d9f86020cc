/*
 * Thread states of a core that has lost what leads to them: the runtime's lists stand in the
 * interpreter's own data, at high addresses, which a cut core loses early, while thread states,
 * frames and code objects, on the heap, are still there.
 *
 * The core's writable memory is searched for thread states.  One is believed when it belongs to a
 * thread that the core knows, or is linked as thread states are, and leads to frames with whole
 * code objects.
 */
#ifndef PW_PYTHON_SALVAGE_H
#define PW_PYTHON_SALVAGE_H

#include "python/interp.h"

/* Whether a target may have lost memory: a core. */
bool pw_may_be_cut(const struct pw_python *python);

/*
 * Adds the thread states, and their interpreters, that are found and not in the lists yet, with a
 * note that says how many.  What was found is kept in `python` for the layout, so that only the
 * first call searches.  An error only for want of memory.
 */
struct pw_error *pw_lists_salvage(struct pw_python *python, struct pw_runtime_lists *lists,
				  struct pw_notes *notes);

#endif
