#pragma once
#include <stddef.h>
#include <stdint.h>

// A terminal by ncursesw, which is loaded when it is needed: other commands start without it. One
// terminal a process, used by one thread, but for `ossync_screen_abandon`.

/// How text is shown; to be added up.
enum {
    OSSYNC_SCREEN_BOLD = 1,
    OSSYNC_SCREEN_DIM = 2,
    OSSYNC_SCREEN_REVERSE = 4,
};

/// Keys that are no characters; a character is its Unicode scalar.
enum {
    OSSYNC_KEY_NONE = -1,
    OSSYNC_KEY_HANGUP = -2,
    OSSYNC_KEY_OTHER = -3,
    OSSYNC_KEY_RESIZE = -4,
    OSSYNC_KEY_UP = -10,
    OSSYNC_KEY_DOWN = -11,
    OSSYNC_KEY_LEFT = -12,
    OSSYNC_KEY_RIGHT = -13,
    OSSYNC_KEY_PAGE_UP = -14,
    OSSYNC_KEY_PAGE_DOWN = -15,
    OSSYNC_KEY_HOME = -16,
    OSSYNC_KEY_END = -17,
    OSSYNC_KEY_BACK_TAB = -18,
    OSSYNC_KEY_BACKSPACE = -19,
    OSSYNC_KEY_ENTER = -20,
};

/// Takes the terminal that standard input and output are.
///
/// Returns 0, or -1 with the reason as a text; the terminal is then as it was.
int ossync_screen_open(char *reason, size_t size);

/// Whether the terminal has colours, and whether its characters are UTF-8.
int ossync_screen_has_colors(void);
int ossync_screen_is_unicode(void);

/// Gives the terminal back as it was.
void ossync_screen_close(void);

/// The same for a handler of a signal, after which nothing else is called: by what was prepared
/// when it was opened. Does nothing where no terminal is open.
void ossync_screen_abandon(void);

void ossync_screen_size(int *rows, int *columns);
void ossync_screen_clear(void);

/// Puts scalars at a place; `ink` is 0 for the terminal's own colour, else as ECMA-48 counts them,
/// from 1 (red) to 6 (cyan).
void ossync_screen_put(
    int row, int column, const uint32_t *scalars, int count, int attributes, int ink);

/// Sends what has changed.
void ossync_screen_flush(void);

/// Sends everything again, to a screen that is cleared first.
void ossync_screen_redraw(void);

/// The next key; OSSYNC_KEY_NONE where none comes within a time.
int ossync_screen_key(int milliseconds);
