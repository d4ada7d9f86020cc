#include "python/runtime.h"

#include "python/salvage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CANDIDATES = 6 };

static void layout_error_add(char *tried, size_t size, const struct pw_layout *layout,
			     const char *check)
{
	size_t used = strlen(tried);
	snprintf(tried + used, size - used, "%s%s (%s)", used ? "; " : "", layout->description,
		 check);
}

/* A live target runs on while its layout is checked: what was caught in motion is looked at again.
 */
static enum pw_validity validate_patiently(struct pw_python *python, char *check, size_t size)
{
	enum { TRIES = 20, PAUSE_NS = 500000 };
	enum pw_validity validity = pw_layout_validate(python, check, size);
	for (int i = 1; i < TRIES && validity != PW_VALID && python->target->ops->stop; i++) {
		const struct timespec pause = {0, PAUSE_NS};
		nanosleep(&pause, NULL);
		pw_snapshot_end(python->target);
		pw_error_destroy(pw_snapshot_begin(python->target));
		validity = pw_layout_validate(python, check, size);
	}
	return validity;
}

/*
 * The same; a list that only a scan took for the interpreters' proves little: a cut core, or one
 * whose files are not here, is searched for thread states when it leads nowhere.
 */
static enum pw_validity validate(struct pw_python *python, char *check, size_t size)
{
	char searched[sizeof(python->validation)];
	enum pw_validity validity = validate_patiently(python, check, size);
	if (validity == PW_VALID || !pw_may_be_cut(python) ||
	    python->runtime_source != pw_scan_source)
		return validity;
	uint64_t head_slot = python->head_slot, runtime = python->runtime;
	python->head_slot = python->runtime = 0;
	python->runtime_source = "search for thread states";
	enum pw_validity other = validate_patiently(python, searched, sizeof(searched));
	if (other == PW_VALID || validity == PW_INVALID) {
		snprintf(check, size, "%s", searched);
		return other;
	}
	python->head_slot = head_slot;
	python->runtime = runtime;
	python->runtime_source = pw_scan_source;
	return validity;
}

/* Finds the list again for a layout that was tried before. */
static void settle_head(struct pw_python *python)
{
	char check[sizeof(python->validation)];
	pw_salvage_forget(python);
	if (pw_locate_head(python) && pw_may_be_cut(python))
		validate(python, check, sizeof(check));
}

/* Takes the first candidate that the target confirms; one that could not be checked for want of
 * memory is kept for when none is confirmed. */
static bool choose(struct pw_python *python, struct pw_layout *candidates, size_t count,
		   char *tried, size_t size)
{
	char check[sizeof(python->validation)];
	const struct pw_layout *unchecked = NULL;
	char unchecked_why[sizeof(python->validation)] = "";
	for (size_t i = 0; i < count; i++) {
		python->layout = candidates[i];
		python->code_type = 0;
		pw_salvage_forget(python);
		if (!pw_locate_head(python) && !pw_may_be_cut(python)) {
			layout_error_add(tried, size, &candidates[i],
					 "no list of interpreters found");
			continue;
		}
		switch (validate(python, check, sizeof(check))) {
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
	settle_head(python);
	memcpy(python->validation, unchecked_why, sizeof(unchecked_why));
	return true;
}

static struct pw_error *not_python(const struct pw_python *python)
{
	const char *executable = python->target->executable;
	return pw_error_create(
		PW_ERROR_NOT_PYTHON,
		"no CPython found in %s: looked for the symbols _PyRuntime and "
		"PyInterpreterState_Head, the section .PyRuntime and the debug cookie in "
		"%zu modules",
		executable ? executable : "the target", python->modules->count);
}

const char *pw_eval_name(const struct pw_python *python)
{
	return python->layout.traits.python2 ? "PyEval_EvalFrameEx" : "_PyEval_EvalFrameDefault";
}

bool pw_eval_in_prologue(const struct pw_python *python, uint64_t pc)
{
	/* 3.12.1: +0x34 to +0xa6 of the function; twice as much leaves room for other compilers. */
	enum { PROLOGUE = 0x180 };
	enum pw_frame_model model = python->layout.traits.frames;
	return (model == PW_FRAMES_CFRAME || model == PW_FRAMES_SHIM_CFRAME) && python->eval &&
	       pc > python->eval && pc - python->eval < PROLOGUE;
}

static struct pw_error *find(struct pw_target *target, struct pw_modules *modules,
			     const char *layouts_dir, struct pw_python *ret)
{
	struct pw_layout candidates[CANDIDATES];
	char tried[1024] = "";
	size_t count = 0;
	*ret = (struct pw_python){
		.target = target, .modules = modules, .runtime_source = "not found"};
	ret->id.modules = modules;
	pw_locate_symbols(ret);
	/* A cut core may have lost the module that holds the interpreter, but not its frames. */
	if (!ret->runtime && !ret->id.module && !target->symbol && !pw_may_be_cut(ret))
		return not_python(ret);
	if (!pw_version_detect(ret))
		return not_python(ret);

	struct pw_error *error =
		pw_layout_find(&ret->id, layouts_dir, candidates, CANDIDATES, &count);
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
		settle_head(ret);
		pw_error_destroy(dwarf_error);
		return NULL;
	}
	/* Only names speak of Python: its library is not loaded yet, say. */
	if (!ret->runtime && !ret->head_slot && !ret->id.module) {
		pw_error_destroy(error);
		pw_error_destroy(dwarf_error);
		return not_python(ret);
	}
	struct pw_error *failure =
		pw_error_create(PW_ERROR_LAYOUT, "CPython %s: no layout fits; %s%s%s", ret->version,
				tried, error ? pw_error_message(error) : "",
				dwarf_error ? pw_error_message(dwarf_error) : "");
	pw_error_destroy(error);
	pw_error_destroy(dwarf_error);
	return failure;
}

void pw_python_deinit(struct pw_python *python)
{
	pw_salvage_forget(python);
}

struct pw_error *pw_python_find(struct pw_target *target, struct pw_modules *modules,
				const char *layouts_dir, struct pw_python *ret)
{
	struct pw_error *error = find(target, modules, layouts_dir, ret);
	if (!error)
		ret->eval = pw_locate_symbol(ret, pw_eval_name(ret));
	return error;
}
