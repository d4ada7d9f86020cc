/* ebpf.c's own: what the program in the kernel is told of a process. */
#ifndef PW_SAMPLE_EBPF_CONFIG_H
#define PW_SAMPLE_EBPF_CONFIG_H

#include "sample/ebpf.h"

#include <linux/types.h>

#include "sample/ebpf_record.h"

/* UNSUPPORTED says what of the interpreter the program could not follow. */
struct pw_error *pw_ebpf_config(struct pw_python *python, struct pw_ebpf_config *ret);

#endif
