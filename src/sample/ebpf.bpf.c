/*
 * Runs in the kernel, in the context of the thread that a perf software clock's tick meets, and
 * copies what its Python frames consist of; src/sample/ebpf.c loads it and reads what it copied.
 *
 * Read from: include/linux/sched.h, kernel/events/core.c (perf_swevent_hrtimer(), inherit_event(),
 * bpf_overflow_handler()), kernel/fork.c (sched_process_fork comes after perf_event_init_task()),
 * kernel/exit.c; what is copied of CPython: src/python/frame.c.
 */
#include "ebpf_kernel.h"
/* After it. */
#include "ebpf_record.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

enum { PIECE_HEAD = sizeof(struct pw_ebpf_piece), CODES = 64, STEPS = 1 << 13, NAMESPACES = 32 };
enum { EVENTS = 16 };

/* Words of the registers, and which: struct user_pt_regs, struct pt_regs. */
#ifdef __TARGET_ARCH_arm64
enum { REGS = 34, REG_SP = 31, REG_PC = 32 };
#else
enum { REGS = 21, REG_SP = 19, REG_PC = 16 };
#endif

/* Set before it is loaded. */
const volatile __u64 namespace_inode; /* pids are those of this pid namespace */
const volatile __u32 stack_pages;     /* to be copied of native stacks */

__u32 program_id;
__u64 counts[PW_EBPF_COUNTS];
struct pw_ebpf_pulse pulse;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_EBPF_PROCESSES);
	__type(key, __u32);
	__type(value, struct pw_ebpf_config);
} processes SEC(".maps");

/* Threads that have an event, and the process that it was opened for, whose others inherit. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_EBPF_THREADS);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

/* Which thread state is a thread's, as long as nothing speaks against it. */
struct known {
	__u64 tstates[PW_EBPF_TSTATES];
	__u64 count;
	__u64 until; /* then they are looked for again */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PW_EBPF_THREADS);
	__type(key, __u32);
	__type(value, struct known);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} ring SEC(".maps");

/* Too large for the stack, and for a BPF_MAP_TYPE_PERCPU_ARRAY. */
struct scratch {
	__u64 number; /* of the record */
	struct {
		__u64 code, number;
	} codes[CODES]; /* whose headers have been copied */
	struct pw_ebpf_head head;
	__u8 data[PW_EBPF_DATA];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* as many as there are processors */
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* So that the verifier sees the comparison that follows, of this very register. */
#define known_only_here(x) asm volatile("" : "+r"(x))

static __always_inline void count(enum pw_ebpf_count what)
{
	__sync_fetch_and_add(&counts[what], 1);
}

static __always_inline __u64 read_word(__u64 address)
{
	__u64 word = 0;
	bpf_probe_read_user(&word, sizeof(word), (const void *)address);
	return word;
}

#include "ebpf_pieces.bpf.h"
#include "ebpf_task.bpf.h"
#include "ebpf_frames.bpf.h"

/* ---- which thread state ---- */

struct search {
	const struct pw_ebpf_config *config;
	__u64 interp, at, pointer;
	__u64 likely; /* by its thread_id, which another thread may have had before */
	__u32 number;
	struct known found;
};

enum is { IS_NOT, IS_LIKELY, IS };

/* 3.11+ say the number; before, what pthread_self() returned: the thread pointer, and where glibc
 * keeps the number. */
static __always_inline enum is is_of(const struct pw_ebpf_config *config, __u64 tstate,
				     __u32 number, __u64 pointer)
{
	bool says = config->tstate_native_id >= 0;
	if (says && read_word(tstate + config->tstate_native_id) == number)
		return IS;
	__u64 id = read_word(tstate + config->tstate_thread_id);
	if (id && id == pointer)
		return says ? IS_LIKELY : IS;
	if (says || !id)
		return IS_NOT;
	__u32 kept = 0;
	bpf_probe_read_user(&kept, sizeof(kept), (const void *)(id + config->pthread_tid));
	return kept == number ? IS : IS_NOT;
}

static long search_step(__u32 index, struct search *search)
{
	const struct pw_ebpf_config *config = search->config;
	if (!search->at) {
		if (!search->interp)
			return 1;
		search->at = read_word(search->interp + config->interp_threads);
		search->interp = read_word(search->interp + config->interp_next);
		return 0;
	}
	enum is is = is_of(config, search->at, search->number, search->pointer);
	__u64 count = search->found.count;
	if (is == IS && count < PW_EBPF_TSTATES) {
		search->found.tstates[count] = search->at;
		search->found.count = count + 1;
	}
	if (is == IS_LIKELY && !search->likely)
		search->likely = search->at;
	search->at = read_word(search->at + config->tstate_next);
	return 0;
}

static __always_inline bool holds_gil(const struct pw_ebpf_config *config, __u64 tstate)
{
	__u64 gil = config->gil;
	__u32 locked = 1;
	if (!gil && config->interp_gil >= 0)
		gil = read_word(read_word(tstate + config->tstate_interp) + config->interp_gil);
	if (gil && config->gil_locked >= 0)
		bpf_probe_read_user(&locked, sizeof(locked),
				    (const void *)(gil + config->gil_locked));
	return gil && locked && read_word(gil + config->gil_holder) == tstate;
}

/* Where its newest evaluation frame is, or something in it, if it has any: the lower, the newer. */
static __always_inline __u64 place_of(const struct pw_ebpf_config *config, __u64 tstate)
{
	__u64 at = config->model == PW_EBPF_CFRAME ? 0 : read_word(tstate + config->tstate_frame);
	if (config->model == PW_EBPF_FRAME || (config->model == PW_EBPF_BOTH && !at))
		return at;
	at = read_word(tstate + config->tstate_cframe);
	if (config->model == PW_EBPF_CFRAME && !read_word(at + config->cframe_frame))
		return 0;
	return at;
}

/*
 * Of a thread that is in several interpreters: the one it runs in.  One without frames is not it;
 * up to 3.11 they have one GIL, which does not change hands when the thread goes from one to the
 * other, so that (3.10, 3.11) the newest _PyCFrame tells.
 */
static __always_inline __u64 choose(const struct pw_ebpf_config *config, const struct known *known)
{
	__u64 best = known->tstates[0], best_place = 0;
	bool by_place = config->gil && config->model != PW_EBPF_FRAME;
	if (known->count < 2)
		return best;
	for (__u32 i = 0; i < PW_EBPF_TSTATES; i++) {
		__u64 tstate = known->tstates[i];
		__u64 place = tstate ? place_of(config, tstate) : 0;
		if (!place)
			continue;
		if (!by_place && holds_gil(config, tstate))
			return tstate;
		if (best_place && !(by_place && place < best_place))
			continue;
		best = tstate;
		best_place = place;
	}
	return best;
}

static __always_inline __u64 find_tstate(const struct pw_ebpf_config *config, __u32 tid,
					 __u32 number, __u64 pointer, __u64 now)
{
	/* So that looking again takes a 20th of the time at most where there is none, which may
	 * change at any time, and a 500th else. */
	enum { NONE = 20, SOME = 500 };
	struct known *known = bpf_map_lookup_elem(&threads, &tid);
	if (known && now < known->until) {
		__u64 tstate = choose(config, known);
		if (!tstate || is_of(config, tstate, number, pointer) != IS_NOT)
			return tstate;
	}
	struct search search = {.config = config,
				.interp = read_word(config->head_slot),
				.number = number,
				.pointer = pointer};
	bpf_loop(STEPS, search_step, &search, 0);
	if (!search.found.count && search.likely) {
		search.found.tstates[0] = search.likely;
		search.found.count = 1;
	}
	__u64 then = bpf_ktime_get_ns();
	search.found.until = then + (then - now) * (search.found.count ? SOME : NONE);
	bpf_map_update_elem(&threads, &tid, &search.found, BPF_ANY);
	return choose(config, &search.found);
}

/* ---- a tick ---- */

static __always_inline void send(struct scratch *s)
{
	__u64 length = s->head.used;
	known_only_here(length);
	if (length > PW_EBPF_DATA)
		length = PW_EBPF_DATA;
	count(bpf_ringbuf_output(&ring, &s->head, sizeof(s->head) + length, BPF_RB_NO_WAKEUP)
		      ? PW_EBPF_RING_FULL
		      : PW_EBPF_TAKEN);
}

static __always_inline int look(struct task_struct *task, __u32 periods)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &cpu);
	count(PW_EBPF_TICKS);
	if (!s || !task->mm) {
		count(PW_EBPF_ENDING);
		return 0;
	}
	__u32 tid = number_of(task), pid = number_of(task->group_leader);
	const struct pw_ebpf_config *config = bpf_map_lookup_elem(&processes, &pid);
	if (!config || !config->head_slot) {
		count(PW_EBPF_STRANGE);
		return 0;
	}
	s->number++;
	s->head.time = bpf_ktime_get_ns();
	s->head.pid = pid;
	s->head.tid = tid;
	s->head.flags = s->head.used = 0;
	s->head.periods = periods;
	s->head.thread_pointer = thread_pointer_of(task);
	/* Those of user space, also when the tick met it within the kernel. */
	bpf_probe_read_kernel(s->head.regs, REGS * 8, (const void *)bpf_task_pt_regs(task));
	s->head.tstate =
		find_tstate(config, tid, own_number(task), s->head.thread_pointer, s->head.time);
	if (s->head.tstate && put_python(s, config, s->head.tstate) == PUT_UNREADABLE) {
		count(PW_EBPF_UNREADABLE);
		return 0;
	}
	if (stack_pages)
		put_stack(s, s->head.regs[REG_SP], s->head.thread_pointer);
	send(s);
	return 0;
}

/* Of the thread's own clock. */
SEC("perf_event")
int tick(void *context)
{
	return look(bpf_get_current_task_btf(), 1);
}

/* ---- ticks that are sent ---- */

static __always_inline void note_running(bool is)
{
	__u32 cpu = bpf_get_smp_processor_id();
	if (cpu < PW_EBPF_CPUS)
		pulse.running[cpu] = is;
}

/* One that is sent: to whom, the sender knew a moment ago. */
SEC("raw_tp")
int sent(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (has_event(task))
		return look(task, pulse.periods);
	note_running(false);
	return 0;
}

/* Whom a tick can be sent to, and who waits instead for the one that sends it. */
SEC("tp_btf/sched_switch")
int switched(__u64 *arguments)
{
	struct task_struct *from = (void *)arguments[1], *to = (void *)arguments[2];
	note_running(has_event(to));
	/* All switches of the machine come here: what few fulfil is asked first. */
	if (from->__state || !has_event(from) || !pulse.ticker || number_of(to) != pulse.ticker)
		return 0;
	pulse.displaced++;
	count(PW_EBPF_TICKS);
	return 0;
}

/* ---- who has an event ---- */

static __always_inline void note_watched(__u32 tid, __u32 from)
{
	__u32 unknown = 0, *owner = bpf_map_lookup_elem(&watched, &from);
	if (tid)
		bpf_map_update_elem(&watched, &tid, owner ? owner : &unknown, BPF_ANY);
}

/* New threads and children inherit the event of the thread that makes them, and are made like it.
 */
SEC("tp_btf/sched_process_fork")
int forked(__u64 *arguments)
{
	struct task_struct *parent = (void *)arguments[0], *child = (void *)arguments[1];
	if (!has_event(child))
		return 0;
	__u32 tid = number_of(child), from = number_of(BPF_CORE_READ(parent, group_leader));
	note_watched(tid, number_of(parent));
	if (BPF_CORE_READ(child, group_leader) != child || !tid)
		return 0;
	const struct pw_ebpf_config *config = bpf_map_lookup_elem(&processes, &from);
	if (config)
		bpf_map_update_elem(&processes, &tid, config, BPF_ANY);
	return 0;
}

/* Another program, of which nothing is known; the events stay. */
SEC("tp_btf/sched_process_exec")
int executed(__u64 *arguments)
{
	struct task_struct *task = (void *)arguments[0];
	if (!has_event(task))
		return 0;
	__u32 tid = number_of(task);
	note_watched(tid, tid);
	bpf_map_delete_elem(&threads, &tid);
	bpf_map_delete_elem(&processes, &tid);
	return 0;
}

/* The first thread's number stays with the process: of another thread that executes a program, it
 * becomes the number. */
SEC("tp_btf/sched_process_exit")
int ended(__u64 *arguments)
{
	struct task_struct *task = (void *)arguments[0];
	__u32 tid = number_of(task), pid = number_of(BPF_CORE_READ(task, group_leader));
	if (!bpf_map_lookup_elem(&watched, &tid))
		return 0;
	bpf_map_delete_elem(&threads, &tid);
	if (tid != pid)
		bpf_map_delete_elem(&watched, &tid);
	if (BPF_CORE_READ(task, signal, live.counter) == 0) {
		bpf_map_delete_elem(&watched, &pid);
		bpf_map_delete_elem(&processes, &pid);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
