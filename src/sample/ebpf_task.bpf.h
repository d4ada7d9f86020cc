/*
 * A part of ebpf.bpf.c: what the kernel knows of a thread.  include/linux/pid.h,
 * include/linux/sched.h, include/linux/perf_event.h.
 */
#ifndef PW_SAMPLE_EBPF_TASK_BPF_H
#define PW_SAMPLE_EBPF_TASK_BPF_H

/* ---- pids as the sampler's pid namespace numbers them; bpf_get_ns_current_pid_tgid() knows only
 * those of threads of the same namespace, not of one below ---- */

static __always_inline __u32 number_in(struct pid *pid, __u32 level, bool any)
{
	struct upid at;
	const void *from = (const void *)pid + bpf_core_field_offset(struct pid, numbers) +
			   level * bpf_core_type_size(struct upid);
	if (bpf_core_read(&at.nr, sizeof(at.nr), &((struct upid *)from)->nr))
		return 0;
	if (any)
		return (__u32)at.nr;
	if (bpf_core_read(&at.ns, sizeof(at.ns), &((struct upid *)from)->ns))
		return 0;
	return BPF_CORE_READ(at.ns, ns.inum) == namespace_inode ? (__u32)at.nr : 0;
}

/* 0: it has none there. */
static __always_inline __u32 number_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 levels = pid ? BPF_CORE_READ(pid, level) : 0;
	if (!pid)
		return 0;
	for (__u32 i = 0; i < NAMESPACES; i++) {
		if (i > levels)
			break;
		__u32 number = number_in(pid, i, false);
		if (number)
			return number;
	}
	return 0;
}

/* As the thread itself sees it. */
static __always_inline __u32 own_number(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	return number_in(pid, BPF_CORE_READ(pid, level), true);
}

static __always_inline __u64 thread_pointer_of(struct task_struct *task)
{
#ifdef __TARGET_ARCH_arm64
	struct task_struct___arm64 *arm64 = (void *)task;
	return BPF_CORE_READ(arm64, thread.uw.tp_value);
#else
	return task->thread.fsbase;
#endif
}

/* Whether one of the task's events runs this very program. */
static __always_inline bool has_event(struct task_struct *task)
{
	struct perf_event_context *events;
	if (bpf_core_field_exists(struct task_struct, perf_event_ctxp)) {
		events = BPF_CORE_READ(task, perf_event_ctxp);
	} else {
		struct task_struct___two *two = (void *)task;
		events = BPF_CORE_READ(two, perf_event_ctxp[1]);
	}
	if (!events)
		return false;
	const struct list_head *end =
		(void *)events + bpf_core_field_offset(struct perf_event_context, event_list);
	const struct list_head *at = BPF_CORE_READ(end, next);
	for (__u32 i = 0; i < EVENTS && at && at != end; i++) {
		struct perf_event *event =
			(void *)at - bpf_core_field_offset(struct perf_event, event_entry);
		if (BPF_CORE_READ(event, prog, aux, id) == program_id)
			return true;
		at = BPF_CORE_READ(at, next);
	}
	return false;
}

#endif
