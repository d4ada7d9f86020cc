/*
 * Folding: which native frames are the interpreter's own machinery, that says nothing to the reader
 * of a mixed stack: evaluation, calls of callables, start of threads and of the program.
 */
#ifndef PW_STACK_FOLD_H
#define PW_STACK_FOLD_H

#include "stack/model.h"

/* Takes them out of the thread's merged frames.  Gaps, signal trampolines, functions that do a
 * builtin's work and everything outside of the interpreter stay. */
void pw_thread_fold(struct pw_session *session, struct pw_thread *thread);

#endif
