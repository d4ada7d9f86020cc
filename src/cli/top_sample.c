/*
 * Looks at the processes, in a thread of its own: a terminal that is slow to show what was seen
 * does not keep it from looking, and a process that is slow to be read does not keep keys from
 * being answered.  Only this thread touches sessions, the sampler and the command.
 */
#include "cli/top.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MOVE_EVERY_S = 10, /* at most: one stack may be larger than all that is kept */
	SUMMARIZE_EVERY_MS = 500,
	LATE_MS = 1000, /* a look that is so late may be because this program was stopped */
	STOP_WITHIN_S = 3,
	MESSAGE_S = 8, /* how long it is shown */
	KEPT = 4096,   /* of what the command printed last */
};

struct top_sampler {
	struct cli_sampling *sampling;
	pthread_t thread;
	sigset_t signals; /* of the thread that started us */

	/* The sampling thread's own. */
	struct pw_sampler *sampler;
	struct record_processes processes;
	uint64_t summarized, moved;    /* ns */
	struct pw_profile_info before; /* of samplers that were left */
	pid_t child;		       /* 0: none, or it has ended */
	int output;		       /* of the command; -1: none */
	char gone[TOP_TOLD];	       /* why a process ended */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	struct top_model model;
	struct pw_profile_info info;
	bool own_clock; /* of the engine */
	bool begun, pause, stop, ended, finished;
	enum cli_exit status;
	int child_status; /* -1: none, or not ended */
	size_t alive;
	char message[TOP_TOLD]; /* printable */
	uint64_t said;		/* ns */
	char kept[KEPT];
	size_t kept_length;
	char *target; /* printable */
};

/* ---- what is said ---- */

static struct top_sampler *listening;
static volatile sig_atomic_t continued;

void top_sampler_continued(void)
{
	continued = 1;
}

/* Instead of stderr, which is the terminal. */
static void hear(const char *message)
{
	struct top_sampler *s = listening;
	pthread_mutex_lock(&s->lock);
	snprintf(s->message, sizeof(s->message), "%s", message);
	s->said = cli_now();
	pthread_mutex_unlock(&s->lock);
}

__attribute__((format(printf, 2, 3))) static void say(struct top_sampler *s, const char *format,
						      ...)
{
	char text[TOP_TOLD];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	char *printable = pw_printable(text);
	pthread_mutex_lock(&s->lock);
	snprintf(s->message, sizeof(s->message), "%s", printable ? printable : "out of memory");
	s->said = cli_now();
	pthread_mutex_unlock(&s->lock);
	free(printable);
}

static void fail(struct top_sampler *s, enum cli_exit status)
{
	pthread_mutex_lock(&s->lock);
	s->status = cli_worse(s->status, status);
	pthread_mutex_unlock(&s->lock);
}

/* Whether it is an error, which ends the sampling. */
static bool fails(struct top_sampler *s, struct pw_error *error)
{
	if (!error)
		return false;
	fail(s, cli_exit_status(pw_error_code(error)));
	say(s, "%s", pw_error_message(error));
	pw_error_destroy(error);
	return true;
}

/* ---- the command ---- */

struct child_files {
	bool private;
	int output;
	const sigset_t *signals;
};

/* In the child: the terminal is ours, and this thread hears no signals. */
static void prepare_command(void *data)
{
	const struct child_files *files = data;
	sigprocmask(SIG_SETMASK, files->signals, NULL);
	if (!files->private)
		return;
	int null = open("/dev/null", O_RDWR);
	if (isatty(STDIN_FILENO) && null >= 0)
		dup2(null, STDIN_FILENO);
	if (isatty(STDOUT_FILENO))
		dup2(files->output, STDOUT_FILENO);
	if (isatty(STDERR_FILENO))
		dup2(files->output, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int start_command(struct top_sampler *s, bool private)
{
	int ends[2] = {-1, -1};
	if (private && pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		cli_message("cannot make a pipe: %s", strerror(errno));
		return CLI_INCOMPLETE;
	}
	/* The command's end waits, as a terminal would. */
	if (private)
		fcntl(ends[1], F_SETFL, 0);
	struct child_files files = {private, ends[1], &s->signals};
	pid_t pid = cli_start_command(s->sampling->command, prepare_command, &files);
	if (ends[1] >= 0)
		close(ends[1]);
	s->output = ends[0];
	if (pid < 0)
		return pid == -ENOENT ? 127 : 126;
	s->child = pid;
	record_add_command(&s->processes, pid);
	return CLI_OK;
}

static void keep_output(struct top_sampler *s)
{
	char piece[KEPT];
	ssize_t got;
	while (s->output >= 0 && (got = read(s->output, piece, sizeof(piece))) > 0) {
		size_t length = (size_t)got;
		size_t old = s->kept_length + length > KEPT ? KEPT - length : s->kept_length;
		memmove(s->kept, s->kept + (s->kept_length - old), old);
		memcpy(s->kept + old, piece, length);
		s->kept_length = old + length;
	}
}

/* The last line of what the command printed, as a printable text; free() it. */
static char *last_words(const struct top_sampler *s)
{
	size_t end = s->kept_length;
	while (end && (s->kept[end - 1] == '\n' || s->kept[end - 1] == '\r'))
		end--;
	size_t begin = end;
	while (begin && s->kept[begin - 1] != '\n')
		begin--;
	char *line = strndup(s->kept + begin, end - begin);
	char *text = line && line[0] ? pw_printable(line) : NULL;
	free(line);
	return text;
}

static void look_after_child(struct top_sampler *s)
{
	int status;
	keep_output(s);
	if (!s->child || waitpid(s->child, &status, WNOHANG) != s->child)
		return;
	keep_output(s);
	s->child = 0;
	pthread_mutex_lock(&s->lock);
	s->child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	pthread_mutex_unlock(&s->lock);
	char *words = last_words(s);
	const char *with = words ? ": " : "";
	if (WIFSIGNALED(status))
		say(s, "the command died of signal %d (%s)%s%s", WTERMSIG(status),
		    strsignal(WTERMSIG(status)), with, words ? words : "");
	else
		say(s, "the command ended with status %d%s%s", WEXITSTATUS(status), with,
		    words ? words : "");
	free(words);
}

/* ---- looking ---- */

/* Of processes that come and go, only the last one's end is worth a line; of a command, its status
 * says more. */
static void note_gone(void *data, struct pw_session *session, struct pw_error *error)
{
	struct top_sampler *s = data;
	snprintf(s->gone, sizeof(s->gone), "%s", pw_error_message(error));
	record_gone(&s->processes, session, error);
	if (!s->sampling->subprocesses && !s->sampling->command)
		say(s, "%s", s->gone);
}

/* Another sampler, whose profile is small again. */
static struct pw_error *move(struct top_sampler *s)
{
	struct pw_sampler *sampler;
	s->moved = cli_now();
	struct pw_error *error = pw_sampler_create(&s->sampling->sampler, &sampler);
	if (error)
		return error;
	error = pw_sampler_summarize(s->sampler);
	const struct pw_profile_info *info = pw_profile_info(pw_sampler_profile(s->sampler));
	s->before.lost += info->lost;
	s->before.torn += info->torn;
	s->before.own_cpu += info->own_cpu;
	s->before.duration += info->duration;
	record_move(&s->processes, sampler);
	pthread_mutex_lock(&s->lock);
	/* What cannot be moved is forgotten. */
	if (!top_model_move(&s->model, pw_sampler_profile(sampler))) {
		top_model_reset(&s->model);
		s->model.profile = pw_sampler_profile(sampler);
	}
	pthread_mutex_unlock(&s->lock);
	pw_sampler_destroy(s->sampler);
	s->sampler = sampler;
	return error;
}

static void summarize(struct top_sampler *s)
{
	struct pw_error *error = pw_sampler_summarize(s->sampler);
	if (error) {
		pw_error_destroy(error);
		return;
	}
	s->summarized = cli_now();
	pthread_mutex_lock(&s->lock);
	s->info = *pw_profile_info(pw_sampler_profile(s->sampler));
	s->own_clock = strcmp(s->info.engine, "ebpf") == 0;
	s->info.engine = NULL; /* it goes with the sampler */
	s->info.lost += s->before.lost;
	s->info.torn += s->before.torn;
	s->info.own_cpu += s->before.own_cpu;
	s->info.duration += s->before.duration;
	pthread_mutex_unlock(&s->lock);
}

static struct pw_error *look(struct top_sampler *s, uint64_t time, uint64_t weight)
{
	struct pw_profile *profile = pw_sampler_profile(s->sampler);
	struct pw_error *error = pw_sampler_look(s->sampler, time, weight, note_gone, s);
	pthread_mutex_lock(&s->lock);
	bool taken = top_model_take(&s->model, profile, weight);
	bool full = top_model_is_full(&s->model);
	pthread_mutex_unlock(&s->lock);
	pw_profile_forget(profile);
	if (!taken)
		fail(s, CLI_INCOMPLETE);
	if (!error && full && cli_now() - s->moved > MOVE_EVERY_S * 1000000000ull)
		error = move(s);
	return error;
}

/* Whether this program was stopped meanwhile: others go on before the handler tells. */
static bool was_stopped(uint64_t weight)
{
	if (weight > LATE_MS * 1000000ull && !continued)
		usleep(20000);
	bool was = continued;
	continued = 0;
	return was;
}

/* One look, when it is due.  False: there is nothing to look at any more. */
static bool look_on(struct top_sampler *s)
{
	uint64_t time, weight;
	if (!pw_sampler_wait(s->sampler, &time, &weight))
		return true;
	/* Some engines go on by themselves: they begin anew. */
	struct pw_error *error = was_stopped(weight) ? move(s) : look(s, time, weight);
	look_after_child(s);
	record_tend(&s->processes);
	if (cli_now() - s->summarized > SUMMARIZE_EVERY_MS * 1000000ull)
		summarize(s);
	return !fails(s, error) && record_alive(&s->processes);
}

/* Leaves the processes alone for as long.  False: it is to stop. */
static bool wait_while_paused(struct top_sampler *s)
{
	bool paused = false;
	pthread_mutex_lock(&s->lock);
	while (s->pause && !s->stop) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_unlock(&s->lock);
		if (!paused)
			record_leave(&s->processes);
		paused = true;
		look_after_child(s);
		pthread_mutex_lock(&s->lock);
		if (s->pause && !s->stop)
			pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	bool goes_on = !s->stop;
	pthread_mutex_unlock(&s->lock);
	if (!paused || !goes_on)
		return goes_on;
	return !fails(s, move(s));
}

/* ---- the thread ---- */

static int begin(struct top_sampler *s, bool private)
{
	const struct cli_targets *targets = &s->sampling->common->targets;
	int status = CLI_OK;
	if (s->sampling->command)
		status = start_command(s, private);
	for (size_t i = 0; status == CLI_OK && i < targets->count; i++)
		record_add(&s->processes, &targets->items[i]);
	return status != CLI_OK ? status : s->processes.count ? CLI_OK : (int)s->processes.status;
}

struct start {
	struct top_sampler *s;
	bool private;
	int status; /* -1: not known yet */
};

static void finish(struct top_sampler *s)
{
	/* What was started for this ends with it. */
	if (s->child) {
		kill(s->child, SIGTERM);
		kill(s->child, SIGCONT);
	}
	summarize(s);
	record_processes_deinit(&s->processes);
}

static void *work(void *data)
{
	struct start *start = data;
	struct top_sampler *s = start->s;
	int status = begin(s, start->private);
	pthread_mutex_lock(&s->lock);
	start->status = status;
	s->begun = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	bool alive = status == CLI_OK;
	while (alive && wait_while_paused(s))
		alive = look_on(s);
	if (status == CLI_OK)
		summarize(s);
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_mutex_unlock(&s->lock);
	/* It may have closed its files, or its threads be gone, a moment before it ends. */
	for (int i = 0; !alive && s->child && i < 50; i++) {
		usleep(20000);
		look_after_child(s);
	}
	if (!alive && s->gone[0] && s->child_status < 0)
		say(s, "%s", s->gone);
	pthread_mutex_lock(&s->lock);
	while (status == CLI_OK && !s->stop)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	finish(s);
	pthread_mutex_lock(&s->lock);
	s->finished = true;
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- for others ---- */

static void on_wake(int number)
{
}

/* The thread hears only what wakes it; those of mistakes cannot be put off. */
static bool start_thread(struct top_sampler *s, struct start *start)
{
	struct sigaction wake = {.sa_handler = on_wake, .sa_flags = SA_RESTART};
	sigset_t blocked;
	static const int heard[] = {SIGURG, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
	sigaction(SIGURG, &wake, NULL);
	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigdelset(&blocked, heard[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &s->signals);
	int failed = pthread_create(&s->thread, NULL, work, start);
	pthread_sigmask(SIG_SETMASK, &s->signals, NULL);
	if (failed)
		cli_message("cannot start a thread: %s", strerror(failed));
	return !failed;
}

static void destroy(struct top_sampler *s)
{
	cli_listen(NULL);
	pw_sampler_destroy(s->sampler);
	top_model_deinit(&s->model);
	if (s->output >= 0)
		close(s->output);
	free(s->target);
	free(s);
}

static struct top_sampler *create(struct cli_sampling *sampling, uint64_t window, int *ret_status)
{
	struct top_sampler *s = calloc(1, sizeof(*s));
	if (!s) {
		cli_message("out of memory");
		*ret_status = CLI_INCOMPLETE;
		return NULL;
	}
	*s = (struct top_sampler){.sampling = sampling,
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER,
				  .child_status = -1,
				  .output = -1};
	cli_raise_files();
	struct pw_error *error = pw_sampler_create(&sampling->sampler, &s->sampler);
	*ret_status = error ? cli_report(error) : CLI_INCOMPLETE;
	s->target = top_target_name(sampling);
	bool good = top_model_init(&s->model, window, 0) && s->target;
	if (!error && !good)
		cli_message("out of memory");
	if (error || !good) {
		destroy(s);
		return NULL;
	}
	s->processes = (struct record_processes){.common = sampling->common,
						 .sampler = s->sampler,
						 .descendants = sampling->subprocesses,
						 .wanted = cli_sampling_wanted(sampling)};
	return s;
}

struct top_sampler *top_sampler_start(struct cli_sampling *sampling, uint64_t window, bool private,
				      int *ret_status)
{
	struct top_sampler *s = create(sampling, window, ret_status);
	struct start start = {s, private, -1};
	if (!s)
		return NULL;
	const char *why = pw_sampler_engine_note(s->sampler);
	char *note = why ? strdup(why) : NULL;
	if (!start_thread(s, &start)) {
		free(note);
		destroy(s);
		return NULL;
	}
	pthread_mutex_lock(&s->lock);
	while (!s->begun)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	*ret_status = start.status;
	if (start.status != CLI_OK) {
		pthread_join(s->thread, NULL);
		free(note);
		destroy(s);
		return NULL;
	}
	listening = s;
	if (private)
		cli_listen(hear);
	if (note)
		cli_message("%s; sampling by ptrace instead", note);
	free(note);
	return s;
}

void top_sampler_pause(struct top_sampler *sampler, bool pause)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->pause = pause;
	pthread_cond_broadcast(&sampler->changed);
	pthread_mutex_unlock(&sampler->lock);
}

void top_sampler_reset(struct top_sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	top_model_reset(&sampler->model);
	pthread_mutex_unlock(&sampler->lock);
}

const struct top_model *top_sampler_lock(struct top_sampler *sampler, struct top_status *ret)
{
	struct top_sampler *s = sampler;
	pthread_mutex_lock(&s->lock);
	bool fresh = cli_now() - s->said < MESSAGE_S * 1000000000ull;
	*ret = (struct top_status){
		.target = s->target,
		.message = fresh || s->ended ? s->message : "",
		.paused = s->pause,
		.ended = s->ended,
		.own_clock = s->own_clock,
		.rate_wished = s->sampling->sampler.rate ? s->sampling->sampler.rate : 100,
		.window = s->model.slice_length * TOP_SLICES,
		.lost = s->info.lost,
		.torn = s->info.torn,
		.own_cpu = s->info.own_cpu,
		.duration = s->info.duration,
	};
	return &s->model;
}

void top_sampler_unlock(struct top_sampler *sampler)
{
	pthread_mutex_unlock(&sampler->lock);
}

/* Whether the thread has come to its end. */
static bool stop(struct top_sampler *s)
{
	uint64_t begin = cli_now();
	bool finished = false;
	while (!finished && cli_now() - begin < STOP_WITHIN_S * 1000000000ull) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		finished = s->finished;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		/* Again: it may have been about to sleep. */
		if (!finished) {
			pthread_kill(s->thread, SIGURG);
			usleep(5000);
		}
	}
	return finished && pthread_join(s->thread, NULL) == 0;
}

int top_sampler_stop(struct top_sampler *sampler)
{
	struct top_sampler *s = sampler;
	bool finished = stop(s);
	cli_listen(NULL);
	/* A process that cannot be waited for is not waited for: all is given back at the exit. */
	if (!finished)
		return CLI_INCOMPLETE;
	enum cli_exit worst = cli_worse(s->status, s->processes.status);
	int status = worst == CLI_OK && s->child_status >= 0 ? s->child_status : (int)worst;
	if (s->message[0] && s->ended)
		cli_message("%s", s->message);
	if (s->kept_length && s->child_status > 0) {
		cli_message("the command printed last:");
		fwrite(s->kept, 1, s->kept_length, stderr);
	}
	destroy(s);
	return status;
}
