/*
 * Modules: this program and its libraries seen through a target of mappings and reads, against what
 * the dynamic linker says of them; then the same bytes damaged in many ways.
 */
#include "base/clock.h"
#include "binary/elf_private.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

enum { IMAGE_BASE = 0x10000000, DAMAGES = 300 };

int test_module_data[5] = {1};
int test_module_bss[1000];
static int local_data[3] = {2};

/* Not static: it must keep its name and frame under every compiler. */
int test_module_function(int x);
__attribute__((noinline)) int test_module_function(int x)
{
	return x + test_module_data[0] + local_data[1] + test_module_bss[2];
}

/* A target in this process's memory, or one file laid out in a buffer at IMAGE_BASE. */
struct fake {
	struct pw_target base;
	uint8_t *image;
	size_t image_size;
};

static struct pw_error *fake_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct fake *fake = (struct fake *)target;

	*ret_done = 0;
	*ret_supplier = PW_SUPPLIER_PROCESS;
	if (!fake->image) {
		struct iovec local = {buffer, length},
			     remote = {(void *)(uintptr_t)address, length};
		ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		*ret_done = n > 0 ? (size_t)n : 0;
		return NULL;
	}
	if (address < IMAGE_BASE || address - IMAGE_BASE >= fake->image_size)
		return NULL;
	size_t at = address - IMAGE_BASE, left = fake->image_size - at;
	*ret_done = length < left ? length : left;
	memcpy(buffer, fake->image + at, *ret_done);
	return NULL;
}

static const struct pw_target_ops fake_ops = {.kind = "process", .read = fake_read};

static void fake_map(struct fake *fake, const struct pw_mapping *mapping)
{
	struct pw_target *t = &fake->base;

	t->mappings = realloc(t->mappings, (t->mapping_count + 1) * sizeof(*t->mappings));
	assert_non_null(t->mappings);
	struct pw_mapping *m = &t->mappings[t->mapping_count++];
	*m = *mapping;
	m->path = mapping->path ? strdup(mapping->path) : NULL;
	m->host_path = mapping->host_path ? strdup(mapping->host_path) : NULL;
}

static void fake_deinit(struct fake *fake)
{
	for (size_t i = 0; i < fake->base.mapping_count; i++) {
		free(fake->base.mappings[i].path);
		free(fake->base.mappings[i].host_path);
	}
	free(fake->base.mappings);
	free(fake->image);
}

/* This process; `only`: files whose path contains it; `hide`: files cannot be opened. */
static void fake_self(struct fake *fake, const char *only, bool hide)
{
	char line[4200], path[4096], permissions[5];
	FILE *maps = fopen("/proc/self/maps", "r");

	*fake = (struct fake){.base = {.ops = &fake_ops, .arch = pw_arch_host(), .root = ""}};
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		struct pw_mapping m = {0};
		path[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %4095[^\n]",
			   &m.start, &m.end, permissions, &m.offset, path) < 4)
			continue;
		if (path[0] == '/' && !strstr(path, only))
			continue;
		m.readable = permissions[0] == 'r';
		m.writable = permissions[1] == 'w';
		m.executable = permissions[2] == 'x';
		m.host_path = path[0] == '/' && !hide ? path : NULL;
		char hidden[4200];
		snprintf(hidden, sizeof(hidden), "%s%s", hide && path[0] == '/' ? "/hidden" : "",
			 path);
		m.path = path[0] ? hidden : NULL;
		fake_map(fake, &m);
	}
	fclose(maps);
}

static struct pw_module *module_of(struct pw_modules *modules, const void *address)
{
	struct pw_module *module = pw_modules_find(modules, (uintptr_t)address);
	assert_non_null(module);
	return module;
}

static struct pw_modules *create(struct fake *fake)
{
	struct pw_modules *modules;
	assert_null(pw_modules_create(&fake->base, NULL, &modules));
	return modules;
}

static void check_symbol(struct pw_modules *modules, const char *name, const void *address)
{
	struct pw_symbol symbol;
	struct pw_module *module;

	for (int again = 0; again < 2; again++) {
		assert_true(pw_modules_symbol(modules, name, &symbol, &module));
		assert_int_equal(symbol.address, (uintptr_t)address);
		assert_string_equal(symbol.name, name);
		assert_ptr_equal(module, module_of(modules, address));
	}
}

static bool in_ranges(uint64_t (*ranges)[2], size_t count, const void *address)
{
	for (size_t i = 0; i < count; i++) {
		if ((uintptr_t)address >= ranges[i][0] && (uintptr_t)address < ranges[i][1])
			return true;
	}
	return false;
}

static void test_own_file(void **state)
{
	struct fake fake;
	fake_self(&fake, "/", false);
	struct pw_modules *modules = create(&fake);
	struct pw_module *module = module_of(modules, test_module_data);
	struct pw_symbol symbol;
	uint64_t start, end, ranges[16][2];

	assert_string_equal(module->file_state, "ok");
	assert_true(module->build_id_length > 0);
	check_symbol(modules, "test_module_function", (void *)test_module_function);
	check_symbol(modules, "test_module_data", test_module_data);
	check_symbol(modules, "local_data", local_data);
	check_symbol(modules, "test_module_bss", test_module_bss);
	assert_false(pw_modules_symbol(modules, "no_such_symbol", &symbol, NULL));
	assert_false(pw_modules_symbol(modules, "no_such_symbol", &symbol, NULL));
	assert_false(pw_modules_symbol(modules, "", &symbol, NULL));

	uint64_t inside = (uintptr_t)test_module_function + 2;
	assert_true(pw_modules_symbolize(modules, inside, &symbol, NULL));
	assert_string_equal(symbol.name, "test_module_function");
	assert_true(pw_module_function(modules, inside, &start, &end));
	assert_int_equal(start, (uintptr_t)test_module_function);
	assert_int_equal(end - start, symbol.size);

	size_t count = pw_module_writable(modules, module, ranges, 16);
	assert_true(in_ranges(ranges, count, test_module_data));
	assert_true(in_ranges(ranges, count, &test_module_bss[999]));
	assert_false(in_ranges(ranges, count, (void *)test_module_function));
	count = pw_module_readonly(modules, module, ranges, 16);
	assert_true(in_ranges(ranges, count, (void *)test_module_function));
	assert_int_equal(pw_module_readonly(modules, module, ranges, 1), 1);

	uint64_t address, size;
	assert_true(pw_module_section(modules, module, ".data", &address, &size));
	assert_in_range((uintptr_t)test_module_data, address, address + size - 1);
	assert_false(pw_module_section(modules, module, ".nothing", &address, &size));
	assert_false(pw_modules_symbolize(modules, (uintptr_t)&fake, &symbol, NULL));
	assert_null(pw_modules_find(modules, 1));
	assert_null(pw_modules_find(modules, UINT64_MAX));
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

/* libc from its memory alone; a function that no sanitizer puts its own in front of. */
static void test_libc_memory(void **state)
{
	struct fake fake;
	struct pw_symbol symbol;
	uint64_t start, end;
	void *function = dlsym(RTLD_NEXT, "getsubopt");
	Dl_info info;

	assert_true(dladdr(function, &info));
	fake_self(&fake, "libc.so", true);
	struct pw_modules *modules = create(&fake);
	struct pw_module *module = module_of(modules, function);
	assert_string_equal(module->file_state, "missing");
	assert_int_equal(module->bias, (uintptr_t)info.dli_fbase);
	check_symbol(modules, "getsubopt", function);
	assert_true(pw_modules_symbolize(modules, (uintptr_t)function + 1, &symbol, NULL));
	assert_string_equal(symbol.name, "getsubopt");
	assert_true(pw_module_function(modules, (uintptr_t)function + 1, &start, &end));
	assert_int_equal(start, (uintptr_t)function);
	assert_false(pw_module_section(modules, module, ".data", &start, &end));
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

static void test_vdso(void **state)
{
	struct fake fake;
	struct pw_symbol symbol;
	struct pw_module *module;

	fake_self(&fake, "libc.so", false);
	struct pw_modules *modules = create(&fake);
	if (pw_modules_symbol(modules, "__vdso_clock_gettime", &symbol, &module))
		assert_string_equal(module->path, "[vdso]");
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

static uint8_t *read_self(size_t *ret_size)
{
	FILE *file = fopen("/proc/self/exe", "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size_t size = (size_t)ftell(file);
	rewind(file);
	uint8_t *bytes = malloc(size);
	assert_int_equal(fread(bytes, 1, size, file), size);
	fclose(file);
	*ret_size = size;
	return bytes;
}

/* This program's file laid out as a loader does, its pointers not relocated. */
static void fake_image(struct fake *fake, const char *host_path)
{
	size_t size;
	uint8_t *file = read_self(&size);
	const Elf64_Ehdr *ehdr = (const void *)file;
	const Elf64_Phdr *phdrs = (const void *)(file + ehdr->e_phoff);

	*fake = (struct fake){.base = {.ops = &fake_ops, .arch = pw_arch_host(), .root = ""}};
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		const Elf64_Phdr *p = &phdrs[i];
		if (p->p_type != PT_LOAD)
			continue;
		uint64_t page = p->p_vaddr & ~UINT64_C(4095);
		uint64_t end = (p->p_vaddr + p->p_memsz + 4095) & ~UINT64_C(4095);
		fake->image = realloc(fake->image, end);
		memset(fake->image + fake->image_size, 0, end - fake->image_size);
		fake->image_size = end;
		memcpy(fake->image + p->p_vaddr, file + p->p_offset, p->p_filesz);
		fake_map(fake, &(struct pw_mapping){
				       .start = IMAGE_BASE + page,
				       .end = IMAGE_BASE + end,
				       .offset = p->p_offset & ~UINT64_C(4095),
				       .readable = true,
				       .writable = p->p_flags & PF_W,
				       .executable = p->p_flags & PF_X,
				       .path = "/some/program",
				       .host_path = (char *)host_path,
			       });
	}
	free(file);
}

static char *write_copy(const uint8_t *bytes, size_t size)
{
	char *path = strdup("/tmp/test_module.XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	return path;
}

static void rename_mappings(struct fake *fake, const char *path)
{
	for (size_t i = 0; i < fake->base.mapping_count; i++) {
		free(fake->base.mappings[i].path);
		fake->base.mappings[i].path = strdup(path);
	}
}

static const char *state_with(const char *host_path, const char *path)
{
	struct fake fake;
	fake_image(&fake, host_path);
	rename_mappings(&fake, path);
	struct pw_modules *modules = create(&fake);
	assert_int_equal(modules->count, 1);
	assert_int_equal(modules->items[0].bias, IMAGE_BASE);
	const char *file_state = modules->items[0].file_state;
	pw_modules_destroy(modules);
	fake_deinit(&fake);
	return file_state;
}

static void test_file_states(void **state)
{
	Dl_info info;

	assert_true(dladdr(dlsym(RTLD_NEXT, "getsubopt"), &info));
	assert_string_equal(state_with("/proc/self/exe", "/x"), "ok");
	assert_string_equal(state_with(NULL, "/no/such/file"), "missing");
	assert_string_equal(state_with(NULL, "/no/such/file (deleted)"), "deleted");
	assert_string_equal(state_with(info.dli_fname, "/x"), "other build");
	assert_string_equal(state_with(info.dli_fname, "/x (deleted)"), "deleted");
	assert_string_equal(state_with("/dev/null", "/x"), "other build");
}

/* Another library in the place of one, and one that seems to be another. */
static void test_replaced(void **state)
{
	struct fake fake;
	Dl_info info;
	bool changed;
	unsigned updates = 0;

	fake_image(&fake, "/proc/self/exe");
	struct pw_modules *modules = create(&fake);
	struct pw_module *module = &modules->items[0];
	assert_true(pw_module_is_there(modules, module));
	fake.image[sizeof(Elf64_Ehdr) + 40] ^= 1; /* a size of the first program header */
	assert_false(pw_module_is_there(modules, module));
	fake.image[sizeof(Elf64_Ehdr) + 40] ^= 1;
	assert_true(pw_module_is_there(modules, module));
	size_t size = fake.image_size;
	fake.image_size = 100;
	assert_false(pw_module_is_there(modules, module));
	fake.image_size = size;
	assert_false(pw_modules_are_doubtful(modules));
	assert_null(pw_modules_update(modules, &changed));
	assert_false(changed);
	pw_modules_destroy(modules);
	fake_deinit(&fake);

	assert_true(dladdr(dlsym(RTLD_NEXT, "getsubopt"), &info));
	fake_image(&fake, info.dli_fname);
	modules = create(&fake);
	while (pw_modules_are_doubtful(modules)) {
		assert_false(pw_module_is_there(modules, &modules->items[0]));
		assert_null(pw_modules_update(modules, &changed));
		assert_true(changed && updates++ < 10);
	}
	assert_true(updates > 0);
	assert_string_equal(modules->items[0].file_state, "other build");
	assert_true(pw_module_is_there(modules, &modules->items[0]));
	assert_null(pw_modules_update(modules, &changed));
	assert_false(changed);
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

/* What was looked at earlier may have been in another one's code. */
static void test_since(void **state)
{
	struct fake fake;
	bool changed;

	fake_image(&fake, "/proc/self/exe");
	struct pw_modules *modules = create(&fake);
	assert_int_equal(modules->items[0].since, 0);
	uint64_t before = pw_now();
	rename_mappings(&fake, "/another");
	assert_null(pw_modules_update(modules, &changed));
	assert_true(changed && modules->items[0].since >= before);

	size_t count = fake.base.mapping_count;
	fake.base.mapping_count = 0;
	assert_null(pw_modules_update(modules, &changed));
	assert_true(changed && modules->count == 0);
	uint64_t gone = pw_now();
	fake.base.mapping_count = count;
	assert_null(pw_modules_update(modules, &changed));
	assert_true(changed && modules->items[0].since >= before &&
		    modules->items[0].since <= gone);
	uint64_t since = modules->items[0].since;
	assert_null(pw_modules_update(modules, &changed));
	assert_true(!changed && modules->items[0].since == since);
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

static void test_no_section_headers(void **state)
{
	size_t size;
	uint8_t *bytes = read_self(&size);
	Elf64_Ehdr *ehdr = (void *)bytes;
	struct pw_symbol symbol;
	uint64_t start, end;
	struct fake fake;

	ehdr->e_shoff = 0;
	ehdr->e_shnum = ehdr->e_shstrndx = 0;
	char *path = write_copy(bytes, size);
	fake_image(&fake, path);
	struct pw_modules *modules = create(&fake);
	struct pw_module *module = &modules->items[0];
	Dl_info info;
	assert_true(dladdr((void *)test_module_function, &info));
	uint64_t function =
		IMAGE_BASE + ((uintptr_t)test_module_function - (uintptr_t)info.dli_fbase);
	assert_string_equal(module->file_state, "ok");
	assert_false(pw_module_section(modules, module, ".data", &start, &end));
	assert_false(pw_module_symbol(modules, module, "local_data", &symbol));
	assert_true(pw_module_function(modules, function, &start, &end));
	assert_int_equal(start, function);
	pw_modules_destroy(modules);
	fake_deinit(&fake);
	unlink(path);
	free(path);
	free(bytes);
}

/* A core without the first page: the bias follows from the other mappings and the file. */
static void test_first_page_missing(void **state)
{
	struct fake fake;
	struct pw_symbol symbol;

	fake_image(&fake, "/proc/self/exe");
	free(fake.base.mappings[0].path);
	free(fake.base.mappings[0].host_path);
	fake.base.mapping_count--;
	memmove(fake.base.mappings, fake.base.mappings + 1,
		fake.base.mapping_count * sizeof(fake.base.mappings[0]));
	struct pw_modules *modules = create(&fake);
	assert_int_equal(modules->count, 1);
	assert_int_equal(modules->items[0].bias, IMAGE_BASE);
	assert_string_equal(modules->items[0].file_state, "unchecked");
	assert_true(pw_modules_symbol(modules, "local_data", &symbol, NULL));
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

/* The program reads its own file through a mapping: that is no module. */
static void test_mapped_as_data(void **state)
{
	struct fake fake;

	fake_image(&fake, "/proc/self/exe");
	struct pw_mapping whole = {
		.start = IMAGE_BASE + fake.image_size,
		.end = IMAGE_BASE + fake.image_size + 0x400000,
		.readable = true,
		.path = "/some/program",
		.host_path = "/proc/self/exe",
	};
	fake_map(&fake, &whole);
	struct pw_modules *modules = create(&fake);
	assert_int_equal(modules->count, 1);
	assert_true(modules->items[0].end <= IMAGE_BASE + fake.image_size);
	pw_modules_destroy(modules);
	fake_deinit(&fake);
}

static void test_notes(void **state)
{
	uint8_t id[PW_BUILD_ID_MAX];
	const uint32_t good[] = {4, 3, 3, 0x554e47, 0x030201};
	const uint32_t long_name[] = {UINT32_MAX, 3, 3, 0x554e47, 0x030201};
	const uint32_t long_desc[] = {4, UINT32_MAX, 3, 0x554e47, 0x030201};
	const uint32_t two[] = {4, 2, 1, 0x554e47, 0, 4, 3, 3, 0x554e47, 0x030201};

	assert_int_equal(pw_note_build_id((const void *)good, sizeof(good), 4, id), 3);
	assert_memory_equal(id, "\1\2\3", 3);
	assert_int_equal(pw_note_build_id((const void *)two, sizeof(two), 4, id), 3);
	assert_int_equal(pw_note_build_id((const void *)long_name, sizeof(long_name), 4, id), 0);
	assert_int_equal(pw_note_build_id((const void *)long_desc, sizeof(long_desc), 4, id), 0);
	for (size_t cut = 0; cut < sizeof(good) - 1; cut++)
		assert_int_equal(pw_note_build_id((const void *)good, cut, 4, id), 0);
}

static void ask_everything(struct fake *fake)
{
	struct pw_modules *modules;
	struct pw_symbol symbol;
	uint64_t a, b, ranges[8][2];

	pw_auto_error struct pw_error *error = pw_modules_create(&fake->base, "/nowhere", &modules);
	if (error)
		return;
	pw_modules_symbol(modules, "test_module_function", &symbol, NULL);
	for (uint64_t at = 0; at < fake->image_size; at += fake->image_size / 64 + 1) {
		pw_modules_symbolize(modules, IMAGE_BASE + at, &symbol, NULL);
		pw_module_function(modules, IMAGE_BASE + at, &a, &b);
	}
	for (size_t i = 0; i < modules->count; i++) {
		struct pw_module *module = &modules->items[i];
		pw_module_section(modules, module, ".data", &a, &b);
		size_t count = pw_module_writable(modules, module, ranges, 8);
		for (size_t j = 0; j < count; j++)
			assert_true(ranges[j][0] >= module->start && ranges[j][1] <= module->end &&
				    ranges[j][0] < ranges[j][1]);
	}
	pw_modules_destroy(modules);
}

/* Where a damage tells: headers, notes, dynamic section, hash table, call-frame information. */
static size_t interesting(const uint8_t *bytes, size_t size, bool is_file, unsigned *seed)
{
	const Elf64_Ehdr *ehdr = (const void *)bytes;
	const Elf64_Phdr *phdrs = (const void *)(bytes + sizeof(*ehdr));
	const Elf64_Phdr *p = &phdrs[(unsigned)rand_r(seed) % 12];
	unsigned pick = (unsigned)rand_r(seed);

	if (is_file && pick % 2) /* the section headers are last */
		return size - 1 - (unsigned)rand_r(seed) % (40 * sizeof(Elf64_Shdr));
	uint64_t at = is_file ? p->p_offset : p->p_vaddr;
	if (pick % 3 || p->p_filesz == 0 || at + p->p_filesz > size)
		return is_file ? (unsigned)rand_r(seed) % size : (unsigned)rand_r(seed) % 0x1000;
	return at + (unsigned)rand_r(seed) % (p->p_filesz < 512 ? p->p_filesz : 512);
}

static void test_damaged_memory(void **state)
{
	struct fake fake;
	unsigned seed = 1;

	fake_image(&fake, NULL);
	uint8_t *good = malloc(fake.image_size);
	memcpy(good, fake.image, fake.image_size);
	for (int i = 0; i < DAMAGES; i++) {
		for (int n = 0; n < 1 + i % 4; n++) {
			size_t at = interesting(good, fake.image_size, false, &seed);
			fake.image[at] = i % 3 ? (uint8_t)rand_r(&seed) : 0xff;
		}
		ask_everything(&fake);
		memcpy(fake.image, good, fake.image_size);
	}
	free(good);
	fake_deinit(&fake);
}

static void test_damaged_file(void **state)
{
	size_t size;
	uint8_t *good = read_self(&size), *bad = malloc(size);
	unsigned seed = 2;

	for (int i = 0; i < DAMAGES / 3; i++) {
		struct fake fake;
		memcpy(bad, good, size);
		for (int n = 0; n < 1 + i % 4; n++)
			bad[interesting(good, size, true, &seed)] =
				i % 3 ? (uint8_t)rand_r(&seed) : 0xff;
		char *path = write_copy(bad, i % 10 == 9 ? size / 2 : size);
		fake_image(&fake, path);
		ask_everything(&fake);
		fake_deinit(&fake);
		unlink(path);
		free(path);
	}
	free(good);
	free(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_file),
		cmocka_unit_test(test_libc_memory),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_file_states),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_no_section_headers),
		cmocka_unit_test(test_first_page_missing),
		cmocka_unit_test(test_mapped_as_data),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_damaged_memory),
		cmocka_unit_test(test_damaged_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
