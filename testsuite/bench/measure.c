/*
 * Runs a command and prints what it cost:  measure SECONDS OUTPUT ERRORS COMMAND ARG...
 *
 *	STATUS NANOSECONDS MICROSECONDS KIB
 *
 * wait status, wall time, processor time and peak resident memory of it and its children.  Killed
 *after SECONDS.  Its standard output goes to the file OUTPUT, its standard error to ERRORS.  A
 *program of its own, because the peak of a forked process includes the memory of the one that
 *forked.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void end_child(int number)
{
	(void)number;
	if (child <= 0)
		_exit(2);
	kill(child, SIGKILL);
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage usage;
	int status;

	if (argc < 5)
		return 2;
	signal(SIGALRM, end_child);
	signal(SIGTERM, end_child);
	/* To cut a file of the last run off would be measured, and take as long as the disk does.
	 */
	unlink(argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	child = fork();
	if (child < 0)
		return 2;
	if (child == 0) {
		redirect("/dev/null", O_RDONLY, 0);
		redirect(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 1);
		redirect(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 2);
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	alarm((unsigned)strtoul(argv[1], NULL, 10));
	if (wait4(child, &status, 0, &usage) != child)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%d %lld %lld %ld\n", status,
	       (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec,
	       (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
		       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
	       usage.ru_maxrss);
	return 0;
}
