#include "CRawLMDB.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

struct RawStore {
    MDB_env *environment;
    MDB_dbi events, rows, ids, queue;
    uint64_t last;
};

static const size_t MAP_BYTES = (size_t)16 << 30;

static int open_databases(RawStore *store) {
    MDB_txn *transaction;
    int status = mdb_txn_begin(store->environment, NULL, 0, &transaction);
    if (status) return status;
    if ((status = mdb_dbi_open(transaction, "events", MDB_CREATE, &store->events)) ||
        (status = mdb_dbi_open(transaction, "rows", MDB_CREATE, &store->rows)) ||
        (status = mdb_dbi_open(transaction, "ids", MDB_CREATE, &store->ids)) ||
        (status = mdb_dbi_open(transaction, "queue", MDB_CREATE, &store->queue))) {
        mdb_txn_abort(transaction);
        return status;
    }
    return mdb_txn_commit(transaction);
}

int raw_open(const char *folder, bool durable, RawStore **result) {
    RawStore *store = calloc(1, sizeof *store);
    if (!store) return MDB_PANIC;
    unsigned flags = MDB_NOTLS | (durable ? 0 : MDB_NOSYNC);
    int status;
    if ((status = mdb_env_create(&store->environment)) ||
        (status = mdb_env_set_mapsize(store->environment, MAP_BYTES)) ||
        (status = mdb_env_set_maxdbs(store->environment, 4)) ||
        (status = mdb_env_open(store->environment, folder, flags, 0600)) ||
        (status = open_databases(store))) {
        raw_close(store);
        return status;
    }
    *result = store;
    return 0;
}

void raw_close(RawStore *store) {
    if (store->environment) mdb_env_close(store->environment);
    free(store);
}

static void write_key(uint8_t *key, uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) key[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
}

static int put(MDB_txn *transaction, MDB_dbi database, const void *key, size_t key_size,
               const void *value, size_t size, unsigned flags) {
    MDB_val k = {key_size, (void *)key}, v = {size, (void *)value};
    return mdb_put(transaction, database, &k, &v, flags);
}

typedef int (*Step)(RawStore *, MDB_txn *, uint64_t number, uint8_t *value, size_t size);

static int in_batches(RawStore *store, uint64_t first, uint64_t count, size_t size, uint64_t batch,
                      Step step) {
    uint8_t *value = malloc(size);
    if (!value) return MDB_PANIC;
    for (size_t i = 0; i < size; i++) value[i] = (uint8_t)(i * 131 + 7);
    int status = 0;
    for (uint64_t done = 0; done < count && !status;) {
        MDB_txn *transaction;
        if ((status = mdb_txn_begin(store->environment, NULL, 0, &transaction))) break;
        for (uint64_t i = 0; i < batch && done < count && !status; i++, done++)
            status = step(store, transaction, first + done, value, size);
        if (status) mdb_txn_abort(transaction);
        else status = mdb_txn_commit(transaction);
    }
    free(value);
    return status;
}

static int append_one(RawStore *store, MDB_txn *transaction, uint64_t number, uint8_t *value,
                      size_t size) {
    uint8_t key[8];
    write_key(key, number, sizeof key);
    memcpy(value, key, sizeof key);
    return put(transaction, store->events, key, sizeof key, value, size, MDB_APPEND);
}

int raw_append(RawStore *store, uint64_t count, size_t size, uint64_t batch) {
    int status = in_batches(store, store->last + 1, count, size, batch, append_one);
    if (!status) store->last += count;
    return status;
}

int raw_scan(RawStore *store, uint64_t *count, uint64_t *sum) {
    MDB_txn *transaction;
    MDB_cursor *cursor;
    int status = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);
    if (status) return status;
    if ((status = mdb_cursor_open(transaction, store->events, &cursor))) {
        mdb_txn_abort(transaction);
        return status;
    }
    MDB_val key, value;
    *count = *sum = 0;
    while (!(status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
        *count += 1;
        *sum += *(const uint8_t *)value.mv_data;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(transaction);
    return status == MDB_NOTFOUND ? 0 : status;
}

/* Keys as long as those of the event log: stream and ordinal; stream and identity; stream, class,
   descending identity and ordinal. */
static void row_key(uint8_t *key, uint64_t number) { write_key(key, number, 6); }
static void id_key(uint8_t *key, uint64_t number) { write_key(key, number, 8); }
static void queue_key(uint8_t *key, uint64_t number) {
    memset(key, 0, 16);
    write_key(key + 4, ~number, 8);
    write_key(key + 12, number, 4);
}

static int insert_row(RawStore *store, MDB_txn *transaction, uint64_t number, uint8_t *value,
                      size_t size) {
    uint8_t row[6], id[8], queue[16];
    row_key(row, number);
    id_key(id, number);
    queue_key(queue, number);
    int status = put(transaction, store->rows, row, sizeof row, value, size, 0);
    if (!status) status = put(transaction, store->ids, id, sizeof id, row + 2, 4, MDB_NOOVERWRITE);
    if (!status) status = put(transaction, store->queue, queue, sizeof queue, "", 0, 0);
    return status;
}

int raw_insert_rows(RawStore *store, uint64_t count, size_t size, uint64_t batch) {
    return in_batches(store, 1, count, size, batch, insert_row);
}

static int settle_row(RawStore *store, MDB_txn *transaction, uint64_t number, uint8_t *value,
                      size_t size) {
    uint8_t row[6], queue[16];
    row_key(row, number);
    queue_key(queue, number);
    MDB_val key = {sizeof row, row}, found;
    int status = mdb_get(transaction, store->rows, &key, &found);
    if (status) return status;
    memcpy(value, found.mv_data, found.mv_size < size ? found.mv_size : size);
    status = put(transaction, store->rows, row, sizeof row, value, size, 0);
    if (status) return status;
    MDB_val entry = {sizeof queue, queue};
    return mdb_del(transaction, store->queue, &entry, NULL);
}

int raw_settle_rows(RawStore *store, uint64_t count, size_t size, uint64_t batch) {
    return in_batches(store, 1, count, size, batch, settle_row);
}
