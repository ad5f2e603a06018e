#include "include/CNCurses.h"
#include "loader.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const ossync_ncurses *curses;
static SCREEN *screen;
static int is_unicode;
static int color;

// What `ossync_screen_abandon` needs: made before a handler can run.
static volatile int is_open;
static struct termios before;
static char restoring[256];
static size_t restoring_length;

// One capability after the other; what has delays in it is left out.
static void prepare(const char *name) {
    const char *text = curses->tigetstr(name);
    if (text == NULL || text == (char *)-1 || strstr(text, "$<") != NULL) return;
    size_t length = strlen(text);
    if (restoring_length + length > sizeof restoring) return;
    memcpy(restoring + restoring_length, text, length);
    restoring_length += length;
}

static void choose_locale(void) {
    // A locale that isn't installed would make every character but ASCII unreadable.
    if (setlocale(LC_CTYPE, "") == NULL) setlocale(LC_CTYPE, "C.UTF-8");
    is_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int fail(char *reason, size_t size, const char *format, const char *word) {
    snprintf(reason, size, format, word);
    return -1;
}

static void leave(void) {
    curses->endwin();
    curses->delscreen(screen);
    screen = NULL;
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

int ossync_screen_open(char *reason, size_t size) {
    const char *why = "";
    curses = ossync_ncurses_load(&why);
    if (curses == NULL) return fail(reason, size, "%s", why);
    if (tcgetattr(STDIN_FILENO, &before) != 0) return fail(reason, size, "%s", "no terminal");
    choose_locale();
    const char *name = getenv("TERM");
    if (name == NULL || *name == '\0') return fail(reason, size, "%s", "TERM isn't set");
    screen = curses->newterm(NULL, stdout, stdin);
    if (screen == NULL) return fail(reason, size, "TERM is %s, which isn't known here", name);
    const char *move = curses->tigetstr("cup");
    if (move == NULL || move == (char *)-1) {
        leave();
        return fail(reason, size, "TERM is %s, which can't move its cursor", name);
    }
    restoring_length = 0;
    prepare("sgr0");
    prepare("op");
    prepare("cnorm");
    prepare("rmkx");
    prepare("rmcup");
    is_open = 1;
    curses->raw();
    curses->noecho();
    curses->nonl();
    curses->keypad(*curses->stdscr_, TRUE);
    curses->set_escdelay(50);
    curses->curs_set(0);
    color = curses->has_colors() && curses->start_color() == OK
        && curses->use_default_colors() == OK;
    for (short ink = 1; color && ink <= 6; ink++) curses->init_pair(ink, ink, -1);
    return 0;
}

int ossync_screen_has_colors(void) { return color; }

int ossync_screen_is_unicode(void) { return is_unicode; }

void ossync_screen_close(void) {
    if (!is_open) return;
    is_open = 0;
    leave();
}

void ossync_screen_abandon(void) {
    if (!is_open) return;
    is_open = 0;
    ssize_t written = write(STDOUT_FILENO, restoring, restoring_length);
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void ossync_screen_size(int *rows, int *columns) {
    *rows = curses->getmaxy(*curses->stdscr_);
    *columns = curses->getmaxx(*curses->stdscr_);
}

void ossync_screen_clear(void) {
    curses->wattr_set(*curses->stdscr_, A_NORMAL, 0, NULL);
    curses->werase(*curses->stdscr_);
}

void ossync_screen_put(
    int row, int column, const uint32_t *scalars, int count, int attributes, int ink) {
    _Static_assert(sizeof(wchar_t) == sizeof(uint32_t), "a wide character is a scalar");
    attr_t attribute = A_NORMAL;
    if (attributes & OSSYNC_SCREEN_BOLD) attribute |= A_BOLD;
    if (attributes & OSSYNC_SCREEN_DIM) attribute |= A_DIM;
    if (attributes & OSSYNC_SCREEN_REVERSE) attribute |= A_REVERSE;
    if (curses->wmove(*curses->stdscr_, row, column) != OK) return;
    curses->wattr_set(*curses->stdscr_, attribute, color ? (short)ink : 0, NULL);
    curses->waddnwstr(*curses->stdscr_, (const wchar_t *)scalars, count);
}

void ossync_screen_flush(void) { curses->wrefresh(*curses->stdscr_); }

void ossync_screen_redraw(void) {
    curses->clearok(*curses->stdscr_, TRUE);
    curses->wrefresh(*curses->stdscr_);
}

static int special(wint_t key) {
    switch (key) {
    case KEY_RESIZE: return OSSYNC_KEY_RESIZE;
    case KEY_UP: return OSSYNC_KEY_UP;
    case KEY_DOWN: return OSSYNC_KEY_DOWN;
    case KEY_LEFT: return OSSYNC_KEY_LEFT;
    case KEY_RIGHT: return OSSYNC_KEY_RIGHT;
    case KEY_PPAGE: return OSSYNC_KEY_PAGE_UP;
    case KEY_NPAGE: return OSSYNC_KEY_PAGE_DOWN;
    case KEY_HOME: return OSSYNC_KEY_HOME;
    case KEY_END: return OSSYNC_KEY_END;
    case KEY_BTAB: return OSSYNC_KEY_BACK_TAB;
    case KEY_BACKSPACE: return OSSYNC_KEY_BACKSPACE;
    case KEY_ENTER: return OSSYNC_KEY_ENTER;
    default: return OSSYNC_KEY_OTHER;
    }
}

int ossync_screen_key(int milliseconds) {
    wint_t key = 0;
    curses->wtimeout(*curses->stdscr_, milliseconds);
    switch (curses->wget_wch(*curses->stdscr_, &key)) {
    case OK: return (int)key;
    case KEY_CODE_YES: return special(key);
    default: break;
    }
    // A terminal that is gone gives no key, and at once.
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int gone = poll(&input, 1, 0) == 1 && (input.revents & (POLLHUP | POLLERR | POLLNVAL));
    return gone ? OSSYNC_KEY_HANGUP : OSSYNC_KEY_NONE;
}
