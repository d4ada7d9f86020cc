/* The stacks of a command's tree; see watch.h. */
#include "cli/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One dump of all processes. */
struct tree_dump {
	struct watch *watch;
	struct pw_dump_list *list; /* NULL: none is written */
	pw_write_fn write;
	struct pw_error *error; /* of the output */
	size_t shown;
	pid_t *python; /* those that have one */
	size_t python_count;
	char *others; /* lines of text about those that have not */
	size_t others_length;
	FILE *others_stream;
	struct watch_notes notes;
	bool annotates;
};

static bool write_stderr(void *data, const char *piece, size_t length)
{
	return fwrite(piece, 1, length, stderr) == length;
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "es";
}

/* What is no Python is a part of the picture too: the shell that waits, the compiler that runs. */
static void name_other(struct tree_dump *dump, const struct pw_process *process, const char *target)
{
	char message[96];
	snprintf(message, sizeof(message), "no Python: %s", process->name);
	char *name = pw_printable(process->name);
	FILE *stream = dump->others_stream;
	if (stream && name) {
		fprintf(stream, "Process %d ", (int)process->pid);
		if (process->parent != dump->watch->keeper) /* which is nobody's business */
			fprintf(stream, "(child of %d)", (int)process->parent);
		else
			fputs("(the command)", stream);
		fprintf(stream, ": no Python: %s\n", name);
	}
	free(name);
	if (dump->list && !dump->error)
		dump->error = pw_dump_list_fail(dump->list, target, message);
}

/* Takes the error over. */
static void fail(struct tree_dump *dump, const struct pw_process *process, const char *target,
		 struct pw_error *error)
{
	enum pw_error_code code = pw_error_code(error);
	if (code == PW_ERROR_NOT_PYTHON) {
		name_other(dump, process, target);
	} else if (code != PW_ERROR_NO_TARGET) { /* else it has ended since it was found */
		if (dump->list && !dump->error)
			dump->error =
				pw_dump_list_fail(dump->list, target, pw_error_message(error));
		cli_subject(target);
		cli_report(error);
		cli_subject(NULL);
		return;
	}
	pw_error_destroy(error);
}

static void write_one(struct tree_dump *dump, const struct pw_process *process, const char *target,
		      const struct pw_session *session, const struct pw_dump *one)
{
	bool top = process->parent == dump->watch->keeper;
	dump->error =
		pw_dump_list_add(dump->list, session, one, NULL, NULL, top ? 0 : PW_WRITE_PARENT);
	dump->shown++;
	cli_subject(target);
	for (size_t i = 0; i < pw_dump_problem_count(one); i++)
		cli_message("%s", pw_dump_problem(one, i));
	cli_subject(NULL);
	if (dump->annotates)
		watch_note(&dump->notes, session, one);
}

static void dump_one(struct tree_dump *dump, const struct pw_process *process)
{
	const struct cli_common *common = &dump->watch->arguments->common;
	char text[16];
	struct cli_target target = {.text = text, .is_pid = true, .pid = process->pid};
	struct pw_session *session;
	struct pw_dump *one = NULL;

	/* A dump of many processes takes its time, and signals are not to wait for all of it. */
	while (watch_wait(dump->watch, 0))
		;
	snprintf(text, sizeof(text), "%d", (int)process->pid);
	struct pw_error *error = dump->list ? cli_capture(common, &target, true, &session, &one)
					    : cli_open(common, &target, &session);
	if (error) {
		fail(dump, process, text, error);
		return;
	}
	pid_t *python = reallocarray(dump->python, dump->python_count + 1, sizeof(*python));
	if (python) {
		dump->python = python;
		python[dump->python_count++] = process->pid;
	}
	if (one && !dump->error)
		write_one(dump, process, text, session, one);
	pw_dump_destroy(one);
	pw_session_close(session);
}

/* ---- where it goes ---- */

/* Opens the file of this dump, if there is one.  *ret_path is what to free after it was closed. */
static bool open_output(struct tree_dump *dump, char **ret_path)
{
	const struct watch_arguments *arguments = dump->watch->arguments;
	struct cli_common common = arguments->common;
	*ret_path = NULL;
	dump->write = write_stderr;
	if (arguments->output_dir) {
		if (asprintf(ret_path, "%s/watch-%d-%u.%s", arguments->output_dir,
			     (int)dump->watch->command, dump->watch->dumps,
			     common.json ? "json" : "txt") < 0) {
			*ret_path = NULL;
			cli_message("out of memory");
			return false;
		}
		common.output = *ret_path;
	}
	if (!common.output)
		return true;
	dump->write = cli_output_write;
	return cli_output_open(&common) == CLI_OK;
}

static void write_others(struct tree_dump *dump)
{
	if (dump->others_stream)
		fclose(dump->others_stream);
	dump->others_stream = NULL;
	if (!dump->others_length || dump->error || dump->watch->arguments->common.json)
		return;
	if (dump->shown)
		dump->write(NULL, "\n", 1);
	dump->write(NULL, dump->others, dump->others_length);
}

static void close_output(struct tree_dump *dump, const char *path)
{
	const char *name = path ? path : dump->watch->arguments->common.output;
	if (dump->write == cli_output_write) {
		if (cli_output_close(dump->shown || dump->others_length, dump->error) == CLI_OK)
			cli_message("the stacks are in %s", name);
	} else {
		fflush(stderr);
		if (dump->error)
			cli_report(dump->error);
	}
	dump->error = NULL;
}

static void write_dumps(struct tree_dump *dump, const struct pw_process *processes, size_t count)
{
	const struct cli_common *common = &dump->watch->arguments->common;
	char *path;
	if (!open_output(dump, &path)) {
		free(path);
		return;
	}
	dump->others_stream = open_memstream(&dump->others, &dump->others_length);
	dump->error = pw_dump_list_begin(cli_format(common), 0, dump->write, NULL, &dump->list);
	for (size_t i = 0; i < count && !dump->error; i++)
		dump_one(dump, &processes[i]);
	struct pw_error *error = pw_dump_list_end(dump->list);
	dump->list = NULL;
	if (dump->error)
		pw_error_destroy(error);
	else
		dump->error = error;
	write_others(dump);
	close_output(dump, path);
	free(path);
	free(dump->others);
}

static void leave_cores(struct tree_dump *dump, const struct pw_process *processes, size_t count)
{
	if (!dump->watch->arguments->dump)
		for (size_t i = 0; i < count; i++)
			dump_one(dump, &processes[i]);
	for (size_t i = 0; i < dump->python_count; i++)
		watch_core(dump->watch, dump->python[i]);
	if (!dump->python_count)
		cli_message("none of the processes is Python: no core is left");
}

void watch_dump(struct watch *watch, bool hung)
{
	const struct watch_arguments *arguments = watch->arguments;
	struct tree_dump dump = {.watch = watch};
	char title[96];
	size_t count;
	double elapsed = watch_elapsed(watch);
	struct pw_process *processes = watch_processes(watch, &count);

	dump.annotates = hung && watch_annotates(arguments->ci);
	watch->dumps++;
	watch->asked_to_end = false; /* what came before did not mean this */
	if (hung)
		cli_message("%s has not ended within %.1f s (%zu process%s)", arguments->command[0],
			    (double)arguments->timeout / 1e9, count, plural(count));
	else
		cli_message("%s after %.1f s (%zu process%s)", arguments->command[0], elapsed,
			    count, plural(count));
	if (arguments->dump) {
		bool section = !arguments->common.output && !arguments->output_dir;
		snprintf(title, sizeof(title), "Stacks after %.1f s", elapsed);
		if (section)
			watch_section_begin(arguments->ci, watch->dumps, title);
		write_dumps(&dump, processes, count);
		if (section)
			watch_section_end(arguments->ci, watch->dumps);
	}
	if (hung && arguments->record)
		watch_record(watch);
	if (hung && arguments->core)
		leave_cores(&dump, processes, count);
	if (dump.annotates)
		watch_print_notes(arguments, &dump.notes);
	free(dump.python);
	free(processes);
}
