// C++ exceptions at the moments at which a thread can be seen in one.  Called as the functions of native.c are.
#include <exception>
#include <stdexcept>

typedef int (*callback_fn)();

namespace {

struct Thing : std::runtime_error {
	Thing(callback_fn function, bool calling) : runtime_error("thing"), function(function), calling(calling) {}
	Thing(const Thing &) = default;
	~Thing() override
	{
		if (calling)
			function();
	}
	callback_fn function;
	bool calling;
};

struct Guard {
	explicit Guard(callback_fn function) : function(function) {}
	~Guard() { function(); }
	callback_fn function;
};

__attribute__((noinline)) int thrower(int depth, callback_fn function, bool calling)
{
	if (depth == 0)
		throw Thing(function, calling);
	return thrower(depth - 1, function, calling) + 1;
}

__attribute__((noinline)) int guarded(callback_fn function)
{
	Guard guard(function);
	return thrower(3, function, false);
}

__attribute__((noinline)) int unexpected(callback_fn function) noexcept
{
	return thrower(2, function, false);
}

thread_local callback_fn terminating;

[[noreturn]] void terminate()
{
	terminating();
	for (;;)
		;
}

} // namespace

extern "C" int in_catch(callback_fn function)
{
	try {
		return thrower(3, function, false);
	} catch (const Thing &thing) {
		return thing.function();
	}
}

extern "C" int in_destructor(callback_fn function)
{
	try {
		return guarded(function);
	} catch (const std::exception &) {
		return 0;
	}
}

extern "C" int in_exception_destructor(callback_fn function)
{
	try {
		return thrower(1, function, true);
	} catch (const std::exception &) {
	}
	return 0;
}

extern "C" int in_terminate(callback_fn function)
{
	terminating = function;
	std::set_terminate(terminate);
	return unexpected(function);
}

// A helper thread's work: most of the time is spent in the unwinder.
extern "C" int throw_for_ever(callback_fn function)
{
	int caught = 0;

	for (volatile bool stop = false; !stop;) {
		try {
			thrower(caught & 15, function, false);
		} catch (const Thing &) {
			caught++;
		}
	}
	return caught;
}
