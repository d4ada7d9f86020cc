/* What `pywalk info` prints: everything that was found, and from where. */
#include "stack/model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pw_session_free_facts(struct pw_session *session)
{
	for (size_t i = 0; i < session->fact_count; i++) {
		free((char *)session->facts[i].name);
		free((char *)session->facts[i].value);
		free((char *)session->facts[i].source);
	}
	free(session->facts);
	session->facts = NULL;
	session->fact_count = 0;
}

/* Out of memory is noticed once, at the end: a fact then lacks its texts. */
__attribute__((format(printf, 5, 6))) static void add(struct pw_session *session, const char *group,
						      const char *name, const char *source,
						      const char *format, ...)
{
	size_t n = session->fact_count;
	if (!(n & (n - 1))) {
		struct pw_fact *more = realloc(session->facts, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return;
		session->facts = more;
	}
	va_list ap;
	char *value;
	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		value = NULL;
	va_end(ap);
	session->facts[session->fact_count++] =
		(struct pw_fact){group, strdup(name), value, strdup(source ? source : "")};
}

static void process_facts(struct pw_session *session)
{
	const struct pw_target *target = session->target;
	add(session, "process", "kind", NULL, "%s", target->ops->kind);
	if (target->pid)
		add(session, "process", "pid", NULL, "%d", (int)target->pid);
	if (target->executable)
		add(session, "process", "executable", NULL, "%s", target->executable);
	if (target->root && *target->root)
		add(session, "process", "root", NULL, "%s", target->root);
	add(session, "process", "architecture", NULL, "%s", target->arch->name);
	if (target->signal)
		add(session, "process", "signal", NULL, "%d (%s)", target->signal,
		    strsignal(target->signal));
}

static void build_id_text(const struct pw_module *module, char *text, size_t size)
{
	*text = 0;
	for (size_t i = 0; i < module->build_id_length && i * 2 + 2 < size; i++)
		snprintf(text + i * 2, size - i * 2, "%02x", module->build_id[i]);
}

static void python_facts(struct pw_session *session)
{
	const struct pw_python *python = &session->python;
	char text[2 * PW_BUILD_ID_MAX + 1] = "";
	add(session, "python", "version", NULL, "%s", python->version);
	for (size_t i = 0; i < python->evidence_count; i++) {
		const struct pw_evidence *e = &python->evidence[i];
		add(session, "python", "evidence", e->source, "%u.%u: %s", e->major, e->minor,
		    e->detail);
	}
	for (size_t i = 0; session->build[i]; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? ", " : "",
			 session->build[i]);
	add(session, "python", "build", NULL, "%s", *text ? text : "release");
	if (python->id.module) {
		const struct pw_module *module = python->id.module;
		add(session, "python", "module", NULL, "%s", module->path);
		build_id_text(module, text, sizeof(text));
		add(session, "python", "build-id", module->file_state, "%s",
		    *text ? text : "unknown");
	}
}

static void runtime_facts(struct pw_session *session)
{
	const struct pw_python *python = &session->python;
	if (python->runtime)
		add(session, "runtime", "_PyRuntime", python->runtime_source, "0x%" PRIx64,
		    python->runtime);
	add(session, "runtime", "interpreter list", python->runtime_source, "0x%" PRIx64,
	    python->head_slot);
	if (python->id.debug_offsets)
		add(session, "runtime", "_Py_DebugOffsets", "debug cookie", "0x%" PRIx64,
		    python->id.debug_offsets);
}

static const char *field_source(const struct pw_layout *layout, const struct pw_field *field)
{
	switch ((enum pw_layout_source)field->source) {
	case PW_LAYOUT_DEF:
		return layout->def_name;
	case PW_LAYOUT_DEBUG_OFFSETS:
		return "_Py_DebugOffsets";
	case PW_LAYOUT_DWARF:
		return "DWARF";
	case PW_LAYOUT_ABSENT:
		break;
	}
	return "";
}

static void layout_facts(struct pw_session *session)
{
	const struct pw_layout *layout = &session->python.layout;
	const char *validation = session->python.validation;
	add(session, "layout", "layout", NULL, "%s", layout->description);
	add(session, "layout", "validated", NULL, "%s%s", *validation ? "no: " : "yes", validation);
	for (size_t i = 0; i < PW_FIELD_COUNT; i++) {
		const struct pw_field *field = &layout->all[i];
		if (field->offset < 0)
			continue;
		if (field->bits)
			add(session, "layout", pw_field_infos[i].name, field_source(layout, field),
			    "%d:%u:%u", field->offset, field->bit, field->bits);
		else
			add(session, "layout", pw_field_infos[i].name, field_source(layout, field),
			    "%d", field->offset);
	}
}

/* The files that were mapped and are not here, or not as they were. */
static void missing_files(struct pw_session *session)
{
	/* A core leaves out what files hold, the rules for unwinding among it. */
	bool core = !strcmp(session->target->ops->kind, "core");
	for (size_t i = 0; i < session->modules->count; i++) {
		const struct pw_module *module = &session->modules->items[i];
		const char *state = module->file_state;
		bool other = !strcmp(state, "other build");
		if (!other && strcmp(state, "missing") != 0 && strcmp(state, "deleted") != 0)
			continue;
		add(session, "missing", "file", NULL,
		    "%s %s: C functions in it have no names but exported ones%s", module->path,
		    other			? "is another build here, not used"
		    : !strcmp(state, "missing") ? "is not here"
						: "was deleted",
		    core ? ", and C stacks may end in it" : "");
	}
}

static void missing_facts(struct pw_session *session)
{
	const struct pw_notes *notes = &session->target->notes;
	for (size_t i = 0; i < notes->count; i++)
		add(session, "missing", "note", NULL, "%s", notes->texts[i]);
	missing_files(session);
	for (size_t i = 0; i < session->target->missing_count; i++)
		add(session, "missing", session->target->missing[i].kind, NULL, "%s",
		    session->target->missing[i].text);
}

struct pw_error *pw_session_make_facts(struct pw_session *session)
{
	process_facts(session);
	python_facts(session);
	runtime_facts(session);
	layout_facts(session);
	missing_facts(session);
	for (size_t i = 0; i < session->fact_count; i++)
		if (!session->facts[i].name || !session->facts[i].value ||
		    !session->facts[i].source)
			return &pw_error_nomem;
	return NULL;
}
