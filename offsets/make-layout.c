/*
 * make-layout: prints a section of a .def file from debug information, or compares one with it.
 *
 *	make-layout [--debug-dir DIR] [--variant NAME] [--from TEXT] FILE...	prints the section
 *	make-layout [--debug-dir DIR] [--variant NAME] --check DEF FILE...
 *
 * What the first FILE lacks is looked for in the others: extension modules (_datetime, _decimal).
 * FILE is an ELF file: libpython, a static interpreter, or an object file of from-headers.sh.
 * TEXT says which build it is of and goes into the section as a comment, with the build-id.
 * With --check the exit status is 1 when a field differs, and each is named.
 */
#include "base/buffer.h"
#include "python/layout.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <getopt.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: make-layout [--debug-dir DIR] [--variant NAME] [--from TEXT | --check DEF] "
	"FILE...\n";

static int fail(struct pw_error *error)
{
	fprintf(stderr, "make-layout: %s\n", pw_error_message(error));
	pw_error_destroy(error);
	return 2;
}

static void print_field(const struct pw_field_info *info, const struct pw_field *field)
{
	if (field->offset < 0)
		return;
	printf("%s%s%d", info->name, info->enumerator ? " = " : " ", field->offset);
	if (field->bits)
		printf(":%u:%u", field->bit, field->bits);
	if (field->debug_slot >= 0)
		printf(" debug=%d", field->debug_slot);
	putchar('\n');
}

static void print_build_id(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	elf_version(EV_CURRENT);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *bits;
	ssize_t length = elf ? dwelf_elf_gnu_build_id(elf, &bits) : -1;
	if (length > 0)
		fputs(", build-id ", stdout);
	for (ssize_t i = 0; i < length; i++)
		printf("%02x", ((const unsigned char *)bits)[i]);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
}

static int print_section(const struct pw_layout *layout, const char *variant, const char *from,
			 const char *path)
{
	printf("\n[%s]\n", variant);
	if (from) {
		printf("# from %s", from);
		print_build_id(path);
		putchar('\n');
	}
	for (size_t i = 0; i < PW_FIELD_COUNT; i++)
		print_field(&pw_field_infos[i], &layout->all[i]);
	return 0;
}

static struct pw_error *read_file(const char *path, struct pw_buffer *text)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return pw_error_create(PW_ERROR_IO, "%s: %m", path);
	char *room;
	size_t got = 0;
	while ((room = pw_buffer_reserve(text, 4096)) && (got = fread(room, 1, 4096, file)) > 0)
		text->length += got;
	fclose(file);
	return text->failed ? &pw_error_nomem : NULL;
}

static int compare(const struct pw_layout *expected, const struct pw_layout *actual,
		   const char *def, const char *file)
{
	int different = 0;
	for (size_t i = 0; i < PW_FIELD_COUNT; i++) {
		const struct pw_field *e = &expected->all[i], *a = &actual->all[i];
		if (e->offset == a->offset && e->bit == a->bit && e->bits == a->bits &&
		    e->debug_slot == a->debug_slot)
			continue;
		printf("%s: %s says %d:%u:%u debug=%d, %s says %d:%u:%u debug=%d\n",
		       pw_field_infos[i].name, def, e->offset, e->bit, e->bits, e->debug_slot, file,
		       a->offset, a->bit, a->bits, a->debug_slot);
		different = 1;
	}
	return different;
}

static int check(const struct pw_layout *actual, const char *def, const char *variant,
		 const char *file)
{
	pw_auto_buffer struct pw_buffer text;
	struct pw_layout expected;
	bool found;
	pw_buffer_init(&text);
	struct pw_error *error = read_file(def, &text);
	if (!error)
		error = pw_layout_parse(text.data, text.length, def, variant, &expected, &found);
	if (error)
		return fail(error);
	if (!found) {
		fprintf(stderr, "make-layout: %s: no section [%s]\n", def, variant);
		return 2;
	}
	return compare(&expected, actual, def, file);
}

/* The layout by one file's debug information; 0 for success. */
static int read_layout(const char *path, const char *debug_dir, struct pw_layout *ret,
		       bool *ret_found)
{
	struct pw_dwarf *dwarf;
	struct pw_error *error = pw_dwarf_open_file(path, debug_dir, &dwarf);
	if (error)
		return fail(error);
	if (!dwarf) {
		fprintf(stderr, "make-layout: %s: no debug information\n", path);
		return 2;
	}
	pw_layout_from_dwarf(dwarf, ret, ret_found);
	pw_dwarf_close(dwarf);
	return 0;
}

static int add_layout(const char *path, const char *debug_dir, struct pw_layout *layout)
{
	struct pw_layout more;
	bool found;
	int failed = read_layout(path, debug_dir, &more, &found);
	for (size_t i = 0; !failed && i < PW_FIELD_COUNT; i++)
		if (layout->all[i].offset < 0)
			layout->all[i] = more.all[i];
	return failed;
}

static int run(char *const *paths, int count, const char *debug_dir, const char *variant,
	       const char *def, const char *from)
{
	struct pw_layout layout;
	bool found;
	int failed = read_layout(paths[0], debug_dir, &layout, &found);
	if (failed)
		return failed;
	if (!found) {
		fprintf(stderr, "make-layout: %s: its debug information has no CPython types\n",
			paths[0]);
		return 2;
	}
	for (int i = 1; i < count; i++)
		if ((failed = add_layout(paths[i], debug_dir, &layout)))
			return failed;
	return def ? check(&layout, def, variant, paths[0])
		   : print_section(&layout, variant, from, paths[0]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"debug-dir", required_argument, NULL, 'd'},
		{"variant", required_argument, NULL, 'v'},
		{"check", required_argument, NULL, 'c'},
		{"from", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *debug_dir = NULL, *variant = "default", *def = NULL, *from = NULL;
	int option;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			debug_dir = optarg;
			break;
		case 'v':
			variant = optarg;
			break;
		case 'c':
			def = optarg;
			break;
		case 'f':
			from = optarg;
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (argc - optind < 1) {
		fputs(usage, stderr);
		return 2;
	}
	return run(argv + optind, argc - optind, debug_dir, variant, def, from);
}
