#include "sample/profile.h"
#include "sample/recording.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { BLOCK_SIZE = 1 << 16 };

/* The number of a text in the file. */
struct text_number {
	const char *text; /* the profile keeps each once */
	uint64_t number;
	UT_hash_handle hh;
};

/* What a thread was called when it was last written. */
struct thread_names {
	const char *name, *kernel_name;
};

struct pw_recording {
	struct pw_profile *profile;
	pw_write_fn write;
	void *data;
	struct pw_buffer block; /* records that are not written yet */
	struct text_number *texts;
	struct thread_names *threads;
	size_t thread_count, processes, functions, frames, nodes, samples;
	uint64_t last_time, last_resident;
	bool cut;		/* the profile comes from a recording that was cut off */
	struct pw_error *error; /* the first one; nothing is written after it */
};

static void fail(struct pw_recording *r, struct pw_error *error)
{
	if (r->error)
		pw_error_destroy(error);
	else
		r->error = error;
}

/* ---- blocks ---- */

static void put_u32(char *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(value >> (8 * i));
}

static void hand_on(struct pw_recording *r, const char *bytes, size_t length)
{
	if (!r->error && !r->write(r->data, bytes, length))
		fail(r, pw_error_create(PW_ERROR_IO, "the recording could not be written"));
}

static void write_block(struct pw_recording *r)
{
	struct pw_buffer *b = &r->block;
	char head[8];
	if (b->failed)
		fail(r, &pw_error_nomem);
	if (!b->length || r->error)
		return;
	put_u32(head, (uint32_t)b->length);
	put_u32(head + 4, (uint32_t)crc32(0, (const unsigned char *)b->data, (unsigned)b->length));
	hand_on(r, head, sizeof(head));
	hand_on(r, b->data, b->length);
	b->length = 0;
}

/* After each record: it stays whole. */
static void settle(struct pw_recording *r)
{
	if (r->block.length >= BLOCK_SIZE)
		write_block(r);
}

/* ---- fields ---- */

static void put(struct pw_recording *r, uint64_t value)
{
	char bytes[10];
	size_t count = 0;
	do {
		bytes[count] = (char)(value & 0x7f);
		value >>= 7;
		bytes[count++] |= value ? (char)0x80 : 0;
	} while (value);
	pw_buffer_append(&r->block, bytes, count);
}

static void put_signed(struct pw_recording *r, int64_t value)
{
	put(r, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

/* The number of a text, which is written first if it is new. */
static uint64_t text_number(struct pw_recording *r, const char *text)
{
	struct text_number *known;
	if (!text)
		return 0;
	HASH_FIND_PTR(r->texts, &text, known);
	if (known)
		return known->number;
	known = calloc(1, sizeof(*known));
	if (!known) {
		fail(r, &pw_error_nomem);
		return 0;
	}
	known->text = text;
	known->number = HASH_COUNT(r->texts) + 1;
	HASH_ADD_PTR(r->texts, text, known);
	if (!known->hh.tbl) {
		free(known);
		fail(r, &pw_error_nomem);
		return 0;
	}
	put(r, PW_RECORD_TEXT);
	put(r, strlen(text));
	pw_buffer_append_string(&r->block, text);
	settle(r);
	return known->number;
}

/* ---- records ---- */

static void write_process(struct pw_recording *r, const struct pw_profile_process *process)
{
	uint64_t executable = text_number(r, process->executable);
	uint64_t python = text_number(r, process->python);
	uint64_t command = text_number(r, process->command);
	put(r, PW_RECORD_PROCESS);
	put_signed(r, process->pid);
	put_signed(r, process->parent);
	put(r, executable);
	put(r, python);
	put(r, command);
	settle(r);
}

static void write_thread(struct pw_recording *r, const struct pw_profile_thread *thread)
{
	uint64_t name = text_number(r, thread->name);
	uint64_t kernel_name = text_number(r, thread->kernel_name);
	put(r, PW_RECORD_THREAD);
	put(r, thread->process);
	put(r, thread->tid);
	put(r, thread->ns_tid);
	put(r, name);
	put(r, kernel_name);
	settle(r);
}

static void write_function(struct pw_recording *r, const struct pw_profile_function *function)
{
	uint64_t name = text_number(r, function->name);
	uint64_t file = text_number(r, function->file);
	uint64_t module = text_number(r, function->module);
	put(r, PW_RECORD_FUNCTION);
	put(r, (uint64_t)function->kind);
	put(r, name);
	put(r, file);
	put(r, module);
	put_signed(r, function->first_line);
	settle(r);
}

static void write_sample(struct pw_recording *r, const struct pw_profile_sample *sample)
{
	put(r, PW_RECORD_SAMPLE);
	put(r, sample->time - r->last_time);
	put(r, sample->weight);
	put_signed(r, (int64_t)(sample->resident - r->last_resident));
	put(r, sample->thread);
	put(r, sample->node);
	put(r, sample->flags);
	r->last_time = sample->time;
	r->last_resident = sample->resident;
	settle(r);
}

static void write_info(struct pw_recording *r)
{
	const struct pw_profile_info *info = &r->profile->info;
	const uint64_t numbers[] = {info->start,      info->duration,  info->ticks,
				    info->missed,     info->lost,      info->torn,
				    info->impossible, info->pauses,    info->pause_median,
				    info->pause_p99,  info->pause_max, info->own_cpu};
	uint64_t engine = text_number(r, info->engine);
	put(r, PW_RECORD_INFO);
	put(r, engine);
	put(r, (uint64_t)info->clock);
	put(r, (info->native ? PW_RECORD_NATIVE : 0) | (info->lines ? PW_RECORD_LINES : 0) |
		       (info->memory ? PW_RECORD_MEMORY : 0) | (r->cut ? PW_RECORD_CUT : 0));
	put(r, (uint64_t)(info->rate_wished * 1e6 + 0.5));
	put(r, (uint64_t)(info->rate_reached * 1e6 + 0.5));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		put(r, numbers[i]);
	settle(r);
}

/* Threads that are new, or have another name. */
static void write_threads(struct pw_recording *r)
{
	size_t count = r->profile->threads.count;
	if (count > r->thread_count) {
		struct thread_names *threads = realloc(r->threads, count * sizeof(*threads));
		if (!threads) {
			fail(r, &pw_error_nomem);
			return;
		}
		r->threads = threads;
	}
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_thread *thread = pw_profile_thread(r->profile, i);
		const struct thread_names now = {thread->name, thread->kernel_name};
		if (i < r->thread_count && r->threads[i].name == now.name &&
		    r->threads[i].kernel_name == now.kernel_name)
			continue;
		write_thread(r, thread);
		r->threads[i] = now;
	}
	r->thread_count = count;
}

static void write_tables(struct pw_recording *r)
{
	struct pw_profile *profile = r->profile;
	for (; r->processes < profile->processes.count; r->processes++)
		write_process(r, pw_profile_process(profile, r->processes));
	write_threads(r);
	for (; r->functions < profile->functions.count; r->functions++)
		write_function(r, pw_profile_function(profile, r->functions));
	for (; r->frames < profile->frames.count; r->frames++) {
		const struct pw_profile_frame *frame = pw_profile_frame(profile, r->frames);
		put(r, PW_RECORD_FRAME);
		put(r, frame->function);
		put_signed(r, frame->line);
		settle(r);
	}
	for (; r->nodes < profile->nodes.count; r->nodes++) {
		const struct pw_profile_node *node = pw_profile_node(profile, r->nodes);
		put(r, PW_RECORD_NODE);
		put(r, node->parent);
		put(r, node->frame);
		settle(r);
	}
}

static void write_all(struct pw_recording *r)
{
	struct pw_profile *profile = r->profile;
	write_tables(r);
	for (; r->samples < profile->samples.count; r->samples++)
		write_sample(r, pw_profile_sample(profile, r->samples));
	write_info(r);
}

/* ---- the recording ---- */

static struct pw_error *begin(struct pw_profile *profile, bool cut, pw_write_fn write, void *data,
			      struct pw_recording **ret)
{
	char head[PW_RECORDING_MAGIC_LENGTH + 4];
	struct pw_recording *r = calloc(1, sizeof(*r));
	if (!r)
		return &pw_error_nomem;
	*r = (struct pw_recording){.profile = profile,
				   .write = write,
				   .data = data,
				   .nodes = 1 /* the root */,
				   .cut = cut};
	memcpy(head, PW_RECORDING_MAGIC, PW_RECORDING_MAGIC_LENGTH);
	put_u32(head + PW_RECORDING_MAGIC_LENGTH, PW_RECORDING_VERSION);
	hand_on(r, head, sizeof(head));
	struct pw_error *error = pw_recording_flush(r, false);
	if (error) {
		pw_error_destroy(pw_recording_end(r));
		return error;
	}
	*ret = r;
	return NULL;
}

struct pw_error *pw_recording_begin(struct pw_profile *profile, pw_write_fn write, void *data,
				    struct pw_recording **ret)
{
	return begin(profile, false, write, data, ret);
}

/* The failure, which stays. */
static struct pw_error *take_error(struct pw_recording *r)
{
	struct pw_error *error = r->error;
	if (error)
		r->error = pw_error_create(PW_ERROR_IO, "the recording had failed before");
	return error;
}

struct pw_error *pw_recording_flush(struct pw_recording *recording, bool forget)
{
	struct pw_recording *r = recording;
	write_all(r);
	write_block(r);
	if (forget && !r->error) {
		pw_profile_forget(r->profile);
		r->samples = 0;
	}
	return take_error(r);
}

struct pw_error *pw_recording_end(struct pw_recording *recording)
{
	struct pw_recording *r = recording;
	struct text_number *text, *next;
	if (!r->error) {
		write_all(r);
		put(r, PW_RECORD_END);
		write_block(r);
	}
	HASH_ITER (hh, r->texts, text, next) {
		HASH_DEL(r->texts, text);
		free(text);
	}
	struct pw_error *error = r->error;
	pw_buffer_deinit(&r->block);
	free(r->threads);
	free(r);
	return error;
}

struct pw_error *pw_recording_write(const struct pw_profile *profile, pw_write_fn write, void *data)
{
	struct pw_recording *recording;
	/* Only a flush that forgets would change it. */
	struct pw_error *error = begin((struct pw_profile *)(uintptr_t)profile,
				       !profile->info.complete, write, data, &recording);
	return error ? error : pw_recording_end(recording);
}
