/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"

#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define READ_CHUNK_BYTES (1u << 18)

struct Digest {
        EVP_MD_CTX *context;
};

int digest_new(Digest **ret)
{
        Digest *digest = calloc(1, sizeof *digest);

        if (!digest)
                return -ENOMEM;
        digest->context = EVP_MD_CTX_new();
        if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
                digest_free(digest);
                return -ENOMEM;
        }
        *ret = digest;
        return 0;
}

void digest_free(Digest *digest)
{
        if (!digest)
                return;
        EVP_MD_CTX_free(digest->context);
        free(digest);
}

int digest_add(Digest *digest, const void *data, size_t size_bytes)
{
        return EVP_DigestUpdate(digest->context, data, size_bytes) == 1 ? 0 : -EIO;
}

int digest_add_field(Digest *digest, const char *text)
{
        uint64_t length = strlen(text);
        uint8_t prefix[8];

        for (size_t i = 0; i < sizeof prefix; i++)
                prefix[i] = (uint8_t) (length >> (8 * i));
        int r = digest_add(digest, prefix, sizeof prefix);
        return r < 0 ? r : digest_add(digest, text, length);
}

int digest_finish(Digest *digest, char ret_hex[static SHA256_HEX_SIZE])
{
        uint8_t bytes[SHA256_BYTES];
        unsigned size = sizeof bytes;

        if (EVP_DigestFinal_ex(digest->context, bytes, &size) != 1 || size != sizeof bytes)
                return -EIO;
        hex_encode(bytes, sizeof bytes, ret_hex);
        return 0;
}

int digest_buffer(const void *data, size_t size_bytes, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_digest_ Digest *digest = NULL;
        int r = digest_new(&digest);

        if (r < 0)
                return r;
        r = digest_add(digest, data, size_bytes);
        return r < 0 ? r : digest_finish(digest, ret_hex);
}

int digest_descriptor(int fd, uint64_t *ret_size_bytes, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_digest_ Digest *digest = NULL;
        _cleanup_free_ char *chunk = malloc(READ_CHUNK_BYTES);
        uint64_t size_bytes = 0;
        int r = digest_new(&digest);

        if (r < 0 || !chunk)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, chunk, READ_CHUNK_BYTES);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                r = digest_add(digest, chunk, (size_t) n);
                if (r < 0)
                        return r;
                size_bytes += (uint64_t) n;
        }
        if (ret_size_bytes)
                *ret_size_bytes = size_bytes;
        return digest_finish(digest, ret_hex);
}

int digest_file(int directory_fd, const char *path, uint64_t *ret_size_bytes, char ret_hex[static SHA256_HEX_SIZE],
                Error *error)
{
        _cleanup_close_ int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        int r = digest_descriptor(fd, ret_size_bytes, ret_hex);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s", path) : 0;
}
