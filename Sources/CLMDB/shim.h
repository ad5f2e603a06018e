#pragma once
#include <lmdb.h>
#include <sys/statfs.h>
