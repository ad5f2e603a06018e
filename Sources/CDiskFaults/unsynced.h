#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// What a loss of power takes back: what was written to a file, or named in a folder, and not synced
// since. Each of these does nothing unless the thread remembers.

/// Before a write: of a file that is not synced by each write itself, what it replaces.
void unsynced_write(int file, const void *bytes, size_t count, off_t offset);

/// After a file or folder was made.
void unsynced_made(const char *path);

/// After a rename within a folder, to a name that wasn't there.
void unsynced_rename(const char *old, const char *new);

/// After two names within a folder changed places.
void unsynced_exchange(const char *old, const char *new);

/// After a sync of a file or folder.
void unsynced_synced(int file);

/// What this thread remembers.
struct unsynced *unsynced_here(void);

/// Lets this thread remember for another one, which waits for it; NULL: for itself again.
void unsynced_use(struct unsynced *other);
