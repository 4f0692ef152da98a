/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/home.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Room for "/S.gpg-agent.browser", the longest of the agent's sockets. */
#define HOME_PATH_MAX (sizeof(((struct sockaddr_un *) 0)->sun_path) - sizeof("/S.gpg-agent.browser"))
/* In the home: the agent that runs there is ours to end. */
#define AGENT_MARK ".templar-agent"
#define AGENT_END_TRIES 200
#define AGENT_END_WAIT_MSEC 10

int gnupg_home_make(const char *home, Error *error)
{
        struct stat status;

        if (stat(home, &status) == 0)
                return S_ISDIR(status.st_mode) ? 0
                                               : error_set(error, -ENOTDIR, "%s is not a directory", home);
        _cleanup_free_ char *parent = path_parent(home);
        if (!parent)
                return error_out_of_memory(error);
        int r = make_directories(parent, 0755, error);
        if (r < 0)
                return r;
        if (mkdir(home, 0700) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Can't make the GnuPG home %s", home);
        return 0;
}

/* The same name for every process that uses this home: its agent keeps working for the others when one ends.
 */
static int make_link(const char *path, char **ret_link, Error *error)
{
        char hex[SHA256_HEX_SIZE], target[PATH_MAX];
        _cleanup_free_ char *link = NULL;
        struct stat status;
        int r = digest_buffer(path, strlen(path), hex);

        if (r < 0)
                return error_out_of_memory(error);
        if (asprintf(&link, "/tmp/templar-gpg-%u-%.16s", (unsigned) geteuid(), hex) < 0) {
                link = NULL;
                return error_out_of_memory(error);
        }
        if (symlink(path, link) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Can't make the short link %s to the GnuPG home %s",
                                       link, path);
        /* somebody else's link of that name would lead gpg astray */
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n < 0 || lstat(link, &status) < 0)
                return error_set_errno(error, errno, "Can't look at %s", link);
        target[n] = '\0';
        if (status.st_uid != geteuid() || strcmp(target, path) != 0) {
                error_set(error, -EEXIST, "%s is in the way: it is not templar's link to the GnuPG home %s",
                          link, path);
                return error_hint(error, "Remove it, or use a GnuPG home with a path of at most %zu bytes",
                                  HOME_PATH_MAX);
        }
        *ret_link = TAKE_PTR(link);
        return 0;
}

/* A connection to the agent that listens there, or -1. */
static int connect_agent(const char *socket_path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (!socket_path || strlen(socket_path) >= sizeof address.sun_path)
                return -1;
        strcpy(address.sun_path, socket_path);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0)
                return -1;
        return TAKE_FD(fd);
}

static int find_socket(const char *home, char **ret_socket, Error *error)
{
        const char *const argv[] = { "gpgconf", "--homedir", home, "--list-dirs", "agent-socket", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        ProcessCommand command = {
                .argv = argv, .stdin_fd = -1, .ret_stdout = &text, .stdout_limit_bytes = 4096
        };
        int r = process_run(&command, error);

        if (r < 0)
                return error_wrap(error, "Asking for the agent of the GnuPG home %s", home);
        char *path = buffer_take(&text);
        if (!path)
                return error_out_of_memory(error);
        path[strcspn(path, "\n")] = '\0';
        *ret_socket = path;
        return 0;
}

/* Under the shared lock: an agent that starts from now on is ours to end. */
static int mark_agent(const GnupgHome *home)
{
        _cleanup_close_ int running = connect_agent(home->socket);

        if (running >= 0)
                return 0;
        _cleanup_close_ int mark = openat(home->lock_fd, AGENT_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        return mark < 0 ? -errno : 0;
}

int gnupg_home_open(const char *home, GnupgHome *ret, Error *error)
{
        _cleanup_gnupg_home_ GnupgHome opened = GNUPG_HOME_INIT;
        int r;

        if (!home) {
                *ret = GNUPG_HOME_INIT;
                return 0;
        }
        opened.lock_fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (opened.lock_fd < 0) {
                error_set_errno(error, errno, "Can't open the GnuPG home %s", home);
                return error_hint(error, "A key can be made there with: templar key new");
        }
        while (flock(opened.lock_fd, LOCK_SH) < 0)
                if (errno != EINTR)
                        return error_set_errno(error, errno, "Can't lock the GnuPG home %s", home);
        opened.path = realpath(home, NULL);
        if (!opened.path)
                return error_set_errno(error, errno, "Can't look at the GnuPG home %s", home);
        if (strlen(opened.path) > HOME_PATH_MAX) {
                r = make_link(opened.path, &opened.link, error);
                if (r < 0)
                        return r;
                free(opened.path);
                opened.path = strdup(opened.link);
                if (!opened.path)
                        return error_out_of_memory(error);
        }
        r = find_socket(opened.path, &opened.socket, error);
        if (r < 0)
                return r;
        r = mark_agent(&opened);
        if (r < 0)
                return error_set_errno(error, -r, "Can't write into the GnuPG home %s", home);
        *ret = opened;
        opened = GNUPG_HOME_INIT;
        return 0;
}

/* Asks the agent to end and waits until its socket is gone, so that nothing of it is left when we return. */
static void end_agent(const char *socket_path)
{
        static const char request[] = "KILLAGENT\n";
        char answer[256];
        _cleanup_close_ int fd = connect_agent(socket_path);

        if (fd < 0 || send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
                return;
        struct pollfd waiting = { .fd = fd, .events = POLLIN };
        while (poll(&waiting, 1, AGENT_END_TRIES * AGENT_END_WAIT_MSEC) > 0)
                if (read(fd, answer, sizeof answer) <= 0)
                        break;
        for (int i = 0; i < AGENT_END_TRIES && access(socket_path, F_OK) == 0; i++)
                poll(NULL, 0, AGENT_END_WAIT_MSEC);
        /* below /run/user the agent has a directory of its own for its sockets; elsewhere this is the home,
         * not empty */
        char *slash = strrchr(socket_path, '/');
        _cleanup_free_ char *directory = slash ? strndup(socket_path, (size_t) (slash - socket_path)) : NULL;
        if (directory && string_starts_with(directory, "/run/"))
                rmdir(directory);
}

void gnupg_home_close(GnupgHome *home)
{
        if (home->lock_fd >= 0) {
                /* the last one: nobody else holds the shared lock, and nobody gets it before we are through
                 */
                if (flock(home->lock_fd, LOCK_EX | LOCK_NB) == 0) {
                        if (faccessat(home->lock_fd, AGENT_MARK, F_OK, 0) == 0) {
                                /* in this order: killed in between, the agent is still known as ours */
                                end_agent(home->socket);
                                unlinkat(home->lock_fd, AGENT_MARK, 0);
                        }
                        if (home->link)
                                unlink(home->link);
                }
                close(home->lock_fd);
        }
        free(home->path);
        free(home->link);
        free(home->socket);
        *home = GNUPG_HOME_INIT;
}
