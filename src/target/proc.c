/* Reading /proc (proc(5)): files, status fields, threads, mappings. */
#include "target/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int pw_proc_read(const char *path, size_t max, struct pw_buffer *ret)
{
	pw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while (ret->length < max) {
		size_t room = ret->length < 4096 ? 4096 : 65536;
		char *to = pw_buffer_reserve(ret, room);
		if (!to)
			return ENOMEM;
		ssize_t got = read(fd, to, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		ret->length += (size_t)got;
		to[got] = 0;
		if (!got)
			return 0;
	}
	return EFBIG;
}

/* The kernel gives such a file whole to the first read that is large enough. */
static int read_at_once(int folder, const char *path, char *text, size_t size)
{
	pw_auto_close int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ssize_t got;
	do
		got = read(fd, text, size - 1);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno;
	text[got] = 0;
	return 0;
}

/* From minflt, field 10, on: processor is field 39, rt_priority field 40. */
static void find_processor(const char *fields, struct pw_proc_stat *ret)
{
	enum { SKIPPED = 39 - 10 };
	for (int i = 0; fields && i <= SKIPPED; i++)
		fields = strchr(fields + (i > 0), ' ');
	char *end;
	ret->processor = fields ? (int)strtol(fields, &end, 10) : -1;
	ret->rt_priority = fields ? (int)strtol(end, NULL, 10) : 0;
}

static int read_stat(int folder, const char *dir, bool whole, struct pw_proc_stat *ret)
{
	char path[96], line[2048];
	snprintf(path, sizeof(path), "%s/stat", dir);
	int errnum = read_at_once(folder, path, line, sizeof(line));
	if (errnum)
		return errnum;
	char *open = strchr(line, '(');
	char *close = strrchr(line, ')');
	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return EINVAL;
	*ret = (struct pw_proc_stat){.state = close[2]};
	/* The parent, then pgrp, session, tty_nr and tpgid, then the flags. */
	char *field = close + 3;
	ret->parent = (int)strtol(field, &field, 10);
	for (int i = 0; i < 4; i++)
		strtoll(field, &field, 10);
	ret->flags = strtoull(field, &field, 10);
	if (whole)
		find_processor(field, ret);
	ret->comm_length = (size_t)(close - open - 1);
	if (ret->comm_length > sizeof(ret->comm))
		ret->comm_length = sizeof(ret->comm);
	memcpy(ret->comm, open + 1, ret->comm_length);
	if (!memchr(ret->comm, '\\', ret->comm_length))
		return 0;

	/* stat escapes what comm gives as it is. */
	snprintf(path, sizeof(path), "%s/comm", dir);
	if (!read_at_once(folder, path, line, sizeof(line)) && *line) {
		size_t length = strlen(line);
		length -= line[length - 1] == '\n';
		ret->comm_length = length < sizeof(ret->comm) ? length : sizeof(ret->comm);
		memcpy(ret->comm, line, ret->comm_length);
	}
	return 0;
}

int pw_proc_stat(const char *dir, struct pw_proc_stat *ret)
{
	return read_stat(AT_FDCWD, dir, true, ret);
}

int pw_proc_stat_at(int folder, const char *dir, bool whole, struct pw_proc_stat *ret)
{
	return read_stat(folder, dir, whole, ret);
}

enum pw_run_state pw_proc_run_state(char state)
{
	switch (state) {
	case 'R':
		return PW_RUN_RUNNING;
	case 'S':
	case 'I':
		return PW_RUN_SLEEPING;
	case 'D':
		return PW_RUN_DISK;
	case 'T':
	case 't':
		return PW_RUN_STOPPED;
	case 'Z':
		return PW_RUN_ZOMBIE;
	case 'X':
	case 'x':
		return PW_RUN_DEAD;
	default:
		return PW_RUN_UNKNOWN;
	}
}

int64_t pw_proc_status_number(const char *dir, const char *field, bool last)
{
	char path[96];
	pw_auto_buffer struct pw_buffer text;
	pw_buffer_init(&text);
	snprintf(path, sizeof(path), "%s/status", dir);
	if (pw_proc_read(path, 1 << 20, &text) || !text.data)
		return -1;
	size_t length = strlen(field);
	for (char *line = text.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, field, length) || line[length] != ':')
			continue;
		char *end;
		int64_t value = -1;
		for (char *p = line + length + 1; *p && *p != '\n'; p = end) {
			errno = 0;
			long long number = strtoll(p, &end, 10);
			if (end == p)
				break;
			value = number;
			if (!last)
				break;
			end += strspn(end, " \t");
		}
		return value;
	}
	return -1;
}

int pw_proc_tasks(pid_t pid, pid_t **ret, size_t *ret_count)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return errno;
	pid_t *tids = NULL;
	size_t count = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		if ((count & (count - 1)) == 0) {
			pid_t *bigger = realloc(tids, (count ? count * 2 : 1) * sizeof(*tids));
			if (!bigger) {
				free(tids);
				closedir(dir);
				return ENOMEM;
			}
			tids = bigger;
		}
		tids[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(dir);
	*ret = tids;
	*ret_count = count;
	return 0;
}

/* The kernel writes a line feed in a path as \012, and nothing else. */
static void unescape(char *path)
{
	char *to = path;
	for (char *from = path; *from; to++) {
		if (!strncmp(from, "\\012", 4)) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

/* A number that `behind` follows, which is skipped. */
static bool take_number(char **at, int base, char behind, uint64_t *ret)
{
	char *end;
	if (**at == '-' || **at == '+' || **at == ' ')
		return false;
	*ret = strtoull(*at, &end, base);
	if (end == *at || *end != behind)
		return false;
	*at = end + 1;
	return true;
}

bool pw_proc_parse_map(char *line, struct pw_proc_map *ret)
{
	static const char suffix[] = " (deleted)";
	uint64_t start, end, offset, major, minor;
	char *at = line;
	*ret = (struct pw_proc_map){0};
	if (!take_number(&at, 16, '-', &start) || !take_number(&at, 16, ' ', &end) ||
	    start >= end || strnlen(at, 5) < 5 || at[4] != ' ')
		return false;
	const char *perms = at;
	at += 5;
	if (!take_number(&at, 16, ' ', &offset) || !take_number(&at, 16, ':', &major) ||
	    !take_number(&at, 16, ' ', &minor))
		return false;
	char *path;
	ret->inode = strtoull(at, &path, 10);
	if (path == at)
		return false;
	path += strspn(path, " ");
	ret->dev_major = (unsigned)major;
	ret->dev_minor = (unsigned)minor;
	ret->mapping = (struct pw_mapping){
		.start = start,
		.end = end,
		.offset = offset,
		.readable = perms[0] == 'r',
		.writable = perms[1] == 'w',
		.executable = perms[2] == 'x',
	};
	if (!*path)
		return true;
	unescape(path);
	size_t length = strlen(path);
	ret->deleted = path[0] == '/' && length > sizeof(suffix) - 1 &&
		       !strcmp(path + length - (sizeof(suffix) - 1), suffix);
	ret->path = path;
	return true;
}
