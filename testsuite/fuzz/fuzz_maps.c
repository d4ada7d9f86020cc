/*
 * Lines of /proc/PID/maps, and /proc/PID/stat and status, which hold a name that the target chose.
 * Input: a byte, then the text; the byte says which of the two it is.
 */
#include "fuzz.h"

#include "target/live.h"

#include <sys/stat.h>

static void parse_maps(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	FUZZ_EXPECT(text);
	char *end = text + strlen(text);
	for (char *line = text, *next; line < end; line = next) {
		size_t length = strcspn(line, "\n");
		next = line + length + 1;
		line[length] = 0;
		struct pw_proc_map map = {0};
		if (!pw_proc_parse_map(line, &map))
			continue;
		FUZZ_EXPECT(map.mapping.start < map.mapping.end);
		FUZZ_EXPECT(!map.path || (map.path >= line && map.path < line + length));
	}
	free(text);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	FUZZ_EXPECT(file && fwrite(bytes, 1, size, file) == size);
	fclose(file);
}

static char folder[] = "/tmp/pywalk-fuzz-XXXXXX";
static char stat_path[64], status_path[64];

static void remove_folder(void)
{
	unlink(stat_path);
	unlink(status_path);
	rmdir(folder);
}

static void parse_proc(const uint8_t *data, size_t size)
{
	if (!stat_path[0]) {
		FUZZ_EXPECT(mkdtemp(folder));
		snprintf(stat_path, sizeof(stat_path), "%s/stat", folder);
		snprintf(status_path, sizeof(status_path), "%s/status", folder);
		atexit(remove_folder);
	}
	write_file(stat_path, data, size);
	write_file(status_path, data, size);
	struct pw_proc_stat stat = {0};
	if (pw_proc_stat(folder, &stat) == 0) {
		FUZZ_EXPECT(stat.comm_length <= sizeof(stat.comm));
		pw_proc_run_state(stat.state);
	}
	pw_proc_status_number(folder, "NSpid", true);
	pw_proc_status_number(folder, "Tgid", false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	if (fuzz_take(&input, 1) % 2)
		parse_proc(input.at, input.left);
	else
		parse_maps(input.at, input.left);
	return 0;
}
