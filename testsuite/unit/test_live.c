/*
 * Live processes, children of this test: memory, threads, stopping and going on, and each way in
 * which a process cannot be opened.
 */
#include "target/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Seen by parent and child. */
struct shared {
	volatile int ready;
	volatile unsigned long turns; /* of a thread that never sleeps */
	volatile int stop;
	volatile int received;
};

static struct shared *shared;
static char secret[] = "what the child holds";

static void *spin(void *data)
{
	while (!shared->stop)
		shared->turns++;
	_exit(7);
}

static void on_signal(int number)
{
	shared->received++;
}

static void child_main(bool leader_exits)
{
	pthread_t thread;
	signal(SIGUSR1, on_signal);
	secret[0] = 'W';
	pthread_create(&thread, NULL, spin, NULL);
	shared->ready = 1;
	if (leader_exits)
		pthread_exit(NULL);
	pthread_join(thread, NULL);
	_exit(7);
}

static pid_t start_child(bool leader_exits)
{
	memset((void *)shared, 0, sizeof(*shared));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child_main(leader_exits);
	while (!shared->ready)
		usleep(1000);
	usleep(20000);
	return pid;
}

static int end_child(pid_t pid)
{
	int status;
	shared->stop = 1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct pw_target *open_live(pid_t pid)
{
	struct pw_target *target = NULL;
	struct pw_error *error = pw_target_open_live(pid, NULL, &target);
	if (error && pw_error_code(error) == PW_ERROR_PERMISSION) {
		print_message("%s\n", pw_error_message(error));
		pw_error_destroy(error);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	assert_null(error);
	assert_null(target->ops->refresh(target));
	return target;
}

static void test_memory(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	char text[sizeof(secret)];
	assert_null(pw_read_string(target, (uintptr_t)secret, text, sizeof(text) - 1));
	assert_string_equal(text, "What the child holds");
	assert_string_equal(secret, "what the child holds");
	struct pw_error *error = pw_read(target, 8, text, 4);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	assert_int_equal(pw_error_address(error), 8);
	pw_error_destroy(error);
	const struct pw_mapping *mapping = pw_target_mapping(target, (uintptr_t)test_memory);
	assert_true(mapping && mapping->executable && !mapping->writable);
	assert_string_equal(mapping->path, target->executable);
	assert_int_equal(access(mapping->host_path, R_OK), 0);
	pw_target_destroy(target);
	assert_int_equal(WEXITSTATUS(end_child(pid)), 7);
}

/* Runs while the child stands still: cmocka's assertions belong to the main thread. */
struct moment {
	pid_t pid;
	unsigned long turns;
	bool moved, killed, unreadable;
	struct pw_target *target;
};

static void look(void *data)
{
	struct moment *moment = data;
	moment->turns = shared->turns;
	/* Sent while it stands still, received when it goes on. */
	kill(moment->pid, SIGUSR1);
	usleep(2000);
	moment->moved = shared->turns != moment->turns;
}

static void test_stop(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	struct moment moment = {.pid = pid};
	for (unsigned i = 0; i < 20; i++) {
		assert_null(target->ops->stop(target, NULL, 0, look, &moment));
		assert_false(moment.moved);
		assert_int_equal(target->lwp_count, 2);
		assert_int_equal(target->lwps[0].tid, pid);
		for (size_t k = 0; k < 2; k++) {
			assert_true(target->lwps[k].has_regs);
			assert_int_equal(target->lwps[k].taken, PW_TAKEN_STOPPED);
			assert_true(target->lwps[k].stopped_ns >= 2000000);
			assert_non_null(pw_target_mapping(target, target->lwps[k].regs.pc));
			assert_true(target->lwps[k].regs.thread_pointer);
		}
		assert_true(target->pause_ns >= 2000000);
		for (unsigned wait = 0; shared->turns == moment.turns && wait < 2000; wait++)
			usleep(1000);
		assert_true(shared->turns > moment.turns);
	}
	for (unsigned wait = 0; shared->received < 20 && wait < 2000; wait++)
		usleep(1000);
	assert_int_equal(shared->received, 20);
	pw_target_destroy(target);
	assert_int_equal(WEXITSTATUS(end_child(pid)), 7);
}

static void look_away(void *data)
{
}

static void test_stop_some(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	assert_int_equal(target->lwp_count, 2);
	pid_t one = (pid_t)target->lwps[1].tid;
	assert_null(target->ops->stop(target, &one, 1, look_away, NULL));
	assert_int_equal(target->lwp_count, 2);
	assert_int_equal(target->lwps[0].taken, PW_TAKEN_NOT);
	assert_false(target->lwps[0].has_regs);
	assert_int_equal(target->lwps[1].taken, PW_TAKEN_STOPPED);
	assert_true(target->lwps[1].has_regs);
	pw_target_destroy(target);
	assert_int_equal(WEXITSTATUS(end_child(pid)), 7);
}

static void test_asleep(void **state)
{
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (!pid) {
		char byte;
		while (read(pipes[0], &byte, 1) == 1)
			;
		_exit(0);
	}
	usleep(20000);
	struct pw_target *target = open_live(pid);
	struct pw_lwp *lwp = &target->lwps[0];
	struct pw_sleep sleep;
	if (!target->ops->sleep_begin(target, lwp, &sleep)) {
		print_message("this kernel does not show where a thread sleeps\n");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	assert_false(lwp->has_regs);
	const struct pw_mapping *stack = pw_target_mapping(target, lwp->regs.sp);
	assert_true(stack && stack->writable);
	const struct pw_mapping *code = pw_target_mapping(target, lwp->regs.pc);
	assert_true(code && code->executable);
	assert_true(target->ops->sleep_holds(target, &sleep));
	/* It wakes up and sleeps again in the same call. */
	assert_int_equal(write(pipes[1], "x", 1), 1);
	usleep(20000);
	assert_false(target->ops->sleep_holds(target, &sleep));
	pw_sleep_end(&sleep);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_false(target->ops->sleep_begin(target, lwp, &sleep));
	pw_target_destroy(target);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_not_asleep(void **state)
{
	pid_t pid = fork();
	if (!pid)
		for (;;)
			;
	usleep(20000);
	struct pw_target *target = open_live(pid);
	struct pw_sleep sleep;
	assert_false(target->ops->sleep_begin(target, &target->lwps[0], &sleep));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pw_target_destroy(target);
}

static void test_stopped(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	int status;
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_null(target->ops->stop(target, NULL, 0, look_away, NULL));
	assert_int_equal(target->lwps[0].state, PW_RUN_STOPPED);
	assert_true(target->lwps[0].has_regs);
	unsigned long turns = shared->turns;
	usleep(5000);
	assert_int_equal(shared->turns, turns);
	pw_target_destroy(target);
	kill(pid, SIGCONT);
	assert_int_equal(WEXITSTATUS(end_child(pid)), 7);
}

static void test_main_thread_gone(void **state)
{
	pid_t pid = start_child(true);
	struct pw_target *target = open_live(pid);
	char text[sizeof(secret)];
	assert_null(pw_read(target, (uintptr_t)secret, text, sizeof(text)));
	assert_int_equal(text[0], 'W');
	assert_null(target->ops->stop(target, NULL, 0, look_away, NULL));
	assert_int_equal(target->lwp_count, 2);
	assert_int_equal(target->lwps[0].state, PW_RUN_ZOMBIE);
	assert_false(target->lwps[0].has_regs);
	assert_true(target->lwps[1].has_regs);
	struct pw_target *other = NULL;
	struct pw_error *error = pw_target_open_live((pid_t)target->lwps[1].tid, NULL, &other);
	assert_int_equal(pw_error_code(error), PW_ERROR_NO_TARGET);
	assert_non_null(strstr(pw_error_message(error), "is a thread of process"));
	pw_error_destroy(error);
	pw_target_destroy(target);
	end_child(pid);
}

static void kill_it(void *data)
{
	struct moment *moment = data;
	char byte;
	kill(moment->pid, SIGKILL);
	for (unsigned wait = 0; !moment->unreadable && wait < 2000; wait++) {
		usleep(1000);
		struct pw_error *error = pw_read(moment->target, (uintptr_t)secret, &byte, 1);
		moment->unreadable = error && pw_error_code(error) == PW_ERROR_NO_TARGET;
		pw_error_destroy(error);
	}
}

static void test_exits_while_open(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	struct moment moment = {.pid = pid, .target = target};
	assert_null(target->ops->stop(target, NULL, 0, kill_it, &moment));
	assert_true(moment.unreadable);
	waitpid(pid, NULL, 0);
	struct pw_error *error = target->ops->stop(target, NULL, 0, look_away, NULL);
	assert_int_equal(pw_error_code(error), PW_ERROR_NO_TARGET);
	pw_error_destroy(error);
	error = target->ops->refresh(target);
	assert_int_equal(pw_error_code(error), PW_ERROR_NO_TARGET);
	pw_error_destroy(error);
	pw_target_destroy(target);
}

static void test_traced_by_another(void **state)
{
	pid_t pid = start_child(false);
	struct pw_target *target = open_live(pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		skip();
	struct pw_error *error = target->ops->stop(target, NULL, 0, look_away, NULL);
	assert_int_equal(pw_error_code(error), PW_ERROR_PERMISSION);
	assert_non_null(strstr(pw_error_message(error), "already traced by process"));
	pw_error_destroy(error);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	pw_target_destroy(target);
}

static void expect_refused(pid_t pid, enum pw_error_code code, const char *part)
{
	struct pw_target *target;
	struct pw_error *error = pw_target_open_live(pid, NULL, &target);
	assert_non_null(error);
	if (pw_error_code(error) != code || !strstr(pw_error_message(error), part))
		fail_msg("%d: %s", pw_error_code(error), pw_error_message(error));
	pw_error_destroy(error);
}

static void test_refused(void **state)
{
	expect_refused(0, PW_ERROR_USAGE, "not a process id");
	pid_t pid = fork();
	if (!pid)
		_exit(0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	expect_refused(pid, PW_ERROR_NO_TARGET, "zombie");
	waitpid(pid, NULL, 0);
	expect_refused(pid, PW_ERROR_NO_TARGET, "no process with pid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_some),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_not_asleep),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_main_thread_gone),
		cmocka_unit_test(test_exits_while_open),
		cmocka_unit_test(test_traced_by_another),
		cmocka_unit_test(test_refused),
	};
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
