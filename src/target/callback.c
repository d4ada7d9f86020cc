/*
 * A target whose bytes a debugger supplies: every read, and the symbols it knows, go through the
 * functions of a struct pw_reader.  Calls are costly there (a remote protocol), so they are few and
 * large.
 */
#include "target/internal.h"
#include "target/kept.h"

#include <stdio.h>
#include <string.h>

/* Bytes that one call brings, where nobody says what is best. */
enum { READ_AHEAD = 4 * PW_PAGE };

struct callback {
	struct pw_target base;
	uint64_t (*symbol)(void *data, const char *name);
	void *data;
	struct pw_kept kept;
	bool keeping; /* what is read is kept */
	bool held;    /* until pw_callback_hold() says otherwise */
};

static struct pw_error *callback_read(struct pw_target *target, uint64_t address, void *buffer,
				      size_t length, size_t *ret_done,
				      enum pw_supplier *ret_supplier)
{
	struct callback *callback = (struct callback *)target;
	*ret_supplier = PW_SUPPLIER_CALLBACK;
	*ret_done = callback->keeping
			    ? pw_kept_read(&callback->kept, target, address, buffer, length)
			    : pw_kept_read_through(&callback->kept, address, buffer, length);
	return NULL;
}

static void callback_keep(struct pw_target *target, bool keep)
{
	struct callback *callback = (struct callback *)target;
	if (callback->held)
		return;
	if (!keep)
		pw_kept_forget(&callback->kept, target);
	callback->keeping = keep;
}

void pw_callback_hold(struct pw_target *target, bool hold)
{
	struct callback *callback = (struct callback *)target;
	callback->held = false;
	callback_keep(target, false);
	callback_keep(target, hold);
	callback->held = hold;
}

struct pw_read_statistics pw_callback_statistics(const struct pw_target *target)
{
	return ((const struct callback *)target)->kept.statistics;
}

static uint64_t callback_symbol(struct pw_target *target, const char *name)
{
	struct callback *callback = (struct callback *)target;
	return callback->symbol(callback->data, name);
}

static void callback_destroy(struct pw_target *target)
{
	pw_kept_deinit(&((struct callback *)target)->kept);
	free((struct callback *)target);
}

static const struct pw_target_ops callback_ops = {
	.kind = "callback",
	.read = callback_read,
	.keep = callback_keep,
	.destroy = callback_destroy,
};

static struct pw_error *copy_mappings(struct pw_target *target,
				      const struct pw_reader_mapping *mappings, size_t count)
{
	const char *last_path = NULL;
	pw_auto_free char *host = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct pw_reader_mapping *from = &mappings[i];
		const char *path = from->path && from->path[0] ? from->path : NULL;
		if (path && (!last_path || strcmp(path, last_path))) {
			free(host);
			host = pw_target_host_path(target, path);
			last_path = path;
		}
		struct pw_mapping mapping = {
			.start = from->start,
			.end = from->end,
			.offset = from->offset,
			.readable = true,
			.writable = from->writable,
			.executable = from->executable,
			.path = (char *)path,
			.host_path = path ? host : NULL,
		};
		struct pw_error *error = pw_target_add_mapping(target, &mapping);
		if (error)
			return error;
	}
	return NULL;
}

static bool has_path(const char *path)
{
	return path && path[0];
}

static bool same_file(const struct pw_mapping *a, const struct pw_reader_mapping *b)
{
	return a->start == b->start && a->end == b->end && a->offset == b->offset &&
	       a->writable == b->writable && a->executable == b->executable &&
	       !strcmp(a->path, b->path);
}

/* Whether the same files are mapped at the same places. */
static bool same_files(const struct pw_target *target, const struct pw_reader_mapping *mappings,
		       size_t count)
{
	size_t i = 0, k = 0;
	for (;;) {
		while (i < target->mapping_count && !has_path(target->mappings[i].path))
			i++;
		while (k < count && !has_path(mappings[k].path))
			k++;
		if (i == target->mapping_count || k == count)
			return i == target->mapping_count && k == count;
		if (!same_file(&target->mappings[i++], &mappings[k++]))
			return false;
	}
}

struct pw_error *pw_callback_set_mappings(struct pw_target *target,
					  const struct pw_reader_mapping *mappings, size_t count,
					  bool *ret_taken)
{
	bool same = same_files(target, mappings, count);
	struct pw_error *error = NULL;
	if (same) {
		pw_target_clear_mappings(target);
		error = copy_mappings(target, mappings, count);
	}
	if (!error)
		*ret_taken = same;
	return error;
}

/* Where the files are: the sysroot, else the process's own root when it runs here. */
static char *find_root(const struct pw_reader *reader, const struct pw_options *options)
{
	char proc[32];
	snprintf(proc, sizeof(proc), "/proc/%lld", (long long)reader->pid);
	return pw_host_root(options ? options->sysroot : NULL,
			    reader->local && reader->pid > 0 ? proc : NULL);
}

static struct pw_error *set_executable(struct pw_target *target, const struct pw_reader *reader,
				       const struct pw_options *options)
{
	const char *host = options ? options->executable : NULL;
	if (reader->executable && reader->executable[0]) {
		target->executable = strdup(reader->executable);
		if (!target->executable)
			return &pw_error_nomem;
		if (!host)
			target->executable_host = pw_target_host_path(target, reader->executable);
	}
	if (host && !(target->executable_host = strdup(host)))
		return &pw_error_nomem;
	return NULL;
}

struct pw_error *pw_target_open_callback(const struct pw_reader *reader,
					 const struct pw_options *options, struct pw_target **ret)
{
	if (!reader->read)
		return pw_error_create(PW_ERROR_USAGE, "a reader without a read function");
	if (reader->pid < 0 || reader->pid > INT32_MAX)
		return pw_error_create(PW_ERROR_USAGE, "a reader with the pid %lld",
				       (long long)reader->pid);
	if (!pw_arch_host())
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "this machine's registers are not known");
	struct callback *callback = calloc(1, sizeof(*callback));
	if (!callback)
		return &pw_error_nomem;
	struct pw_target *target = &callback->base;
	*target = (struct pw_target){
		.ops = &callback_ops,
		.arch = pw_arch_host(),
		.pid = (pid_t)reader->pid,
		.ns_pid = (pid_t)reader->pid,
		.root = find_root(reader, options),
		.symbol = reader->symbol ? callback_symbol : NULL,
	};
	callback->symbol = reader->symbol;
	callback->data = reader->data;
	callback->kept = (struct pw_kept){
		.read = reader->read,
		.data = reader->data,
		.unit = reader->unit ? reader->unit : READ_AHEAD,
	};
	struct pw_error *error =
		target->root ? copy_mappings(target, reader->mappings, reader->mapping_count)
			     : &pw_error_nomem;
	if (!error)
		error = set_executable(target, reader, options);
	if (error) {
		pw_target_destroy(target);
		return error;
	}
	*ret = target;
	return NULL;
}

/* What the debugger knows of a thread's registers; all of them, if it knows what a kernel would. */
static void copy_registers(const struct pw_arch *arch, const struct pw_reader_thread *from,
			   struct pw_lwp *to)
{
	static const uint64_t nothing[PW_REGS_MAX];
	struct pw_regs all;
	for (unsigned n = 0; n <= PW_REGISTER_COUNT && n < PW_REGS_MAX; n++) {
		if (!(from->known >> n & 1))
			continue;
		to->regs.value[n] = from->registers[n];
		to->regs.known |= UINT64_C(1) << n;
	}
	to->regs.pc = from->pc;
	to->regs.sp = from->stack_pointer;
	to->regs.thread_pointer = from->thread_pointer;
	if (arch->regs_size > sizeof(nothing))
		return;
	arch->decode_regs(nothing, &all);
	to->has_regs = from->pc && from->stack_pointer && !(all.known & ~to->regs.known);
}

struct pw_error *pw_callback_set_threads(struct pw_target *target,
					 const struct pw_reader_thread *threads, size_t count)
{
	bool keeping = ((struct callback *)target)->keeping;
	callback_keep(target, false);
	pw_target_clear_lwps(target);
	for (size_t i = 0; i < count; i++) {
		struct pw_lwp lwp = {.tid = threads[i].tid, .ns_tid = threads[i].tid};
		if (threads[i].running) {
			lwp.state = PW_RUN_RUNNING;
			lwp.taken = PW_TAKEN_RUNNING;
		}
		copy_registers(target->arch, &threads[i], &lwp);
		if (threads[i].name)
			pw_lwp_set_name(&lwp, threads[i].name, strlen(threads[i].name));
		struct pw_error *error = pw_target_add_lwp(target, &lwp);
		if (error)
			return error;
	}
	pw_target_sort_lwps(target);
	callback_keep(target, keeping);
	return NULL;
}
