/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/pty.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

typedef union Control {
        char buffer[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
} Control;

static int send_descriptor(int socket_fd, int fd)
{
        Control control = { .buffer = { 0 } };
        char byte = 0;
        struct iovec data = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = {
                .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_descriptor(int socket_fd)
{
        Control control;
        char byte;
        struct iovec data = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = {
                .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        ssize_t n;
        int fd;

        do
                n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (n == 0 || !header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof fd))
                return -ENODATA;
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        return fd;
}

/* Both ends, without a look at any path but devpts's own. */
static int open_pair(int *ret_master_fd, int *ret_slave_fd)
{
        int unlocked = 0;
        _cleanup_close_ int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
                return -errno;
        *ret_slave_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (*ret_slave_fd < 0)
                return -errno;
        *ret_master_fd = TAKE_FD(master);
        return 0;
}

static int use_slave(int slave_fd)
{
        struct stat status;

        if (dup2(slave_fd, STDIN_FILENO) < 0 || dup2(slave_fd, STDOUT_FILENO) < 0 || fstat(STDERR_FILENO, &status) < 0)
                return -errno;
        return !S_ISFIFO(status.st_mode) && dup2(slave_fd, STDERR_FILENO) < 0 ? -errno : 0;
}

int pty_make(int socket_fd, Error *error)
{
        _cleanup_close_ int master = -1, slave = -1;
        char byte;

        int r = open_pair(&master, &slave);
        if (r == 0)
                r = send_descriptor(socket_fd, master);
        if (r == 0 && read(socket_fd, &byte, 1) != 1)
                r = -EPIPE; /* nobody drives it any longer */
        if (r == 0)
                r = use_slave(slave);
        return r < 0 ? error_set_errno(error, -r, "Can't make a terminal in the sandbox") : 0;
}

int pty_control(void)
{
        return ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int pty_take(int socket_fd, int *ret_master_fd, Error *error)
{
        int fd = receive_descriptor(socket_fd);

        if (fd >= 0 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0) {
                int failure = errno;
                close(fd);
                fd = -failure;
        }
        if (fd < 0 && fd != -ENODATA && fd != -ECONNRESET)
                return error_set_errno(error, -fd, "Can't take the terminal of the sandbox");
        *ret_master_fd = fd < 0 ? -1 : fd;
        return 0;
}

int pty_ready(int socket_fd)
{
        return write_all(socket_fd, "", 1);
}
