#define _GNU_SOURCE
#include "unsynced.h"

#include "disk_faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// A file that was written, or a folder that got a name. The descriptor is our own: the program may
// have closed the file, or renamed the folder.
typedef struct place {
    struct place *next;
    dev_t device;
    ino_t node;
    int descriptor;
    long changes;
} place;

// A write, or a name, that has not been synced.
typedef struct change {
    struct change *before;
    struct change *after;
    place *place;
    // Of a write: where, what was there, and what was written.
    off_t offset;
    off_t size_before;
    size_t count;
    unsigned char *old;
    unsigned char *new;
    // Of a name, and of the one that it had before, if any.
    char *name;
    char *old_name;
    // Whether both names are there, and have changed places.
    bool is_exchange;
} change;

struct unsynced {
    bool is_on;
    place *places;
    change *oldest;
    change *newest;
};

static _Thread_local struct unsynced own;
static _Thread_local struct unsynced *used;

#define here (*(used ? used : &own))

struct unsynced *unsynced_here(void) { return &own; }

void unsynced_use(struct unsynced *other) { used = other; }

// The smallest thing that a device writes whole.
enum { SECTOR = 512 };

static void *allocated(void *memory)
{
    if (!memory) abort();
    return memory;
}

// MARK: What is remembered

static place *placed(int descriptor, int flags)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0) abort();
    for (place *it = here.places; it; it = it->next)
        if (it->device == about.st_dev && it->node == about.st_ino) return it;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    place *it = allocated(calloc(1, sizeof(place)));
    it->device = about.st_dev;
    it->node = about.st_ino;
    it->descriptor = (int)syscall(SYS_openat, AT_FDCWD, link, flags | O_CLOEXEC, 0);
    if (it->descriptor < 0) abort();
    it->next = here.places;
    here.places = it;
    return it;
}

static change *add(place *place)
{
    change *it = allocated(calloc(1, sizeof(change)));
    it->place = place;
    place->changes += 1;
    it->before = here.newest;
    if (here.newest) here.newest->after = it;
    else here.oldest = it;
    here.newest = it;
    return it;
}

static void drop(change *it)
{
    if (it->before) it->before->after = it->after;
    else here.oldest = it->after;
    if (it->after) it->after->before = it->before;
    else here.newest = it->before;
    it->place->changes -= 1;
    for (place **link = &here.places; it->place->changes == 0 && *link;
         link = &(*link)->next) {
        if (*link != it->place) continue;
        *link = it->place->next;
        close(it->place->descriptor);
        free(it->place);
        break;
    }
    free(it->old);
    free(it->new);
    free(it->name);
    free(it->old_name);
    free(it);
}

static void drop_all(void)
{
    while (here.newest) drop(here.newest);
}

void unsynced_write(int file, const void *bytes, size_t count, off_t offset)
{
    struct stat about;
    int flags = fcntl(file, F_GETFL);
    if (!here.is_on || count == 0 || offset < 0 || flags & O_DSYNC) return;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return;
    change *it = add(placed(file, O_RDWR));
    it->offset = flags & O_APPEND ? about.st_size : offset;
    it->size_before = about.st_size;
    it->count = count;
    it->old = allocated(calloc(1, count));
    it->new = allocated(malloc(count));
    memcpy(it->new, bytes, count);
    if (pread(it->place->descriptor, it->old, count, it->offset) < 0) abort();
}

// The folder part of a path, which ends where this says.
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static change *add_name(const char *path)
{
    size_t length = folder_length(path);
    char *folder = length ? strndup(path, length) : strdup(".");
    int descriptor = (int)syscall(
        SYS_openat, AT_FDCWD, allocated(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    free(folder);
    if (descriptor < 0) abort();
    change *it = add(placed(descriptor, O_RDONLY | O_DIRECTORY));
    close(descriptor);
    it->name = allocated(strdup(path + length));
    return it;
}

void unsynced_made(const char *path)
{
    if (here.is_on) add_name(path);
}

static change *add_pair(const char *old, const char *new)
{
    size_t length = folder_length(new);
    if (length != folder_length(old) || strncmp(old, new, length) != 0) abort();
    change *it = add_name(new);
    it->old_name = allocated(strdup(old + length));
    return it;
}

void unsynced_rename(const char *old, const char *new)
{
    if (here.is_on) add_pair(old, new);
}

void unsynced_exchange(const char *old, const char *new)
{
    if (here.is_on) add_pair(old, new)->is_exchange = true;
}

void unsynced_synced(int file)
{
    struct stat about;
    if (!here.newest || fstat(file, &about) != 0) return;
    for (change *it = here.newest, *before; it; it = before) {
        before = it->before;
        if (it->place->device == about.st_dev && it->place->node == about.st_ino) drop(it);
    }
}

// MARK: The loss

// The step that leads from one state of the sequence to the next, and its output (splitmix64).
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

static void put(const change *it, const unsigned char *bytes, size_t from, size_t count)
{
    off_t offset = it->offset + (off_t)from;
    if (syscall(SYS_pwrite64, it->place->descriptor, bytes + from, count, offset) < 0) abort();
}

static void undo_write(const change *it)
{
    struct stat about;
    int file = it->place->descriptor;
    off_t end = it->offset + (off_t)it->count;
    put(it, it->old, 0, it->count);
    if (fstat(file, &about) != 0) abort();
    if (about.st_size != end || it->size_before >= end) return;
    if (syscall(SYS_ftruncate, file, it->size_before) != 0) abort();
}

// Does again what of a write reached the disk in time: nothing in one of three cases, all, or some
// sectors. Whether anything is missing.
static bool redo_write(const change *it, uint64_t *state)
{
    uint64_t kind = next(state) % 3;
    bool is_whole = kind > 0;
    for (size_t from = 0; kind > 0 && from < it->count; from += SECTOR) {
        size_t count = it->count - from < SECTOR ? it->count - from : SECTOR;
        if (kind == 1 || next(state) % 2) put(it, it->new, from, count);
        else is_whole = false;
    }
    return !is_whole;
}

// Removes what has lost its name, with all that is in it.
static void remove_at(int folder, const char *name)
{
    if (syscall(SYS_unlinkat, folder, name, 0) == 0) return;
    int descriptor = (int)syscall(
        SYS_openat, folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    // The program has removed it itself.
    if (descriptor < 0) return;
    DIR *files = allocated(fdopendir(descriptor));
    for (struct dirent *file; (file = readdir(files));)
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
            remove_at(descriptor, file->d_name);
    closedir(files);
    syscall(SYS_unlinkat, folder, name, AT_REMOVEDIR);
}

static void undo_name(const change *it)
{
    int folder = it->place->descriptor;
    // Where one of two that changed places was removed since, that was later, and is durable.
    if (it->old_name)
        syscall(
            SYS_renameat2, folder, it->name, folder, it->old_name,
            it->is_exchange ? RENAME_EXCHANGE : 0);
    else remove_at(folder, it->name);
}

long ossync_disk_lose_power(uint64_t seed)
{
    long lost = 0, names = 0;
    uint64_t state = seed;
    bool loses_all = next(&state) % 3 == 0;
    for (change *it = here.newest; it; it = it->before) {
        if (it->name) names += 1;
        else undo_write(it);
    }
    for (change *it = here.oldest; it; it = it->after)
        if (!it->name && (loses_all || redo_write(it, &state))) lost += 1;
    // Journals keep the order of names: from some moment on all are lost.
    long kept = loses_all ? 0 : (long)(next(&state) % (uint64_t)(names + 1));
    for (change *it = here.newest; it && names > kept; it = it->before) {
        if (!it->name) continue;
        undo_name(it);
        names -= 1;
        lost += 1;
    }
    drop_all();
    return lost;
}

void ossync_disk_remember(void)
{
    drop_all();
    here.is_on = true;
}

void ossync_disk_forget(void)
{
    drop_all();
    here.is_on = false;
}
