/* The least that LMDB can be asked to do for what the event log does: the baseline it is measured
   against. Every call returns LMDB's status, 0 when all went well. */
#ifndef C_RAW_LMDB_H
#define C_RAW_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RawStore RawStore;

/* Opens an environment in an existing folder; durable: each commit is on the disk. */
int raw_open(const char *folder, bool durable, RawStore **store);
void raw_close(RawStore *store);

/* Appends values of one size under 8-byte big-endian keys that go on from the last one, so many in
   each transaction. */
int raw_append(RawStore *store, uint64_t count, size_t size, uint64_t batch);

/* Walks over all values and adds up their first bytes. */
int raw_scan(RawStore *store, uint64_t *count, uint64_t *sum);

/* For each of so many records in ascending order: puts a row, an identity and a queue entry. */
int raw_insert_rows(RawStore *store, uint64_t count, size_t size, uint64_t batch);

/* For each of so many records: reads its row, puts it back, and takes its queue entry out. */
int raw_settle_rows(RawStore *store, uint64_t count, size_t size, uint64_t batch);

#endif
