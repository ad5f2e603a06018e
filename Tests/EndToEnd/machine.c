/* Loaded before the C library (LD_PRELOAD): a machine that isn't as it should be.

   MACHINE_AHEAD=SECONDS  the clock that people set is so far ahead (or behind)
   MACHINE_MAGIC=NUMBER   the kind that every file system is said to be
   MACHINE_LACKS=NAME     a library that can't be loaded
   MACHINE_FREE=BYTES     what is said to be free on every file system; none: nobody can tell */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const char *ahead = getenv("MACHINE_AHEAD");
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    if (status == 0 && ahead && clock == CLOCK_REALTIME) time->tv_sec += atoll(ahead);
    return status;
}

void *dlopen(const char *name, int flags)
{
    const char *lacks = getenv("MACHINE_LACKS");
    void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    return next(name && lacks && strstr(name, lacks) ? "/nowhere/library" : name, flags);
}

int statfs(const char *path, struct statfs *info)
{
    const char *magic = getenv("MACHINE_MAGIC");
    int status = (int)syscall(SYS_statfs, path, info);
    if (status == 0 && magic) info->f_type = (__typeof__(info->f_type))strtoll(magic, NULL, 0);
    return status;
}

int statvfs(const char *path, struct statvfs *info)
{
    const char *given = getenv("MACHINE_FREE");
    struct statfs found;
    if (syscall(SYS_statfs, path, &found) != 0) return -1;
    if (given && !*given) {
        errno = ENOSYS;
        return -1;
    }
    *info = (struct statvfs){.f_bsize = found.f_bsize, .f_frsize = 4096};
    info->f_bavail = given ? (fsblkcnt_t)(atoll(given) / 4096)
                           : found.f_bavail * (fsblkcnt_t)found.f_bsize / 4096;
    return 0;
}
