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

enum { PIECE_HEAD = sizeof(struct pw_ebpf_piece), CODES = 64, STEPS = 1 << 16, NAMESPACES = 32 };
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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_EBPF_PROCESSES);
	__type(key, __u32);
	__type(value, struct pw_ebpf_config);
} processes SEC(".maps");

/* Threads that have an event. */
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

/* ---- pieces ---- */

enum put { PUT, PUT_UNREADABLE, PUT_FULL };

/* Copies `length` bytes behind what is there. */
static __always_inline enum put put(struct scratch *s, __u64 address, __u64 length)
{
	__u64 at = s->head.used;
	known_only_here(at);
	if (at > PW_EBPF_DATA - PW_EBPF_PIECE_MAX - PIECE_HEAD)
		return PUT_FULL;
	known_only_here(length);
	if (length > PW_EBPF_PIECE_MAX)
		return PUT_FULL;
	struct pw_ebpf_piece *piece = (struct pw_ebpf_piece *)&s->data[at];
	if (bpf_probe_read_user(piece + 1, length, (const void *)address))
		return PUT_UNREADABLE;
	piece->address = address;
	piece->length = length;
	s->head.used = at + PIECE_HEAD + ((length + 7) & ~7ull);
	return PUT;
}

/* A word of what has been put at `at`. */
static __always_inline __u64 word_of(struct scratch *s, __u64 at, __s64 offset)
{
	at += PIECE_HEAD + offset;
	known_only_here(at);
	if (at > PW_EBPF_DATA - 8)
		return 0;
	return *(__u64 *)&s->data[at];
}

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

/* Of a thread that is in several interpreters: the one it runs in, if that can be told; else one
 * that has frames. */
static __always_inline __u64 choose(const struct pw_ebpf_config *config, const struct known *known)
{
	__u64 best = known->tstates[0];
	__s32 link = config->model == PW_EBPF_CFRAME ? config->tstate_cframe : config->tstate_frame;
	if (known->count < 2)
		return best;
	for (__u32 i = 0; i < PW_EBPF_TSTATES; i++) {
		__u64 tstate = known->tstates[i];
		if (tstate && holds_gil(config, tstate))
			return tstate;
		if (tstate && !read_word(best + link))
			best = tstate;
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

/* ---- frames ---- */

struct walk {
	const struct pw_ebpf_config *config;
	struct scratch *scratch;
	__u64 at, end;
	enum put put;
};

static long cframe_step(__u32 index, struct walk *walk)
{
	struct scratch *s = walk->scratch;
	__u64 at = s->head.used;
	if (!walk->at || walk->at == walk->end)
		return 1;
	walk->put = put(s, walk->at, walk->config->cframe_length);
	if (walk->put != PUT)
		return 1;
	walk->at = word_of(s, at, walk->config->cframe_previous);
	return 0;
}

static __always_inline void put_code(struct scratch *s, __u64 code, __u32 length)
{
	__u32 slot = (__u32)(code >> 5) % CODES;
	if (!code || (s->codes[slot].code == code && s->codes[slot].number == s->number))
		return;
	if (put(s, code, length) != PUT)
		return;
	s->codes[slot].code = code;
	s->codes[slot].number = s->number;
}

static long frame_step(__u32 index, struct walk *walk)
{
	struct scratch *s = walk->scratch;
	__u64 at = s->head.used;
	if (!walk->at || walk->at == walk->end)
		return 1;
	walk->put = put(s, walk->at, walk->config->frame_length);
	if (walk->put != PUT)
		return 1;
	/* Of 3.14+, tagged. */
	put_code(s, word_of(s, at, walk->config->frame_code) & ~7ull, walk->config->code_length);
	walk->at = word_of(s, at, walk->config->frame_back);
	return 0;
}

/* What it takes to say who holds the GIL; not vital. */
static __always_inline void put_gil(struct scratch *s, const struct pw_ebpf_config *config,
				    __u64 interp)
{
	__u64 gil = config->gil;
	if (!gil && config->interp_gil >= 0 && interp) {
		__u64 at = s->head.used;
		if (put(s, interp + config->interp_gil, 8) == PUT)
			gil = word_of(s, at, 0);
	}
	if (gil)
		put(s, gil + config->gil_at, config->gil_length);
}

static __always_inline enum put put_cframes(struct scratch *s, const struct pw_ebpf_config *config,
					    __u64 from, __u64 root)
{
	struct walk walk = {.config = config, .scratch = s, .at = from, .end = root};
	bpf_loop(PW_EBPF_DEPTH, cframe_step, &walk, 0);
	return walk.put;
}

/* Up to the frame `end`, or up to the oldest. */
static __always_inline enum put put_frames(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 from, __u64 end, __u32 most)
{
	struct walk walk = {.config = config, .scratch = s, .at = from, .end = end};
	bpf_loop(most, frame_step, &walk, 0);
	if (walk.put == PUT && walk.at && walk.at != end)
		return PUT_FULL;
	return walk.put;
}

/*
 * 3.11 and 3.12: the evaluation function publishes its _PyCFrame before it fills it, so that it
 * leads to what an earlier call left there.  The enclosing one, from which all older frames come,
 * is then the one it seems to be linked to; or it is in a register, to be put there; or else it is
 * found higher on the stack.
 */

struct ascent {
	const struct pw_ebpf_config *config;
	__u64 at, root;
};

static long ascend(__u32 index, struct ascent *ascent)
{
	if (ascent->at == ascent->root)
		return 1;
	__u64 previous = read_word(ascent->at + ascent->config->cframe_previous);
	if (previous % 8 || (previous <= ascent->at && previous != ascent->root)) {
		ascent->at = 0;
		return 1;
	}
	ascent->at = previous;
	return 0;
}

/* Whether a chain of _PyCFrames begins there. */
static __always_inline bool is_chain(const struct pw_ebpf_config *config, __u64 at, __u64 root)
{
	struct ascent ascent = {.config = config, .at = at, .root = root};
	bpf_loop(PW_EBPF_DEPTH, ascend, &ascent, 0);
	return ascent.at == root;
}

struct enclosing {
	struct scratch *scratch;
	const struct pw_ebpf_config *config;
	__u64 newest, root, found;
};

static __always_inline bool encloses(struct enclosing *enclosing, __u64 at)
{
	enum { FAR = 1 << 20 };
	const struct pw_ebpf_config *config = enclosing->config;
	if (at != enclosing->root &&
	    (at % 8 || at <= enclosing->newest || at - enclosing->newest > FAR))
		return false;
	if (!is_chain(config, at, enclosing->root))
		return false;
	/* Whatever points to one of them looks like one, but for its frame. */
	if (at != enclosing->root && config->code_type) {
		__u64 code = read_word(read_word(at + config->cframe_frame) + config->frame_code);
		if (read_word(code + config->object_type) != config->code_type)
			return false;
	}
	enclosing->found = at;
	return true;
}

static long try_register(__u32 index, struct enclosing *enclosing)
{
	return index >= REGS || encloses(enclosing, enclosing->scratch->head.regs[index]);
}

static long try_stack(__u32 index, struct enclosing *enclosing)
{
	__u64 at = enclosing->newest + 8 + 8 * (__u64)index;
	__u64 previous = read_word(at + enclosing->config->cframe_previous);
	return (previous == enclosing->root || (previous > at && previous % 8 == 0)) &&
	       encloses(enclosing, at);
}

static __always_inline __u64 find_enclosing(struct scratch *s, const struct pw_ebpf_config *config,
					    __u64 newest, __u64 root)
{
	enum { SCAN = 1 << 10 }; /* words */
	struct enclosing enclosing = {
		.scratch = s, .config = config, .newest = newest, .root = root};
	if (encloses(&enclosing, read_word(newest + config->cframe_previous)))
		return enclosing.found;
	bpf_loop(REGS, try_register, &enclosing, 0);
	if (!enclosing.found)
		bpf_loop(SCAN, try_stack, &enclosing, 0);
	return enclosing.found;
}

/* Both what the newest leads to and what the enclosing one does; who decodes it sees which is true.
 */
static __always_inline enum put put_entering(struct scratch *s, const struct pw_ebpf_config *config,
					     __u64 newest, __u64 root)
{
	enum { NEW = 64 }; /* frames at most that have come since the enclosing one's */
	enum put done = put(s, newest, config->cframe_length);
	if (done != PUT)
		return done;
	__u64 enclosing = find_enclosing(s, config, newest, root);
	if (!enclosing)
		return PUT_UNREADABLE;
	done = put_cframes(s, config, enclosing, root);
	__u64 older = read_word(enclosing + config->cframe_frame);
	if (done == PUT)
		done = put_frames(s, config, older, 0, PW_EBPF_DEPTH);
	if (done == PUT)
		put_frames(s, config, read_word(newest + config->cframe_frame), older, NEW);
	return done;
}

static __always_inline enum put put_linked(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 newest, __u64 root, __u64 frame)
{
	if (config->model == PW_EBPF_BOTH)
		put_cframes(s, config, newest, root);
	if (config->model == PW_EBPF_CFRAME) {
		enum put done = put_cframes(s, config, newest, root);
		if (done != PUT)
			return done;
		frame = newest ? read_word(newest + config->cframe_frame) : 0;
	}
	return put_frames(s, config, frame, 0, PW_EBPF_DEPTH);
}

static __always_inline bool may_enter(const struct pw_ebpf_config *config, __u64 pc)
{
	enum { PROLOGUE = 0x180 }; /* as pw_eval_in_prologue() has it */
	return config->eval && pc > config->eval && pc - config->eval < PROLOGUE;
}

static __always_inline enum put put_python(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 tstate)
{
	__u64 at = s->head.used, newest = 0, frame = 0, root = tstate + config->tstate_root;
	enum put done = put(s, tstate + config->tstate_at, config->tstate_length);
	if (done != PUT)
		return done;
	__s64 base = -(__s64)config->tstate_at;
	__u64 interp = word_of(s, at, base + config->tstate_interp);
	if (config->model != PW_EBPF_CFRAME)
		frame = word_of(s, at, base + config->tstate_frame);
	if (config->model != PW_EBPF_FRAME)
		newest = word_of(s, at, base + config->tstate_cframe);
	if (newest && newest != root && may_enter(config, s->head.regs[REG_PC]))
		done = put_entering(s, config, newest, root);
	else
		done = put_linked(s, config, newest, root, frame);
	if (done == PUT_FULL)
		s->head.flags |= PW_EBPF_CUT;
	put_gil(s, config, interp);
	return done;
}

/* ---- native stack ---- */

struct pages {
	struct scratch *scratch;
	__u64 begin, end;
	__u32 done;
};

static long page_step(__u32 index, struct pages *pages)
{
	struct scratch *s = pages->scratch;
	__u64 at = s->head.used + PIECE_HEAD + (__u64)index * PW_EBPF_PAGE;
	__u64 from = pages->begin + (__u64)index * PW_EBPF_PAGE;
	known_only_here(at);
	if (from >= pages->end || at > PW_EBPF_DATA - PW_EBPF_PAGE ||
	    bpf_probe_read_user(&s->data[at], PW_EBPF_PAGE, (const void *)from))
		return 1;
	pages->done = index + 1;
	return 0;
}

static __always_inline void put_stack(struct scratch *s, __u64 sp, __u64 thread_pointer)
{
	struct pages pages = {.scratch = s, .begin = sp & ~(__u64)(PW_EBPF_PAGE - 1)};
	__u64 at = s->head.used;
	pages.end = pages.begin + (__u64)stack_pages * PW_EBPF_PAGE;
	/* A thread's own data stands at the end of its stack, glibc's nptl/allocatestack.c. */
	if (thread_pointer > sp && thread_pointer < pages.end)
		pages.end = thread_pointer;
	bpf_loop(stack_pages, page_step, &pages, 0);
	known_only_here(at);
	if (!pages.done || at > PW_EBPF_DATA - PIECE_HEAD)
		return;
	struct pw_ebpf_piece *piece = (struct pw_ebpf_piece *)&s->data[at];
	piece->address = pages.begin;
	piece->length = pages.done * PW_EBPF_PAGE;
	s->head.used = at + PIECE_HEAD + pages.done * PW_EBPF_PAGE;
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

SEC("perf_event")
int tick(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
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

/* ---- who has an event ---- */

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

static __always_inline void note_watched(struct task_struct *task, __u32 tid)
{
	__u32 one = 1;
	if (tid)
		bpf_map_update_elem(&watched, &tid, &one, BPF_ANY);
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
	note_watched(child, tid);
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
	note_watched(task, tid);
	bpf_map_delete_elem(&threads, &tid);
	bpf_map_delete_elem(&processes, &tid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int ended(__u64 *arguments)
{
	struct task_struct *task = (void *)arguments[0];
	__u32 tid = number_of(task), pid;
	if (!bpf_map_lookup_elem(&watched, &tid))
		return 0;
	bpf_map_delete_elem(&watched, &tid);
	bpf_map_delete_elem(&threads, &tid);
	pid = number_of(BPF_CORE_READ(task, group_leader));
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&processes, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
