/* The processes that `pywalk record` looks at: they come, become others, and go. */
#include "cli/record.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TRY_EVERY_MS = 20,   /* to open one that is no Python yet */
	TRY_RARELY_MS = 500, /* the same, when it has been none for long */
	TRY_FOR_MS = 10000,  /* a command; others: until they end */
	LOOK_EVERY_MS = 100, /* for descendants */
};

struct record_process {
	pid_t pid;
	struct pw_session *session; /* NULL: not open */
	char *text;		    /* what it was started with; NULL: unknown; owned */
	bool descendant, command;
	bool unwanted;			 /* never sampled */
	bool seen;			 /* was open once */
	bool ended;			 /* or is a zombie */
	uint64_t since, tried;		 /* ns; since: known, or another program */
	enum pw_error_code refused_with; /* 0: not refused */
	bool told;			 /* that it was */
};

static bool passed(uint64_t since, uint64_t ms)
{
	return cli_now() - since >= ms * 1000000;
}

/* ---- adding ---- */

static struct record_process *add(struct record_processes *p, pid_t pid)
{
	if (p->count == p->capacity) {
		size_t capacity = p->capacity ? p->capacity * 2 : 8;
		struct record_process *items = reallocarray(p->items, capacity, sizeof(*items));
		if (!items) {
			cli_message("out of memory");
			p->status = cli_worse(p->status, CLI_INCOMPLETE);
			return NULL;
		}
		p->items = items;
		p->capacity = capacity;
	}
	struct record_process *added = &p->items[p->count++];
	*added = (struct record_process){.pid = pid, .since = cli_now()};
	return added;
}

/* Opens it and hands it to the sampler. */
static struct pw_error *open_process(struct record_processes *p, struct record_process *process)
{
	const struct cli_target target = {.is_pid = true, .pid = process->pid};
	struct pw_session *session;
	process->tried = cli_now();
	struct pw_error *error = cli_open(p->common, &target, &session);
	if (error)
		return error;
	free(process->text);
	process->text = pw_process_command(process->pid);
	error = pw_sampler_add(p->sampler, session, process->text);
	if (error) {
		pw_session_close(session);
		return error;
	}
	process->session = session;
	process->seen = true;
	return NULL;
}

void record_add(struct record_processes *processes, const struct cli_target *target)
{
	const char *problem = cli_target_problem(target);
	if (problem || !target->is_pid) {
		cli_message("%s: %s", target->text,
			    problem ? problem : "a core does not run; only processes are sampled");
		processes->status = cli_worse(processes->status, CLI_USAGE);
		return;
	}
	struct record_process *process = add(processes, target->pid);
	struct pw_error *error = process ? open_process(processes, process) : NULL;
	if (!error)
		return;
	/* With its descendants, it need not be Python itself. */
	bool parent = processes->descendants && pw_error_code(error) == PW_ERROR_NOT_PYTHON;
	if (parent) {
		process->refused_with = PW_ERROR_NOT_PYTHON;
		pw_error_destroy(error);
		return;
	}
	processes->count--;
	processes->status =
		cli_worse(processes->status, cli_report_open(processes->common, target, error));
}

void record_add_command(struct record_processes *processes, pid_t pid)
{
	struct record_process *process = add(processes, pid);
	if (process)
		process->command = true;
}

void record_add_parent(struct record_processes *processes, pid_t pid)
{
	struct record_process *process = add(processes, pid);
	if (process)
		process->unwanted = true;
}

/* ---- looking after them ---- */

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

static void drop(struct record_processes *p, size_t index)
{
	struct record_process *process = &p->items[index];
	if (process->session) {
		pw_sampler_remove(p->sampler, process->session);
		pw_session_close(process->session);
	}
	free(process->text);
	memmove(process, process + 1, (p->count - index - 1) * sizeof(*process));
	p->count--;
}

/* What cannot be opened is said once, and tried again for as long as that may help. */
static void refused(struct record_processes *p, struct record_process *process,
		    struct pw_error *error)
{
	enum pw_error_code code = pw_error_code(error);
	/* It may have ended while it was being opened, which shows itself in many ways. */
	if (code != PW_ERROR_NOT_PYTHON && pw_process_has_ended(process->pid))
		code = PW_ERROR_NO_TARGET;
	bool expected = code == PW_ERROR_NOT_PYTHON || code == PW_ERROR_NO_TARGET;
	/* In the midst of an exec memory is not where it was a moment ago. */
	bool passing = code == PW_ERROR_UNREADABLE || code == PW_ERROR_CORRUPT;
	bool again = process->refused_with == code;
	process->told &= again;
	if (!expected && (again || !passing) && !process->told) {
		process->told = true;
		cli_message("process %d: %s", (int)process->pid, pw_error_message(error));
		p->status = cli_worse(p->status, CLI_INCOMPLETE);
	}
	process->refused_with = code;
	process->ended = code == PW_ERROR_NO_TARGET;
	pw_error_destroy(error);
}

/* A program that has just begun will soon be Python, if ever: an eighth of the time that was waited
 * for it is waited again. */
static bool is_due(const struct record_process *process)
{
	if (process->session || process->unwanted)
		return false;
	uint64_t rest = (cli_now() - process->since) / 8 / 1000000;
	if (rest < TRY_EVERY_MS)
		rest = TRY_EVERY_MS;
	if (rest > TRY_RARELY_MS)
		rest = TRY_RARELY_MS;
	return passed(process->tried, rest);
}

static bool is_known(const struct record_processes *p, pid_t pid)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].pid == pid)
			return true;
	return false;
}

static void find_descendants_of(struct record_processes *p, pid_t pid)
{
	struct pw_process *found;
	size_t count;
	struct pw_error *error = pw_process_descendants(pid, &found, &count);
	if (error) {
		pw_error_destroy(error);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (is_known(p, found[i].pid))
			continue;
		struct record_process *process = add(p, found[i].pid);
		if (process)
			process->descendant = true;
	}
	free(found);
}

static void find_descendants(struct record_processes *p)
{
	size_t count = p->count;
	if (!p->descendants || !passed(p->looked, LOOK_EVERY_MS))
		return;
	p->looked = cli_now();
	for (size_t i = 0; i < count; i++)
		if (!p->items[i].descendant)
			find_descendants_of(p, p->items[i].pid);
}

/* Whether one of the descendants is wanted. */
static bool fits(const struct record_processes *p, const struct record_process *process)
{
	return !process->descendant || !p->wanted || !process->text ||
	       regexec(p->wanted, process->text, 0, NULL, 0) == 0;
}

void record_tend(struct record_processes *processes)
{
	find_descendants(processes);
	for (size_t i = 0; i < processes->count;) {
		struct record_process *process = &processes->items[i];
		if (!process->session && (process->ended || !is_alive(process->pid))) {
			drop(processes, i);
			continue;
		}
		i++;
		if (!is_due(process))
			continue;
		struct pw_error *error = open_process(processes, process);
		if (error)
			refused(processes, process, error);
		else if (!fits(processes, process)) {
			pw_sampler_remove(processes->sampler, process->session);
			pw_session_close(process->session);
			process->session = NULL;
			process->unwanted = true;
		}
	}
}

void record_gone(void *data, struct pw_session *session, struct pw_error *error)
{
	struct record_processes *p = data;
	for (size_t i = 0; i < p->count; i++) {
		if (p->items[i].session != session)
			continue;
		/* It may have become another program: it is opened again while it lives. */
		p->items[i].session = NULL;
		p->items[i].since = cli_now();
		p->items[i].tried = 0;
		p->items[i].refused_with = (enum pw_error_code)0;
	}
	pw_session_close(session);
	pw_error_destroy(error);
}

void record_leave(struct record_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		if (processes->items[i].session)
			pw_sampler_remove(processes->sampler, processes->items[i].session);
}

void record_move(struct record_processes *processes, struct pw_sampler *to)
{
	record_leave(processes);
	processes->sampler = to;
	for (size_t i = 0; i < processes->count; i++) {
		struct record_process *process = &processes->items[i];
		if (!process->session)
			continue;
		struct pw_error *error = pw_sampler_add(to, process->session, process->text);
		if (error)
			record_gone(processes, process->session, error);
	}
}

size_t record_alive(const struct record_processes *processes)
{
	size_t count = 0;
	for (size_t i = 0; i < processes->count; i++) {
		const struct record_process *process = &processes->items[i];
		bool hopeless = process->command && !process->seen && !processes->descendants &&
				passed(process->since, TRY_FOR_MS);
		count += process->session ||
			 (is_alive(process->pid) && !hopeless && !process->unwanted);
	}
	return count;
}

void record_processes_deinit(struct record_processes *processes)
{
	while (processes->count)
		drop(processes, processes->count - 1);
	free(processes->items);
}
