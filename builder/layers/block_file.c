/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/blocks.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* As the machine has it in memory: the cache is this machine's. */
typedef struct Header {
        char magic[16];
        char sha256[SHA256_HEX_SIZE - 1]; /* of the key, what follows, and the data */
        struct {
                uint64_t size_bytes, input_bytes, join;
        } numbers;
} Header;

_Static_assert(sizeof(Header) == 104, "no padding");

static const char magic[16] = "templar block 1";

static int digest_block(const char *key, const Header *header, const StoredBlock *block,
                        char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_digest_ Digest *digest = NULL;
        int r = digest_new(&digest);

        if (r == 0)
                r = digest_add_field(digest, key);
        if (r == 0)
                r = digest_add(digest, &header->numbers, sizeof header->numbers);
        if (r == 0)
                r = digest_add(digest, block->data, block->size_bytes);
        return r < 0 ? r : digest_finish(digest, ret_hex);
}

int stored_block_write(int fd, const char *key, const StoredBlock *block)
{
        Header header = { .numbers = { block->size_bytes, block->input_bytes, block->join } };
        char hex[SHA256_HEX_SIZE];
        int r = digest_block(key, &header, block, hex);

        if (r < 0)
                return r;
        memcpy(header.magic, magic, sizeof header.magic);
        memcpy(header.sha256, hex, sizeof header.sha256);
        r = write_all(fd, &header, sizeof header);
        return r < 0 ? r : write_all(fd, block->data, block->size_bytes);
}

/* Exactly that many bytes. */
static int read_all(int fd, void *data, size_t size_bytes)
{
        for (size_t done = 0; done < size_bytes;) {
                ssize_t n = read(fd, (uint8_t *) data + done, size_bytes - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t) n;
        }
        return 0;
}

static int read_header(int fd, size_t limit_bytes, Header *ret)
{
        struct stat status;
        int r = read_all(fd, ret, sizeof *ret);

        if (r < 0)
                return r;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (memcmp(ret->magic, magic, sizeof magic) != 0 || ret->numbers.size_bytes > limit_bytes ||
            (uint64_t) status.st_size != sizeof *ret + ret->numbers.size_bytes)
                return -EBADMSG;
        return 0;
}

int stored_block_read(int fd, const char *key, size_t limit_bytes, StoredBlock *ret)
{
        Header header;
        char hex[SHA256_HEX_SIZE];
        int r = read_header(fd, limit_bytes, &header);

        if (r < 0)
                return r;
        _cleanup_free_ uint8_t *data = malloc(header.numbers.size_bytes + 1);
        if (!data)
                return -ENOMEM;
        StoredBlock block = { data, header.numbers.size_bytes, header.numbers.input_bytes, header.numbers.join };
        r = read_all(fd, data, block.size_bytes);
        if (r == 0)
                r = digest_block(key, &header, &block, hex);
        if (r < 0)
                return r;
        if (memcmp(hex, header.sha256, sizeof header.sha256) != 0)
                return -EBADMSG;
        *ret = block;
        TAKE_PTR(data);
        return 0;
}
