#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Calls that change files, in the order in which this thread makes them, and which of them fail.
typedef struct {
    /// The call that fails, counted from 1.
    long at;
    /// What it reports.
    int error;
    /// Whether every later call fails too, as on a full disk, or in a process that is gone.
    bool goes_on;
    /// Whether half of what it should write is written.
    bool tears;
    /// Whether calls that open and read files are counted, and fail, like those that change them.
    bool reads;
} ossync_disk_failure;

typedef struct {
    /// The calls that were made.
    long calls;
    /// Whether one of them failed.
    bool struck;
    /// The files that were synced.
    long syncs;
    /// Whether something was written that no sync of its file has followed.
    bool unsynced;
} ossync_disk_report;

/// From now on counts this thread's calls, and lets them fail.
void ossync_disk_arm(ossync_disk_failure failure);

/// Lets every call be again what it is.
ossync_disk_report ossync_disk_disarm(void);

/// From now on remembers what this thread changes in files while it is armed, until it is synced.
void ossync_disk_remember(void);

/// Takes back what was changed and not synced, as a loss of power does: of each write all, none, or
/// some of its sectors, by the seed; of the names those since some moment. Nobody may have the
/// files open.
///
/// Returns how many changes were taken back, at least in part.
long ossync_disk_lose_power(uint64_t seed);

/// Remembers nothing any more.
void ossync_disk_forget(void);
