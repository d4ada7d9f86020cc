/*
 * C code that calls Python where a native stack is unusual: in signal handlers of several kinds,
 * past the end of a function.  through.py calls each function `int f(int (*callback)(void))` on a
 * thread of its own; the callback blocks.  Needs no headers of CPython, hence one binary for all
 * versions.
 */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int (*callback_fn)(void);

enum { ALTERNATE_SIZE = 1 << 20 };

static __thread callback_fn callback;
static void *alternate;

static void handle(int number)
{
	(void)number;
	callback();
}

static void handle_info(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	callback();
}

/*
 * Before the threads are there: CPython 3.14 takes a stack below the thread's own for an overflow,
 * and the kernel maps downwards.
 */
__attribute__((constructor)) static void map_alternate(void)
{
	alternate = mmap(NULL, ALTERNATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
}

static void handle_with(int number, int flags)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags};

	if (flags & SA_SIGINFO)
		action.sa_sigaction = handle_info;
	sigaction(number, &action, NULL);
}

int in_handler(callback_fn function)
{
	callback = function;
	handle_with(SIGUSR2, 0);
	return raise(SIGUSR2);
}

int in_siginfo_handler(callback_fn function)
{
	callback = function;
	handle_with(SIGRTMIN + 3, SA_SIGINFO);
	return raise(SIGRTMIN + 3);
}

int in_handler_on_alternate_stack(callback_fn function)
{
	const stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_SIZE};

	callback = function;
	sigaltstack(&stack, NULL);
	handle_with(SIGRTMIN + 4, SA_ONSTACK | SA_SIGINFO);
	return raise(SIGRTMIN + 4);
}

/* A handler that is interrupted by another one. */
static void handle_by_raising(int number)
{
	(void)number;
	raise(SIGUSR2);
}

int in_handler_in_handler(callback_fn function)
{
	const struct sigaction outer = {.sa_handler = handle_by_raising};

	callback = function;
	sigaction(SIGRTMIN + 5, &outer, NULL);
	handle_with(SIGUSR2, 0);
	return raise(SIGRTMIN + 5);
}

/* The commonest crash: a call of a null pointer.  Its return address is all there is of the caller.
 */
int in_handler_of_null_call(callback_fn function)
{
	callback_fn volatile nothing = NULL;

	callback = function;
	handle_with(SIGSEGV, 0);
	return nothing() + 1;
}

/* The interrupted pc is the first of its function: the byte before it belongs to another one. */
int first_instruction(void);
__asm__(".text\n"
	".type before_first, %function\n"
	"before_first:\n"
	".cfi_startproc\n"
#ifdef __x86_64__
	".cfi_def_cfa_offset 4096\n"
	"nop\n"
#else
	".cfi_def_cfa_offset 4096\n"
	"nop\n"
#endif
	".cfi_endproc\n"
	".size before_first, . - before_first\n"
	".globl first_instruction\n"
	".type first_instruction, %function\n"
	"first_instruction:\n"
	".cfi_startproc\n"
#ifdef __x86_64__
	"ud2\n"
	"push %rbx\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %rbx, 0\n"
	"pop %rbx\n"
	".cfi_adjust_cfa_offset -8\n"
	".cfi_restore %rbx\n"
#else
	".inst 0\n"
#endif
	"ret\n"
	".cfi_endproc\n"
	".size first_instruction, . - first_instruction\n");

int in_handler_at_first_instruction(callback_fn function)
{
	callback = function;
	handle_with(SIGILL, 0);
	return first_instruction() + 1;
}

/* A leaf function interrupted anywhere. */
static volatile int go_on;

__attribute__((noinline)) static unsigned leaf(unsigned value)
{
	while (!go_on)
		value = value * 1103515245 + 12345;
	return value;
}

static void *send(void *thread)
{
	const struct timespec moment = {0, 10000000};

	nanosleep(&moment, NULL);
	pthread_kill(*(pthread_t *)thread, SIGRTMIN + 6);
	return NULL;
}

int in_handler_of_leaf(callback_fn function)
{
	pthread_t self = pthread_self(), sender;

	callback = function;
	handle_with(SIGRTMIN + 6, 0);
	if (pthread_create(&sender, NULL, send, &self))
		return -1;
	return (int)leaf(1);
}

/* The return address of the call is past the end of the function. */
__attribute__((noinline, noreturn)) static void never(callback_fn function)
{
	function();
	_exit(1);
}

__attribute__((noinline, noreturn)) static void last_is_call(callback_fn function)
{
	never(function);
}

int in_noreturn(callback_fn function)
{
	last_is_call(function);
}

/* A frame whose size is known at run time only. */
__attribute__((noinline)) static int with_array(callback_fn function, int size)
{
	volatile char array[size];

	array[0] = 1;
	return function() + array[0];
}

int in_variable_frame(callback_fn function)
{
	return with_array(function, (int)(getpid() & 63) * 16 + 16);
}

/* What crash.py dies of. */
int crash_by_null_call(void)
{
	callback_fn volatile nothing = NULL;

	return nothing() + 1;
}

int crash_by_abort(void)
{
	abort();
}

/* A helper thread's work: most of the time is spent in the vdso. */
int spin_in_vdso(void)
{
	struct timespec now;
	long sum = 0;

	while (!go_on) {
		for (int i = 0; i < 1000; i++) {
			clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
			sum += now.tv_nsec + time(NULL);
		}
	}
	return (int)sum;
}
