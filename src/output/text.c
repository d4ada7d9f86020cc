/*
 * The format "text", for people and terminals.
 *
 * Everything that came from the target is escaped before it is printed.  Lines follow GDB's manner,
 * so that the same eyes and the same patterns read both.
 */
#include "output/writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define STYLE_HEAD "1"
#define STYLE_NAME "33"
#define STYLE_FILE "32"
#define STYLE_BAD  "31"
#define STYLE_KIND "36"

static void styled_begin(struct pw_sink *sink, const char *style)
{
	if (sink->flags & PW_WRITE_COLOR)
		pw_buffer_printf(pw_sink_buffer(sink), "\033[%sm", style);
}

static void styled_end(struct pw_sink *sink)
{
	if (sink->flags & PW_WRITE_COLOR)
		pw_buffer_append_string(pw_sink_buffer(sink), "\033[0m");
}

/* What kind of frame it is. */
static void write_kind(struct pw_sink *sink, const char *kind, const char *style)
{
	styled_begin(sink, style);
	pw_buffer_append_string(pw_sink_buffer(sink), kind);
	styled_end(sink);
}

static void styled(struct pw_sink *sink, const char *style, const char *text)
{
	styled_begin(sink, style);
	pw_text_append_printable(pw_sink_buffer(sink), text);
	styled_end(sink);
}

/* ` (12 in its namespace, child of 4700)` */
static void write_relations(struct pw_sink *sink, const struct pw_session *session)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	int64_t inner = pw_session_ns_pid(session), parent = pw_session_parent_pid(session);
	bool nested = inner && inner != pw_session_pid(session);
	bool related = parent && (sink->flags & PW_WRITE_PARENT);

	if (nested)
		pw_buffer_printf(b, " (%" PRId64 " in its namespace", inner);
	if (related)
		pw_buffer_printf(b, "%schild of %" PRId64, nested ? ", " : " (", parent);
	if (nested || related)
		pw_buffer_append_char(b, ')');
}

static void write_header(struct pw_sink *sink, const struct pw_writer_input *input)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	int64_t pid = pw_session_pid(input->session);
	const char *executable = pw_session_executable(input->session);
	const char *const *build = pw_session_python_build(input->session);

	styled_begin(sink, STYLE_HEAD);
	if (pid)
		pw_buffer_printf(b, "Process %" PRId64, pid);
	else
		pw_buffer_append_string(b, "Process of unknown pid");
	write_relations(sink, input->session);
	pw_buffer_append_string(b, ": ");
	pw_text_append_printable(b, executable ? executable : "unknown executable");
	pw_buffer_append_string(b, ", CPython ");
	pw_text_append_printable(b, pw_session_python_version(input->session));
	for (size_t i = 0; build && build[i]; i++)
		pw_buffer_printf(b, "%s%s", i ? ", " : " (", build[i]);
	if (build && build[0])
		pw_buffer_append_char(b, ')');
	uint64_t pause = pw_dump_pause(input->dump);
	if (pause)
		pw_buffer_printf(b, ", stopped for %.3f ms", (double)pause / 1e6);
	styled_end(sink);
	pw_buffer_append_char(b, '\n');
}

/* `124 (ns 7) "MainThread" (comm)` */
static void write_thread_names(struct pw_sink *sink, const struct pw_thread *thread)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *name = pw_thread_name(thread);
	const char *kernel_name = pw_thread_kernel_name(thread);

	if (pw_thread_tid(thread))
		pw_buffer_append_number(b, pw_thread_tid(thread), 0);
	else
		pw_buffer_append_string(b, "without a tid");
	if (pw_thread_ns_tid(thread) != pw_thread_tid(thread))
		pw_buffer_printf(b, " (ns %" PRIu64 ")", pw_thread_ns_tid(thread));
	if (name) {
		pw_buffer_append_string(b, " \"");
		pw_text_append_printable(b, name);
		pw_buffer_append_char(b, '"');
	}
	if (kernel_name) {
		pw_buffer_append_string(b, " (");
		pw_text_append_printable(b, kernel_name);
		pw_buffer_append_char(b, ')');
	}
}

/* `[sleeping, holds the GIL, interpreter 1]`; the main interpreter goes without saying. */
static void write_thread_state(struct pw_sink *sink, const struct pw_thread *thread)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	pw_buffer_append_string(b, " [");
	pw_buffer_append_string(b, pw_thread_state(thread));
	if (pw_thread_holds_gil(thread) == PW_YES)
		pw_buffer_append_string(b, ", holds the GIL");
	if (pw_thread_interpreter(thread) > 0)
		pw_buffer_printf(b, ", interpreter %" PRId64, pw_thread_interpreter(thread));
	else if (pw_thread_interpreter(thread) < 0)
		pw_buffer_append_string(b, ", no Python");
	if (pw_thread_capture(thread)) {
		pw_buffer_append_string(b, ", capture: ");
		pw_buffer_append_string(b, pw_thread_capture(thread));
	}
	if (pw_thread_stopped(thread))
		pw_buffer_printf(b, " %.0f us", (double)pw_thread_stopped(thread) / 1e3);
	pw_buffer_append_char(b, ']');
}

static void write_line(struct pw_buffer *b, int line)
{
	pw_buffer_append_char(b, ':');
	pw_buffer_append_number(b, (uint64_t)line, 0);
}

static void write_python_frame(struct pw_sink *sink, const struct pw_frame *frame)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *name = pw_frame_qualname(frame);
	const char *file = pw_frame_file(frame);

	if (!name)
		name = pw_frame_name(frame);
	write_kind(sink, "[py]", STYLE_KIND);
	pw_buffer_append_char(b, ' ');
	styled(sink, STYLE_NAME, name ? name : "??");
	pw_buffer_append_string(b, " at ");
	styled_begin(sink, STYLE_FILE);
	pw_text_append_printable(b, file ? file : "??");
	if (pw_frame_line(frame) > 0)
		write_line(b, pw_frame_line(frame));
	else
		pw_buffer_append_string(b, ":?");
	styled_end(sink);
	if (pw_frame_proof(frame) == PW_PROOF_NONE)
		pw_buffer_append_string(b, " (its C frame is not known)");
}

static void write_native_frame(struct pw_sink *sink, const struct pw_frame *frame)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *symbol = pw_frame_symbol(frame);
	const char *module = pw_frame_module(frame);
	const char *file = pw_frame_file(frame);

	write_kind(sink, "[c]", STYLE_KIND);
	if (pw_frame_signal(frame)) {
		pw_buffer_append_string(b, " <signal handler called>");
		return;
	}
	pw_buffer_append_char(b, ' ');
	if (!pw_frame_inlined(frame)) {
		pw_buffer_append_hex(b, pw_frame_pc(frame), 16);
		pw_buffer_append_string(b, " in ");
	}
	styled(sink, STYLE_NAME, symbol ? symbol : "??");
	pw_buffer_append_string(b, " ()");
	if (file || module) {
		pw_buffer_append_string(b, file ? " at " : " from ");
		styled_begin(sink, STYLE_FILE);
		pw_text_append_printable(b, file ? file : module);
		if (file && pw_frame_line(frame) > 0)
			write_line(b, pw_frame_line(frame));
		styled_end(sink);
	}
	if (pw_frame_inlined(frame))
		pw_buffer_append_string(b, " (inlined)");
}

static void write_gap(struct pw_sink *sink, const struct pw_frame *frame)
{
	const char *reason = pw_frame_reason(frame);
	write_kind(sink, "[gap]", STYLE_BAD);
	pw_buffer_append_string(pw_sink_buffer(sink), " C frames are missing here: ");
	pw_text_append_printable(pw_sink_buffer(sink), reason ? reason : "??");
}

static void write_frame(struct pw_sink *sink, const struct pw_frame *frame)
{
	switch (pw_frame_kind(frame)) {
	case PW_FRAME_PYTHON:
		write_python_frame(sink, frame);
		break;
	case PW_FRAME_NATIVE:
		write_native_frame(sink, frame);
		break;
	case PW_FRAME_GAP:
		write_gap(sink, frame);
		break;
	}
}

/* `        name = value`, a line each, under the frame. */
static void write_locals(struct pw_sink *sink, const struct pw_frame *frame)
{
	static const char indent[] = "        ";
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *problem = pw_frame_variables_problem(frame);
	for (size_t i = 0; i < pw_frame_variable_count(frame) && pw_sink_settle(sink); i++) {
		const struct pw_variable *v = pw_frame_variable(frame, i);
		pw_buffer_append_string(b, indent);
		pw_buffer_append_string(b, v->kind == PW_VARIABLE_VARARGS	? "*"
					   : v->kind == PW_VARIABLE_VARKEYWORDS ? "**"
										: "");
		styled(sink, STYLE_NAME, v->name);
		pw_buffer_append_string(b, " = ");
		pw_text_append_printable(b, v->value ? v->value : "<unbound>");
		pw_buffer_append_char(b, '\n');
	}
	if (pw_frame_variables_more(frame))
		pw_buffer_printf(b, "%s... %" PRIu64 " more names\n", indent,
				 pw_frame_variables_more(frame));
	if (!problem)
		return;
	pw_buffer_append_string(b, indent);
	styled_begin(sink, STYLE_BAD);
	pw_buffer_append_char(b, '(');
	pw_text_append_printable(b, problem);
	pw_buffer_append_char(b, ')');
	styled_end(sink);
	pw_buffer_append_char(b, '\n');
}

static void write_native_end(struct pw_sink *sink, const struct pw_thread *thread)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	enum pw_native_end end = pw_thread_native_end(thread);
	const char *message = pw_thread_native_end_message(thread);

	if (end == PW_NATIVE_END_NONE || end == PW_NATIVE_END_COMPLETE)
		return;
	pw_buffer_append_string(b, "     ");
	styled_begin(sink, STYLE_BAD);
	pw_buffer_append_string(b, "(C frames end here: ");
	pw_text_append_printable(b, message ? message : pw_native_end_name(end));
	pw_buffer_append_char(b, ')');
	styled_end(sink);
	pw_buffer_append_char(b, '\n');
}

static void write_end(struct pw_sink *sink, const struct pw_thread *thread)
{
	static const char *const words[] = {
		[PW_END_UNREADABLE] = "unreadable memory",
		[PW_END_CYCLE] = "the chain of frames comes back to itself",
		[PW_END_CORRUPT] = "corrupt data",
		[PW_END_LIMIT] = "limit of frames",
	};
	enum pw_end_reason reason = pw_thread_end(thread);
	const char *message = pw_thread_end_message(thread);
	struct pw_buffer *b = pw_sink_buffer(sink);

	if (reason == PW_END_COMPLETE)
		return;
	pw_buffer_append_string(b, "     ");
	styled_begin(sink, STYLE_BAD);
	pw_buffer_append_string(b, "(stack ends here: ");
	pw_buffer_append_string(b, (size_t)reason < sizeof(words) / sizeof(words[0])
					   ? words[reason]
					   : "unknown reason");
	if (pw_thread_end_address(thread))
		pw_buffer_printf(b, " at 0x%" PRIx64, pw_thread_end_address(thread));
	if (message) {
		pw_buffer_append_string(b, ": ");
		pw_text_append_printable(b, message);
	}
	pw_buffer_append_char(b, ')');
	styled_end(sink);
	pw_buffer_append_char(b, '\n');
}

static struct pw_error *write_thread(struct pw_sink *sink, const struct pw_thread *thread)
{
	struct pw_buffer *b = pw_sink_buffer(sink);

	styled_begin(sink, STYLE_HEAD);
	pw_buffer_append_string(b, "Thread ");
	write_thread_names(sink, thread);
	styled_end(sink);
	write_thread_state(sink, thread);
	pw_buffer_append_char(b, '\n');

	size_t count = pw_thread_frame_count(thread);
	for (size_t i = 0; i < count && pw_sink_settle(sink); i++) {
		const struct pw_frame *frame = pw_thread_frame(thread, i);
		pw_buffer_append_char(b, '#');
		pw_buffer_append_number(b, i, 2);
		pw_buffer_append_char(b, ' ');
		write_frame(sink, frame);
		pw_buffer_append_char(b, '\n');
		write_locals(sink, frame);
	}
	if (count == 0 && pw_thread_end(thread) == PW_END_COMPLETE)
		pw_buffer_append_string(b, "     (no Python frames)\n");
	write_native_end(sink, thread);
	write_end(sink, thread);
	return NULL;
}

static struct pw_error *write_dump(struct pw_sink *sink, const struct pw_writer_input *input)
{
	write_header(sink, input);
	for (size_t i = 0; i < pw_dump_thread_count(input->dump) && pw_sink_settle(sink); i++) {
		const struct pw_thread *thread = pw_dump_thread(input->dump, i);
		if (input->include && !input->include(input->include_data, thread))
			continue;
		pw_buffer_append_char(pw_sink_buffer(sink), '\n');
		write_thread(sink, thread);
	}
	return NULL;
}

static void write_facts(struct pw_sink *sink, const struct pw_session *session)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *group = "";

	for (size_t i = 0; i < pw_session_fact_count(session) && pw_sink_settle(sink); i++) {
		const struct pw_fact *fact = pw_session_fact(session, i);
		if (strcmp(group, fact->group) != 0) {
			if (i)
				pw_buffer_append_char(b, '\n');
			styled(sink, STYLE_HEAD, fact->group);
			pw_buffer_append_char(b, '\n');
			group = fact->group;
		}
		pw_buffer_printf(b, "  %-34s ", fact->name);
		size_t begin = b->length;
		pw_text_append_printable(b, fact->value);
		if (fact->source && fact->source[0]) {
			size_t width = b->length - begin;
			pw_buffer_printf(b, "%*s (", width < 18 ? (int)(18 - width) : 0, "");
			pw_text_append_printable(b, fact->source);
			pw_buffer_append_char(b, ')');
		}
		pw_buffer_append_char(b, '\n');
	}
}

static void write_gil_holders(struct pw_sink *sink, const struct pw_dump *dump)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	size_t holders = 0, unknown = 0;

	pw_buffer_append_char(b, '\n');
	styled(sink, STYLE_HEAD, "GIL");
	for (size_t i = 0; i < pw_dump_thread_count(dump); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		unknown += pw_thread_holds_gil(thread) == PW_UNKNOWN;
		if (pw_thread_holds_gil(thread) != PW_YES)
			continue;
		holders++;
		pw_buffer_append_string(b, "\n  held by thread ");
		write_thread_names(sink, thread);
	}
	if (!holders)
		pw_buffer_append_string(b, unknown ? "\n  not known who holds it"
						   : "\n  held by no thread");
	pw_buffer_append_char(b, '\n');
}

static struct pw_error *write_info(struct pw_sink *sink, const struct pw_writer_input *input)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const struct pw_dump *dump = input->dump;

	write_facts(sink, input->session);
	pw_buffer_append_char(b, '\n');
	styled(sink, STYLE_HEAD, "interpreters");
	pw_buffer_append_char(b, '\n');
	for (size_t i = 0; i < pw_dump_interpreter_count(dump); i++) {
		const struct pw_interpreter *interpreter = pw_dump_interpreter(dump, i);
		pw_buffer_printf(b, "  %-4" PRId64 " 0x%" PRIx64 "%s\n",
				 pw_interpreter_id(interpreter),
				 pw_interpreter_address(interpreter),
				 pw_interpreter_main(interpreter) ? " main" : "");
	}
	pw_buffer_append_char(b, '\n');
	styled(sink, STYLE_HEAD, "threads");
	pw_buffer_append_char(b, '\n');
	for (size_t i = 0; i < pw_dump_thread_count(dump) && pw_sink_settle(sink); i++) {
		const struct pw_thread *thread = pw_dump_thread(dump, i);
		size_t frames = pw_thread_frame_count(thread);
		pw_buffer_append_string(b, "  ");
		write_thread_names(sink, thread);
		write_thread_state(sink, thread);
		pw_buffer_printf(b, " %zu frame%s", frames, frames == 1 ? "" : "s");
		if (pw_thread_end(thread) != PW_END_COMPLETE)
			pw_buffer_printf(b, ", %s", pw_end_reason_name(pw_thread_end(thread)));
		pw_buffer_append_char(b, '\n');
	}
	write_gil_holders(sink, dump);
	return NULL;
}

const struct pw_writer pw_writer_text = {
	.name = "text",
	.dump = write_dump,
	.thread = write_thread,
	.info = write_info,
	.list_begin = "",
	.list_between = "\n",
	.list_end = "",
};
