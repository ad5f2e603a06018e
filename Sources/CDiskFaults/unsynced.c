#define _GNU_SOURCE
#include "unsynced.h"

#include "disk_faults.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// A write, or a rename, that has not been synced.
typedef struct change {
    struct change *before;
    struct change *after;
    // Of the file that was written, or the folder with the new name.
    dev_t device;
    ino_t node;
    // A descriptor of its own: the program may have closed the file.
    int file;
    off_t offset;
    off_t size_before;
    size_t count;
    // What was there, and what was written.
    unsigned char *old;
    unsigned char *new;
    // Of a rename.
    char *old_name;
    char *new_name;
} change;

static _Thread_local struct {
    bool is_on;
    change *oldest;
    change *newest;
} unsynced;

// The smallest thing that a device writes whole.
enum { SECTOR = 512 };

static void drop(change *it)
{
    if (it->before) it->before->after = it->after;
    else unsynced.oldest = it->after;
    if (it->after) it->after->before = it->before;
    else unsynced.newest = it->before;
    if (it->file >= 0) close(it->file);
    free(it->old);
    free(it->new);
    free(it->old_name);
    free(it->new_name);
    free(it);
}

static void drop_all(void)
{
    while (unsynced.newest) drop(unsynced.newest);
}

static void *allocated(void *memory)
{
    if (!memory) abort();
    return memory;
}

static change *add(const struct stat *about)
{
    change *it = allocated(calloc(1, sizeof(change)));
    it->device = about->st_dev;
    it->node = about->st_ino;
    it->file = -1;
    it->before = unsynced.newest;
    if (unsynced.newest) unsynced.newest->after = it;
    else unsynced.oldest = it;
    unsynced.newest = it;
    return it;
}

void unsynced_write(int file, const void *bytes, size_t count, off_t offset)
{
    struct stat about;
    if (!unsynced.is_on || count == 0 || offset < 0 || fcntl(file, F_GETFL) & O_DSYNC) return;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int own = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC, 0);
    if (own < 0) abort();
    change *it = add(&about);
    it->file = own;
    it->offset = offset;
    it->size_before = about.st_size;
    it->count = count;
    it->old = allocated(calloc(1, count));
    it->new = allocated(malloc(count));
    memcpy(it->new, bytes, count);
    if (pread(own, it->old, count, offset) < 0) abort();
}

void unsynced_rename(const char *old, const char *new)
{
    if (!unsynced.is_on) return;
    const char *slash = strrchr(new, '/');
    char *folder = slash ? strndup(new, (size_t)(slash - new)) : strdup(".");
    struct stat about;
    if (stat(allocated(folder), &about) == 0) {
        change *it = add(&about);
        it->old_name = allocated(strdup(old));
        it->new_name = allocated(strdup(new));
    }
    free(folder);
}

void unsynced_synced(int file)
{
    struct stat about;
    if (!unsynced.newest || fstat(file, &about) != 0) return;
    for (change *it = unsynced.newest, *before; it; it = before) {
        before = it->before;
        if (it->device == about.st_dev && it->node == about.st_ino) drop(it);
    }
}

static void put(const change *it, const unsigned char *bytes, size_t from, size_t count)
{
    if (syscall(SYS_pwrite64, it->file, bytes + from, count, it->offset + (off_t)from) < 0) abort();
}

// The step that leads from one state of the sequence to the next, and its output (splitmix64).
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// What of a write reached the disk in time: nothing in one of three cases, all, or some sectors.
static bool is_lost(const change *it, uint64_t *state)
{
    uint64_t kind = next(state) % 3;
    bool is_whole = true;
    for (size_t from = 0; kind > 0 && from < it->count; from += SECTOR) {
        size_t count = it->count - from < SECTOR ? it->count - from : SECTOR;
        if (kind == 1 || next(state) % 2) put(it, it->new, from, count);
        else is_whole = false;
    }
    return kind == 0 || !is_whole;
}

long ossync_disk_lose_power(uint64_t seed)
{
    long lost = 0;
    uint64_t state = seed;
    bool loses_all = next(&state) % 3 == 0;
    for (change *it = unsynced.newest; it; it = it->before) {
        if (it->new_name) {
            syscall(SYS_renameat, AT_FDCWD, it->new_name, AT_FDCWD, it->old_name);
            lost += 1;
            continue;
        }
        put(it, it->old, 0, it->count);
        struct stat about;
        off_t end = it->offset + (off_t)it->count;
        if (fstat(it->file, &about) == 0 && about.st_size == end && it->size_before < end
            && syscall(SYS_ftruncate, it->file, it->size_before) != 0) abort();
    }
    for (change *it = unsynced.oldest; it; it = it->after)
        if (it->file >= 0 && (loses_all || is_lost(it, &state))) lost += 1;
    drop_all();
    return lost;
}

void ossync_disk_remember(void)
{
    drop_all();
    unsynced.is_on = true;
}

void ossync_disk_forget(void)
{
    drop_all();
    unsynced.is_on = false;
}
