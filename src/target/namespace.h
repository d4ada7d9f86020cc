/* Which pid namespace this process is in, for who asks the kernel about others in its terms. */
#ifndef PW_TARGET_NAMESPACE_H
#define PW_TARGET_NAMESPACE_H

#include "base/error.h"

struct pw_error *pw_own_pid_namespace(uint64_t *ret_inode);

#endif
