/* fail_msg() of which compilers and analyzers know that it does not return. Include after
 * <cmocka.h>. */
#ifndef TEST_FAIL_H
#define TEST_FAIL_H

#include <stdlib.h>

#define fail_for_good(...)                                                                         \
	do {                                                                                       \
		fail_msg(__VA_ARGS__);                                                             \
		abort();                                                                           \
	} while (0)

#endif
