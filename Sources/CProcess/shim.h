#pragma once
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>

// prctl takes arguments of no fixed number, which Swift can't call.
static inline int ossync_die_with_parent(void) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL);
}
