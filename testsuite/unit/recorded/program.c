/* Freestanding aarch64 program */
typedef unsigned long u64;
static inline long sys3(long n, long a, long b, long c)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory", "cc");
	return x0;
}
static inline long sys4(long n, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
	return x0;
}
void leaf(void);
volatile int sink;
__attribute__((noipa)) int small(int n)
{
	leaf();
	return n + sink;
}
__attribute__((noipa)) int saves(int a, int b, int c, int d, int e, int f)
{
	int r = 0;
	for (int i = 0; i < 2; i++)
		r += small(a + i) + a * b + c * d + e * f;
	return r;
}
__attribute__((noipa)) int large(int n)
{
	volatile char room[6000];
	room[n] = 1;
	return saves(1, 2, 3, 4, 5, n) + room[n];
}
__attribute__((noipa)) int variable(int n)
{
	volatile char *room = __builtin_alloca((unsigned long)n * 16);
	room[0] = 1;
	return large(n) + room[0];
}
__attribute__((noipa)) int tail(int n)
{
	sink += n;
	return variable(n + 1);
}
struct action {
	void (*handler)(int);
	u64 flags;
	void (*restorer)(void);
	u64 mask;
};
extern void restorer_plain(void), restorer_described(void);
__attribute__((noipa)) void handler(int s)
{
	sink += tail(s);
}
__attribute__((noipa)) int interrupted(int n)
{
	long pid = sys3(172, 0, 0, 0);
	sys3(129, pid, n, 0); /* kill */
	return sink + n;
}
__attribute__((noipa)) int work(int n)
{
	int a = interrupted(n);
	int b = sink;
	return a * b + interrupted(12 /* USR2 */);
}
void _start_c(void)
{
	struct action a = {handler, 0x04000000, restorer_plain, 0};
	sys4(134, 10, (long)&a, 0, 8);
	a.restorer = restorer_described;
	sys4(134, 12, (long)&a, 0, 8);
	sink += work(10);
	sys3(94, 0, 0, 0);
}
