/*
 * The terminal, by ncurses.  What it was before is put back however the program ends: in good
 * order, by a signal that ends it, or by one that tells of a mistake in it.
 *
 * ncurses itself stops and goes on with SIGTSTP, and notes SIGWINCH.
 */
#include "cli/top.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* Of term.h, which calls terminfo's numbers so. */
#undef lines
#undef columns

static struct {
	SCREEN *screen;
	FILE *keys; /* of the terminal, when stdin is none; owned */
	bool open, wide, colors;
	struct termios before;
	char restore[256]; /* what the terminal is to get in the end */
	volatile sig_atomic_t length;
} terminal;

/* ---- whatever happens ---- */

static int keep(int c)
{
	if ((size_t)terminal.length < sizeof(terminal.restore))
		terminal.restore[terminal.length++] = (char)c;
	return c;
}

static void keep_capability(const char *name)
{
	const char *text = tigetstr(name);
	if (text && text != (char *)-1)
		tputs(text, 1, keep);
}

/* As endwin() does, but from a handler: it calls only what may be called there. */
static void restore_now(void)
{
	if (!terminal.open)
		return;
	ssize_t written = write(STDOUT_FILENO, terminal.restore, (size_t)terminal.length);
	tcsetattr(STDOUT_FILENO, TCSANOW, &terminal.before);
	(void)written;
}

static void on_crash(int number)
{
	restore_now();
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_crashes(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT, SIGSYS};
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

void top_screen_end_now(void)
{
	/* It may be that it takes nothing: somebody typed Ctrl-S. */
	if (terminal.open)
		tcflush(STDOUT_FILENO, TCOFLUSH);
	restore_now();
}

/* ---- beginning and end ---- */

static const char *open_keys(void)
{
	if (isatty(STDIN_FILENO))
		return NULL;
	terminal.keys = fopen("/dev/tty", "re");
	return terminal.keys ? NULL : "standard input is no terminal, and there is no other";
}

/* Terminals send these when they have not been asked, or do not do as they were asked. */
static void add_keys(void)
{
	static const struct {
		const char *text;
		int code;
	} keys[] = {
		{"\033[A", KEY_UP},	{"\033[B", KEY_DOWN},	{"\033[C", KEY_RIGHT},
		{"\033[D", KEY_LEFT},	{"\033OA", KEY_UP},	{"\033OB", KEY_DOWN},
		{"\033OC", KEY_RIGHT},	{"\033OD", KEY_LEFT},	{"\033[H", KEY_HOME},
		{"\033[F", KEY_END},	{"\033[1~", KEY_HOME},	{"\033[4~", KEY_END},
		{"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE},
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (key_defined(keys[i].text) == 0)
			define_key(keys[i].text, keys[i].code);
}

static void set_up(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	add_keys();
	set_escdelay(250);
	curs_set(0);
	const char *no_color = getenv("NO_COLOR");
	terminal.colors = has_colors() && !(no_color && no_color[0]) && start_color() == OK;
	if (!terminal.colors)
		return;
	use_default_colors();
	init_pair(TOP_NATIVE, COLOR_CYAN, -1);
	init_pair(TOP_ALERT, COLOR_RED, -1);
}

const char *top_screen_open(void)
{
	if (!isatty(STDOUT_FILENO))
		return "the output is no terminal; --batch=N prints N times";
	const char *problem = open_keys();
	if (problem)
		return problem;
	if (tcgetattr(STDOUT_FILENO, &terminal.before))
		return "the terminal does not tell how it is set";
	setlocale(LC_CTYPE, "");
	terminal.wide = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal.screen = newterm(NULL, stdout, terminal.keys ? terminal.keys : stdin);
	if (!terminal.screen)
		return getenv("TERM") ? "it is not known what the terminal that TERM names can do"
				      : "TERM is not set: which terminal is it?";
	keep_capability("rmkx");
	keep_capability("sgr0");
	keep_capability("cnorm");
	keep_capability("rmcup");
	terminal.open = true;
	catch_crashes();
	atexit(top_screen_close);
	set_up();
	return NULL;
}

void top_screen_close(void)
{
	if (!terminal.open)
		return;
	endwin();
	terminal.open = false;
	delscreen(terminal.screen);
	if (terminal.keys)
		fclose(terminal.keys);
	terminal.keys = NULL;
}

/* ---- showing ---- */

void top_screen_size(unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size;
	/* While we were stopped, nobody told us. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col &&
	    is_term_resized(size.ws_row, size.ws_col))
		resizeterm(size.ws_row, size.ws_col);
	*ret_rows = (unsigned)LINES;
	*ret_columns = (unsigned)COLS;
}

static attr_t attributes(unsigned style, short *pair)
{
	attr_t attr = style & TOP_SELECTED ? A_STANDOUT : A_NORMAL;
	style &= ~(unsigned)TOP_SELECTED;
	*pair = terminal.colors && (style == TOP_NATIVE || style == TOP_ALERT) ? (short)style : 0;
	if (style == TOP_HEAD)
		attr |= A_REVERSE;
	else if (style == TOP_TITLE || style == TOP_ALERT)
		attr |= A_BOLD;
	return attr;
}

/* How many columns it took. */
static unsigned show_line(int row, const struct top_line *line, unsigned columns, wchar_t *room)
{
	short pair;
	attr_t attr = attributes(line->style, &pair);
	/* In the last column of the last line a terminal may scroll: ncurses knows. */
	unsigned used = top_fit(line->text, columns, terminal.wide, room);
	attr_set(attr, pair, NULL);
	mvaddwstr(row, 0, room);
	if (attr & (A_REVERSE | A_STANDOUT))
		for (unsigned at = used; at < columns; at++)
			addch(' ');
	attr_set(A_NORMAL, 0, NULL);
	return used;
}

void top_screen_show(const struct top_lines *lines)
{
	size_t rows = (size_t)LINES;
	unsigned columns = (unsigned)COLS;
	wchar_t *room = calloc(TOP_ROOM(columns), sizeof(*room));
	if (!room)
		return;
	unsigned end = 0;
	erase();
	for (size_t i = 0; i < lines->count; i++) {
		/* What is below is seen, however small the screen is. */
		bool last = i + 1 == lines->count;
		if (i + 1 < rows || last)
			end = show_line((int)(last && i >= rows ? rows - 1 : i), &lines->items[i],
					columns, room);
	}
	curs_set(lines->typing);
	if (lines->typing)
		move((int)rows - 1, (int)(end < columns ? end : columns - 1));
	refresh();
	free(room);
}

/* ---- keys ---- */

static int key_of(wint_t code)
{
	static const struct {
		wint_t code;
		int key;
	} keys[] = {
		{KEY_UP, TOP_KEY_UP},	      {KEY_DOWN, TOP_KEY_DOWN},
		{KEY_LEFT, TOP_KEY_LEFT},     {KEY_RIGHT, TOP_KEY_RIGHT},
		{KEY_PPAGE, TOP_KEY_PAGE_UP}, {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
		{KEY_HOME, TOP_KEY_HOME},     {KEY_END, TOP_KEY_END},
		{KEY_ENTER, TOP_KEY_ENTER},   {KEY_BACKSPACE, TOP_KEY_BACKSPACE},
		{KEY_RESIZE, TOP_KEY_RESIZE},
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return TOP_KEY_NONE;
}

/* Whether nobody will type any more. */
static bool is_gone(void)
{
	struct pollfd poll_fd = {.fd = terminal.keys ? fileno(terminal.keys) : STDIN_FILENO,
				 .events = POLLIN};
	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL);
}

int top_screen_key(int milliseconds)
{
	wint_t c;
	timeout(milliseconds);
	int got = get_wch(&c);
	if (got == ERR)
		return is_gone() ? TOP_KEY_GONE : TOP_KEY_NONE;
	if (got == KEY_CODE_YES)
		return key_of(c);
	switch (c) {
	case '\r':
	case '\n':
		return TOP_KEY_ENTER;
	case '\t':
		return TOP_KEY_TAB;
	case 27:
		return TOP_KEY_ESCAPE;
	case '\b':
	case 0x7f:
		return TOP_KEY_BACKSPACE;
	default:
		return c < TOP_KEY_NONE ? (int)c : TOP_KEY_NONE;
	}
}
