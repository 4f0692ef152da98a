/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include "base/file.h"

int sink_write(Sink *sink, const void *data, size_t size_bytes)
{
        int r = sink->fd < 0 ? 0 : write_all(sink->fd, data, size_bytes);

        if (r == 0)
                r = digest_add(sink->digest, data, size_bytes);
        if (r == 0)
                sink->size_bytes += size_bytes;
        return r;
}

const Compressor *compressor_for(ImageFormat format)
{
        static const Compressor *const compressors[IMAGE_FORMATS] = {
                [IMAGE_TAR] = NULL,
                [IMAGE_TAR_GZ] = &compress_gz,
                [IMAGE_TAR_XZ] = &compress_xz,
                [IMAGE_TAR_ZST] = &compress_zst,
        };

        return compressors[format];
}
