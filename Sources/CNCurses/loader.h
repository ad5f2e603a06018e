#pragma once
// Macros in the place of functions would hide the members of the same names.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <wchar.h>

/// The functions of ncursesw, loaded at run time.
typedef struct ossync_ncurses {
    SCREEN *(*newterm)(const char *, FILE *, FILE *);
    void (*delscreen)(SCREEN *);
    int (*endwin)(void);
    int (*raw)(void);
    int (*noecho)(void);
    int (*nonl)(void);
    int (*keypad)(WINDOW *, bool);
    int (*set_escdelay)(int);
    int (*curs_set)(int);
    bool (*has_colors)(void);
    int (*start_color)(void);
    int (*use_default_colors)(void);
    int (*init_pair)(short, short, short);
    char *(*tigetstr)(const char *);
    int (*getmaxy)(const WINDOW *);
    int (*getmaxx)(const WINDOW *);
    int (*werase)(WINDOW *);
    int (*clearok)(WINDOW *, bool);
    int (*wmove)(WINDOW *, int, int);
    int (*wattr_set)(WINDOW *, attr_t, short, void *);
    int (*waddnwstr)(WINDOW *, const wchar_t *, int);
    int (*wrefresh)(WINDOW *);
    void (*wtimeout)(WINDOW *, int);
    int (*wget_wch)(WINDOW *, wint_t *);
    WINDOW **stdscr_;
} ossync_ncurses;

/// The functions, or NULL with a reason; the first call loads the library.
const ossync_ncurses *ossync_ncurses_load(const char **reason);
