/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ownership by attribute: a variable marked with _cleanup_(f) is released when it leaves its scope.
 * Hand ownership over with TAKE_PTR or TAKE_FD, which leave an empty variable behind. */

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#define _unused_ __attribute__((unused))

#define TAKE_PTR(pointer)                                                                                    \
        ({                                                                                                   \
                typeof(pointer) taken_ = (pointer);                                                          \
                (pointer) = NULL;                                                                            \
                taken_;                                                                                      \
        })

#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int taken_ = (fd);                                                                           \
                (fd) = -1;                                                                                   \
                taken_;                                                                                      \
        })

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Makes `void NAME_ptr(TYPE **)` out of `TYPE *FREE(TYPE *)` or `void FREE(TYPE *)`, for _cleanup_(). */
#define DEFINE_CLEANUP(type, function)                                                                       \
        static inline void function##_ptr(type **pointer)                                                    \
        {                                                                                                    \
                function(*pointer);                                                                          \
        }

static inline void cleanup_free(void *pointer)
{
        free(*(void **) pointer);
}

static inline void cleanup_close(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
        if (*file)
                fclose(*file);
}

static inline void cleanup_closedir(DIR **directory)
{
        if (*directory)
                closedir(*directory);
}
