/*
 * Whole walks: over stacks made by hand, whose code is assembled here; and over this program's own
 * stack within a signal handler, as libgcc unwinds it.
 */
#include "binary/cfi.h"
#include "stack/native.h"

#include <execinfo.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>

#include <cmocka.h>

#include "folder.h"
#include "rows.h"

#include "loaded.h"

/*
 * start is nobody's callee.  evaluate stands for the interpreter's function: a frame of 32 bytes
 * with its return address.  leaf has none of its own.  The others are hard to leave.
 */
static const char source[] =
	"nop\n.cfi_endproc\n"
	".globl back_start, evaluate, back_direct, back_indirect, back_framed, back_bare\n"
	"start: .cfi_startproc\n.cfi_undefined %rip\n"
	"call evaluate_local\nback_start: nop\n.cfi_endproc\n"
	"evaluate: evaluate_local: .cfi_startproc\n"
	"sub $24, %rsp\n.cfi_def_cfa_offset 32\n"
	"call leaf_local\nback_direct: call *%rax\nback_indirect: call framed_local\n"
	"back_framed: call bare_local\nback_bare: nop\nret\n.cfi_endproc\n"
	".globl leaf\n"
	"leaf: leaf_local: .cfi_startproc\nnop\nret\n.cfi_endproc\n"
	".globl in_framed\n"
	"framed_local: .cfi_startproc\n"
	"push %rbp\nmov %rsp, %rbp\n.cfi_def_cfa %rbp, 16\n.cfi_offset %rbp, -16\n"
	"push %rbx\nsub $24, %rsp\nin_framed: nop\nleave\nret\n.cfi_endproc\n"
	/* Without call-frame information. */
	".globl nameless, trampoline, bare, in_bare, recorded, in_recorded\n"
	"call leaf_local\nnameless: nop\nret\n"
	"nop\ntrampoline: mov $15, %rax\nsyscall\nnop; nop; nop; nop; nop; nop; nop\n"
	".type bare, @function\nbare: bare_local: sub $8, %rsp\nin_bare: nop\nret\n"
	".size bare, . - bare\n"
	".type recorded, @function\nrecorded: push %rbp\nmov %rsp, %rbp\n"
	"in_recorded: nop\nret\n.size recorded, . - recorded\n"
	/* They return to themselves for ever: to the same stack pointer, and to lower ones. */
	".globl circle, falling\n"
	"circle: .cfi_startproc\n.cfi_signal_frame\n.cfi_def_cfa %rsp, 0\n"
	".cfi_register %rip, %rbx\nnop\n.cfi_endproc\n"
	"falling: .cfi_startproc\n.cfi_signal_frame\n.cfi_def_cfa %rsp, -8\n"
	".cfi_register %rip, %rbx\nnop\n";

static struct loaded loaded;
static struct pw_native_walk walk;

static void begin(void)
{
	need_x86_64();
	load(&loaded, assemble(source, ""));
}

static void end(void)
{
	unload(&loaded);
}

static uint64_t at(size_t word)
{
	return STACK_BASE + word * 8;
}

static void put(size_t word, const char *name)
{
	loaded.stack[word] = symbol(&loaded, name);
}

static struct pw_regs regs_in(const char *name, size_t word)
{
	return (struct pw_regs){.pc = symbol(&loaded, name), .sp = at(word)};
}

static void walk_from(const struct pw_regs *regs, uint64_t anchor)
{
	struct pw_session session = {
		.target = &loaded.base, .modules = loaded.modules, .search_left = 1 << 20};
	struct pw_native_hints hints = {.anchors = &anchor, .anchor_count = anchor ? 1 : 0};
	session.python.eval = symbol(&loaded, "evaluate");
	pw_native_walk(&session, regs, &hints, &walk);
}

/* The frame is at this place. */
static void expect(size_t frame, const char *name, size_t word)
{
	assert_in_range(frame, 0, walk.count - 1);
	assert_int_equal(walk.frames[frame].pc, symbol(&loaded, name));
	assert_int_equal(walk.frames[frame].sp, at(word));
	assert_null(walk.frames[frame].reason);
}

static void expect_end(enum pw_native_end reason, size_t count)
{
	if (walk.end != reason)
		print_error("%s\n", walk.end_message);
	assert_int_equal(walk.end, reason);
	assert_int_equal(walk.count, count);
	pw_native_walk_deinit(&walk);
}

/* evaluate's frame from that word on, then start's. */
static void put_evaluate(size_t word, const char *back)
{
	put(word - 1, back);
	put(word + 3, "back_start");
}

static void test_to_bottom(void **state)
{
	begin();
	put_evaluate(1, "back_direct");
	struct pw_regs regs = regs_in("leaf", 0);
	walk_from(&regs, 0);
	expect(0, "leaf", 0);
	expect(1, "back_direct", 1);
	expect(2, "back_start", 5);
	assert_int_equal(walk.frames[1].cfa, at(5));
	expect_end(PW_NATIVE_END_COMPLETE, 3);
	end();
}

static void test_ends(void **state)
{
	begin();
	struct pw_regs none = {0}, regs = regs_in("leaf", STACK_WORDS - 1);
	walk_from(&none, 0);
	assert_true(walk.wants_registers);
	expect_end(PW_NATIVE_END_REGISTERS, 0);

	put(STACK_WORDS - 1, "back_direct");
	walk_from(&regs, 0);
	assert_int_equal(walk.missing, at(STACK_WORDS + 3));
	expect_end(PW_NATIVE_END_UNREADABLE, 2);

	loaded.stack[STACK_WORDS - 1] = at(0);
	walk_from(&regs, 0);
	expect_end(PW_NATIVE_END_CORRUPT, 1);

	regs = regs_in("in_framed", 0);
	walk_from(&regs, 0);
	assert_true(walk.wants_registers);
	expect_end(PW_NATIVE_END_REGISTERS, 1);

	regs = regs_in("nameless", 0);
	walk_from(&regs, 0);
	assert_int_equal(walk.end_address, regs.pc);
	expect_end(PW_NATIVE_END_NO_CFI, 1);
	end();
}

/* A frame pointer that nobody told. */
static void test_solved(void **state)
{
	begin();
	put_evaluate(6, "back_framed");
	struct pw_regs regs = regs_in("in_framed", 0);
	walk_from(&regs, 0);
	expect(1, "back_framed", 6);
	expect_end(PW_NATIVE_END_COMPLETE, 3);

	memset(loaded.stack, 0, sizeof(loaded.stack));
	put_evaluate(2, "back_bare");
	regs = regs_in("in_bare", 0);
	walk_from(&regs, 0);
	expect(1, "back_bare", 2);
	expect_end(PW_NATIVE_END_COMPLETE, 3);
	end();
}

static void test_record(void **state)
{
	begin();
	put_evaluate(12, "back_indirect");
	struct pw_regs regs = regs_in("in_recorded", 0);
	pw_regs_set(&regs, 6, at(10));
	walk_from(&regs, 0);
	expect(1, "back_indirect", 12);
	expect_end(PW_NATIVE_END_COMPLETE, 3);
	/* No frame but the interpreter's own holds an anchor: that pointer was another's. */
	walk_from(&regs, at(9));
	expect_end(PW_NATIVE_END_NO_CFI, 1);
	end();
}

/* A call of a null pointer, and of data: nothing ran there. */
static void test_nowhere(void **state)
{
	begin();
	put_evaluate(1, "back_indirect");
	struct pw_regs regs = {.pc = 0, .sp = at(0)};
	walk_from(&regs, 0);
	assert_int_equal(walk.frames[0].pc, 0);
	expect(1, "back_indirect", 1);
	expect_end(PW_NATIVE_END_COMPLETE, 3);
	regs.pc = at(100);
	walk_from(&regs, 0);
	expect_end(PW_NATIVE_END_COMPLETE, 3);
	/* Not behind a call. */
	put(0, "leaf");
	walk_from(&regs, 0);
	assert_int_equal(walk.count, 1);
	assert_int_not_equal(walk.end, PW_NATIVE_END_COMPLETE);
	pw_native_walk_deinit(&walk);
	end();
}

/* Behind code that nobody describes, the frame that holds the anchor. */
static void test_gap(void **state)
{
	begin();
	put(0, "nameless");
	put_evaluate(11, "back_indirect");
	struct pw_regs regs = regs_in("leaf", 0);
	/* Left over from earlier calls: below the anchor's frame, and one that would hold it. */
	put(5, "back_indirect");
	put(11, "back_indirect");
	walk_from(&regs, at(12));
	expect(0, "leaf", 0);
	expect(1, "nameless", 1);
	assert_int_equal(walk.frames[2].pc, symbol(&loaded, "nameless"));
	assert_non_null(walk.frames[2].reason);
	assert_non_null(strstr(walk.frames[2].reason, "no call-frame information"));
	assert_int_equal(walk.gap_count, 1);
	expect(3, "back_indirect", 11);
	expect(4, "back_start", 15);
	expect_end(PW_NATIVE_END_COMPLETE, 5);
	/* Nothing there that could be its frame. */
	walk_from(&regs, at(40));
	expect_end(PW_NATIVE_END_NO_CFI, 2);
	end();
}

/* Where no anchor is on the stack, the frame that holds the frame object. */
static void test_gap_by_pointer(void **state)
{
	begin();
	enum { FRAME_OBJECT = 0x12345678 };
	uint64_t pointer = FRAME_OBJECT;
	struct pw_session session = {
		.target = &loaded.base, .modules = loaded.modules, .search_left = 1 << 20};
	session.python.eval = symbol(&loaded, "evaluate");
	struct pw_native_hints hints = {.pointers = &pointer, .pointer_count = 1};
	struct pw_regs regs = regs_in("nameless", 0);
	/* Left over from an earlier call, and the one that runs the frame. */
	put_evaluate(5, "back_indirect");
	put_evaluate(11, "back_indirect");
	loaded.stack[12] = FRAME_OBJECT;
	pw_native_walk(&session, &regs, &hints, &walk);
	expect(0, "nameless", 0);
	assert_non_null(walk.frames[1].reason);
	expect(2, "back_indirect", 11);
	expect_end(PW_NATIVE_END_COMPLETE, 4);
	loaded.stack[12] = 0;
	pw_native_walk(&session, &regs, &hints, &walk);
	expect_end(PW_NATIVE_END_NO_CFI, 1);
	end();
}

/* Interrupted at a function's first instruction: what is before it does not matter. */
static void test_signal(void **state)
{
	begin();
	enum { UCONTEXT = 1, RSP = UCONTEXT + 5 + 15, RIP = RSP + 1, OTHER = 100 };
	put(0, "trampoline");
	put(RIP, "leaf");
	loaded.stack[RSP] = at(OTHER);
	put_evaluate(OTHER + 1, "back_direct");
	struct pw_regs regs = regs_in("leaf", 0);
	walk_from(&regs, 0);
	expect(1, "trampoline", 1);
	assert_true(walk.frames[1].signal);
	expect(2, "leaf", OTHER);
	assert_false(walk.frames[2].signal);
	expect(3, "back_direct", OTHER + 1);
	expect_end(PW_NATIVE_END_COMPLETE, 5);
	end();
}

static void test_endless(void **state)
{
	begin();
	struct pw_regs regs = regs_in("circle", 8);
	pw_regs_set(&regs, 3, regs.pc);
	walk_from(&regs, 0);
	assert_in_range(walk.count, 2, 100);
	expect_end(PW_NATIVE_END_CORRUPT, walk.count);
	regs = regs_in("falling", 8);
	pw_regs_set(&regs, 3, regs.pc);
	walk_from(&regs, 0);
	expect_end(PW_NATIVE_END_LIMIT, 1 << 18);
	end();
}

/* ---- this program ---- */

enum { MAPPINGS_MAX = 1024, FRAMES_MAX = 64 };

static struct pw_reader_mapping mappings[MAPPINGS_MAX];
static struct pw_target *self;
static struct pw_modules *self_modules;
static void *truth[FRAMES_MAX];
static int truth_count;

static bool read_self(void *data, uint64_t address, void *buffer, size_t length)
{
	struct iovec local = {buffer, length}, remote = {(void *)(uintptr_t)address, length};
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)length;
}

static void open_self(void)
{
	char line[4200], path[MAPPINGS_MAX][256], permissions[5];
	size_t count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (count < MAPPINGS_MAX && fgets(line, sizeof(line), maps)) {
		struct pw_reader_mapping m = {0};
		path[count][0] = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %255s", &m.start,
			   &m.end, permissions, &m.offset, path[count]) < 4)
			continue;
		m.path = path[count];
		m.writable = permissions[1] == 'w';
		m.executable = permissions[2] == 'x';
		mappings[count++] = m;
	}
	fclose(maps);
	struct pw_reader reader = {.size = sizeof(reader),
				   .pid = getpid(),
				   .local = true,
				   .read = read_self,
				   .mappings = mappings,
				   .mapping_count = count};
	assert_null(pw_target_open_callback(&reader, NULL, &self));
	assert_null(pw_modules_create(self, NULL, &self_modules));
}

static void close_self(void)
{
	pw_modules_destroy(self_modules);
	pw_target_destroy(self);
}

/* The vdso is in no file. */
static void test_vdso(void **state)
{
	open_self();
	struct pw_symbol function;
	struct pw_module *module = NULL;
	if (!pw_modules_symbol(self_modules, "__vdso_clock_gettime", &function, &module) &&
	    !pw_modules_symbol(self_modules, "__kernel_clock_gettime", &function, &module))
		fail_for_good("no clock in the vdso");
	assert_string_equal(module->path, "[vdso]");
	const struct pw_abi *abi = pw_abi_by_machine(pw_arch_host()->elf_machine);
	const struct pw_row *row = pw_modules_row(self_modules, function.address);
	if (!row)
		fail_for_good("no row in the vdso");
	assert_true(row->start <= function.address && row->end > function.address);
	assert_int_equal(row->cfa.kind, PW_RULE_REGISTER);
	assert_int_equal(row->cfa.reg, abi->sp);
	assert_int_equal(row->cfa.offset, abi->return_slot);
	close_self();
}

#ifdef __x86_64__

static struct pw_regs own_registers(const ucontext_t *context)
{
	static const int numbers[][2] = {{REG_RBX, 3},	{REG_RBP, 6},  {REG_RSP, 7}, {REG_R12, 12},
					 {REG_R13, 13}, {REG_R14, 14}, {REG_R15, 15}};
	const greg_t *gregs = context->uc_mcontext.gregs;
	struct pw_regs regs = {.pc = (uint64_t)gregs[REG_RIP], .sp = (uint64_t)gregs[REG_RSP]};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pw_regs_set(&regs, (unsigned)numbers[i][1], (uint64_t)gregs[numbers[i][0]]);
	return regs;
}

static bool read_own_word(void *data, uint64_t address, uint64_t *ret)
{
	return read_self(NULL, address, ret, sizeof(*ret));
}

static struct pw_step_result by_table, by_code;

/* Out of the C library's trampoline: as it describes itself, and by what the kernel left on the
 * stack.
 */
static void leave_trampoline(const struct pw_native_frame *frame)
{
	struct pw_unwind_memory memory = {read_own_word, NULL};
	struct pw_regs regs = {.pc = frame->pc, .sp = frame->sp};
	pw_regs_set(&regs, 7, frame->sp);
	const struct pw_row *row = pw_modules_row(self_modules, frame->pc - 1);
	if (row)
		pw_unwind_step(&pw_abi_x86_64, row, &regs, &memory, &by_table);
	pw_unwind_sigreturn(&pw_abi_x86_64, &regs, &memory, &by_code);
}

/* The stack must be read while it stands. */
static void handler(int number)
{
	ucontext_t context;
	truth_count = backtrace(truth, FRAMES_MAX);
	getcontext(&context);
	struct pw_session session = {.target = self, .modules = self_modules};
	struct pw_native_hints hints = {0};
	struct pw_regs regs = own_registers(&context);
	pw_native_walk(&session, &regs, &hints, &walk);
	for (size_t i = 0; i < walk.count; i++)
		if (walk.frames[i].signal)
			leave_trampoline(&walk.frames[i]);
}

static int compare(const void *a, const void *b)
{
	if (!walk.count)
		raise(SIGUSR1);
	return *(const char *)a - *(const char *)b;
}

static void test_own_stack(void **state)
{
	char text[] = "unwinding";
	open_self();
	memset(&walk, 0, sizeof(walk));
	signal(SIGUSR1, handler);
	qsort(text, sizeof(text) - 1, 1, compare);
	assert_true(truth_count > 8);
	assert_int_equal(walk.end, PW_NATIVE_END_COMPLETE);
	/* The handler's caller; in the handler itself, and what wraps backtrace(), they differ. */
	if (walk.count <= 8 || !walk.frames || !walk.frames[1].signal)
		fail_for_good("%zu frames, without the handler's caller", walk.count);
	int first = 0;
	while (first < truth_count && (uintptr_t)truth[first] != walk.frames[1].pc)
		first++;
	assert_int_equal(walk.count - 1, truth_count - first);
	for (size_t i = 1; i < walk.count; i++)
		assert_int_equal(walk.frames[i].pc, (uintptr_t)truth[first + (int)i - 1]);
	assert_int_equal(by_code.regs.known, 0x1ffff);
	assert_int_equal(by_table.regs.known, by_code.regs.known);
	assert_int_equal(by_table.regs.pc, by_code.regs.pc);
	assert_int_equal(by_table.regs.sp, by_code.regs.sp);
	assert_memory_equal(by_table.regs.value, by_code.regs.value, 17 * sizeof(uint64_t));
	pw_native_walk_deinit(&walk);
	close_self();
}

#else
static void test_own_stack(void **state)
{
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_bottom),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_solved),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_gap_by_pointer),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_own_stack),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
