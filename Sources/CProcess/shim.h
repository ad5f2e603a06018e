#pragma once
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>

// prctl takes arguments of no fixed number, which Swift can't call.
static inline int ossync_die_with_parent(void) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// What the system's headers tell only with the GNU extensions, which Swift reads them without.
int memfd_create(const char *name, unsigned int flags);
static const unsigned int ossync_memfd_cloexec = 1;
static const short ossync_spawn_setsid = 0x80;
