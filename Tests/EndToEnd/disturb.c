/* Loaded before the C library (LD_PRELOAD): ends the process, or lets a call fail, at one of the
   calls that change names or put data on the disk.

   DISTURB_KILL=N            SIGKILL instead of the Nth of them
   DISTURB_FAIL=NAME:N:ERRNO the Nth and all later calls of that name fail
   DISTURB_TELL=FILE         how many there were */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls, named;

static int fails(const char *name)
{
    const char *kill_at = getenv("DISTURB_KILL"), *fail = getenv("DISTURB_FAIL");
    calls += 1;
    if (kill_at && atoi(kill_at) == calls) kill(getpid(), SIGKILL);
    size_t length = strlen(name);
    if (!fail || strncmp(fail, name, length) != 0 || fail[length] != ':') return 0;
    int at = 0, error = 0;
    sscanf(fail + length, ":%d:%d", &at, &error);
    named += 1;
    if (named < at) return 0;
    errno = error;
    return 1;
}

__attribute__((destructor)) static void tell(void)
{
    const char *file = getenv("DISTURB_TELL");
    FILE *stream = file ? fopen(file, "w") : NULL;
    if (!stream) return;
    fprintf(stream, "%d", calls);
    fclose(stream);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    return fails("renameat2") ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int rename(const char *old, const char *new)
{
    return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
}

int unlink(const char *path)
{
    return fails("unlink") ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return fails("rmdir") ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int fsync(int file) { return fails("fsync") ? -1 : (int)syscall(SYS_fsync, file); }

int fdatasync(int file) { return fails("fdatasync") ? -1 : (int)syscall(SYS_fdatasync, file); }
