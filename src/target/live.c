/*
 * A live process: memory by process_vm_readv(2), threads from /proc.  Stopping is live_pause.c's.
 */
#include "target/live.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* ---- what went wrong ---- */

struct pw_error *pw_live_permission(pid_t pid, const char *what)
{
	char proc[32];
	snprintf(proc, sizeof(proc), "/proc/%d", (int)pid);
	int64_t uid = pw_proc_status_number(proc, "Uid", false);
	pw_auto_buffer struct pw_buffer hint, yama;
	pw_buffer_init(&hint);
	pw_buffer_init(&yama);
	if (pid == getpid())
		return pw_error_create(PW_ERROR_PERMISSION,
				       "cannot read %s of process %d: it is this one", what,
				       (int)pid);
	if (uid >= 0 && (uid_t)uid != geteuid())
		pw_buffer_printf(&hint, "it runs as user %lld; run this as that user or as root",
				 (long long)uid);
	else
		pw_buffer_append_string(&hint, "run this as root or with CAP_SYS_PTRACE");
	if (!pw_proc_read("/proc/sys/kernel/yama/ptrace_scope", 64, &yama) && yama.data &&
	    yama.data[0] > '0')
		pw_buffer_printf(
			&hint,
			" (kernel.yama.ptrace_scope is %c: without CAP_SYS_PTRACE only a parent "
			"may; 0 lets the same user)",
			yama.data[0]);
	return pw_error_create(PW_ERROR_PERMISSION,
			       "cannot read %s of process %d: not permitted; %s", what, (int)pid,
			       hint.failed ? "" : hint.data);
}

static struct pw_error *gone(pid_t pid)
{
	return pw_error_create(PW_ERROR_NO_TARGET, "process %d has exited", (int)pid);
}

/* The main thread has exited: the others show the same memory under their own names. */
static struct pw_error *use_living_thread(struct pw_live *live)
{
	pid_t pid = live->base.pid;
	pw_auto_free pid_t *tids = NULL;
	size_t count = 0;
	if (!pw_proc_tasks(pid, &tids, &count)) {
		for (size_t i = 0; i < count; i++) {
			char dir[64];
			struct pw_proc_stat stat;
			snprintf(dir, sizeof(dir), "/proc/%d/task/%d", (int)pid, (int)tids[i]);
			if (pw_proc_stat(dir, &stat) || strchr("ZXx", stat.state))
				continue;
			snprintf(live->proc, sizeof(live->proc), "%s", dir);
			live->reader = tids[i];
			return NULL;
		}
	}
	return pw_error_create(PW_ERROR_NO_TARGET,
			       "process %d has exited and only waits for its parent (a zombie)",
			       (int)pid);
}

/* ---- memory ---- */

/* What one call reads, or -errno. */
static ssize_t read_piece(struct pw_live *live, uint64_t address, void *buffer, size_t length)
{
	struct iovec local = {buffer, length};
	struct iovec remote = {(void *)(uintptr_t)address, length};
	if (!live->use_mem) {
		ssize_t got = process_vm_readv(live->reader, &local, 1, &remote, 1, 0);
		if (got >= 0 || errno != ENOSYS)
			return got >= 0 ? got : -errno;
		live->use_mem = true;
	}
	if (live->mem_fd < 0) {
		char path[96];
		snprintf(path, sizeof(path), "%s/mem", live->proc);
		live->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (live->mem_fd < 0)
			return -errno;
	}
	if (address > INT64_MAX)
		return -EFAULT;
	ssize_t got = pread(live->mem_fd, buffer, length, (off_t)address);
	return got >= 0 ? got : errno == EIO ? -EFAULT : -errno;
}

static struct pw_error *live_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct pw_live *live = (struct pw_live *)target;
	/* The thread that the memory is read through may exit while others go on. */
	unsigned retries = 3;
	*ret_supplier = PW_SUPPLIER_PROCESS;
	*ret_done = 0;
	/* Of pointers that are not set; nobody has memory there. */
	if (address < PW_PAGE)
		return NULL;
	while (*ret_done < length) {
		ssize_t got = read_piece(live, address + *ret_done, (char *)buffer + *ret_done,
					 length - *ret_done);
		if (got > 0)
			*ret_done += (size_t)got;
		else if (got == -EINTR)
			continue;
		else if (got == -ESRCH && retries--) {
			struct pw_error *error = use_living_thread(live);
			if (error)
				return error;
		} else if (got == -ESRCH)
			return gone(target->pid);
		else if (got == -EPERM || got == -EACCES)
			return pw_live_permission(target->pid, "the memory");
		else
			break;
	}
	return NULL;
}

/* As many pieces as the kernel takes at a time, from `first` on; how many are done with. */
static size_t read_some_pieces(struct pw_live *live, struct pw_piece *pieces, size_t count)
{
	enum { AT_ONCE = 512 };
	struct iovec local[AT_ONCE], remote[AT_ONCE];
	size_t n = count < AT_ONCE ? count : AT_ONCE;
	for (size_t i = 0; i < n; i++) {
		local[i] = (struct iovec){pieces[i].buffer, pieces[i].length};
		remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].length};
		pieces[i].done = 0;
	}
	ssize_t got = process_vm_readv(live->reader, local, n, remote, n, 0);
	size_t at = 0;
	for (; got > 0 && at < n; at++) {
		pieces[at].done = (size_t)got < pieces[at].length ? (size_t)got : pieces[at].length;
		got -= (ssize_t)pieces[at].done;
		if (pieces[at].done < pieces[at].length)
			break;
	}
	/* The piece where it broke off is done with too. */
	return at < n ? at + 1 : n;
}

static struct pw_error *live_read_pieces(struct pw_target *target, struct pw_piece *pieces,
					 size_t count)
{
	struct pw_live *live = (struct pw_live *)target;
	for (size_t at = 0; !live->use_mem && at < count;)
		at += read_some_pieces(live, pieces + at, count - at);
	for (size_t i = 0; live->use_mem && i < count; i++) {
		enum pw_supplier supplier;
		struct pw_error *error = live_read(target, pieces[i].address, pieces[i].buffer,
						   pieces[i].length, &pieces[i].done, &supplier);
		if (error)
			return error;
	}
	return NULL;
}

/* ---- threads ---- */

void pw_live_describe(const struct pw_live *live, pid_t tid, const struct pw_proc_stat *stat,
		      struct pw_lwp *ret)
{
	*ret = (struct pw_lwp){
		.tid = (uint64_t)tid,
		.ns_tid = (uint64_t)tid,
		.state = pw_proc_run_state(stat->state),
	};
	pw_lwp_set_name(ret, stat->comm, stat->comm_length);
	if (live->nested) {
		char dir[64];
		snprintf(dir, sizeof(dir), "/proc/%d/task/%d", (int)live->base.pid, (int)tid);
		int64_t inner = pw_proc_status_number(dir, "NSpid", true);
		if (inner > 0)
			ret->ns_tid = (uint64_t)inner;
	}
}

bool pw_live_parse_syscall(const char *text, struct pw_regs *regs)
{
	/* "NR ARG*6 SP PC", "-1 SP PC" of one that was interrupted in user mode, "running". */
	const char *pc = strrchr(text, ' ');
	const char *sp = pc ? memrchr(text, ' ', (size_t)(pc - text)) : NULL;
	if (!sp)
		return false;
	*regs = (struct pw_regs){.sp = strtoull(sp + 1, NULL, 16),
				 .pc = strtoull(pc + 1, NULL, 16)};
	return text[0] != '-' && regs->sp && regs->pc;
}

void pw_live_blocked_at(const char *dir, struct pw_regs *regs)
{
	char path[96];
	pw_auto_buffer struct pw_buffer text;
	pw_buffer_init(&text);
	snprintf(path, sizeof(path), "%s/syscall", dir);
	if (!pw_proc_read(path, 4096, &text) && text.data)
		pw_live_parse_syscall(text.data, regs);
}

int pw_live_task_folder(struct pw_live *live)
{
	char path[64];
	if (live->task_fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/task", (int)live->base.pid);
		live->task_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return live->task_fd;
}

static struct pw_error *live_refresh(struct pw_target *target)
{
	struct pw_live *live = (struct pw_live *)target;
	pw_auto_free pid_t *tids = NULL;
	size_t count = 0;
	int errnum = pw_proc_tasks(target->pid, &tids, &count);
	if (errnum == ENOENT || errnum == ESRCH)
		return gone(target->pid);
	if (errnum)
		return pw_error_from_errno(errnum, "cannot list the threads of process %d",
					   (int)target->pid);
	struct pw_error *error = pw_live_reload_maps(live);
	if (error)
		return error;
	pw_target_clear_lwps(target);
	for (size_t i = 0; i < count; i++) {
		char dir[16];
		struct pw_proc_stat stat;
		struct pw_lwp lwp;
		snprintf(dir, sizeof(dir), "%d", (int)tids[i]);
		if (pw_proc_stat_at(pw_live_task_folder(live), dir, false, &stat))
			continue;
		pw_live_describe(live, tids[i], &stat, &lwp);
		error = pw_target_add_lwp(target, &lwp);
		if (error)
			return error;
	}
	pw_target_sort_lwps(target);
	return NULL;
}

static struct pw_error *live_refresh_mappings(struct pw_target *target)
{
	return pw_live_reload_maps((struct pw_live *)target);
}

/* ---- opening ---- */

static void live_destroy(struct pw_target *target)
{
	struct pw_live *live = (struct pw_live *)target;
	pw_error_destroy(pw_live_stay_ready(target, false));
	if (live->mem_fd >= 0)
		close(live->mem_fd);
	if (live->task_fd >= 0)
		close(live->task_fd);
	free(live->root_link);
	free(live);
}

/* proc_pid_statm(5): the second number, in pages. */
static uint64_t live_resident(struct pw_target *target)
{
	char path[64], text[128];
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)target->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = 0;
	const char *second = strchr(text, ' ');
	return second ? strtoull(second + 1, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static const struct pw_target_ops live_ops = {
	.kind = "process",
	.read = live_read,
	.read_pieces = live_read_pieces,
	.stop = pw_live_stop,
	.stay_ready = pw_live_stay_ready,
	.sleep_begin = pw_live_sleep_begin,
	.sleep_holds = pw_live_sleep_holds,
	.pulse = pw_live_pulse,
	.thread_count = pw_live_thread_count,
	.describe = pw_live_describe_again,
	.refresh_mappings = live_refresh_mappings,
	.resident = live_resident,
	.refresh = live_refresh,
	.destroy = live_destroy,
};

/* Whether `pid` is a process of user space that can be looked at; picks live->proc and
 * live->reader. */
static struct pw_error *identify(struct pw_live *live)
{
	enum { PF_KTHREAD = 0x00200000 }; /* Linux include/linux/sched.h */
	pid_t pid = live->base.pid;
	struct pw_proc_stat stat;
	snprintf(live->proc, sizeof(live->proc), "/proc/%d", (int)pid);
	live->reader = pid;
	int errnum = pw_proc_stat(live->proc, &stat);
	if ((errnum == ENOENT || errnum == ESRCH) && kill(pid, 0) && errno == ESRCH)
		return pw_error_create(PW_ERROR_NO_TARGET, "no process with pid %d", (int)pid);
	if (errnum == ENOENT || errnum == EACCES || errnum == EPERM)
		return pw_live_permission(pid, "/proc");
	if (errnum)
		return pw_error_from_errno(errnum, "cannot read %s/stat", live->proc);
	int64_t tgid = pw_proc_status_number(live->proc, "Tgid", false);
	if (tgid > 0 && tgid != pid)
		return pw_error_create(PW_ERROR_NO_TARGET,
				       "%d is a thread of process %lld, not a process", (int)pid,
				       (long long)tgid);
	if (stat.flags & PF_KTHREAD)
		return pw_error_create(PW_ERROR_NO_TARGET, "process %d is a thread of the kernel",
				       (int)pid);
	live->base.parent = stat.parent;
	int64_t inner = pw_proc_status_number(live->proc, "NSpid", true);
	live->base.ns_pid = inner > 0 ? (pid_t)inner : pid;
	live->nested = live->base.ns_pid != pid;
	return strchr("ZXx", stat.state) ? use_living_thread(live) : NULL;
}

/* Whether we may read it at all: one byte of what it can read itself. */
static struct pw_error *check_readable(struct pw_live *live)
{
	struct pw_target *target = &live->base;
	for (size_t i = 0; i < target->mapping_count; i++) {
		uint8_t byte;
		size_t done;
		enum pw_supplier supplier;
		if (!target->mappings[i].readable)
			continue;
		struct pw_error *error =
			live_read(target, target->mappings[i].start, &byte, 1, &done, &supplier);
		if (error || done)
			return error;
	}
	struct pw_proc_stat stat;
	/* One that is about to exit gives its memory back before it becomes a zombie. */
	if (!target->mapping_count || pw_proc_stat(live->proc, &stat) || strchr("ZXx", stat.state))
		return gone(target->pid);
	return pw_error_create(PW_ERROR_UNREADABLE, "process %d has no memory that can be read",
			       (int)target->pid);
}

static struct pw_error *check_machine(struct pw_live *live)
{
	struct pw_target *target = &live->base;
	for (size_t i = 0; i < target->mapping_count; i++) {
		const struct pw_mapping *mapping = &target->mappings[i];
		Elf64_Ehdr header;
		size_t done;
		enum pw_supplier supplier;
		if (!mapping->readable || mapping->offset || !mapping->path)
			continue;
		struct pw_error *error = live_read(target, mapping->start, &header, sizeof(header),
						   &done, &supplier);
		if (error)
			return error;
		if (done < sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG))
			continue;
		if (header.e_ident[EI_CLASS] != ELFCLASS64)
			return pw_error_create(
				PW_ERROR_UNSUPPORTED,
				"process %d is a 32-bit process (%s); 64-bit ones can be read",
				(int)target->pid, mapping->path);
		target->arch = pw_arch_by_machine(header.e_machine);
		if (target->arch != pw_arch_host())
			return pw_error_create(
				PW_ERROR_UNSUPPORTED,
				"process %d runs code for machine %u (%s), not for %s",
				(int)target->pid, header.e_machine, mapping->path,
				pw_arch_host()->name);
		return NULL;
	}
	return NULL;
}

struct pw_error *pw_target_open_live(pid_t pid, const struct pw_options *options,
				     struct pw_target **ret)
{
	if (pid <= 0)
		return pw_error_create(PW_ERROR_USAGE, "%d is not a process id", (int)pid);
	if (!pw_arch_host())
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "this machine's registers are not known");
	struct pw_live *live = calloc(1, sizeof(*live));
	if (!live)
		return &pw_error_nomem;
	live->mem_fd = live->task_fd = -1;
	live->base.ops = &live_ops;
	live->base.arch = pw_arch_host();
	live->base.pid = pid;
	struct pw_error *error = identify(live);
	if (!error)
		error = pw_live_load_maps(live, options);
	if (!error)
		error = check_readable(live);
	if (!error)
		error = check_machine(live);
	if (error) {
		pw_target_destroy(&live->base);
		return error;
	}
	*ret = &live->base;
	return NULL;
}
