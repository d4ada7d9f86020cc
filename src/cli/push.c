/*
 * What is asked for and answered: opentelemetry-proto's docs/specification.md of versions 1.7 to
 * 1.11, OTLP/HTTP; the paths are those of the collector's receiver.
 */
#include "cli/push.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	CONNECT_SECONDS = 10,
	ATTEMPT_SECONDS = 30,
	TOTAL_SECONDS = 90, /* with all attempts and what lies between */
	LONGEST_WAIT = 30,  /* whatever the server asks for */
	ATTEMPTS = 5,
	ANSWER_LENGTH = 1 << 14, /* of it, no more is looked at */
};

static const char path[] = "/v1development/profiles";
static const char format[] = "otlp";

/* ---- what the commands ask before ---- */

bool cli_is_url(const char *output)
{
	return output &&
	       (strncmp(output, "http://", 7) == 0 || strncmp(output, "https://", 8) == 0);
}

const struct pw_profile_format *cli_format_of_output(const char *output)
{
	if (!cli_is_url(output))
		return cli_format_of_name(output);
	for (const struct pw_profile_format *f = pw_profile_formats(); f->name; f++)
		if (strcmp(f->name, format) == 0)
			return f;
	return NULL;
}

const char *cli_push_problem(const char *output, const char *name)
{
	if (!cli_is_url(output))
		return NULL;
	if (!strcspn(strstr(output, "://") + 3, "/?#"))
		return "the URL names no host";
	return !name || strcmp(name, format) != 0
		       ? "only profiles in the format otlp can be sent to a URL"
		       : NULL;
}

/* ---- options ---- */

enum { KEY_HEADER = 0x300 };

static const struct argp_option options[] = {
	{"header", KEY_HEADER, "NAME: VALUE", 0,
	 "With -o URL: send this header too; may be given several times", 4},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli_push *push = state->input;
	if (key != KEY_HEADER)
		return ARGP_ERR_UNKNOWN;
	/* What ends a line would begin another header. */
	if (strcspn(arg, ": \t") != strcspn(arg, ":") || arg[0] == ':' || !strchr(arg, ':') ||
	    strpbrk(arg, "\r\n"))
		argp_error(state, "--header is \"NAME: VALUE\", not \"%s\"", arg);
	const char **more =
		realloc(push->headers, (push->header_count + 1) * sizeof(*push->headers));
	if (!more)
		return ENOMEM;
	push->headers = more;
	push->headers[push->header_count++] = arg;
	return 0;
}

const struct argp cli_push_argp = {.options = options, .parser = parse};

void cli_push_deinit(struct cli_push *push)
{
	free(push->headers);
}

/* ---- the library ---- */

/* Its macros would refer to the functions by name. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
	__typeof__(&curl_easy_init) init;
	__typeof__(&curl_easy_setopt) setopt;
	__typeof__(&curl_easy_perform) perform;
	__typeof__(&curl_easy_getinfo) getinfo;
	__typeof__(&curl_easy_strerror) strerror;
	__typeof__(&curl_easy_cleanup) cleanup;
	__typeof__(&curl_slist_append) append;
	__typeof__(&curl_slist_free_all) free_all;
} curl;

static bool load(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	void *library = NULL;
	for (size_t i = 0; !library && i < sizeof(names) / sizeof(names[0]); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
	curl.init = dlsym(library, "curl_easy_init");
	curl.setopt = dlsym(library, "curl_easy_setopt");
	curl.perform = dlsym(library, "curl_easy_perform");
	curl.getinfo = dlsym(library, "curl_easy_getinfo");
	curl.strerror = dlsym(library, "curl_easy_strerror");
	curl.cleanup = dlsym(library, "curl_easy_cleanup");
	curl.append = dlsym(library, "curl_slist_append");
	curl.free_all = dlsym(library, "curl_slist_free_all");
	return curl.init && curl.setopt && curl.perform && curl.getinfo && curl.strerror &&
	       curl.cleanup && curl.append && curl.free_all;
}

enum cli_exit cli_push_check(void)
{
	if (curl.init || load())
		return CLI_OK;
	const char *why = dlerror();
	cli_message("to send to a URL, libcurl is needed, Debian's package libcurl4: %s",
		    why ? why : "it is not the one that is expected");
	return CLI_USAGE;
}

/* ---- names and times ---- */

/* The URL as it is asked for: without a path, the collector's own is meant.  NULL: no memory. */
static char *full_url(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, "/?#");
	char *full;
	if (host[length] && strcmp(host + length, "/") != 0)
		return strdup(url);
	if (asprintf(&full, "%.*s%s", (int)(host - url + (ptrdiff_t)length), url, path) < 0)
		return NULL;
	return full;
}

/* For messages: without the name and password that may stand in it. */
static char *shown_url(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', length);
	char *shown;
	if (!at)
		return strdup(url);
	return asprintf(&shown, "%.*s***%s", (int)(host - url), url, at) < 0 ? NULL : shown;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- signals ---- */

static volatile sig_atomic_t interrupted;

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
enum { END_COUNT = sizeof(ends) / sizeof(ends[0]) };

struct signals {
	struct sigaction actions[END_COUNT];
	sigset_t mask;
};

static void on_end(int number)
{
	interrupted = number;
}

/* Until signals_deinit(), a signal that ends programs ends the sending, whatever it did before. */
static void signals_init(struct signals *before)
{
	struct sigaction action = {.sa_handler = on_end};
	sigset_t wanted;
	interrupted = 0;
	sigemptyset(&wanted);
	for (size_t i = 0; i < END_COUNT; i++) {
		sigaction(ends[i], NULL, &before->actions[i]);
		if (before->actions[i].sa_handler == SIG_IGN)
			continue;
		sigaction(ends[i], &action, NULL);
		sigaddset(&wanted, ends[i]);
	}
	sigprocmask(SIG_UNBLOCK, &wanted, &before->mask);
}

static void signals_deinit(const struct signals *before)
{
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	for (size_t i = 0; i < END_COUNT; i++)
		sigaction(ends[i], &before->actions[i], NULL);
}

/* ---- one attempt ---- */

struct attempt {
	CURLcode result;
	long status; /* of HTTP; 0: there was no answer */
	double wait; /* seconds that the server asks to wait; 0: it does not say */
	char error[CURL_ERROR_SIZE];
	uint8_t answer[ANSWER_LENGTH];
	size_t length;
};

static size_t take_answer(char *data, size_t size, size_t count, void *user)
{
	struct attempt *attempt = user;
	size_t length = size * count, room = sizeof(attempt->answer) - attempt->length;
	memcpy(attempt->answer + attempt->length, data, length < room ? length : room);
	attempt->length += length < room ? length : room;
	return length;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	return interrupted != 0;
}

static void try_once(CURL *easy, struct attempt *attempt)
{
	curl_off_t wait = 0;
	attempt->length = 0;
	attempt->status = 0;
	attempt->error[0] = '\0';
	curl.setopt(easy, CURLOPT_WRITEDATA, attempt);
	curl.setopt(easy, CURLOPT_ERRORBUFFER, attempt->error);
	attempt->result = curl.perform(easy);
	curl.getinfo(easy, CURLINFO_RESPONSE_CODE, &attempt->status);
	curl.getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
	attempt->wait = wait > LONGEST_WAIT ? LONGEST_WAIT : (double)wait;
}

/* Whether the same again may succeed: the server says so, or was not there. */
static bool is_worth_again(const struct attempt *attempt)
{
	if (interrupted)
		return false;
	switch (attempt->result) {
	case CURLE_OK:
		return attempt->status == 429 || attempt->status == 502 || attempt->status == 503 ||
		       attempt->status == 504;
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return true;
	default:
		return false;
	}
}

/* false: interrupted. */
static bool pause_for(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	return !interrupted && nanosleep(&t, NULL) == 0;
}

static void try_often(CURL *easy, struct attempt *attempt)
{
	double begin = now(), wait = 0.5;
	for (int i = 0; i < ATTEMPTS; i++) {
		try_once(easy, attempt);
		double next = attempt->wait > 0 ? attempt->wait : wait;
		if (!is_worth_again(attempt) || i + 1 == ATTEMPTS ||
		    now() + next - begin > TOTAL_SECONDS || !pause_for(next))
			return;
		wait *= 2;
	}
}

/* ---- answers ---- */

/* A varint of protobuf.  false: there is none. */
static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;
		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

struct field {
	uint64_t value;	      /* of bytes, how many */
	const uint8_t *bytes; /* NULL: it is a number */
};

/* The first field of that number in a message of numbers and bytes; false: there is none. */
static bool find_field(const uint8_t *at, size_t length, unsigned number, struct field *ret)
{
	const uint8_t *end = at + length;
	uint64_t tag;
	while (take_varint(&at, end, &tag) && take_varint(&at, end, &ret->value)) {
		bool bytes = (tag & 7) == 2;
		if ((!bytes && (tag & 7) != 0) || (bytes && ret->value > (uint64_t)(end - at)))
			return false;
		ret->bytes = bytes ? at : NULL;
		if (tag >> 3 == number)
			return true;
		at += bytes ? ret->value : 0;
	}
	return false;
}

/* Text of a message's field, ": TEXT"; "" if there is none.  NULL: no memory. */
static char *text_of(const uint8_t *message, size_t length, unsigned number)
{
	struct field field;
	char *text;
	if (!find_field(message, length, number, &field) || !field.bytes || !field.value)
		return strdup("");
	return asprintf(&text, ": %.*s", (int)field.value, (const char *)field.bytes) < 0 ? NULL
											  : text;
}

/* A server that refuses says why: a google.rpc.Status, or some text. */
static char *reason_of(const struct attempt *attempt)
{
	char *text = text_of(attempt->answer, attempt->length, 2), *plain;
	size_t length = strnlen((const char *)attempt->answer, attempt->length);
	if ((text && text[0]) || !length || length != attempt->length)
		return text;
	free(text);
	length = strcspn((const char *)attempt->answer, "\r\n");
	length = length < attempt->length ? length : attempt->length;
	return asprintf(&plain, ": %.*s", (int)length, (const char *)attempt->answer) < 0 ? NULL
											  : plain;
}

/* A server that takes a request may still leave parts of it out. */
static enum cli_exit check_taken(const struct attempt *attempt, const char *url)
{
	struct field partial, rejected;
	if (!find_field(attempt->answer, attempt->length, 1, &partial) || !partial.bytes ||
	    !find_field(partial.bytes, partial.value, 1, &rejected) || rejected.bytes ||
	    !rejected.value)
		return CLI_OK;
	char *why = text_of(partial.bytes, partial.value, 2);
	cli_message("%s left out %llu profiles%s", url, (unsigned long long)rejected.value,
		    why ? why : "");
	free(why);
	return CLI_INCOMPLETE;
}

static enum cli_exit judge(const struct attempt *attempt, const char *url)
{
	if (interrupted) {
		cli_message("sending to %s was interrupted", url);
		return CLI_INCOMPLETE;
	}
	if (attempt->result != CURLE_OK) {
		cli_message("cannot send to %s: %s", url,
			    attempt->error[0] ? attempt->error : curl.strerror(attempt->result));
		return attempt->result == CURLE_URL_MALFORMAT ? CLI_USAGE : CLI_INCOMPLETE;
	}
	if (attempt->status >= 200 && attempt->status < 300)
		return check_taken(attempt, url);
	char *why = reason_of(attempt);
	cli_message("%s answered with HTTP status %ld%s", url, attempt->status, why ? why : "");
	free(why);
	return CLI_INCOMPLETE;
}

/* ---- all of it ---- */

static bool set_up(CURL *easy, struct curl_slist *headers, const char *url, const char *body,
		   size_t length)
{
	curl.setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl.setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl.setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl.setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl.setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl.setopt(easy, CURLOPT_TIMEOUT, (long)ATTEMPT_SECONDS);
	curl.setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl.setopt(easy, CURLOPT_POSTFIELDS, body);
	curl.setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	return curl.setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

/* NULL: no memory. */
static struct curl_slist *all_headers(const struct cli_push *push)
{
	char agent[64];
	snprintf(agent, sizeof(agent), "User-Agent: pywalk/%s", pw_version());
	/* "Expect:" keeps libcurl from waiting for leave to send. */
	const char *const own[] = {"Content-Type: application/x-protobuf", agent, "Expect:"};
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < 3 + push->header_count; i++) {
		const char *header = i < 3 ? own[i] : push->headers[i - 3];
		struct curl_slist *longer = curl.append(list, header);
		if (!longer) {
			curl.free_all(list);
			return NULL;
		}
		list = longer;
	}
	return list;
}

static enum cli_exit send_body(const struct cli_push *push, const char *url, const char *shown,
			       const char *body, size_t length)
{
	struct attempt attempt = {0};
	struct signals before;
	CURL *easy = curl.init();
	struct curl_slist *headers = all_headers(push);
	enum cli_exit status = CLI_INCOMPLETE;
	if (easy && headers && set_up(easy, headers, url, body, length)) {
		signals_init(&before);
		try_often(easy, &attempt);
		signals_deinit(&before);
		status = judge(&attempt, shown);
	} else {
		cli_message("cannot send to %s: out of memory", shown);
	}
	curl.cleanup(easy);
	curl.free_all(headers);
	return status;
}

static void keep_body(const char *body, size_t length)
{
	char name[64];
	time_t seconds = time(NULL);
	struct tm local;
	strftime(name, sizeof(name), "pywalk-unsent-%Y%m%d-%H%M%S.otlp",
		 localtime_r(&seconds, &local));
	FILE *file = fopen(name, "wxe");
	bool good = file && fwrite(body, 1, length, file) == length;
	if (file && fclose(file))
		good = false;
	if (good)
		cli_message("what could not be sent is in %s", name);
	else
		cli_message("cannot write to %s: %s", name, strerror(errno));
}

enum cli_exit cli_push_send(const struct cli_push *push, const char *url, const char *body,
			    size_t length)
{
	enum cli_exit status = cli_push_check();
	if (status != CLI_OK)
		return status;
	char *full = full_url(url), *shown = full ? shown_url(full) : NULL;
	if (shown) {
		status = send_body(push, full, shown, body, length);
	} else {
		cli_message("out of memory");
		status = CLI_INCOMPLETE;
	}
	if (status != CLI_OK && push->keep)
		keep_body(body, length);
	free(full);
	free(shown);
	return status;
}
