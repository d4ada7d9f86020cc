/*
 * The descendants of a process, from each process's parent in /proc: task/TID/children is there
 * only in kernels built for checkpoints, and misses children while threads come and go.
 */
#include "target/live.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct family {
	struct pw_process *all; /* sorted by parent, then pid; owned */
	size_t count, capacity;
	bool *seen; /* of `all` */
};

static void family_deinit(struct family *family)
{
	free(family->all);
	free(family->seen);
}

static int compare(const void *a, const void *b)
{
	const struct pw_process *x = a, *y = b;
	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static struct pw_error *add(struct family *family, pid_t pid)
{
	char dir[32];
	struct pw_proc_stat stat;
	snprintf(dir, sizeof(dir), "/proc/%d", (int)pid);
	if (pw_proc_stat(dir, &stat)) /* it has ended, or is hidden from us */
		return NULL;
	if (family->count == family->capacity) {
		size_t capacity = family->capacity ? family->capacity * 2 : 256;
		struct pw_process *all = reallocarray(family->all, capacity, sizeof(*family->all));
		if (!all)
			return &pw_error_nomem;
		family->all = all;
		family->capacity = capacity;
	}
	struct pw_process *process = &family->all[family->count++];
	*process = (struct pw_process){.pid = pid, .parent = stat.parent, .state = stat.state};
	size_t length = stat.comm_length < sizeof(process->name) ? stat.comm_length
								 : sizeof(process->name) - 1;
	memcpy(process->name, stat.comm, length);
	return NULL;
}

static struct pw_error *look(struct family *family)
{
	DIR *dir = opendir("/proc");
	struct pw_error *error = NULL;
	if (!dir)
		return pw_error_from_errno(errno, "cannot list the processes in /proc");
	for (struct dirent *entry; !error && (entry = readdir(dir));)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			error = add(family, (pid_t)strtol(entry->d_name, NULL, 10));
	closedir(dir);
	if (error)
		return error;
	if (family->count)
		qsort(family->all, family->count, sizeof(*family->all), compare);
	family->seen = calloc(family->count + 1, sizeof(*family->seen));
	return family->seen ? NULL : &pw_error_nomem;
}

static bool is_there(const struct family *family, pid_t pid)
{
	for (size_t i = 0; i < family->count; i++)
		if (family->all[i].pid == pid)
			return true;
	return false;
}

/* The first whose parent is `parent` or greater. */
static size_t first_child(const struct family *family, pid_t parent)
{
	size_t low = 0, high = family->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (family->all[middle].parent < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Depth first without recursion: `pending` holds what is still to be shown, the next one last.  The
 * look is not one moment, and a number may come back with another parent: each is shown once.
 */
static size_t walk(struct family *family, pid_t root, size_t *pending, struct pw_process *to)
{
	size_t waiting = 0, count = 0;
	pid_t parent = root;
	for (;;) {
		size_t begin = first_child(family, parent), end = begin;
		while (end < family->count && family->all[end].parent == parent)
			end++;
		while (end-- > begin) {
			if (family->seen[end] || family->all[end].pid == root)
				continue;
			family->seen[end] = true;
			pending[waiting++] = end;
		}
		if (!waiting)
			return count;
		to[count] = family->all[pending[--waiting]];
		parent = to[count++].pid;
	}
}

struct pw_error *pw_process_descendants(pid_t pid, struct pw_process **ret, size_t *ret_count)
{
	__attribute__((cleanup(family_deinit))) struct family family = {0};
	struct pw_error *error = look(&family);
	if (error)
		return error;
	if (!is_there(&family, pid))
		return pw_error_create(PW_ERROR_NO_TARGET, "no process with pid %d", (int)pid);
	pw_auto_free size_t *pending = calloc(family.count + 1, sizeof(*pending));
	struct pw_process *found = calloc(family.count + 1, sizeof(*found));
	if (!pending || !found) {
		free(found);
		return &pw_error_nomem;
	}
	*ret_count = walk(&family, pid, pending, found);
	*ret = found;
	return NULL;
}

char *pw_process_command(pid_t pid)
{
	enum { COMMAND_MAX = 1 << 16 };
	pw_auto_buffer struct pw_buffer raw = {0}, text = {0};
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (pw_proc_read(path, COMMAND_MAX, &raw) || !raw.length)
		return NULL;
	while (raw.length && !raw.data[raw.length - 1])
		raw.length--;
	for (size_t i = 0; i < raw.length; i++)
		if (!raw.data[i])
			raw.data[i] = ' ';
	pw_text_append_bytes(&text, raw.data, raw.length);
	return text.failed || !text.length ? NULL : pw_buffer_steal(&text);
}

bool pw_process_has_ended(pid_t pid)
{
	struct pw_proc_stat stat;
	char dir[32];
	snprintf(dir, sizeof(dir), "/proc/%d", (int)pid);
	int errnum = pw_proc_stat(dir, &stat);
	if (errnum)
		return errnum == ENOENT || errnum == ESRCH;
	return strchr("ZXx", stat.state);
}
