#include "python/runtime.h"

#include <stdio.h>
#include <string.h>

enum { CANDIDATES = 6 };

static void layout_error_add(char *tried, size_t size, const struct pw_layout *layout, const char *check)
{
	size_t used = strlen(tried);
	snprintf(tried + used, size - used, "%s%s (%s)", used ? "; " : "", layout->description, check);
}

/* Takes the first candidate that the target confirms; one that could not be checked for want of memory is
 * kept for when none is confirmed. */
static bool choose(struct pw_python *python, struct pw_layout *candidates, size_t count, char *tried,
		   size_t size)
{
	char check[sizeof(python->validation)];
	const struct pw_layout *unchecked = NULL;
	char unchecked_why[sizeof(python->validation)] = "";
	for (size_t i = 0; i < count; i++) {
		python->layout = candidates[i];
		if (!pw_locate_head(python)) {
			layout_error_add(tried, size, &candidates[i], "no list of interpreters found");
			continue;
		}
		switch (pw_layout_validate(python, check, sizeof(check))) {
		case PW_VALID:
			python->validation[0] = 0;
			return true;
		case PW_UNCHECKABLE:
			if (!unchecked) {
				unchecked = &candidates[i];
				snprintf(unchecked_why, sizeof(unchecked_why), "%s", check);
			}
			break;
		case PW_INVALID:
			layout_error_add(tried, size, &candidates[i], check);
			break;
		}
	}
	if (!unchecked)
		return false;
	python->layout = *unchecked;
	pw_locate_head(python);
	memcpy(python->validation, unchecked_why, sizeof(unchecked_why));
	return true;
}

static struct pw_error *not_python(const struct pw_python *python)
{
	const char *executable = python->target->executable;
	return pw_error_create(PW_ERROR_NOT_PYTHON,
			       "no CPython found in %s: looked for the symbols _PyRuntime and "
			       "PyInterpreterState_Head, the section .PyRuntime and the debug cookie in "
			       "%zu modules",
			       executable ? executable : "the target", python->modules->count);
}

struct pw_error *pw_python_find(struct pw_target *target, struct pw_modules *modules,
				const char *layouts_dir, struct pw_python *ret)
{
	struct pw_layout candidates[CANDIDATES];
	char tried[1024] = "";
	size_t count = 0;
	*ret = (struct pw_python){.target = target, .modules = modules, .runtime_source = "not found"};
	ret->id.modules = modules;
	pw_locate_symbols(ret);
	if (!ret->runtime && !ret->id.module && !target->symbol)
		return not_python(ret);
	if (!pw_version_detect(ret))
		return not_python(ret);

	struct pw_error *error = pw_layout_find(&ret->id, layouts_dir, candidates, CANDIDATES, &count);
	if (error && pw_error_code(error) != PW_ERROR_LAYOUT)
		return error;
	if (!error && choose(ret, candidates, count, tried, sizeof(tried)) && !*ret->validation)
		return NULL;
	bool unchecked = !error && *ret->validation;
	struct pw_layout kept = ret->layout;
	char why[sizeof(ret->validation)];
	memcpy(why, ret->validation, sizeof(why));

	/* Debug information is slow to open: only when nothing else was confirmed. */
	struct pw_error *dwarf_error =
		pw_layout_find_dwarf(&ret->id, candidates, CANDIDATES, &count);
	if (!dwarf_error && choose(ret, candidates, count, tried, sizeof(tried)) &&
	    (!*ret->validation || !unchecked)) {
		pw_error_destroy(error);
		return NULL;
	}
	if (unchecked) {
		ret->layout = kept;
		memcpy(ret->validation, why, sizeof(why));
		pw_locate_head(ret);
		pw_error_destroy(dwarf_error);
		return NULL;
	}
	struct pw_error *failure = pw_error_create(
		PW_ERROR_LAYOUT, "CPython %s: no layout fits; %s%s%s", ret->version, tried,
		error ? pw_error_message(error) : "", dwarf_error ? pw_error_message(dwarf_error) : "");
	pw_error_destroy(error);
	pw_error_destroy(dwarf_error);
	return failure;
}
