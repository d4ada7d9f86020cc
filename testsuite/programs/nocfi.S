/*
 * int without_cfi(int (*callback)(void)): a function without call-frame information and without a frame pointer, which
 * even breaks the chain of frame pointers.  Only who knows the code can unwind it: through.py tells the test's GDB that
 * its frame has 64 bytes (nocfi_frame).
 */
	.text
	.globl without_cfi
	.type without_cfi, %function
without_cfi:
#if defined(__x86_64__)
	push %rbp
	xor %ebp, %ebp
	sub $48, %rsp
	call *%rdi
	add $48, %rsp
	pop %rbp
	ret
#elif defined(__aarch64__)
	stp x29, x30, [sp, #-64]!
	mov x29, xzr
	blr x0
	ldp x29, x30, [sp], #64
	ret
#else
#error "no code for this machine"
#endif
	.size without_cfi, . - without_cfi
	.section .note.GNU-stack, "", %progbits
