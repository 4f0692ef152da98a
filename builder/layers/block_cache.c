/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/block_service.h"

#include "base/cleanup.h"
#include "layers/block_protocol.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct BlockCache {
        pthread_mutex_t lock; /* of the socket: an answer follows its request */
        int socket_fd;
        uint32_t n_created;
        bool broken; /* nobody answers */
        bool full;
};

BlockCache *block_cache_new(int socket_fd)
{
        BlockCache *cache = calloc(1, sizeof *cache);

        if (!cache)
                return NULL;
        cache->socket_fd = socket_fd;
        pthread_mutex_init(&cache->lock, NULL);
        return cache;
}

void block_cache_free(BlockCache *cache)
{
        if (!cache)
                return;
        pthread_mutex_destroy(&cache->lock);
        free(cache);
}

/* 0 or the negative errno of the answer; *ret_fd is -1 when no descriptor came. -EPIPE: there is no answer. */
static int receive_answer(int socket_fd, int *ret_fd)
{
        BlockAnswer answer;
        struct iovec vector = { &answer, sizeof answer };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct msghdr message = {
                .msg_iov = &vector,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof control,
        };
        ssize_t n;

        do
                n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n != sizeof answer)
                return -EPIPE;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof *ret_fd))
                memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
        return answer.result;
}

static int ask(BlockCache *cache, const BlockRequest *request, int *ret_fd)
{
        ssize_t n;
        int r = -EPIPE;

        *ret_fd = -1;
        pthread_mutex_lock(&cache->lock);
        if (!cache->broken) {
                do
                        n = send(cache->socket_fd, request, sizeof *request, MSG_NOSIGNAL);
                while (n < 0 && errno == EINTR);
                r = n == sizeof *request ? receive_answer(cache->socket_fd, ret_fd) : -EPIPE;
                cache->broken = r == -EPIPE;
        }
        pthread_mutex_unlock(&cache->lock);
        return r;
}

static int request(BlockCache *cache, BlockRequestKind kind, const char *key, uint32_t number, int *ret_fd)
{
        BlockRequest request = { .kind = kind, .number = number };

        memcpy(request.key, key, sizeof request.key);
        return ask(cache, &request, ret_fd);
}

bool block_cache_find(BlockCache *cache, const char *key, size_t limit_bytes, StoredBlock *ret)
{
        _cleanup_close_ int fd = -1;

        return request(cache, BLOCK_OPEN, key, 0, &fd) == 0 && fd >= 0 &&
               stored_block_read(fd, key, limit_bytes, ret) == 0;
}

/* The number of the next creation; false once storing makes no sense any more. */
static bool next_number(BlockCache *cache, uint32_t *ret)
{
        pthread_mutex_lock(&cache->lock);
        bool stores = !cache->full && !cache->broken;
        *ret = cache->n_created++;
        pthread_mutex_unlock(&cache->lock);
        return stores;
}

void block_cache_store(BlockCache *cache, const char *key, const StoredBlock *block)
{
        _cleanup_close_ int fd = -1;
        uint32_t number;
        int none;

        if (!next_number(cache, &number) || request(cache, BLOCK_CREATE, key, number, &fd) < 0 || fd < 0)
                return;
        int r = stored_block_write(fd, key, block);
        (void) request(cache, r < 0 ? BLOCK_DROP : BLOCK_COMMIT, key, number, &none);
        if (r == 0)
                return;
        pthread_mutex_lock(&cache->lock);
        cache->full = true;
        pthread_mutex_unlock(&cache->lock);
}
