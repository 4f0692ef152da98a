/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A web server on the loopback interface, one process for each connection and one request for each of these. Below
 * /files/ are the files of a directory, with validators; the other paths misbehave, each in its way. */

#define HTTP_BODY "what the file was\n"
#define HTTP_ETAG "\"one\""
#define HTTP_DATE "Thu, 29 Feb 2024 12:00:00 GMT" /* 1709208000 */

/* Shared with the server. */
typedef struct HttpRecord {
        unsigned n_requests, n_apt; /* all; those of apt */
        bool broken;                /* 500 for everything */
        bool plain;                 /* no validators */
        char last[4096];            /* the last request, as it came */
} HttpRecord;

typedef struct HttpServer {
        pid_t pid;
        unsigned port;
        HttpRecord *record;
} HttpServer;

static HttpServer http_server;

static inline void http_say(int fd, const char *status, const char *headers, const void *body, size_t size_bytes)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (buffer_printf(&text, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status, size_bytes,
                          headers) < 0 ||
            buffer_append(&text, body, size_bytes) < 0 || write_all(fd, text.data, text.length) < 0)
                _exit(1);
}

static inline bool http_asked(const char *request, const char *header)
{
        return strstr(request, header) != NULL;
}

static inline void http_file(int fd, const char *directory, const char *path, const char *request, bool plain)
{
        char etag[64], headers[256] = "", wanted[96];
        _cleanup_buffer_ Buffer content = BUFFER_INIT;
        struct stat status;
        struct tm utc;
        _cleanup_free_ char *whole = path_join(directory, path);

        if (!whole || stat(whole, &status) < 0 || read_file(AT_FDCWD, whole, 64 << 20, &content, NULL) < 0) {
                http_say(fd, "404 Not Found", "", "", 0);
                return;
        }
        char date[64];
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&status.st_mtime, &utc));
        snprintf(etag, sizeof etag, "\"%llx-%llx.%lx\"", (long long) status.st_size, (long long) status.st_mtim.tv_sec,
                 status.st_mtim.tv_nsec);
        if (!plain)
                snprintf(headers, sizeof headers, "ETag: %s\r\nLast-Modified: %s\r\n", etag, date);
        snprintf(wanted, sizeof wanted, "If-None-Match: %s", etag);
        bool same = http_asked(request, wanted);
        snprintf(wanted, sizeof wanted, "If-Modified-Since: %s", date);
        same = same || (!http_asked(request, "If-None-Match:") && http_asked(request, wanted));
        if (same && !plain)
                http_say(fd, "304 Not Modified", headers, "", 0);
        else
                http_say(fd, "200 OK", headers, content.data ? content.data : "", content.length);
}

static inline void http_misbehave(int fd, const char *path, const char *request)
{
        static const char validators[] = "ETag: " HTTP_ETAG "\r\nLast-Modified: " HTTP_DATE "\r\n";
        static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nwhat the";
        static const char endless[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" HTTP_BODY;
        size_t length = strlen(HTTP_BODY);
        int r = 0;

        if (strcmp(path, "same") == 0)
                http_say(fd, "200 OK", validators, HTTP_BODY, length);
        else if (strcmp(path, "etag") == 0 && http_asked(request, "If-None-Match: " HTTP_ETAG "\r\n"))
                http_say(fd, "304 Not Modified", "", "", 0);
        else if (strcmp(path, "since") == 0 && http_asked(request, "If-Modified-Since: " HTTP_DATE "\r\n"))
                http_say(fd, "304 Not Modified", "", "", 0);
        else if (strcmp(path, "liar") == 0)
                http_say(fd, "304 Not Modified", "", "", 0);
        else if (strcmp(path, "changed") == 0)
                http_say(fd, "200 OK", "", "what the file is!\n", length);
        else if (strcmp(path, "shorter") == 0)
                http_say(fd, "200 OK", "", HTTP_BODY, length - 1);
        else if (strcmp(path, "error") == 0)
                http_say(fd, "500 Internal Server Error", "", HTTP_BODY, length);
        else if (strcmp(path, "cut") == 0)
                r = write_all(fd, cut, strlen(cut));
        else if (strcmp(path, "redirect") == 0)
                http_say(fd, "302 Found", "ETag: \"other\"\r\nLocation: /same\r\n", "elsewhere", 9);
        else if (strcmp(path, "circle") == 0)
                http_say(fd, "302 Found", "Location: /circle\r\n", "", 0);
        else if (strcmp(path, "to-file") == 0)
                http_say(fd, "302 Found", "Location: file:///etc/hostname\r\n", "", 0);
        else if (strcmp(path, "to-ftp") == 0)
                http_say(fd, "302 Found", "Location: ftp://127.0.0.1/\r\n", "", 0);
        else if (strcmp(path, "slow") == 0)
                pause();
        else if (strcmp(path, "endless") == 0)
                for (r = write_all(fd, endless, strlen(endless)); r == 0;)
                        r = write_all(fd, endless, sizeof endless);
        else if (strcmp(path, "odd-validators") == 0)
                http_say(fd, "200 OK", "ETag: \"a\x01z\"\r\n", HTTP_BODY, length);
        else
                http_say(fd, "404 Not Found", "", "", 0);
}

static inline void http_answer(int fd, const char *directory)
{
        HttpRecord *record = http_server.record;
        char request[sizeof record->last] = "", path[1024] = "";
        size_t length = 0;

        while (length + 1 < sizeof request && !strstr(request, "\r\n\r\n")) {
                ssize_t n = read(fd, request + length, sizeof request - 1 - length);
                if (n <= 0)
                        return;
                length += (size_t) n;
                request[length] = '\0';
        }
        __atomic_add_fetch(&record->n_requests, 1, __ATOMIC_SEQ_CST);
        if (http_asked(request, "User-Agent: Debian APT"))
                __atomic_add_fetch(&record->n_apt, 1, __ATOMIC_SEQ_CST);
        else
                memcpy(record->last, request, sizeof request);
        if (sscanf(request, "GET /%1023s ", path) != 1)
                return;
        if (record->broken)
                http_say(fd, "500 Internal Server Error", "", "", 0);
        else if (string_starts_with(path, "files/"))
                http_file(fd, directory, path + strlen("files/"), request, record->plain);
        else
                http_misbehave(fd, path, request);
}

static inline _Noreturn void http_serve(int listen_fd, const char *directory, pid_t parent)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        while (getppid() == parent) {
                int fd = accept(listen_fd, NULL, NULL);
                pid_t server = getpid();
                if (fd >= 0 && fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        if (getppid() == server)
                                http_answer(fd, directory);
                        _exit(0);
                }
                if (fd >= 0)
                        close(fd);
        }
        _exit(0);
}

static inline void http_start(const char *directory)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t parent = getpid();

        http_server.record = mmap(NULL, sizeof *http_server.record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                  -1, 0);
        assert_true(http_server.record != MAP_FAILED);
        assert_true(fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0 && listen(fd, 16) == 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        http_server.port = ntohs(address.sin_port);
        http_server.pid = fork();
        assert_true(http_server.pid >= 0);
        if (http_server.pid == 0)
                http_serve(fd, directory, parent);
}

static inline void http_stop(void)
{
        if (http_server.pid <= 0)
                return;
        kill(http_server.pid, SIGKILL);
        waitpid(http_server.pid, NULL, 0);
        munmap(http_server.record, sizeof *http_server.record);
        http_server = (HttpServer){ 0 };
}

static inline char *http_uri(const char *path)
{
        char *uri = NULL;

        assert_true(asprintf(&uri, "http://127.0.0.1:%u/%s", http_server.port, path) > 0);
        return uri;
}

/* Proxies of whoever runs the tests would not find the loopback interface. */
static inline void http_clean_environment(void)
{
        static const char *const names[] = { "http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                             "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY" };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                unsetenv(names[i]);
}
