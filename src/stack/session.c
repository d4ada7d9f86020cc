#include "stack/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pw_version(void)
{
	return PW_VERSION;
}

static void warn(const struct pw_session *session, const char *message)
{
	if (session->options.warn)
		session->options.warn(session->options.warn_data, message);
}

static void name_build(struct pw_session *session)
{
	const struct pw_layout *layout = &session->python.layout;
	size_t n = 0;
	if (session->python.id.debug || layout->debug)
		session->build[n++] = "debug";
	if (session->python.id.trace_refs || layout->trace_refs)
		session->build[n++] = "trace-refs";
	if (session->python.id.free_threaded || layout->free_threaded)
		session->build[n++] = "free-threaded";
	session->build[n] = NULL;
}

/* What is missing from a target is why nothing was found in it. */
static struct pw_error *explain(const struct pw_target *target, struct pw_error *error)
{
	enum pw_error_code code = error ? pw_error_code(error) : 0;
	if ((code != PW_ERROR_NOT_PYTHON && code != PW_ERROR_LAYOUT) || target->notes.count == 0)
		return error;
	return pw_error_prefix(error, "%s", target->notes.texts[0]);
}

/* Takes the target over, also when it fails. */
static struct pw_error *open_target(struct pw_target *target, const struct pw_options *options,
				    struct pw_session **ret)
{
	struct pw_session *session = calloc(1, sizeof(*session));
	if (!session) {
		pw_target_destroy(target);
		return &pw_error_nomem;
	}
	session->target = target;
	if (options)
		session->options = *options;
	struct pw_error *error = pw_snapshot_begin(target);
	if (!error)
		error = pw_modules_create(target, session->options.debug_dir, &session->modules);
	if (!error)
		error = explain(target, pw_python_find(target, session->modules,
						       session->options.layouts, &session->python));
	pw_snapshot_end(target);
	if (!error) {
		name_build(session);
		error = pw_session_make_facts(session);
	}
	if (error) {
		pw_session_close(session);
		return error;
	}
	for (size_t i = 0; i < target->notes.count; i++)
		warn(session, target->notes.texts[i]);
	*ret = session;
	return NULL;
}

static struct pw_error *check_options(const struct pw_options *options)
{
	if (options && options->size != sizeof(*options))
		return pw_error_create(
			PW_ERROR_USAGE,
			"struct pw_options has size %zu, expected %zu: another version of "
			"the library",
			options->size, sizeof(*options));
	return NULL;
}

struct pw_error *pw_session_open_pid(pid_t pid, const struct pw_options *options,
				     struct pw_session **ret)
{
	struct pw_target *target;
	struct pw_error *error = check_options(options);
	if (!error)
		error = pw_target_open_live(pid, options, &target);
	return error ? error : open_target(target, options, ret);
}

struct pw_error *pw_session_open_core(const char *path, const struct pw_options *options,
				      struct pw_session **ret)
{
	struct pw_target *target;
	struct pw_error *error = check_options(options);
	if (!error)
		error = pw_target_open_core(path, options, &target);
	return error ? error : open_target(target, options, ret);
}

struct pw_error *pw_session_open_reader(const struct pw_reader *reader,
					const struct pw_options *options, struct pw_session **ret)
{
	struct pw_target *target;
	struct pw_error *error = check_options(options);
	if (!error && reader->size != sizeof(*reader))
		error = pw_error_create(PW_ERROR_USAGE,
					"struct pw_reader has size %zu, expected %zu", reader->size,
					sizeof(*reader));
	if (!error)
		error = pw_target_open_callback(reader, options, &target);
	return error ? error : open_target(target, options, ret);
}

static bool is_reader(const struct pw_session *session)
{
	return !strcmp(session->target->ops->kind, "callback");
}

static struct pw_error *not_a_reader(const struct pw_session *session, const char *what)
{
	return pw_error_create(PW_ERROR_USAGE, "%s of a %s: expected a session on a reader", what,
			       session->target->ops->kind);
}

struct pw_error *pw_session_set_threads(struct pw_session *session,
					const struct pw_reader_thread *threads, size_t count)
{
	if (!is_reader(session))
		return not_a_reader(session, "setting the threads");
	return pw_callback_set_threads(session->target, threads, count);
}

struct pw_error *pw_session_keep_memory(struct pw_session *session, bool keep)
{
	if (!is_reader(session))
		return not_a_reader(session, "keeping the memory");
	pw_callback_hold(session->target, keep);
	return NULL;
}

struct pw_error *pw_session_set_mappings(struct pw_session *session,
					 const struct pw_reader_mapping *mappings, size_t count,
					 bool *ret_taken)
{
	if (!is_reader(session))
		return not_a_reader(session, "setting the mappings");
	return pw_callback_set_mappings(session->target, mappings, count, ret_taken);
}

struct pw_read_statistics pw_session_read_statistics(const struct pw_session *session)
{
	return is_reader(session) ? pw_callback_statistics(session->target)
				  : (struct pw_read_statistics){0};
}

struct pw_error *pw_session_update_modules(struct pw_session *session)
{
	bool changed;
	struct pw_python_id *id = &session->python.id;
	uint64_t python = id->module ? id->module->start : 0;
	if (session->mapping_changes == session->target->mapping_changes &&
	    !pw_modules_are_doubtful(session->modules))
		return NULL;
	session->mapping_changes = session->target->mapping_changes;
	struct pw_error *error = pw_modules_update(session->modules, &changed);
	if (error || !changed)
		return error;
	free(session->fold_memo);
	session->fold_memo = NULL;
	id->module = python ? pw_modules_find(session->modules, python) : NULL;
	return NULL;
}

void pw_session_close(struct pw_session *session)
{
	if (!session)
		return;
	pw_session_free_facts(session);
	pw_python_deinit(&session->python);
	pw_modules_destroy(session->modules);
	pw_target_destroy(session->target);
	free(session->fold_memo);
	free(session);
}

int64_t pw_session_pid(const struct pw_session *session)
{
	return session->target->pid;
}

int64_t pw_session_ns_pid(const struct pw_session *session)
{
	return session->target->ns_pid;
}

int64_t pw_session_parent_pid(const struct pw_session *session)
{
	return session->target->parent;
}

uint64_t pw_session_resident(const struct pw_session *session)
{
	return session->target->ops->resident ? session->target->ops->resident(session->target) : 0;
}

size_t pw_session_thread_count(const struct pw_session *session)
{
	struct pw_target *target = session->target;
	return target->ops->thread_count ? target->ops->thread_count(target) : target->lwp_count;
}

const char *pw_session_executable(const struct pw_session *session)
{
	return session->target->executable;
}

const char *pw_session_python_version(const struct pw_session *session)
{
	return session->python.version;
}

const char *const *pw_session_python_build(const struct pw_session *session)
{
	return session->build;
}

const char *pw_session_layout(const struct pw_session *session)
{
	return session->python.layout.description;
}

bool pw_session_needs_registers(const struct pw_session *session)
{
	enum pw_frame_model model = session->python.layout.traits.frames;
	return model == PW_FRAMES_OBJECT || model == PW_FRAMES_OBJECT_CFRAME;
}

size_t pw_session_fact_count(const struct pw_session *session)
{
	return session->fact_count;
}

const struct pw_fact *pw_session_fact(const struct pw_session *session, size_t index)
{
	return &session->facts[index];
}
