#include "binary/solve.h"

#include "binary/elf_private.h"

enum { SCAN_MAX = 1 << 20 };

static const struct pw_abi *abi_of(const struct pw_modules *modules)
{
	return pw_abi_by_machine(modules->target->arch->elf_machine);
}

bool pw_modules_is_code(const struct pw_modules *modules, uint64_t address)
{
	const struct pw_mapping *mapping = pw_target_mapping(modules->target, address);
	return mapping && mapping->executable;
}

static bool read_code(struct pw_modules *modules, uint64_t address, void *buffer, size_t length)
{
	size_t done = 0;
	enum pw_supplier supplier;
	pw_error_destroy(pw_read_some(modules->target, address, buffer, length, &done, &supplier));
	return done == length;
}

/* Where a linkage stub leads, or the address itself. */
static uint64_t behind_stub(struct pw_modules *modules, uint64_t address)
{
	uint8_t code[PW_ABI_STUB_BYTES];
	uint64_t target;
	if (!read_code(modules, address, code, sizeof(code)))
		return address;
	uint64_t slot = abi_of(modules)->stub_slot(code, address);
	if (!slot || !read_code(modules, slot, &target, sizeof(target)))
		return address;
	return target;
}

enum pw_call pw_modules_call(struct pw_modules *modules, uint64_t return_address,
			     uint64_t *ret_target)
{
	const struct pw_abi *abi = abi_of(modules);
	uint8_t code[PW_ABI_CALL_BYTES];
	if (!abi || return_address < sizeof(code) ||
	    !pw_modules_is_code(modules, return_address - 1) ||
	    !read_code(modules, return_address - sizeof(code), code, sizeof(code)))
		return PW_CALL_NONE;
	enum pw_call call = abi->call_before(code, return_address, ret_target);
	if (call == PW_CALL_DIRECT) {
		if (!pw_modules_is_code(modules, *ret_target))
			return PW_CALL_NONE;
		*ret_target = behind_stub(modules, *ret_target);
	}
	return call;
}

/* The function's beginning, by its FDE or its symbol; 0: unknown. */
static uint64_t function_start(const struct pw_solve *s)
{
	uint64_t start, end;
	struct pw_symbol symbol;
	if (pw_module_function(s->modules, s->pc, &start, &end))
		return start;
	return pw_modules_symbolize(s->modules, s->pc, &symbol, NULL) ? symbol.address : 0;
}

static bool calls(const struct pw_solve *s, uint64_t slot, uint64_t function, bool *ret_direct)
{
	uint64_t value, target = 0;
	if (!s->memory->read(s->memory->data, slot, &value))
		return false;
	enum pw_call call = pw_modules_call(s->modules, value, &target);
	*ret_direct = call == PW_CALL_DIRECT;
	return call == PW_CALL_INDIRECT || (call == PW_CALL_DIRECT && target == function);
}

/*
 * By the size that the function's first instructions give to its frame: what they reserve, their
 * code tells, up to where the thread is (behind it may be another function already); how many
 * registers they push above it, the return address that must stand there.
 */
static bool by_frame_size(const struct pw_solve *s, uint64_t function, uint64_t *ret)
{
	enum { PUSHES_MAX = 8 };
	const struct pw_abi *abi = abi_of(s->modules);
	uint8_t code[PW_ABI_ENTRY_BYTES] = {0};
	unsigned found = 0;
	uint64_t length = s->pc >= function ? s->pc - function + 1 : 0;
	if (length > sizeof(code))
		length = sizeof(code);
	if (!read_code(s->modules, function, code, length))
		return false;
	int64_t size = abi->frame_size(code, sizeof(code));
	for (uint64_t pushes = 0; size >= 0 && pushes <= PUSHES_MAX; pushes++) {
		uint64_t slot = s->sp + (uint64_t)size + pushes * 8;
		bool direct;
		if (slot < s->sp || slot + abi->return_slot > s->limit ||
		    !calls(s, slot, function, &direct))
			continue;
		*ret = slot + abi->return_slot;
		found++;
	}
	return found == 1;
}

/* The only return address above whose call names the function. */
static bool by_call(const struct pw_solve *s, uint64_t function, uint64_t *ret)
{
	const struct pw_abi *abi = abi_of(s->modules);
	size_t found = 0;
	uint64_t limit = s->limit - s->sp > SCAN_MAX ? s->sp + SCAN_MAX : s->limit;
	for (uint64_t at = s->sp & ~UINT64_C(7); at + abi->return_slot <= limit; at += 8) {
		uint64_t value;
		bool direct;
		if (!*s->left)
			return false;
		--*s->left;
		if (!s->memory->read(s->memory->data, at, &value))
			break;
		if (!pw_modules_is_code(s->modules, value) || !calls(s, at, function, &direct) ||
		    !direct)
			continue;
		*ret = at + abi->return_slot;
		found++;
	}
	return found == 1;
}

bool pw_solve_cfa(const struct pw_solve *s, const struct pw_row *row, uint64_t *ret)
{
	const struct pw_abi *abi = abi_of(s->modules);
	if (!abi || !abi->return_slot || s->limit <= s->sp)
		return false;
	uint64_t function = function_start(s);
	if (!function)
		return false;
	return (row && by_frame_size(s, function, ret)) || by_call(s, function, ret);
}
