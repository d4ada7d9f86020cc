/*
 * Starts a program as a test's target and becomes it.
 *
 *	run-target [-r ROOT] [-d DIR] [-t SECONDS] [-o FILE] PROGRAM ARG...
 *
 * The target dies with the test harness (PR_SET_PDEATHSIG) and after SECONDS at the latest (alarm),
 *dumps core without limit and with the kernel's default filter, may be traced by its own user
 *whatever Yama says, and writes its output to FILE.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "run-target: %s: %s\n", what, strerror(errno));
	return 127;
}

static int redirect(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return -1;
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	if (fd >= 0)
		dup2(fd, 0);
	return 0;
}

int main(int argc, char **argv)
{
	const char *root = NULL, *directory = NULL, *output = NULL;
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	unsigned seconds = 900;
	int option;
	FILE *filter;

	while ((option = getopt(argc, argv, "+r:d:t:o:")) != -1) {
		switch (option) {
		case 'r':
			root = optarg;
			break;
		case 'd':
			directory = optarg;
			break;
		case 't':
			seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			output = optarg;
			break;
		default:
			return 127;
		}
	}
	if (optind >= argc)
		return 127;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	setrlimit(RLIMIT_CORE, &unlimited);
	filter = fopen("/proc/self/coredump_filter", "w");
	if (filter) {
		fputs("0x33", filter);
		fclose(filter);
	}
	if (output && redirect(output))
		return fail(output);
	/* Descriptors of the harness are none of the target's business. */
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	if (root && (chroot(root) || chdir("/")))
		return fail(root);
	if (directory && chdir(directory))
		return fail(directory);
	alarm(seconds);
	execv(argv[optind], argv + optind);
	return fail(argv[optind]);
}
