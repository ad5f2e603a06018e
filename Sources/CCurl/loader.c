#include "loader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static ossync_curl_functions functions;
static char failure[256];
static int loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(failure, sizeof failure, "%s", why ? why : "libcurl.so.4 can't be loaded");
        return;
    }
#define LOAD(member, symbol)                                                          \
    do {                                                                              \
        *(void **)&functions.member = dlsym(library, symbol);                         \
        if (functions.member == NULL) {                                               \
            snprintf(failure, sizeof failure, "libcurl.so.4 lacks %s", symbol);       \
            return;                                                                   \
        }                                                                             \
    } while (0)
    LOAD(global_init, "curl_global_init");
    LOAD(easy_init, "curl_easy_init");
    LOAD(easy_cleanup, "curl_easy_cleanup");
    LOAD(easy_reset, "curl_easy_reset");
    LOAD(easy_setopt, "curl_easy_setopt");
    LOAD(easy_getinfo, "curl_easy_getinfo");
    LOAD(slist_append, "curl_slist_append");
    LOAD(slist_free_all, "curl_slist_free_all");
    LOAD(multi_init, "curl_multi_init");
    LOAD(multi_cleanup, "curl_multi_cleanup");
    LOAD(multi_add_handle, "curl_multi_add_handle");
    LOAD(multi_remove_handle, "curl_multi_remove_handle");
    LOAD(multi_perform, "curl_multi_perform");
    LOAD(multi_poll, "curl_multi_poll");
    LOAD(multi_wakeup, "curl_multi_wakeup");
    LOAD(multi_info_read, "curl_multi_info_read");
#undef LOAD
    if (functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(failure, sizeof failure, "libcurl can't be initialised");
        return;
    }
    loaded = 1;
}

const ossync_curl_functions *ossync_curl_load(const char **reason) {
    pthread_once(&once, load);
    *reason = failure;
    return loaded ? &functions : NULL;
}
