/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/block_service.h"

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/process.h"
#include "layers/block_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define DRAFT_NAME_MAX 64

/* What the serving process works with. */
typedef struct Server {
        int directory_fd;
        uint64_t token; /* for names that no other process takes, whatever PID namespace it lives in */
} Server;

static char *draft_name(const Server *server, uint32_t number, char ret[static DRAFT_NAME_MAX])
{
        snprintf(ret, DRAFT_NAME_MAX, BLOCK_DRAFT_PREFIX "%016" PRIx64 "-%" PRIu32, server->token, number);
        return ret;
}

static int open_block(const Server *server, const char *key)
{
        int fd = openat(server->directory_fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        /* the last use, for the collection */
        (void) !futimens(fd, NULL);
        return fd;
}

/* Whoever collects drafts may be faster than the lock; then the commit finds nothing. The lock lasts as long as the
 * client has its copy of the descriptor. */
static int create_draft(const Server *server, uint32_t number)
{
        char name[DRAFT_NAME_MAX];
        int fd = openat(server->directory_fd, draft_name(server, number, name),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        (void) !flock(fd, LOCK_EX | LOCK_NB);
        return fd;
}

/* A descriptor, 0 or a negative errno. */
static int serve_request(const Server *server, const BlockRequest *request)
{
        int directory_fd = server->directory_fd;
        char name[DRAFT_NAME_MAX];

        if (request->key[BLOCK_KEY_SIZE - 1] != '\0' || strspn(request->key, "0123456789abcdef") != BLOCK_KEY_SIZE - 1)
                return -EINVAL;
        switch (request->kind) {
        case BLOCK_OPEN:
                return open_block(server, request->key);
        case BLOCK_CREATE:
                return create_draft(server, request->number);
        case BLOCK_COMMIT:
                return renameat(directory_fd, draft_name(server, request->number, name), directory_fd, request->key) < 0
                               ? -errno
                               : 0;
        case BLOCK_DROP:
                return unlinkat(directory_fd, draft_name(server, request->number, name), 0) < 0 ? -errno : 0;
        default:
                return -EINVAL;
        }
}

/* `fd` -1: none. */
static int send_answer(int socket_fd, int result, int fd)
{
        BlockAnswer answer = { .result = result };
        struct iovec vector = { &answer, sizeof answer };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof control;
                struct cmsghdr *header = CMSG_FIRSTHDR(&message);
                *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                            .cmsg_type = SCM_RIGHTS,
                                            .cmsg_len = CMSG_LEN(sizeof fd) };
                memcpy(CMSG_DATA(header), &fd, sizeof fd);
        }
        ssize_t n;
        do
                n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n == sizeof answer ? 0 : -EPIPE;
}

/* Until the other side is closed. */
static _Noreturn void serve(int directory_fd, int socket_fd)
{
        Server server = { .directory_fd = directory_fd };
        BlockRequest request;

        if (getrandom(&server.token, sizeof server.token, 0) != sizeof server.token)
                _exit(0);
        for (;;) {
                ssize_t n = recv(socket_fd, &request, sizeof request, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n != sizeof request)
                        _exit(0);
                int result = serve_request(&server, &request);
                bool is_open = result >= 0 && (request.kind == BLOCK_OPEN || request.kind == BLOCK_CREATE);
                int r = send_answer(socket_fd, is_open ? 0 : result, is_open ? result : -1);
                if (is_open)
                        close(result);
                if (r < 0)
                        _exit(0);
        }
}

int block_service_start(const BlockStore *store, BlockService *ret, Error *error)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return error_set_errno(error, errno, "Can't make a socket");
        _cleanup_close_ int ours = fds[0], theirs = fds[1];
        pid_t pid = fork();
        if (pid < 0)
                return error_set_errno(error, errno, "Can't start a process");
        if (pid == 0) {
                cancel_reset_in_child();
                umask(077);
                close(ours);
                serve(block_store_fd(store), theirs);
        }
        *ret = (BlockService){ .pid = pid, .socket_fd = TAKE_FD(ours) };
        return 0;
}

void block_service_stop(BlockService *service)
{
        int status;

        if (service->socket_fd >= 0)
                close(TAKE_FD(service->socket_fd));
        if (service->pid > 0)
                (void) process_wait(service->pid, &status);
        service->pid = -1;
}
