/*
 * Runs a command with its output thrown away and prints what it cost:  measure SECONDS COMMAND
 *ARG...
 *
 *	STATUS NANOSECONDS KIB
 *
 * wait status, wall time, peak resident memory of it and its children.  Killed after SECONDS.  A
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

static void on_alarm(int number)
{
	(void)number;
	kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage usage;
	int status;

	if (argc < 3)
		return 2;
	signal(SIGALRM, on_alarm);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	child = fork();
	if (child < 0)
		return 2;
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	alarm((unsigned)strtoul(argv[1], NULL, 10));
	if (wait4(child, &status, 0, &usage) != child)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%d %lld %ld\n", status,
	       (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec,
	       usage.ru_maxrss);
	return 0;
}
