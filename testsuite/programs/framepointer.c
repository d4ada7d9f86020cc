/*
 * Functions that keep a frame pointer.  Built twice: without call-frame information, so that the
 * chain of frame pointers is all there is, and with it, where it says that the CFA hangs on the
 * frame pointer.
 */
typedef int (*callback_fn)(void);

__attribute__((noinline)) static int inner(callback_fn function, int size)
{
	volatile char array[size];

	array[0] = 1;
	return function() + array[0];
}

__attribute__((noinline)) static int middle(callback_fn function, int size)
{
	return inner(function, size) + 1;
}

int with_frame_pointer(callback_fn function)
{
	return middle(function, 40) + 1;
}
