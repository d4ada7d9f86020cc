/*
 * What continuous-integration systems show of a problem apart from the log.  Their forms, read from
 * what their makers publish:
 *
 *   GitHub      @actions/core, command.ts: ::error file=,line=,title=::text
 *   Azure       azure-pipelines-task-lib, taskcommand.ts and the agent's Command.cs:
 *               ##vso[task.logissue type=error;sourcepath=;linenumber=;]text
 *   TeamCity    "Service Messages" of its manual: ##teamcity[message text='' errorDetails='' ...]
 *   GitLab      "Custom collapsible sections" of its manual; there are no annotations in a log
 */
#include "cli/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* GitHub shows ten of a step. */
enum { MAX_NOTES = 10, MAX_THREADS = 10, MAX_PIECE = 200 };

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

static bool is_true(const char *name)
{
	const char *value = environment(name);
	return value && strcasecmp(value, "true") == 0;
}

enum watch_ci watch_ci_of_environment(void)
{
	if (is_true("GITHUB_ACTIONS"))
		return WATCH_GITHUB;
	if (is_true("GITLAB_CI"))
		return WATCH_GITLAB;
	if (is_true("TF_BUILD"))
		return WATCH_AZURE;
	return environment("TEAMCITY_VERSION") ? WATCH_TEAMCITY : WATCH_NONE;
}

bool watch_annotates(enum watch_ci ci)
{
	return ci == WATCH_GITHUB || ci == WATCH_AZURE || ci == WATCH_TEAMCITY;
}

/* ---- what is said ---- */

/* The part of a path below the folder of the sources; NULL: it is elsewhere, or no file. */
static const char *below_sources(const char *file)
{
	static char here[4096];
	const char *root = environment("GITHUB_WORKSPACE");
	if (!root)
		root = environment("BUILD_SOURCESDIRECTORY");
	if (!root)
		root = getcwd(here, sizeof(here));
	if (!file || !file[0] || file[0] == '<')
		return NULL;
	if (strstr(file, "/site-packages/") || strstr(file, "/lib/python"))
		return NULL;
	if (file[0] != '/')
		return strncmp(file, "./", 2) == 0 ? file + 2 : file;
	size_t length = root ? strlen(root) : 0;
	while (length && root[length - 1] == '/')
		length--;
	if (!length || strncmp(file, root, length) != 0 || file[length] != '/')
		return NULL;
	return file + length + 1;
}

/* The newest frame of the project's own; else the newest of Python; NULL: none. */
static const struct pw_frame *telling_frame(const struct pw_thread *thread)
{
	const struct pw_frame *newest = NULL;
	for (size_t i = 0; i < pw_thread_frame_count(thread); i++) {
		const struct pw_frame *frame = pw_thread_frame(thread, i);
		if (pw_frame_kind(frame) != PW_FRAME_PYTHON)
			continue;
		if (below_sources(pw_frame_file(frame)))
			return frame;
		if (!newest)
			newest = frame;
	}
	return newest;
}

/* A piece of the target's text: on one line, and not too long. */
static void put_piece(FILE *stream, const char *text)
{
	char *printable = pw_printable(text ? text : "??");
	size_t length = printable ? strlen(printable) : 0;
	if (length > MAX_PIECE) {
		length = MAX_PIECE;
		while (length && ((unsigned char)printable[length] & 0xC0) == 0x80)
			length--;
	}
	if (length)
		fwrite(printable, 1, length, stream);
	if (printable && printable[length])
		fputs("...", stream);
	free(printable);
}

static void put_thread(FILE *stream, const struct pw_thread *thread, const struct pw_frame *frame)
{
	const char *name = pw_thread_name(thread);
	fprintf(stream, "\nThread %" PRIu64 " ", pw_thread_tid(thread));
	put_piece(stream, name ? name : pw_thread_kernel_name(thread));
	fputs(": ", stream);
	put_piece(stream,
		  pw_frame_qualname(frame) ? pw_frame_qualname(frame) : pw_frame_name(frame));
	fputs(" at ", stream);
	put_piece(stream, pw_frame_file(frame));
	fprintf(stream, ":%d", pw_frame_line(frame));
}

void watch_note(struct watch_notes *notes, const struct pw_session *session,
		const struct pw_dump *dump)
{
	struct watch_note note = {0};
	size_t length, threads = 0;
	if (notes->count == MAX_NOTES) {
		notes->left_out++;
		return;
	}
	struct watch_note *grown =
		reallocarray(notes->items, notes->count + 1, sizeof(*notes->items));
	if (!grown)
		return;
	notes->items = grown;
	FILE *stream = open_memstream(&note.text, &length);
	if (!stream)
		return;
	fprintf(stream, "Process %" PRId64, pw_session_pid(session));
	for (size_t i = 0; i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		const struct pw_frame *frame = telling_frame(thread);
		if (!frame || threads++ >= MAX_THREADS)
			continue;
		const char *file = below_sources(pw_frame_file(frame));
		if (file && !note.file) {
			note.file = pw_printable(file);
			note.line = pw_frame_line(frame);
		}
		put_thread(stream, thread, frame);
	}
	if (threads > MAX_THREADS)
		fprintf(stream, "\n... and %zu more threads", threads - MAX_THREADS);
	if (fclose(stream) == 0)
		grown[notes->count++] = note;
	else
		free(note.file);
}

/* ---- how it is written ---- */

/* Each character of `special` as the text at the same place of `escapes`. */
static void put_escaped(const char *text, const char *special, const char *const *escapes)
{
	for (const char *c = text; *c; c++) {
		const char *at = strchr(special, *c);
		if (at)
			fputs(escapes[at - special], stdout);
		else
			putchar(*c);
	}
}

static void put_github_text(const char *text)
{
	put_escaped(text, "%\r\n", (const char *const[]){"%25", "%0D", "%0A"});
}

static void put_github_property(const char *text)
{
	put_escaped(text, "%\r\n:,", (const char *const[]){"%25", "%0D", "%0A", "%3A", "%2C"});
}

static void print_github(const struct watch_note *note, const char *title)
{
	fputs("::error ", stdout);
	if (note->file) {
		fputs("file=", stdout);
		put_github_property(note->file);
		printf(",line=%d,", note->line);
	}
	fputs("title=", stdout);
	put_github_property(title);
	fputs("::", stdout);
	put_github_text(note->text);
	putchar('\n');
}

static void print_azure(const struct watch_note *note, const char *title)
{
	static const char *const escapes[] = {"%AZP25", "%0D", "%0A", "%5D", "%3B"};
	fputs("##vso[task.logissue type=error;", stdout);
	if (note->file) {
		fputs("sourcepath=", stdout);
		put_escaped(note->file, "%\r\n];", escapes);
		printf(";linenumber=%d;", note->line);
	}
	putchar(']');
	put_escaped(title, "%\r\n", escapes);
	fputs(": ", stdout);
	put_escaped(note->text, "%\r\n", escapes);
	putchar('\n');
}

/* The text is well-formed UTF-8; what is not ASCII is written as UTF-16 units. */
static void put_teamcity(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		unsigned extra = *c < 0xC0 ? 0 : *c < 0xE0 ? 1 : *c < 0xF0 ? 2 : 3;
		uint32_t point = extra ? *c & (0x3FU >> extra) : *c;
		while (extra-- && (c[1] & 0xC0) == 0x80)
			point = point << 6 | (*++c & 0x3FU);
		if (point == '\n')
			fputs("|n", stdout);
		else if (point == '\r')
			fputs("|r", stdout);
		else if (point < 0x80 && strchr("'|[]", (int)point))
			printf("|%c", (int)point);
		else if (point < 0x80)
			putchar((int)point);
		else if (point < 0x10000)
			printf("|0x%04X", point);
		else
			printf("|0x%04X|0x%04X", 0xD7C0 + (point >> 10), 0xDC00 + (point & 0x3FF));
	}
}

static void print_teamcity(const struct watch_note *note, const char *title)
{
	fputs("##teamcity[message text='", stdout);
	put_teamcity(title);
	if (note->file) {
		fputs(": ", stdout);
		put_teamcity(note->file);
		printf(":%d", note->line);
	}
	fputs("' errorDetails='", stdout);
	put_teamcity(note->text);
	fputs("' status='ERROR']\n", stdout);
}

static void print(enum watch_ci ci, const struct watch_note *note, const char *title)
{
	if (ci == WATCH_GITHUB)
		print_github(note, title);
	else if (ci == WATCH_AZURE)
		print_azure(note, title);
	else if (ci == WATCH_TEAMCITY)
		print_teamcity(note, title);
}

/* "pytest has not ended within 600.0 s"; free() it. */
static char *make_title(const struct watch_arguments *arguments)
{
	char *title = NULL;
	size_t length;
	FILE *stream = open_memstream(&title, &length);
	if (!stream)
		return NULL;
	put_piece(stream, arguments->command[0]);
	fprintf(stream, " has not ended within %.1f s", (double)arguments->timeout / 1e9);
	return fclose(stream) == 0 ? title : NULL;
}

void watch_print_notes(const struct watch_arguments *arguments, struct watch_notes *notes)
{
	char *own = make_title(arguments);
	const char *title = own ? own : "the command has not ended in time";
	/* They begin a line; whether the command's output has ended its last one is not known. */
	putchar('\n');
	for (size_t i = 0; i < notes->count; i++)
		print(arguments->ci, &notes->items[i], title);
	if (notes->left_out || !notes->count) {
		char text[64] = "There is no Python in what hangs";
		if (notes->count)
			snprintf(text, sizeof(text), "... and %zu more processes", notes->left_out);
		print(arguments->ci, &(struct watch_note){.text = text}, title);
	}
	free(own);
	fflush(stdout);
	for (size_t i = 0; i < notes->count; i++) {
		free(notes->items[i].text);
		free(notes->items[i].file);
	}
	free(notes->items);
}

void watch_section_begin(enum watch_ci ci, unsigned number, const char *title)
{
	if (ci == WATCH_GITLAB)
		fprintf(stderr,
			"\033[0Ksection_start:%lld:pywalk_%d_%u[collapsed=true]\r\033[0K%s\n",
			(long long)time(NULL), (int)getpid(), number, title);
}

void watch_section_end(enum watch_ci ci, unsigned number)
{
	if (ci == WATCH_GITLAB)
		fprintf(stderr, "\033[0Ksection_end:%lld:pywalk_%d_%u\r\033[0K\n",
			(long long)time(NULL), (int)getpid(), number);
}
