/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "image/lint.h"
#include "image/tarscan.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An image as the row of its entries, read once from start to end, whatever its compression: the decoders of
 * decompress.h, and libarchive's tar reader. Memory doesn't grow with the image. A file that can't be read or is
 * damaged is an error. */

struct ImageEntry {
        struct archive_entry *entry; /* libarchive's own */
        const char *raw;             /* the name as it stands in the archive */
        /* Without "./" before and "/" behind it: "" is the root, else "usr/bin". NULL for what is no plain path below
         * the root (absolute, with "..", "." or "//" in it). */
        const char *path;
        size_t path_length;
        mode_t mode; /* with the type; that of a hard link is a regular file's */
        uint64_t size_bytes; /* of its content; 0 for hard links */
        const char *hard_link; /* the raw name that it is a link to, or NULL */
};

typedef struct ImageStream ImageStream;

/* A plain archive that comes in parts. */
struct ImageSource {
        /* The next part, which stays until the next call; 0 bytes at the end. */
        int (*read)(void *userdata, const void **ret_data, size_t *ret_size_bytes, Error *error);
        void *userdata;
};

/* `listener` hears of the rules that tarscan.h looks at; may be NULL. */
int image_stream_new(const ImageSource *source, RuleListener listener, void *userdata, ImageStream **ret, Error *error)
        _must_check_;
/* From the start of `fd`, which must be seekable and is borrowed. */
int image_stream_open(int fd, RuleListener listener, void *userdata, ImageStream **ret, Error *error) _must_check_;
ImageStream *image_stream_free(ImageStream *stream);
static inline void image_stream_free_ptr(ImageStream **stream)
{
        image_stream_free(*stream);
}
#define _cleanup_image_stream_ _cleanup_(image_stream_free_ptr)

/* 1: *ret is the next entry, valid until the next call; 0: everything was read, to the end of the source. */
int image_stream_next(ImageStream *stream, ImageEntry *ret, Error *error) _must_check_;

/* The entry's content can be read in one of two ways. Piece by piece: 1, and the piece (valid until the next call)
 * with its offset; 0 at its end. Holes of a sparse file are left out: the offset tells. */
int image_stream_content(ImageStream *stream, const void **ret_data, size_t *ret_size_bytes, uint64_t *ret_offset,
                         Error *error) _must_check_;

/* Or appended to `buffer`, at most `limit_bytes` at a time, holes as zeros; nothing is appended at the end. */
int image_stream_collect(ImageStream *stream, size_t limit_bytes, Buffer *buffer, Error *error) _must_check_;

/* The path as ImageEntry says; *ret_length without a slash at the end. NULL when it is none. */
const char *image_plain_path(const char *raw, size_t *ret_length);
