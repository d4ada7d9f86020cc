/*
 * Files of the target as this process opens them: under another root, a name is followed by hand,
 * because the kernel would take an absolute symbolic link out of that root.
 */
#include "target/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *pw_host_root(const char *sysroot, const char *proc)
{
	if (sysroot) {
		size_t length = strlen(sysroot);
		while (length && sysroot[length - 1] == '/')
			length--;
		return strndup(sysroot, length);
	}
	if (!proc)
		return strdup("");

	pw_auto_free char *root = NULL, *mnt = NULL;
	if (asprintf(&root, "%s/root", proc) < 0 || asprintf(&mnt, "%s/ns/mnt", proc) < 0)
		return NULL;
	struct stat theirs, ours, their_ns, our_ns;
	if (stat(root, &theirs) || stat("/", &ours))
		return strdup("");
	/* The same directory with other things mounted below it is another root. */
	if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino &&
	    (stat(mnt, &their_ns) || stat("/proc/self/ns/mnt", &our_ns) ||
	     (their_ns.st_dev == our_ns.st_dev && their_ns.st_ino == our_ns.st_ino)))
		return strdup("");
	return strdup(root);
}

static bool is_regular(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Removes the last component of `path`, which begins with the root's `least` bytes. */
static void go_up(struct pw_buffer *path, size_t least)
{
	while (path->length > least && path->data[path->length - 1] != '/')
		path->length--;
	if (path->length > least)
		path->length--;
	path->data[path->length] = 0;
}

/*
 * One component onto `path`.  A symbolic link's text goes in front of what is left to follow
 * (`rest`). False: no such file, or too long.
 */
static bool follow(struct pw_buffer *path, size_t root_length, const char *name, size_t name_length,
		   char **rest, unsigned *links)
{
	size_t before = path->length;
	pw_buffer_append_char(path, '/');
	pw_buffer_append(path, name, name_length);
	if (path->failed || path->length >= PATH_MAX)
		return false;

	char link[PATH_MAX];
	ssize_t length = readlink(path->data, link, sizeof(link) - 1);
	if (length < 0)
		return errno == EINVAL;
	link[length] = 0;
	if (++*links > 40)
		return false;
	path->length = link[0] == '/' ? root_length : before;
	path->data[path->length] = 0;
	char *longer;
	if (asprintf(&longer, "%s/%s", link, *rest) < 0)
		return false;
	free(*rest);
	*rest = longer;
	return strlen(longer) < 2 * PATH_MAX;
}

char *pw_target_host_path(const struct pw_target *target, const char *path)
{
	const char *root = target->root ? target->root : "";
	if (!path || path[0] != '/')
		return NULL;
	if (!root[0])
		return is_regular(path) ? strdup(path) : NULL;

	pw_auto_buffer struct pw_buffer host;
	pw_buffer_init(&host);
	pw_buffer_append_string(&host, root);
	size_t root_length = host.length;
	/* gcore outside of a root writes the names as they are seen from there. */
	if (strncmp(path, root, root_length) == 0 && path[root_length] == '/' && is_regular(path))
		return strdup(path);
	pw_auto_free char *rest = strdup(path);
	unsigned links = 0;
	while (rest && !host.failed) {
		char *name = rest + strspn(rest, "/");
		size_t length = strcspn(name, "/");
		if (!length)
			break;
		pw_auto_free char *component = strndup(name, length);
		memmove(rest, name + length, strlen(name + length) + 1);
		if (!component)
			return NULL;
		if (!strcmp(component, ".."))
			go_up(&host, root_length);
		else if (strcmp(component, ".") &&
			 !follow(&host, root_length, component, length, &rest, &links))
			return NULL;
	}
	if (!rest || host.failed || !is_regular(host.data))
		return NULL;
	return pw_buffer_steal(&host);
}
