/*
 * Folding: which native frames are the interpreter's own machinery, that says nothing to the reader
 * of a mixed stack: evaluation, calls of callables, start of threads and of the program.
 */
#ifndef PW_STACK_FOLD_H
#define PW_STACK_FOLD_H

#include "stack/model.h"

/*
 * Whether the native frame at `pc` is of that machinery.  Gaps, signal trampolines, functions that
 * do a builtin's work and everything outside of the interpreter are not.  `symbol` may be NULL; it
 * must live as long as the session.
 */
bool pw_folds(struct pw_session *session, uint64_t pc, const char *symbol);

#endif
