#pragma once
#include <lmdb.h>
#include <sys/statfs.h>
#include <sys/types.h>

/* Declared by <fcntl.h> for _GNU_SOURCE only. Unlike posix_fallocate, it never falls back to
   writing into the file, which another process may have mapped. */
extern int fallocate(int fd, int mode, off_t offset, off_t length);
