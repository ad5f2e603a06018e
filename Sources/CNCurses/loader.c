#include "loader.h"

#include <dlfcn.h>
#include <stdio.h>

static ossync_ncurses functions;
static char failure[256];
static int loaded;

static void load(void) {
    void *library = dlopen("libncursesw.so.6", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(failure, sizeof failure, "%s", why ? why : "libncursesw.so.6 can't be loaded");
        return;
    }
    // Some of these are in libtinfo, which is loaded with it.
#define LOAD(member, symbol)                                                              \
    do {                                                                                  \
        *(void **)&functions.member = dlsym(library, symbol);                             \
        if (functions.member == NULL) {                                                   \
            snprintf(failure, sizeof failure, "libncursesw.so.6 lacks %s", symbol);       \
            return;                                                                       \
        }                                                                                 \
    } while (0)
    LOAD(newterm, "newterm");
    LOAD(delscreen, "delscreen");
    LOAD(endwin, "endwin");
    LOAD(raw, "raw");
    LOAD(noecho, "noecho");
    LOAD(nonl, "nonl");
    LOAD(keypad, "keypad");
    LOAD(set_escdelay, "set_escdelay");
    LOAD(curs_set, "curs_set");
    LOAD(has_colors, "has_colors");
    LOAD(start_color, "start_color");
    LOAD(use_default_colors, "use_default_colors");
    LOAD(init_pair, "init_pair");
    LOAD(tigetstr, "tigetstr");
    LOAD(getmaxy, "getmaxy");
    LOAD(getmaxx, "getmaxx");
    LOAD(werase, "werase");
    LOAD(clearok, "clearok");
    LOAD(wmove, "wmove");
    LOAD(wattr_set, "wattr_set");
    LOAD(waddnwstr, "waddnwstr");
    LOAD(wrefresh, "wrefresh");
    LOAD(wtimeout, "wtimeout");
    LOAD(wget_wch, "wget_wch");
    LOAD(stdscr_, "stdscr");
#undef LOAD
    loaded = 1;
}

const ossync_ncurses *ossync_ncurses_load(const char **reason) {
    if (!loaded && failure[0] == '\0') load();
    *reason = failure;
    return loaded ? &functions : NULL;
}
