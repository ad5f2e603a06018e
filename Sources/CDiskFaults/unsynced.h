#pragma once

#include <stddef.h>
#include <sys/types.h>

// What a loss of power takes back: what was written to a file, or named in a folder, and not synced
// since. Each of these does nothing unless the thread remembers.

/// Before a write: of a file that is not synced by each write itself, what it replaces.
void unsynced_write(int file, const void *bytes, size_t count, off_t offset);

/// After a rename to a name that wasn't there. One that replaces a file counts as durable at once,
/// and so do all that make or remove names otherwise: journals keep their order.
void unsynced_rename(const char *old, const char *new);

/// After a sync of a file or folder.
void unsynced_synced(int file);
