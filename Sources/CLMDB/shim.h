#pragma once
#include <lmdb.h>
#include <sys/statfs.h>
#include <sys/types.h>

/* Declared by <fcntl.h> for _GNU_SOURCE only. Unlike posix_fallocate, it never falls back to
   writing into the file, which another process may have mapped. */
extern int fallocate(int fd, int mode, off_t offset, off_t length);


/* Likewise; from glibc 2.28 on. RENAME_EXCHANGE lets two names change places in one step. */
extern int renameat2(int oldfd, const char *old, int newfd, const char *new, unsigned flags);
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif
