/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* A file that a stage made has no time of its own: in an image it gets the date of the build that packs it, which may be
 * a later one than that of the build which ran the stage and kept its layer. Such files are told by these nanoseconds,
 * which file systems keep and programs that copy times carry along. */
#define CLAMP_NSEC 123581321

static inline struct timespec clamp_time(int64_t epoch_sec)
{
        return (struct timespec){ .tv_sec = (time_t) epoch_sec, .tv_nsec = CLAMP_NSEC };
}

/* What an image says of the file: never later than `epoch_sec`, SOURCE_DATE_EPOCH. */
static inline int64_t clamped_mtime_sec(const struct stat *status, int64_t epoch_sec)
{
        if (status->st_mtim.tv_nsec == CLAMP_NSEC || status->st_mtim.tv_sec > epoch_sec)
                return epoch_sec;
        return status->st_mtim.tv_sec;
}
