/*
 * Loads the program, gives threads their events, and reads the ring.
 *
 * perf_event_open(2): an event of a thread is inherited by the threads and processes that it makes
 * from then on.  Which threads have one the program notes itself (the map `watched`), from what the
 * kernel says of each new thread: a thread that has one must not be given another, or each of its
 * ticks would come twice.
 */
#include "sample/ebpf_config.h"

#include "sample/ebpf_library.h"
#include "sample/ebpf_ticker.h"

#include "ebpf.skel.h"
#include "pywalk_sample.h"
#include "target/namespace.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	RATE_SENT = 2000,  /* above, ticks are sent, as long as that is fair */
	RATE_MAX = 100000, /* the kernel's, kernel/events/core.c: no tick is nearer than 10 us */
	RING = 16 << 20,
	RING_NATIVE = 64 << 20,
	ROUNDS_MAX = 100, /* of looking for new threads */
};

struct event {
	int fd;
	pid_t pid;
};

/* A process that was added. */
struct added {
	pid_t pid;
	bool inherited; /* some of its threads have the event of whoever made them */
};

struct pw_ebpf {
	uint64_t period; /* ns */
	struct ebpf_bpf *program;
	struct ring_buffer *ring;
	struct pw_ebpf_ticker *ticker; /* NULL: each event ticks by itself */
	struct event *events;
	size_t event_count, event_capacity;
	struct added *added;
	size_t added_count, added_capacity;
	struct pw_piece *pieces; /* of the moment that is handed over */
	size_t piece_capacity;
	/* While draining. */
	void (*got)(void *data, const struct pw_moment *moment);
	void *got_data;
};

bool pw_sampler_has_ebpf(void)
{
	return true;
}

/* Room for one more; false: out of memory. */
static bool make_room(void **items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	size_t more = *capacity ? *capacity * 2 : 32;
	void *room = realloc(*items, more * size);
	if (!room)
		return false;
	*items = room;
	*capacity = more;
	return true;
}

/* ---- the program ---- */

static int print_nothing(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

static struct pw_error *refused(const char *what, int errnum)
{
	if (errnum == EPERM || errnum == EACCES)
		return pw_error_create(
			PW_ERROR_PERMISSION,
			"the engine ebpf may not %s: the capabilities CAP_BPF and CAP_PERFMON are "
			"needed, or root",
			what);
	if (errnum == ENOMEM)
		return &pw_error_nomem;
	return pw_error_create(
		PW_ERROR_UNSUPPORTED,
		"the engine ebpf cannot %s here: %s; a kernel from 5.17 on with BPF, "
		"perf events and BTF (/sys/kernel/btf/vmlinux) was expected",
		what, strerror(errnum));
}

static struct pw_error *set_up(struct pw_ebpf *e, bool native)
{
	uint64_t inode;
	struct pw_error *error = pw_own_pid_namespace(&inode);
	int cpus = libbpf_num_possible_cpus();
	if (error)
		return error;
	if (cpus < 0)
		return pw_error_from_errno(-cpus, "the number of processors");
	e->program->rodata->namespace_inode = inode;
	e->program->rodata->stack_pages = native ? PW_EBPF_STACK / PW_EBPF_PAGE : 0;
	int bad = bpf_map__set_max_entries(e->program->maps.scratches, (uint32_t)cpus);
	if (!bad)
		bad = bpf_map__set_max_entries(e->program->maps.ring, native ? RING_NATIVE : RING);
	return bad ? refused("set its maps up", -bad) : NULL;
}

static int take(void *data, void *record, size_t size);

static struct pw_error *load(struct pw_ebpf *e, bool native)
{
	e->program = ebpf_bpf__open();
	if (!e->program)
		return refused("open its program", errno);
	struct pw_error *error = set_up(e, native);
	if (error)
		return error;
	int bad = ebpf_bpf__load(e->program);
	if (bad)
		return refused("load its program into the kernel", -bad);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(e->program->progs.tick), &info, &size))
		return refused("ask about its program", errno);
	e->program->bss->program_id = info.id;
	struct bpf_program *const hooks[] = {e->program->progs.forked, e->program->progs.executed,
					     e->program->progs.ended};
	struct bpf_link **const links[] = {&e->program->links.forked, &e->program->links.executed,
					   &e->program->links.ended};
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (!(*links[i] = bpf_program__attach(hooks[i])))
			return refused("be told of new threads", errno);
	e->ring = ring_buffer__new(bpf_map__fd(e->program->maps.ring), take, e, NULL);
	return e->ring ? NULL : refused("map its ring", errno);
}

static void leave_switches(struct pw_ebpf *e)
{
	bpf_link__destroy(e->program->links.switched);
	e->program->links.switched = NULL;
}

static void start_ticker(struct pw_ebpf *e)
{
	e->program->links.switched = bpf_program__attach(e->program->progs.switched);
	if (!e->program->links.switched)
		return;
	e->ticker = pw_ebpf_ticker_start(bpf_program__fd(e->program->progs.sent),
					 &e->program->bss->pulse, e->period);
	if (!e->ticker)
		leave_switches(e);
}

struct pw_error *pw_ebpf_open(double rate, bool native, struct pw_ebpf **ret)
{
	if (!(rate > 0) || rate > RATE_MAX)
		return pw_error_create(PW_ERROR_USAGE,
				       "the engine ebpf takes up to %d samples per second, not %g",
				       RATE_MAX, rate);
	struct pw_error *error = pw_ebpf_library_load();
	if (error)
		return error;
	struct pw_ebpf *e = calloc(1, sizeof(*e));
	if (!e)
		return &pw_error_nomem;
	double period = 1e9 / rate;
	e->period = period < 9e18 ? (uint64_t)period : INT64_MAX;
	libbpf_print_fn_t before = libbpf_set_print(print_nothing);
	error = load(e, native);
	if (!error && rate > RATE_SENT)
		start_ticker(e);
	libbpf_set_print(before);
	if (error) {
		pw_ebpf_close(e);
		return error;
	}
	*ret = e;
	return NULL;
}

void pw_ebpf_close(struct pw_ebpf *e)
{
	if (!e)
		return;
	pw_ebpf_ticker_stop(e->ticker);
	for (size_t i = 0; i < e->event_count; i++)
		close(e->events[i].fd);
	ring_buffer__free(e->ring);
	ebpf_bpf__destroy(e->program);
	free(e->events);
	free(e->added);
	free(e->pieces);
	free(e);
}

/* ---- processes ---- */

static int map_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/* *ret_owner: the process that its event was opened for, 0: unknown. */
static bool is_watched(const struct pw_ebpf *e, uint32_t tid, uint32_t *ret_owner)
{
	return bpf_map_lookup_elem(map_of(e->program->maps.watched), &tid, ret_owner) == 0;
}

/* An event that ticks while the thread runs, or only says that it is watched.  ESRCH: it has ended.
 */
static int open_event(struct pw_ebpf *e, pid_t tid)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = e->period,
		.inherit = 1,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(e->program->progs.tick)) ||
	    (!e->ticker && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))) {
		int errnum = errno;
		close(fd);
		return -errnum;
	}
	return fd;
}

static struct pw_error *watch(struct pw_ebpf *e, const struct pw_target *target, uint32_t tid)
{
	uint32_t owner = (uint32_t)target->pid;
	if (!make_room((void **)&e->events, e->event_count, &e->event_capacity, sizeof(*e->events)))
		return &pw_error_nomem;
	int fd = open_event(e, (pid_t)tid);
	if (fd == -ESRCH)
		return NULL;
	if (fd == -EPERM || fd == -EACCES)
		return pw_error_create(PW_ERROR_PERMISSION,
				       "thread %u of process %lld: the engine ebpf may not count "
				       "its time; CAP_PERFMON is needed, or root",
				       tid, (long long)target->pid);
	if (fd == -EMFILE)
		return pw_error_create(PW_ERROR_IO,
				       "process %lld: the engine ebpf opens a file for each of its "
				       "%zu threads, more than may be open; raise the limit "
				       "(ulimit -n)",
				       (long long)target->pid, target->lwp_count);
	if (fd < 0)
		return pw_error_from_errno(-fd, "thread %u of process %lld: perf_event_open()", tid,
					   (long long)target->pid);
	e->events[e->event_count++] = (struct event){fd, target->pid};
	if (bpf_map_update_elem(map_of(e->program->maps.watched), &tid, &owner, BPF_ANY))
		return pw_error_from_errno(errno, "the engine ebpf: more than %d threads",
					   PW_EBPF_THREADS);
	return NULL;
}

/* Until no thread is found that has no event: those that have one make none without. */
static struct pw_error *watch_all(struct pw_ebpf *e, struct pw_target *target, bool *ret_inherited)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		size_t before = e->event_count;
		struct pw_error *error = target->ops->refresh(target);
		for (size_t i = 0; !error && i < target->lwp_count; i++) {
			uint32_t tid = (uint32_t)target->lwps[i].tid, owner;
			if (!is_watched(e, tid, &owner))
				error = watch(e, target, tid);
			else if (owner != (uint32_t)target->pid)
				*ret_inherited = true;
		}
		if (error || e->event_count == before)
			return error;
	}
	return NULL;
}

static struct added *find_added(struct pw_ebpf *e, pid_t pid)
{
	for (size_t i = 0; i < e->added_count; i++)
		if (e->added[i].pid == pid)
			return &e->added[i];
	return NULL;
}

struct pw_error *pw_ebpf_add(struct pw_ebpf *e, struct pw_session *session)
{
	struct pw_ebpf_config config;
	struct pw_target *target = session->target;
	uint32_t pid = (uint32_t)target->pid;
	struct pw_error *error = pw_ebpf_config(&session->python, &config);
	if (error)
		return error;
	struct added *added = find_added(e, target->pid);
	if (!added) {
		if (!make_room((void **)&e->added, e->added_count, &e->added_capacity,
			       sizeof(*e->added)))
			return &pw_error_nomem;
		added = &e->added[e->added_count++];
		*added = (struct added){.pid = target->pid};
	}
	if (bpf_map_update_elem(map_of(e->program->maps.processes), &pid, &config, BPF_ANY))
		error = pw_error_from_errno(errno, "the engine ebpf: more than %d processes",
					    PW_EBPF_PROCESSES);
	if (!error)
		error = watch_all(e, target, &added->inherited);
	if (error)
		pw_ebpf_remove(e, target->pid);
	else if (e->ticker)
		pw_ebpf_ticker_look_everywhere(e->ticker);
	return error;
}

/* Whether there may be a process whose threads have events that are inherited: closing those of
 * whoever made them would end theirs. */
static bool has_heirs(struct pw_ebpf *e)
{
	uint32_t pid, *previous = NULL;
	while (!bpf_map_get_next_key(map_of(e->program->maps.processes), previous, &pid)) {
		const struct added *added = find_added(e, (pid_t)pid);
		if (!added || added->inherited)
			return true;
		previous = &pid;
	}
	return false;
}

/* The events of the process, and those that its threads have of it: none of them is watched any
 * more, so that they are given new ones if it is added again. */
static void close_events(struct pw_ebpf *e, pid_t pid)
{
	size_t kept = 0;
	int watched = map_of(e->program->maps.watched);
	uint32_t tid, next, owner;
	bool more = !bpf_map_get_next_key(watched, NULL, &next);
	while (more) {
		tid = next;
		more = !bpf_map_get_next_key(watched, &tid, &next);
		if (is_watched(e, tid, &owner) && owner == (uint32_t)pid)
			bpf_map_delete_elem(watched, &tid);
	}
	for (size_t i = 0; i < e->event_count; i++)
		if (e->events[i].pid == pid)
			close(e->events[i].fd);
		else
			e->events[kept++] = e->events[i];
	e->event_count = kept;
}

void pw_ebpf_remove(struct pw_ebpf *e, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	bpf_map_delete_elem(map_of(e->program->maps.processes), &key);
	struct added *added = find_added(e, pid);
	if (added)
		*added = e->added[--e->added_count];
	if (!has_heirs(e))
		close_events(e, pid);
}

/* ---- moments ---- */

static void decode_regs(const struct pw_ebpf_head *head, struct pw_regs *ret)
{
	/* struct pt_regs begins as user_regs_struct does; x86-64's goes on with fs_base. */
	enum { X86_PT_REGS = 21, USER_REGS_MAX = 64 };
	uint64_t user[USER_REGS_MAX] = {0};
	memcpy(user, head->regs, sizeof(head->regs));
#ifdef __x86_64__
	user[X86_PT_REGS] = head->thread_pointer;
#endif
	pw_arch_host()->decode_regs(user, ret);
	ret->thread_pointer = head->thread_pointer;
}

/* SIZE_MAX: they do not end where the record does. */
static size_t count_pieces(const uint8_t *bytes, size_t length)
{
	size_t count = 0, at = 0;
	while (at < length) {
		struct pw_ebpf_piece piece;
		if (length - at < sizeof(piece))
			return SIZE_MAX;
		memcpy(&piece, bytes + at, sizeof(piece));
		at += sizeof(piece);
		if (piece.length > length - at)
			return SIZE_MAX;
		at += (piece.length + 7) & ~(size_t)7;
		count++;
	}
	return at == length ? count : SIZE_MAX;
}

static void list_pieces(uint8_t *bytes, size_t count, struct pw_piece *ret)
{
	for (size_t i = 0; i < count; i++) {
		struct pw_ebpf_piece piece;
		memcpy(&piece, bytes, sizeof(piece));
		bytes += sizeof(piece);
		ret[i] = (struct pw_piece){.address = piece.address,
					   .buffer = bytes,
					   .length = piece.length,
					   .done = piece.length};
		bytes += (piece.length + 7) & ~(size_t)7;
	}
}

static int take(void *data, void *record, size_t size)
{
	struct pw_ebpf *e = data;
	struct pw_ebpf_head *head = record;
	uint8_t *bytes = (uint8_t *)(head + 1);
	if (size < sizeof(*head) || head->used != size - sizeof(*head))
		return -EPROTO;
	size_t count = count_pieces(bytes, head->used);
	if (count == SIZE_MAX)
		return -EPROTO;
	if (count > e->piece_capacity) {
		struct pw_piece *more = realloc(e->pieces, count * 2 * sizeof(*more));
		if (!more)
			return -ENOMEM;
		e->pieces = more;
		e->piece_capacity = count * 2;
	}
	list_pieces(bytes, count, e->pieces);
	struct pw_moment moment = {
		.pid = (pid_t)head->pid,
		.tid = (pid_t)head->tid,
		.time = head->time,
		.periods = head->periods ? head->periods : 1,
		.tstate = head->tstate,
		.has_regs = true,
		.pieces = e->pieces,
		.piece_count = count,
		.cut = head->flags & PW_EBPF_CUT,
	};
	decode_regs(head, &moment.regs);
	e->got(e->got_data, &moment);
	return 0;
}

/* From now on each by itself. */
static void end_ticker(struct pw_ebpf *e)
{
	pw_ebpf_ticker_stop(e->ticker);
	e->ticker = NULL;
	leave_switches(e);
	/* Of a thread that has ended it fails, and nothing is lost. */
	for (size_t i = 0; i < e->event_count; i++)
		ioctl(e->events[i].fd, PERF_EVENT_IOC_ENABLE, 0);
}

struct pw_error *pw_ebpf_drain(struct pw_ebpf *e,
			       void (*got)(void *data, const struct pw_moment *moment), void *data)
{
	if (e->ticker && pw_ebpf_ticker_gave_up(e->ticker))
		end_ticker(e);
	e->got = got;
	e->got_data = data;
	int done = ring_buffer__consume(e->ring);
	if (done >= 0)
		return NULL;
	return done == -ENOMEM ? &pw_error_nomem
			       : pw_error_from_errno(-done, "the ring of the engine ebpf");
}

struct pw_ebpf_counts pw_ebpf_count(const struct pw_ebpf *e)
{
	const volatile __u64 *counts = (const volatile __u64 *)e->program->bss->counts;
	const volatile struct pw_ebpf_pulse *pulse = &e->program->bss->pulse;
	return (struct pw_ebpf_counts){
		.ticks = counts[PW_EBPF_TICKS],
		.taken = counts[PW_EBPF_TAKEN],
		.ring_full = counts[PW_EBPF_RING_FULL],
		.unreadable = counts[PW_EBPF_UNREADABLE],
		.strange = counts[PW_EBPF_STRANGE],
		.ending = counts[PW_EBPF_ENDING],
		.displaced = pulse->displaced,
		.sent = pulse->sent,
		.skipped = pulse->skipped,
	};
}

uint64_t pw_ebpf_lost(const struct pw_ebpf *e)
{
	struct pw_ebpf_counts counts = pw_ebpf_count(e);
	return counts.ring_full + counts.unreadable + counts.displaced;
}
