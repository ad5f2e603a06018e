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
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static _Thread_local struct {
    bool is_armed;
    ossync_disk_failure failure;
    ossync_disk_report report;
} disk;

void ossync_disk_arm(ossync_disk_failure failure)
{
    disk.is_armed = true;
    disk.failure = failure;
    disk.report = (ossync_disk_report){0, false, 0, false};
}

ossync_disk_report ossync_disk_disarm(void)
{
    disk.is_armed = false;
    return disk.report;
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
    if (fails()) {
        size_t part = torn(count);
        return part ? put_next(file, bytes, part) : -1;
    }
    return put_next(file, bytes, count);
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
    return file;
}
