/*
 * The format "pprof": profile.proto (src/output/pprof.proto), compressed with gzip.
 *
 * Equal samples are one, with how many they were and the time they stand for.  Thread and process
 * are labels.  A frame is a location, a module a mapping; addresses are not in a profile.
 */
#include "output/profile_writer.h"
#include "output/protobuf.h"
#include "pprof.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>

/* Fields of the message Profile, which is written piece by piece. */
enum {
	FIELD_SAMPLE_TYPE = 1,
	FIELD_SAMPLE = 2,
	FIELD_MAPPING = 3,
	FIELD_LOCATION = 4,
	FIELD_FUNCTION = 5,
	FIELD_STRING = 6,
	FIELD_TIME = 9,
	FIELD_DURATION = 10,
	FIELD_PERIOD_TYPE = 11,
	FIELD_PERIOD = 12,
	FIELD_COMMENT = 13,
};

enum { PIECE = 32 * 1024, LABELS = 7 };

struct pprof {
	const struct pw_profile *profile;
	struct pw_sink *sink;
	struct pw_buffer plain; /* not compressed yet */
	z_stream stream;
	struct pw_strings texts;
	struct pw_strings modules; /* a mapping's id is the number of its path here */
	bool nomem;
};

/* ---- gzip ---------------------------------------------------------------------------------- */

static void compress_plain(struct pprof *p, int flush)
{
	p->stream.next_in = (unsigned char *)p->plain.data;
	p->stream.avail_in = (unsigned)p->plain.length;
	int done = Z_OK;
	do {
		char *room = pw_buffer_reserve(pw_sink_buffer(p->sink), PIECE);
		if (!room)
			return; /* the sink remembers */
		p->stream.next_out = (unsigned char *)room;
		p->stream.avail_out = PIECE;
		done = deflate(&p->stream, flush);
		pw_sink_buffer(p->sink)->length += PIECE - p->stream.avail_out;
		if (!pw_sink_settle(p->sink))
			return;
	} while (done == Z_OK && (p->stream.avail_in || !p->stream.avail_out || flush == Z_FINISH));
	p->nomem |= p->plain.failed || done == Z_STREAM_ERROR;
	p->plain.length = 0;
}

/* False: no more. */
static bool settle(struct pprof *p)
{
	if (p->plain.length >= PIECE)
		compress_plain(p, Z_NO_FLUSH);
	return !p->nomem && !p->plain.failed && pw_sink_settle(p->sink);
}

/* ---- samples -------------------------------------------------------------------------------- */

static int64_t text_number(struct pprof *p, const char *text)
{
	return pw_strings_add(&p->texts, text);
}

static int64_t buffer_number(struct pprof *p, struct pw_buffer *text)
{
	p->nomem |= text->failed;
	return text_number(p, text->data);
}

static int64_t thread_text(struct pprof *p, const struct pw_profile_thread *thread)
{
	pw_auto_buffer struct pw_buffer text = {0};
	if (thread->name || thread->kernel_name)
		return text_number(p, thread->name ? thread->name : thread->kernel_name);
	pw_buffer_printf(&text, "Thread %" PRIu64, thread->tid);
	return buffer_number(p, &text);
}

static int64_t process_text(struct pprof *p, const struct pw_profile_process *process)
{
	pw_auto_buffer struct pw_buffer text = {0};
	pw_profile_append_process(&text, process);
	return buffer_number(p, &text);
}

/* How many there are. */
static size_t fill_labels(struct pprof *p, const struct pw_profile_sample *sample,
			  Pprof__Label labels[LABELS])
{
	const struct pw_profile_thread *thread = pw_profile_thread(p->profile, sample->thread);
	const struct pw_profile_process *process = pw_profile_process(p->profile, thread->process);
	const struct {
		const char *key;
		int64_t text, number;
		bool there;
	} all[LABELS] = {
		{"thread", thread_text(p, thread), 0, true},
		{"tid", 0, pw_proto_signed(thread->tid), true},
		{"process", process_text(p, process), 0, true},
		{"pid", 0, process->pid, true},
		{"running", text_number(p, "yes"), 0, sample->flags & PW_SAMPLE_RUNNING},
		{"gil", text_number(p, "held"), 0, sample->flags & PW_SAMPLE_GIL},
		{"torn", text_number(p, "yes"), 0, sample->flags & PW_SAMPLE_TORN},
	};
	size_t count = 0;
	for (size_t i = 0; i < LABELS; i++) {
		if (!all[i].there)
			continue;
		pprof__label__init(&labels[count]);
		labels[count].key = text_number(p, all[i].key);
		labels[count].str = all[i].text;
		labels[count++].num = all[i].number;
	}
	return count;
}

/* Of those that are equal, from `first` of the order on; `places` has room for the deepest stack.
 */
static void write_run(struct pprof *p, const size_t *order, size_t first, size_t count,
		      struct pw_buffer *places)
{
	const struct pw_profile_sample *sample = pw_profile_sample(p->profile, order[first]);
	Pprof__Sample message = PPROF__SAMPLE__INIT;
	Pprof__Label labels[LABELS], *pointers[LABELS];
	uint64_t weight = 0;
	places->length = 0;
	for (uint32_t at = sample->node; at; at = pw_profile_node(p->profile, at)->parent) {
		uint64_t id = (uint64_t)pw_profile_node(p->profile, at)->frame + 1;
		pw_buffer_append(places, &id, sizeof(id));
	}
	for (size_t i = first; i < first + count; i++)
		if (__builtin_add_overflow(weight, pw_profile_sample(p->profile, order[i])->weight,
					   &weight))
			weight = UINT64_MAX;
	int64_t values[2] = {(int64_t)count, pw_proto_signed(weight)};
	for (size_t i = 0; i < LABELS; i++)
		pointers[i] = &labels[i];
	message.n_label = fill_labels(p, sample, labels);
	message.label = pointers;
	message.n_value = 2;
	message.value = values;
	message.n_location_id = places->length / sizeof(uint64_t);
	message.location_id = (void *)places->data;
	pw_proto_append_message(&p->plain, FIELD_SAMPLE, &message.base);
}

static void write_samples(struct pprof *p)
{
	pw_auto_buffer struct pw_buffer places = {0};
	size_t count = pw_profile_sample_count(p->profile);
	size_t *order = pw_profile_order(p->profile);
	for (size_t i = 0, run; order && i < count && settle(p); i += run) {
		run = pw_profile_run(p->profile, order, i);
		write_run(p, order, i, run, &places);
	}
	p->nomem |= !order || places.failed;
	free(order);
}

/* ---- tables --------------------------------------------------------------------------------- */

/* The first mapping is what the profile is of. */
static void write_mappings(struct pprof *p)
{
	pw_strings_add(&p->modules, NULL);
	if (pw_profile_process_count(p->profile))
		pw_strings_add(&p->modules, pw_profile_process(p->profile, 0)->executable);
	for (size_t i = 0; i < pw_profile_function_count(p->profile); i++)
		pw_strings_add(&p->modules, pw_profile_function(p->profile, i)->module);
	p->nomem |= p->modules.failed;
	for (uint32_t i = 1; i < p->modules.count && settle(p); i++) {
		Pprof__Mapping message = PPROF__MAPPING__INIT;
		message.id = i;
		message.filename = text_number(p, pw_strings_get(&p->modules, i));
		/* Else pprof would look for symbols itself. */
		message.has_functions = message.has_filenames = true;
		message.has_line_numbers = message.has_inline_frames = true;
		pw_proto_append_message(&p->plain, FIELD_MAPPING, &message.base);
	}
}

/* Without system_name: where it equals the name, pprof takes <module> for a template's arguments
 * and cuts it off. */
static void write_functions(struct pprof *p)
{
	for (size_t i = 0; i < pw_profile_function_count(p->profile) && settle(p); i++) {
		const struct pw_profile_function *f = pw_profile_function(p->profile, i);
		Pprof__Function message = PPROF__FUNCTION__INIT;
		message.id = i + 1;
		message.name = text_number(p, *f->name ? f->name : "??");
		message.filename = text_number(p, f->file);
		message.start_line = f->first_line > 0 ? f->first_line : 0;
		pw_proto_append_message(&p->plain, FIELD_FUNCTION, &message.base);
	}
}

static void write_locations(struct pprof *p)
{
	for (size_t i = 0; i < pw_profile_frame_count(p->profile) && settle(p); i++) {
		const struct pw_profile_frame *frame = pw_profile_frame(p->profile, i);
		Pprof__Location message = PPROF__LOCATION__INIT;
		Pprof__Line line = PPROF__LINE__INIT, *lines[1] = {&line};
		message.id = i + 1;
		message.mapping_id = pw_strings_add(
			&p->modules, pw_profile_function(p->profile, frame->function)->module);
		line.function_id = (uint64_t)frame->function + 1;
		line.line = frame->line > 0 ? frame->line : 0;
		message.n_line = 1;
		message.line = lines;
		pw_proto_append_message(&p->plain, FIELD_LOCATION, &message.base);
	}
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void write_type(struct pprof *p, unsigned field, const char *type, const char *unit)
{
	Pprof__ValueType message = PPROF__VALUE_TYPE__INIT;
	message.type = text_number(p, type);
	message.unit = text_number(p, unit);
	pw_proto_append_message(&p->plain, field, &message.base);
}

static void write_head(struct pprof *p)
{
	const struct pw_profile_info *info = pw_profile_info(p->profile);
	const char *clock = pw_profile_clock_name(info->clock);
	write_type(p, FIELD_SAMPLE_TYPE, "samples", "count");
	write_type(p, FIELD_SAMPLE_TYPE, clock, "nanoseconds");
	write_type(p, FIELD_PERIOD_TYPE, clock, "nanoseconds");
	pw_proto_append_number(&p->plain, FIELD_PERIOD, (uint64_t)pw_proto_period(info));
	pw_proto_append_number(&p->plain, FIELD_TIME, (uint64_t)pw_proto_signed(info->start));
	pw_proto_append_number(&p->plain, FIELD_DURATION,
			       (uint64_t)pw_proto_signed(info->duration));
}

static void end_comment(struct pprof *p, struct pw_buffer *text)
{
	pw_proto_append_number(&p->plain, FIELD_COMMENT, (uint64_t)buffer_number(p, text));
	text->length = 0;
}

/* pprof prints them in front of every table: few lines. */
static void write_comments(struct pprof *p)
{
	const struct pw_profile_info *info = pw_profile_info(p->profile);
	pw_auto_buffer struct pw_buffer text = {0};
	pw_buffer_printf(&text, "pywalk " PW_VERSION ": %s time, engine %s, %.15g Hz wished",
			 pw_profile_clock_name(info->clock),
			 *info->engine ? info->engine : "unknown", info->rate_wished);
	if (info->rate_reached > 0)
		pw_buffer_printf(&text, ", %.15g reached", info->rate_reached);
	end_comment(p, &text);
	pw_buffer_printf(&text,
			 "samples: %zu, lost %" PRIu64 ", torn %" PRIu64 ", impossible %" PRIu64
			 "; ticks: %" PRIu64 ", missed %" PRIu64,
			 pw_profile_sample_count(p->profile), info->lost, info->torn,
			 info->impossible, info->ticks, info->missed);
	end_comment(p, &text);
	pw_buffer_printf(&text,
			 "pauses: %" PRIu64 ", median %" PRIu64 " ns, p99 %" PRIu64
			 " ns, longest %" PRIu64 " ns; pywalk's own CPU time: %" PRIu64 " ns",
			 info->pauses, info->pause_median, info->pause_p99, info->pause_max,
			 info->own_cpu);
	end_comment(p, &text);
	if (info->complete)
		return;
	pw_buffer_append_string(&text, "the recording was cut off");
	end_comment(p, &text);
}

/* Last: all others add to it. */
static void write_texts(struct pprof *p)
{
	for (uint32_t i = 0; i < p->texts.count && settle(p); i++)
		pw_proto_append_text(&p->plain, FIELD_STRING, pw_strings_get(&p->texts, i));
}

static struct pw_error *write_pprof(struct pw_sink *sink, const struct pw_profile *profile)
{
	enum { GZIP = 15 + 16, MEMORY = 8 };
	struct pprof p = {.profile = profile, .sink = sink};
	if (deflateInit2(&p.stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return &pw_error_nomem;
	write_head(&p);
	write_mappings(&p);
	write_functions(&p);
	write_locations(&p);
	write_samples(&p);
	write_comments(&p);
	write_texts(&p);
	if (settle(&p))
		compress_plain(&p, Z_FINISH);
	bool failed = p.nomem || p.plain.failed || p.texts.failed || p.modules.failed;
	deflateEnd(&p.stream);
	pw_buffer_deinit(&p.plain);
	pw_strings_deinit(&p.texts);
	pw_strings_deinit(&p.modules);
	return failed ? &pw_error_nomem : NULL;
}

const struct pw_profile_writer pw_profile_writer_pprof = {
	.format = {"pprof", ".pb.gz", "for pprof (go tool pprof) and all that read profile.proto"},
	.write = write_pprof,
};
