/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http_fixture.h"

#include "packages/fetch.h"

#include <sys/mman.h>

/* A server that does with /BEHAVIOUR what its name says; a body is BODY_BYTES long. */
#define BODY_BYTES 200000

typedef struct Shared {
        unsigned n_requests;
        char ranges[16][32];
} Shared;

static unsigned char body[BODY_BYTES];
static char hash[SHA256_HEX_SIZE];
static Shared *shared;
static pid_t server_pid;
static unsigned port;

static const FetchOptions quick = { .connect_msec = 2000, .stall_sec = 1, .pause_msec = 1 };

static void send_part(int fd, size_t from, size_t size, size_t promised, const char *status, const char *extra)
{
        _cleanup_buffer_ Buffer head = BUFFER_INIT;

        if (buffer_printf(&head, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status, promised, extra) < 0 ||
            write_all(fd, head.data, head.length) < 0 || write_all(fd, body + from, size) < 0)
                _exit(1);
}

static void send_range(int fd, size_t from, size_t size)
{
        char extra[96];

        snprintf(extra, sizeof extra, "Content-Range: bytes %zu-%d/%d\r\n", from, BODY_BYTES - 1, BODY_BYTES);
        send_part(fd, from, size, BODY_BYTES - from, from > 0 ? "206 Partial Content" : "200 OK", from > 0 ? extra : "");
}

static size_t smaller(size_t a, size_t b)
{
        return a < b ? a : b;
}

static void behave(int fd, const char *path, size_t from, unsigned n)
{
        if (strcmp(path, "good") == 0)
                send_range(fd, from, BODY_BYTES - from);
        else if (strcmp(path, "cut") == 0) /* each connection breaks off */
                send_range(fd, from, smaller(70000, BODY_BYTES - from));
        else if (strcmp(path, "cut-no-ranges") == 0) /* the third one is whole */
                send_part(fd, 0, n < 3 ? 50000 : BODY_BYTES, BODY_BYTES, "200 OK", "");
        else if (strcmp(path, "cut-silently") == 0)
                send_part(fd, from, smaller(70000, BODY_BYTES - from), smaller(70000, BODY_BYTES - from),
                          from > 0 ? "206 Partial Content" : "200 OK", "");
        else if (strcmp(path, "cut-for-ever") == 0)
                send_range(fd, from, from == 0 ? 100 : 0);
        else if (strcmp(path, "busy-twice") == 0 && n < 3)
                http_say(fd, "503 Service Unavailable", "", "busy", 4);
        else if (strcmp(path, "busy-twice") == 0)
                send_range(fd, from, BODY_BYTES - from);
        else if (strcmp(path, "busy") == 0)
                http_say(fd, "503 Service Unavailable", "", "busy", 4);
        else if (strcmp(path, "forbidden") == 0)
                http_say(fd, "403 Forbidden", "", "no", 2);
        else if (strcmp(path, "other") == 0) {
                body[5] ^= 1;
                send_range(fd, from, BODY_BYTES - from);
        } else if (strcmp(path, "other-rest") == 0) { /* a rest that does not fit to the start */
                body[BODY_BYTES - 5] ^= from > 0;
                send_range(fd, from, from == 0 && n == 1 ? 100000 : BODY_BYTES - from);
        } else if (strcmp(path, "longer") == 0)
                send_part(fd, 0, BODY_BYTES, BODY_BYTES + 1, "200 OK", ""), write_all(fd, "x", 1) < 0 ? _exit(1) : (void) 0;
        else if (strcmp(path, "stall") == 0) {
                send_range(fd, from, 1000);
                pause();
        } else if (strcmp(path, "deaf") == 0)
                pause();
        else if (strcmp(path, "no-range") == 0 && from > 0)
                http_say(fd, "416 Range Not Satisfiable", "", "", 0);
        else if (strcmp(path, "no-range") == 0)
                send_part(fd, 0, n == 1 ? 1000 : BODY_BYTES, BODY_BYTES, "200 OK", "");
        else if (strcmp(path, "to-file") == 0)
                http_say(fd, "302 Found", "Location: file:///etc/hostname\r\n", "", 0);
        else if (strcmp(path, "moved") == 0)
                http_say(fd, "302 Found", "Location: /good\r\n", "", 0);
        else
                http_say(fd, "404 Not Found", "", "", 0);
}

static void answer(int fd)
{
        char request[4096] = "", path[256] = "";
        size_t length = 0, from = 0;

        while (length + 1 < sizeof request && !strstr(request, "\r\n\r\n")) {
                ssize_t n = read(fd, request + length, sizeof request - 1 - length);
                if (n <= 0)
                        return;
                length += (size_t) n;
                request[length] = '\0';
        }
        unsigned n = __atomic_add_fetch(&shared->n_requests, 1, __ATOMIC_SEQ_CST);
        const char *range = strstr(request, "Range: bytes=");
        if (range) {
                from = (size_t) strtoul(range + strlen("Range: bytes="), NULL, 10);
                snprintf(shared->ranges[n % 16], sizeof shared->ranges[0], "%zu", from);
        }
        if (sscanf(request, "GET /%255s ", path) == 1)
                behave(fd, path, from, n);
}

static _Noreturn void serve(int listen_fd, pid_t parent)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        while (getppid() == parent) {
                int fd = accept(listen_fd, NULL, NULL);
                if (fd >= 0 && fork() == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        answer(fd);
                        _exit(0);
                }
                if (fd >= 0)
                        close(fd);
        }
        _exit(0);
}

static int start_server(void **state)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t parent = getpid();

        (void) state;
        http_clean_environment();
        for (size_t i = 0; i < sizeof body; i++)
                body[i] = (unsigned char) (i * 2654435761u >> 13);
        assert_int_equal(digest_buffer(body, sizeof body, hash), 0);
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(shared != MAP_FAILED);
        assert_true(fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0 && listen(fd, 16) == 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        port = ntohs(address.sin_port);
        server_pid = fork();
        if (server_pid == 0)
                serve(fd, parent);
        return 0;
}

static int stop_server(void **state)
{
        (void) state;
        kill(server_pid, SIGKILL);
        waitpid(server_pid, NULL, 0);
        munmap(shared, sizeof *shared);
        return 0;
}

/* Fetches from the paths, one address after another, after `start` right bytes; *ret_fd is what came of it. */
static FetchResult fetch(const char *const *paths, size_t start, int *ret_fd)
{
        _cleanup_strv_ char **uris = NULL;
        _cleanup_error_ Error error = ERROR_INIT;
        FetchResult result = { .code = -1 };

        memset(shared, 0, sizeof *shared);
        for (; *paths; paths++)
                assert_int_equal(strv_appendf(&uris, "http://127.0.0.1:%u/%s", port, *paths), 0);
        int fd = memfd_create("fetched", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, body, start), start);
        FetchItem item = { .uris = uris, .sha256 = hash, .size_bytes = BODY_BYTES, .fd = fd };
        assert_int_equal(fetch_files(&quick, &item, 1, NULL, NULL, &result, &error), 0);
        *ret_fd = fd;
        return result;
}

static const struct {
        const char *path;
        size_t start;
        int code;
        unsigned n_requests;
        const char *text;
} cases[] = {
        { "good", 0, 0, 1, "" },
        { "good", 150000, 0, 1, "" },
        { "moved", 0, 0, 2, "" },
        { "cut", 0, 0, 3, "" },
        { "cut-no-ranges", 0, 0, 3, "" },
        { "cut-silently", 0, 0, 3, "" },
        { "cut-for-ever", 0, -EIO, FETCH_ATTEMPTS, NULL },
        { "busy-twice", 0, 0, 3, "" },
        { "busy", 0, -EIO, FETCH_ATTEMPTS, "the server answered 503" },
        { "forbidden", 0, -EIO, 1, "the server answered 403" },
        { "missing", 0, -ENOENT, 1, "the server answered 404" },
        { "other", 0, -EBADMSG, 1, NULL },
        { "other-rest", 0, 0, 3, "" },
        { "longer", 0, -EBADMSG, 1, "it is longer than 200000 bytes" },
        { "stall", 0, -EIO, FETCH_ATTEMPTS, NULL },
        { "deaf", 0, -EIO, FETCH_ATTEMPTS, NULL },
        { "no-range", 0, 0, 3, "" },
        { "to-file", 0, -EIO, 1, NULL },
};

static void fetches(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *const paths[] = { cases[i].path, NULL };
                _cleanup_close_ int fd = -1;
                char found[SHA256_HEX_SIZE];
                FetchResult result = fetch(paths, cases[i].start, &fd);
                if (result.code != cases[i].code || shared->n_requests != cases[i].n_requests)
                        fail_msg("%s: %d after %u requests: %s", cases[i].path, result.code, shared->n_requests,
                                 result.text);
                if (cases[i].text)
                        assert_string_equal(result.text, cases[i].text);
                else
                        assert_true(*result.text);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                assert_int_equal(digest_descriptor(fd, NULL, found), 0);
                if (result.code == 0)
                        assert_string_equal(found, hash);
                if (result.code == -EBADMSG)
                        assert_int_equal(lseek(fd, 0, SEEK_END), 0);
        }
}

static void resumes(void **state)
{
        static const char *const paths[] = { "cut", NULL };
        _cleanup_close_ int fd = -1;

        (void) state;
        assert_int_equal(fetch(paths, 0, &fd).code, 0);
        assert_string_equal(shared->ranges[1], "");
        assert_string_equal(shared->ranges[2], "70000");
        assert_string_equal(shared->ranges[3], "140000");
}

static void tries_the_next_address(void **state)
{
        static const char *const found[] = { "missing", "other", "good", NULL };
        static const char *const nowhere[] = { "other", "missing", NULL };
        _cleanup_close_ int fd = -1, other = -1;

        (void) state;
        assert_int_equal(fetch(found, 0, &fd).code, 0);
        assert_int_equal(shared->n_requests, 3);
        /* the bytes that are wrong say more than the address that has none */
        FetchResult result = fetch(nowhere, 0, &other);
        assert_int_equal(result.code, -EBADMSG);
        assert_true(string_ends_with(result.uri, "/other"));
        assert_non_null(strstr(result.text, hash));
}

static void says_when_the_disk_is_full(void **state)
{
        _cleanup_close_ int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
        _cleanup_strv_ char **uris = NULL;
        _cleanup_error_ Error error = ERROR_INIT;
        FetchResult result = { .code = 0 };

        (void) state;
        assert_int_equal(strv_appendf(&uris, "http://127.0.0.1:%u/good", port), 0);
        FetchItem item = { .uris = uris, .sha256 = hash, .size_bytes = BODY_BYTES, .fd = fd };
        memset(shared, 0, sizeof *shared);
        assert_int_equal(fetch_files(&quick, &item, 1, NULL, NULL, &result, &error), 0);
        assert_int_equal(result.code, -ENOSPC);
        assert_int_equal(shared->n_requests, 1);
}

static void count(uint64_t done_bytes, void *userdata)
{
        *(uint64_t *) userdata = done_bytes;
}

/* More files than connections, good and bad ones together. */
static void fetches_many(void **state)
{
        static const char *const paths[] = { "good", "missing", "cut", "cut-silently", "forbidden" };
        enum { N = 3 * FETCH_CONNECTIONS };
        FetchItem items[N];
        FetchResult results[N];
        char **uris[N] = { NULL };
        _cleanup_error_ Error error = ERROR_INIT;
        uint64_t done_bytes = 0;
        unsigned n_good = 0;

        (void) state;
        memset(shared, 0, sizeof *shared);
        for (unsigned i = 0; i < N; i++) {
                assert_int_equal(strv_appendf(&uris[i], "http://127.0.0.1:%u/%s", port, paths[i % ELEMENTS(paths)]), 0);
                items[i] = (FetchItem){ uris[i], hash, BODY_BYTES, memfd_create("fetched", MFD_CLOEXEC) };
        }
        assert_int_equal(fetch_files(&quick, items, N, count, &done_bytes, results, &error), 0);
        for (unsigned i = 0; i < N; i++) {
                static const int codes[] = { 0, -ENOENT, 0, 0, -EIO };
                assert_int_equal(results[i].code, codes[i % ELEMENTS(codes)]);
                n_good += results[i].code == 0;
                close(items[i].fd);
                strv_free(uris[i]);
        }
        assert_int_equal(done_bytes, n_good * BODY_BYTES);
}

static void refuses_odd_addresses(void **state)
{
        static const char *const odd[] = { "ftp://127.0.0.1/x", "http://[", "file:///etc/hostname" };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(odd); i++) {
                char *uris[] = { (char *) odd[i], NULL };
                _cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
                FetchItem item = { .uris = uris, .sha256 = hash, .size_bytes = BODY_BYTES, .fd = fd };
                FetchResult result = { .code = 0 };
                assert_int_equal(fetch_files(&quick, &item, 1, NULL, NULL, &result, NULL), 0);
                assert_true(result.code < 0);
                assert_string_equal(result.uri, odd[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fetches),      cmocka_unit_test(resumes),
                cmocka_unit_test(tries_the_next_address), cmocka_unit_test(says_when_the_disk_is_full),
                cmocka_unit_test(fetches_many), cmocka_unit_test(refuses_odd_addresses),
        };

        return cmocka_run_group_tests(tests, start_server, stop_server);
}
