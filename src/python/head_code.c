/*
 * Reads the machine code of PyInterpreterState_Head() (Python/pystate.c: it returns one global
 * pointer) to learn where that pointer stands, for a stripped interpreter whose exported symbols
 * are all there is. Only the few instructions that compilers make of such a function are
 * understood.
 */
#include "python/runtime.h"

#include <elf.h>
#include <string.h>

enum { CODE_SIZE = 64 };

static int32_t signed32(const uint8_t *p)
{
	int32_t value;
	memcpy(&value, p, 4);
	return value;
}

static uint64_t deref(struct pw_target *target, uint64_t address)
{
	uint64_t value;
	pw_auto_error struct pw_error *error = pw_read_u64(target, address, &value);
	return error ? 0 : value;
}

/*
 * x86-64 (Intel SDM vol. 2): [endbr64] [push rbp; mov rbp, rsp] then
 *	mov rax, [rip + d32]; ret				the variable itself
 *	mov rax, [rip + d32]; mov rax, [rax + d]; ret		through the GOT
 *	lea rax, [rip + d32]; mov rax, [rax + d]; ret
 */
static uint64_t decode_x86_64(struct pw_target *target, uint64_t function, const uint8_t *code)
{
	const uint8_t *p = code;
	if (memcmp(p, "\xf3\x0f\x1e\xfa", 4) == 0)
		p += 4;
	if (p[0] == 0x55)
		p++;
	if (memcmp(p, "\x48\x89\xe5", 3) == 0)
		p += 3;
	bool is_lea = memcmp(p, "\x48\x8d\x05", 3) == 0;
	if (!is_lea && memcmp(p, "\x48\x8b\x05", 3) != 0)
		return 0;
	uint64_t address = function + (uint64_t)(p - code) + 7 + (uint64_t)(int64_t)signed32(p + 3);
	p += 7;
	int64_t displacement;
	if (memcmp(p, "\x48\x8b\x40", 3) == 0) {
		displacement = (int8_t)p[3];
		p += 4;
	} else if (memcmp(p, "\x48\x8b\x80", 3) == 0) {
		displacement = signed32(p + 3);
		p += 7;
	} else if (memcmp(p, "\x48\x8b\x00", 3) == 0) {
		displacement = 0;
		p += 3;
	} else {
		return !is_lea && (p[0] == 0xc3 || p[0] == 0x5d) ? address : 0;
	}
	if (p[0] != 0xc3 && p[0] != 0x5d)
		return 0;
	uint64_t base = is_lea ? address : deref(target, address);
	return base ? base + (uint64_t)displacement : 0;
}

/*
 * aarch64 (Arm ARM, A64): [bti c] adrp xN, page; ldr x0, [xN, #o]; ret, or through the GOT with a
 * second ldr x0, [x0, #o].
 */
static uint64_t decode_aarch64(struct pw_target *target, uint64_t function, const uint8_t *code)
{
	uint32_t in[5];
	size_t i = 0;
	memcpy(in, code, sizeof(in));
	if (in[0] == 0xd503245f)
		i++;
	if ((in[i] & 0x9f000000) != 0x90000000)
		return 0;
	uint64_t immediate = (uint64_t)(in[i] >> 29 & 3) | (uint64_t)(in[i] >> 5 & 0x7ffff) << 2;
	int64_t pages = (int64_t)(immediate << 43) >> 43;
	uint64_t page = ((function + i * 4) & ~UINT64_C(0xfff)) + (uint64_t)pages * 4096;
	i++;
	if ((in[i] & 0xffc00000) != 0xf9400000)
		return 0;
	uint64_t address = page + (in[i] >> 10 & 0xfff) * 8;
	i++;
	if ((in[i] & 0xffc00000) == 0xf9400000) {
		uint64_t base = deref(target, address);
		address = base ? base + (in[i] >> 10 & 0xfff) * 8 : 0;
		i++;
	}
	return in[i] == 0xd65f03c0 ? address : 0;
}

uint64_t pw_head_from_code(struct pw_target *target, uint64_t function)
{
	uint8_t code[CODE_SIZE] = {0};
	pw_auto_error struct pw_error *error = pw_read(target, function, code, CODE_SIZE);
	if (error)
		return 0;
	switch (target->arch->elf_machine) {
	case EM_X86_64:
		return decode_x86_64(target, function, code);
	case EM_AARCH64:
		return decode_aarch64(target, function, code);
	default:
		return 0;
	}
}
