/*
 * Names of linkage stubs, with objdump's as the truth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "names_run.h"

/* Linkage stubs, as objdump names them, at each of their instructions. */
static void check_stubs(const char *compiler, const char *flags)
{
	struct run run;
	char line[512], stub[512] = "";
	unsigned checked = 0;

	compile(compiler, flags, "stubs");
	start(&run, "stubs", NULL);
	struct pw_module *module = pw_modules_find(run.modules, run.places[0].address);
	assert_int_equal(shell("objdump -dC --no-show-raw-insn %s >%s.text", in_folder("stubs"),
			       in_folder("stubs")),
			 0);
	FILE *text = fopen(in_folder("stubs.text"), "r");
	assert_non_null(text);
	while (fgets(line, sizeof(line), text)) {
		char *name = strstr(line, " <"), *end = strstr(line, ">:\n");
		uint64_t address;
		int used = 0;
		if (name && end && line[0] != ' ') {
			*end = 0;
			bool is_stub = end - name > 6 && !memcmp(end - 4, "@plt", 4);
			snprintf(stub, sizeof(stub), "%s", is_stub ? name + 2 : "");
		} else if (stub[0] && sscanf(line, " %lx:%n", &address, &used) == 1 && used) {
			const struct pw_names *names =
				pw_modules_names(run.modules, module->bias + address, address % 2);
			assert_int_equal(names->count, 1);
			if (!names->items[0].function || strcmp(names->items[0].function, stub))
				fail_msg("%s: %s instead of %s at 0x%lx", flags,
					 names->items[0].function, stub, address);
			checked++;
		}
	}
	fclose(text);
	assert_true(checked >= 3);
	stop(&run);
}

static void test_stubs(void **state)
{
	if (!has("objdump"))
		skip();
	check_stubs("gcc", "-O2 -Wl,-z,lazy");
	check_stubs("gcc", "-O2 -no-pie -Wl,-z,now");
	check_stubs("gcc", "-O2 -fcf-protection -Wl,-z,lazy -Wl,-z,ibtplt");
	check_stubs("gcc", "-s -O2");
	if (has("g++"))
		check_stubs("g++", "-O2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stubs),
	};
	unsetenv("DEBUGINFOD_URLS");
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
