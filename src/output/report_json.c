/* The format "json" of tables: docs/pywalk-report.schema.json. */
#include "output/report_writer.h"

#include "base/text.h"

#include <jansson.h>
#include <string.h>

/* Values that are built with jansson; what could not be had makes the whole fail. */
struct builder {
	bool failed;
};

static void put(struct builder *b, json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new_nocheck(object, key, value))
		b->failed = true;
}

static void put_text(struct builder *b, json_t *object, const char *key, const char *text)
{
	if (!text)
		return;
	json_t *value = json_string(text);
	if (!value) {
		/* No UTF-8, in spite of the model's promise. */
		pw_auto_buffer struct pw_buffer valid = {0};
		pw_text_append_bytes(&valid, text, strlen(text));
		value = valid.failed ? NULL : json_string(valid.data);
	}
	put(b, object, key, value);
}

/* A path; an empty one stands for all those that are unknown, which is not the same as none. */
static void put_path(struct builder *b, json_t *object, const char *key, const char *path)
{
	if (path && !path[0])
		put(b, object, key, json_null());
	else
		put_text(b, object, key, path);
}

/* JSON's numbers end where jansson's do. */
static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *cost(struct builder *b, struct pw_report_cost cost, struct pw_report_cost total)
{
	json_t *o = json_object();
	put(b, o, "samples", number(cost.samples));
	put(b, o, "time", number(cost.time));
	put(b, o, "percent", json_real(100 * pw_report_share(cost, total)));
	return o;
}

static json_t *thread(struct builder *b, const struct pw_profile_thread *t)
{
	json_t *o = json_object();
	put(b, o, "tid", number(t->tid));
	put_text(b, o, "name", t->name);
	put_text(b, o, "kernel_name", t->kernel_name);
	return o;
}

static json_t *process(struct builder *b, const struct pw_profile_process *p)
{
	json_t *o = json_object();
	put(b, o, "pid", json_integer(p->pid));
	put_text(b, o, "executable", p->executable);
	put_text(b, o, "python", p->python);
	put_text(b, o, "command", p->command);
	return o;
}

static json_t *row_object(struct builder *b, const struct pw_report *report,
			  const struct pw_report_row *row)
{
	json_t *o = json_object();
	enum pw_report_table table = pw_report_table(report);
	bool edge = row->level && table != PW_REPORT_TREE;
	put(b, o, "level", json_integer(row->level));
	if (row->name) {
		put_text(b, o, "name", row->name);
		put(b, o, "kind", json_string(pw_profile_kind_name(row->kind)));
	}
	put_path(b, o, "file", row->file);
	put_path(b, o, "module", row->module);
	if (row->line > 0)
		put(b, o, "line", json_integer(row->line));
	if (row->thread)
		put(b, o, "thread", thread(b, row->thread));
	if (row->process)
		put(b, o, "process", process(b, row->process));
	if (!edge)
		put(b, o, "self", cost(b, row->self, pw_report_total(report)));
	put(b, o, "total", cost(b, row->total, pw_report_total(report)));
	if (pw_report_before(report)) {
		put(b, o, "self_before", cost(b, row->self_before, pw_report_total_before(report)));
		put(b, o, "total_before",
		    cost(b, row->total_before, pw_report_total_before(report)));
	}
	return o;
}

static json_t *head(struct builder *b, const struct pw_profile *profile)
{
	const struct pw_profile_info *info = pw_profile_info(profile);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"start", info->start},
		{"duration", info->duration},
		{"ticks", info->ticks},
		{"missed", info->missed},
		{"lost", info->lost},
		{"torn", info->torn},
		{"impossible", info->impossible},
		{"pauses", info->pauses},
		{"pause_median", info->pause_median},
		{"pause_p99", info->pause_p99},
		{"pause_max", info->pause_max},
		{"own_cpu", info->own_cpu},
		{"processes", pw_profile_process_count(profile)},
		{"threads", pw_profile_thread_count(profile)},
	};
	json_t *o = json_object();
	put_text(b, o, "engine", info->engine);
	put(b, o, "clock", json_string(pw_profile_clock_name(info->clock)));
	put(b, o, "native", json_boolean(info->native));
	put(b, o, "lines", json_boolean(info->lines));
	put(b, o, "complete", json_boolean(info->complete));
	put(b, o, "rate_wished", json_real(info->rate_wished));
	put(b, o, "rate_reached", json_real(info->rate_reached));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		put(b, o, numbers[i].name, number(numbers[i].value));
	return o;
}

static int pass_on(const char *piece, size_t length, void *data)
{
	pw_buffer_append(pw_sink_buffer(data), piece, length);
	return 0;
}

/* Prints a value and destroys it; control characters of terminals are escaped. */
static void emit(struct builder *b, struct pw_sink *sink, json_t *value)
{
	if (!value || b->failed ||
	    json_dump_callback(value, pass_on, sink,
			       JSON_ENCODE_ANY | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII))
		b->failed = true;
	json_decref(value);
}

static void emit_key(struct builder *b, struct pw_sink *sink, const char *key, json_t *value)
{
	pw_buffer_printf(pw_sink_buffer(sink), ",\n\"%s\": ", key);
	emit(b, sink, value);
}

struct pw_error *pw_report_write_json(const struct pw_report_output *output)
{
	struct builder b = {0};
	struct pw_sink *sink = output->sink;
	const struct pw_report *report = output->report;
	const struct pw_profile *before = pw_report_before(report);
	size_t measured = output->measured ? output->measured
					   : pw_profile_sample_count(pw_report_profile(report));
	pw_buffer_append_string(pw_sink_buffer(sink), "{\"schema\": \"pywalk-report/1\"");
	emit_key(&b, sink, "table", json_string(pw_report_table_name(pw_report_table(report))));
	emit_key(&b, sink, "by", json_string(pw_report_by_name(pw_report_by(report))));
	emit_key(&b, sink, "measured", head(&b, pw_report_profile(report)));
	emit_key(&b, sink, "samples_measured", number(measured));
	emit_key(&b, sink, "total", cost(&b, pw_report_total(report), pw_report_total(report)));
	if (before) {
		emit_key(&b, sink, "measured_before", head(&b, before));
		emit_key(&b, sink, "total_before",
			 cost(&b, pw_report_total_before(report), pw_report_total_before(report)));
	}
	emit_key(&b, sink, "left_out", number(pw_report_left_out(report)));
	pw_buffer_append_string(pw_sink_buffer(sink), ",\n\"rows\": [");
	for (size_t i = 0; !b.failed && i < pw_report_row_count(report) && pw_sink_settle(sink);
	     i++) {
		pw_buffer_append_string(pw_sink_buffer(sink), i ? ",\n" : "\n");
		emit(&b, sink, row_object(&b, report, pw_report_row(report, i)));
	}
	pw_buffer_append_string(pw_sink_buffer(sink), "]}\n");
	return b.failed ? &pw_error_nomem : NULL;
}
