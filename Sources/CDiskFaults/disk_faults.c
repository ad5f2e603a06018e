// Stands before the C library's functions that change files: the dynamic linker finds those of the
// executable first, for liblmdb too. A program that doesn't link this has none of it.
//
// What is passed on goes to the kernel itself, so that nothing is looked up by name.

#define _GNU_SOURCE
#include "disk_faults.h"

#include "unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    bool is_armed;
    ossync_disk_failure failure;
    ossync_disk_report report;
    struct unsynced *unsynced;
} faults;

static _Thread_local faults own;
// Those of another thread, as long as this one writes to a file of it.
static _Thread_local faults *borrowed;

#define disk (*(borrowed ? borrowed : &own))

// LMDB copies an environment by two threads: one reads, and one that it starts writes to the file
// that it was given. That one's calls are those of the thread that opened the file, and waits.
enum { DESCRIPTORS = 4096 };
static _Atomic(faults *) openers[DESCRIPTORS];

static bool is_told(int file) { return file >= 0 && file < DESCRIPTORS; }

static void note_opened(int file)
{
    if (disk.is_armed && is_told(file)) atomic_store(&openers[file], &own);
}

static void note_closed(int file)
{
    if (is_told(file)) atomic_store(&openers[file], NULL);
}

static void borrow(int file)
{
    faults *opener = is_told(file) ? atomic_load(&openers[file]) : NULL;
    if (own.is_armed || !opener) return;
    borrowed = opener;
    unsynced_use(opener->unsynced);
}

static void give_back(void)
{
    if (!borrowed) return;
    borrowed = NULL;
    unsynced_use(NULL);
}

void ossync_disk_arm(ossync_disk_failure failure)
{
    own.is_armed = true;
    own.failure = failure;
    own.report = (ossync_disk_report){0, false, 0, false};
    own.unsynced = unsynced_here();
}

ossync_disk_report ossync_disk_disarm(void)
{
    own.is_armed = false;
    for (int file = 0; file < DESCRIPTORS; file += 1) {
        faults *opener = &own;
        atomic_compare_exchange_strong(&openers[file], &opener, NULL);
    }
    return own.report;
}

// Below this a device writes all or nothing: LMDB's meta pages rely on it.
enum { SECTOR = 512 };

// Whether this call fails; then errno says why.
static bool fails(void)
{
    if (!disk.is_armed) return false;
    disk.report.calls += 1;
    bool strikes = disk.report.calls == disk.failure.at;
    if (strikes) disk.report.struck = true;
    if (!strikes && !(disk.report.struck && disk.failure.goes_on)) return false;
    errno = disk.failure.error;
    return true;
}

// What a write that fails leaves on the disk.
static size_t torn(size_t count)
{
    bool is_first = disk.report.calls == disk.failure.at;
    return is_first && disk.failure.tears && count > SECTOR ? count / 2 / SECTOR * SECTOR : 0;
}

// A file that was opened for it is on the disk with each write.
static ssize_t wrote(int file, ssize_t count)
{
    if (disk.is_armed && count > 0 && !(syscall(SYS_fcntl, file, F_GETFL) & O_DSYNC))
        disk.report.unsynced = true;
    return count;
}

static int synced(int file, int result)
{
    if (result != 0) return result;
    unsynced_synced(file);
    if (disk.is_armed) {
        disk.report.syncs += 1;
        disk.report.unsynced = false;
    }
    return result;
}

static ssize_t put(int file, const void *bytes, size_t count, off_t offset)
{
    if (disk.is_armed) unsynced_write(file, bytes, count, offset);
    return wrote(file, syscall(SYS_pwrite64, file, bytes, count, offset));
}

// Where the file stands.
static ssize_t put_next(int file, const void *bytes, size_t count)
{
    if (disk.is_armed)
        unsynced_write(file, bytes, count, syscall(SYS_lseek, file, 0, SEEK_CUR));
    return wrote(file, syscall(SYS_write, file, bytes, count));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset)
{
    if (fails()) {
        size_t part = torn(count);
        return part ? put(file, bytes, part, offset) : -1;
    }
    return put(file, bytes, count, offset);
}

ssize_t write(int file, const void *bytes, size_t count)
{
    borrow(file);
    bool is_failing = fails();
    size_t part = is_failing ? torn(count) : count;
    ssize_t result = part || !is_failing ? put_next(file, bytes, part) : -1;
    give_back();
    return result;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    if (fails()) {
        size_t part = count > 0 ? torn(parts[0].iov_len) : 0;
        return part ? put_next(file, parts[0].iov_base, part) : -1;
    }
    off_t offset = syscall(SYS_lseek, file, 0, SEEK_CUR);
    for (int index = 0; disk.is_armed && index < count; index += 1) {
        unsynced_write(file, parts[index].iov_base, parts[index].iov_len, offset);
        offset += (off_t)parts[index].iov_len;
    }
    return wrote(file, syscall(SYS_writev, file, parts, count));
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset)
{
    if (disk.failure.reads && fails()) return -1;
    return syscall(SYS_pread64, file, bytes, count, offset);
}

int fsync(int file)
{
    return fails() ? -1 : synced(file, (int)syscall(SYS_fsync, file));
}

int fdatasync(int file)
{
    return fails() ? -1 : synced(file, (int)syscall(SYS_fdatasync, file));
}

int ftruncate(int file, off_t length)
{
    return fails() ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int fallocate(int file, int mode, off_t offset, off_t length)
{
    return fails() ? -1 : (int)syscall(SYS_fallocate, file, mode, offset, length);
}

int rename(const char *old, const char *new)
{
    if (fails()) return -1;
    bool is_new = access(new, F_OK) != 0;
    int result = (int)syscall(SYS_renameat, AT_FDCWD, old, AT_FDCWD, new);
    if (result == 0 && is_new && disk.is_armed) unsynced_rename(old, new);
    return result;
}

// Within one folder, and only for two names that change places: nothing else is asked for.
int renameat2(int old_folder, const char *old, int new_folder, const char *new, unsigned flags)
{
    if (fails()) return -1;
    int result = (int)syscall(SYS_renameat2, old_folder, old, new_folder, new, flags);
    if (result == 0 && flags & RENAME_EXCHANGE && disk.is_armed) unsynced_exchange(old, new);
    return result;
}

int unlink(const char *path)
{
    return fails() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return fails() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
    if (fails()) return -1;
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (result == 0 && disk.is_armed) unsynced_made(path);
    return result;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    // Opening changes a file only where it makes or empties one.
    bool makes = flags & O_CREAT && access(path, F_OK) != 0;
    if ((makes || flags & O_TRUNC || disk.failure.reads) && fails()) return -1;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (makes && file >= 0 && disk.is_armed) unsynced_made(path);
    if (makes) note_opened(file);
    return file;
}

int close(int file)
{
    note_closed(file);
    return (int)syscall(SYS_close, file);
}
