/* A process that is not Python: sleeps. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 1) {
		FILE *ready = fopen(argv[1], "w");

		if (ready)
			fclose(ready);
	}
	for (;;)
		pause();
}
