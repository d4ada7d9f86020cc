/*
 * What ebpf.bpf.c needs of the kernel's types: only the members that it reads.  Where they stand is
 * looked up in the running kernel's BTF when the program is loaded (CO-RE), so that what is
 * compiled here runs on other kernels; numbers are those of include/uapi/linux/bpf.h.
 */
#ifndef PW_SAMPLE_EBPF_KERNEL_H
#define PW_SAMPLE_EBPF_KERNEL_H

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum { BPF_ANY = 0, BPF_RB_NO_WAKEUP = 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct thread_struct {
	unsigned long fsbase;
};

/* aarch64 */
struct thread_struct___arm64 {
	struct {
		unsigned long tp_value;
	} uw;
};

struct bpf_prog_aux {
	__u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct perf_event {
	struct list_head event_entry;
	struct bpf_prog *prog;
};

struct perf_event_context {
	struct list_head event_list;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct mm_struct;

struct task_struct {
	unsigned int __state;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct perf_event_context *perf_event_ctxp;
	struct thread_struct thread;
};

/* Up to 6.1: hardware, software. */
struct task_struct___two {
	struct perf_event_context *perf_event_ctxp[2];
};

struct task_struct___arm64 {
	struct thread_struct___arm64 thread;
};

#pragma clang attribute pop

#endif
