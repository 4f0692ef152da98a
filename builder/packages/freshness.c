/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/freshness.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/strings.h"
#include "packages/curl.h"

#define REDIRECTS_MAX 5L
/* Longer validators are no use to anybody. */
#define VALIDATOR_SIZE_MAX 512
#define POLL_MSEC 1000

/* A file that was found the same. */
typedef struct Known {
        char *uri;
        char digest[SHA256_HEX_SIZE];
} Known;

struct Freshness {
        unsigned timeout_msec;
        CURLM *multi; /* made with the first request */
        Known *known;
        size_t n_known;
};

/* One file, while it is asked for. */
typedef struct Request {
        FreshnessFile *file;
        char digest[SHA256_HEX_SIZE];
        CURL *easy;
        struct curl_slist *headers;
        size_t same_bytes; /* of the body, up to here */
        bool conditional;
        char *etag, *last_modified; /* of the answer */
} Request;

typedef struct Round {
        const CurlLibrary *curl;
        Freshness *freshness;
        Request *requests;
        size_t n_requests;
} Round;

void freshness_file_done(FreshnessFile *file)
{
        free(file->etag);
        free(file->last_modified);
        *file = (FreshnessFile){ 0 };
}

int freshness_new(unsigned timeout_msec, Freshness **ret, Error *error)
{
        Freshness *freshness = calloc(1, sizeof *freshness);

        if (!freshness)
                return error_out_of_memory(error);
        freshness->timeout_msec = timeout_msec;
        *ret = freshness;
        return 0;
}

void freshness_free(Freshness *freshness)
{
        if (!freshness)
                return;
        if (freshness->multi)
                curl_library()->multi_cleanup(freshness->multi);
        for (size_t i = 0; i < freshness->n_known; i++)
                free(freshness->known[i].uri);
        free(freshness->known);
        free(freshness);
}

static bool is_known(const Freshness *freshness, const char *uri, const char *digest)
{
        for (size_t i = 0; i < freshness->n_known; i++)
                if (strcmp(freshness->known[i].uri, uri) == 0 && strcmp(freshness->known[i].digest, digest) == 0)
                        return true;
        return false;
}

static int add_known(Freshness *freshness, const Request *request)
{
        Known *grown = reallocarray(freshness->known, freshness->n_known + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        freshness->known = grown;
        Known *known = &grown[freshness->n_known];
        known->uri = strdup(request->file->uri);
        if (!known->uri)
                return -ENOMEM;
        memcpy(known->digest, request->digest, sizeof known->digest);
        freshness->n_known++;
        return 0;
}

static void round_done(Round *round)
{
        for (size_t i = 0; round->curl && i < round->n_requests; i++) {
                Request *request = &round->requests[i];
                if (request->easy) {
                        round->curl->multi_remove_handle(round->freshness->multi, request->easy);
                        round->curl->easy_cleanup(request->easy);
                }
                round->curl->slist_free_all(request->headers);
                free(request->etag);
                free(request->last_modified);
        }
        free(round->requests);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        Request *request = userdata;
        size_t length = size * n;

        if (length > request->file->size_bytes - request->same_bytes ||
            memcmp((const char *) request->file->data + request->same_bytes, data, length) != 0)
                return 0; /* ends the transfer: it is another file */
        request->same_bytes += length;
        return length;
}

/* The value of a header line, when it is that header and can be sent back as it is. */
static void take_header(const char *line, size_t length, const char *name, char **target)
{
        size_t name_length = strlen(name);

        if (length <= name_length || strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
                return;
        line += name_length + 1;
        length -= name_length + 1;
        while (length > 0 && (*line == ' ' || *line == '\t')) {
                line++;
                length--;
        }
        while (length > 0 && strchr("\r\n\t ", line[length - 1]))
                length--;
        bool good = length > 0 && length <= VALIDATOR_SIZE_MAX;
        for (size_t i = 0; good && i < length; i++)
                good = line[i] >= ' ' && line[i] <= '~';
        free(*target);
        *target = good ? strndup(line, length) : NULL;
}

static size_t on_header(char *line, size_t size, size_t n, void *userdata)
{
        Request *request = userdata;
        size_t length = size * n;

        /* another answer: a redirect's or a proxy's came before it */
        if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                free(request->etag);
                free(request->last_modified);
                request->etag = request->last_modified = NULL;
        }
        take_header(line, length, "ETag", &request->etag);
        take_header(line, length, "Last-Modified", &request->last_modified);
        return length;
}

/* "Sat, 23 Nov 2026 20:30:13 GMT" (RFC 9110, 5.6.7), in every locale */
static int format_time(int64_t time_sec, Buffer *ret)
{
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t seconds = (time_t) time_sec;
        struct tm utc;

        if (!gmtime_r(&seconds, &utc))
                return -EINVAL;
        return buffer_printf(ret, "%s, %02d %s %d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                             months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static int add_header(const CurlLibrary *curl, Request *request, const char *name, const char *value)
{
        _cleanup_buffer_ Buffer line = BUFFER_INIT;

        if (buffer_printf(&line, "%s: %s", name, value) < 0)
                return -ENOMEM;
        struct curl_slist *longer = curl->slist_append(request->headers, line.data);
        if (!longer)
                return -ENOMEM;
        request->headers = longer;
        return 0;
}

static int add_headers(const CurlLibrary *curl, Request *request)
{
        const FreshnessFile *file = request->file;
        _cleanup_buffer_ Buffer since = BUFFER_INIT;
        /* caches on the way have to ask, too; apt does the same */
        int r = add_header(curl, request, "Cache-Control", "max-age=0");

        if (r == 0 && file->etag) {
                r = add_header(curl, request, "If-None-Match", file->etag);
                request->conditional = true;
        }
        if (r == 0 && file->last_modified)
                r = buffer_append_string(&since, file->last_modified);
        else if (r == 0 && file->modified_sec > 0)
                r = format_time(file->modified_sec, &since);
        if (r == 0 && since.length > 0) {
                r = add_header(curl, request, "If-Modified-Since", since.data);
                request->conditional = true;
        }
        return r;
}

static CURLcode set_options(const Round *round, Request *request)
{
        const CurlLibrary *curl = round->curl;
        long timeout_msec = (long) round->freshness->timeout_msec;
        CURL *easy = request->easy;
        CURLcode code = curl_set_protocols(curl, request->easy, request->file->uri);

#define SET(option, value) (code = code ?: curl->easy_setopt(easy, option, value))
        SET(CURLOPT_URL, request->file->uri);
        SET(CURLOPT_PRIVATE, request);
        SET(CURLOPT_USERAGENT, "templar/" TEMPLAR_VERSION);
        SET(CURLOPT_HTTPHEADER, request->headers);
        SET(CURLOPT_FOLLOWLOCATION, 1L);
        SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
        SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_msec);
        SET(CURLOPT_TIMEOUT_MS, timeout_msec);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, request);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, request);
#if LIBCURL_VERSION_NUM >= 0x075700
        /* a resolver that hangs is not waited for; an older library than this header's does not know it */
        if (code == CURLE_OK)
                curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
#undef SET
        return code;
}

/* 0, -EINVAL when libcurl does not want it, -ENOMEM */
static int start(const Round *round, Request *request)
{
        int r = add_headers(round->curl, request);

        if (r < 0)
                return r;
        request->easy = round->curl->easy_init();
        if (!request->easy)
                return -ENOMEM;
        if (set_options(round, request) != CURLE_OK ||
            round->curl->multi_add_handle(round->freshness->multi, request->easy) != CURLM_OK)
                return -EINVAL;
        return 0;
}

static FreshnessVerdict judge(const CurlLibrary *curl, const Request *request, CURLcode result)
{
        long status = 0;

        if (curl->easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
                return FRESHNESS_UNKNOWN;
        if (result == CURLE_OK && status == 304 && request->conditional)
                return FRESHNESS_SAME;
        if (result == CURLE_OK && status == 200)
                return request->same_bytes == request->file->size_bytes ? FRESHNESS_SAME : FRESHNESS_CHANGED;
        return result == CURLE_WRITE_ERROR && status == 200 ? FRESHNESS_CHANGED : FRESHNESS_UNKNOWN;
}

/* A 304 need not repeat what has not changed. */
static void take_validators(Request *request)
{
        FreshnessFile *file = request->file;

        if (request->etag) {
                free(file->etag);
                file->etag = TAKE_PTR(request->etag);
        }
        if (request->last_modified) {
                free(file->last_modified);
                file->last_modified = TAKE_PTR(request->last_modified);
        }
}

static int take_answers(const Round *round, FreshnessVerdict *verdict)
{
        int n_left;

        for (CURLMsg *message; (message = round->curl->multi_info_read(round->freshness->multi, &n_left));) {
                Request *request = NULL;
                if (message->msg != CURLMSG_DONE)
                        continue;
                if (round->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &request) != CURLE_OK)
                        *verdict = FRESHNESS_UNKNOWN;
                else
                        *verdict = judge(round->curl, request, message->data.result);
                if (*verdict != FRESHNESS_SAME)
                        return 0;
                take_validators(request);
                if (add_known(round->freshness, request) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int wait_for_answers(const Round *round, FreshnessVerdict *verdict, Error *error)
{
        struct curl_waitfd cancel = { .fd = cancel_fd(), .events = CURL_WAIT_POLLIN };
        int n_running = 0;

        for (;;) {
                if (cancel_signal())
                        return error_cancelled(error);
                if (round->curl->multi_perform(round->freshness->multi, &n_running) != CURLM_OK) {
                        *verdict = FRESHNESS_UNKNOWN;
                        return 0;
                }
                if (take_answers(round, verdict) < 0)
                        return error_out_of_memory(error);
                if (*verdict != FRESHNESS_SAME || n_running == 0)
                        return 0;
                if (round->curl->multi_poll(round->freshness->multi, &cancel, cancel.fd >= 0, POLL_MSEC, NULL) !=
                    CURLM_OK) {
                        *verdict = FRESHNESS_UNKNOWN;
                        return 0;
                }
        }
}

static bool open_multi(const Round *round)
{
        Freshness *freshness = round->freshness;

        if (!freshness->multi)
                freshness->multi = round->curl->multi_init();
        return freshness->multi;
}

/* Those of the files that were not asked for yet. */
static int collect(Round *round, FreshnessFile *files, size_t n_files)
{
        round->requests = calloc(n_files + 1, sizeof *round->requests);
        if (!round->requests)
                return -ENOMEM;
        for (size_t i = 0; i < n_files; i++) {
                Request *request = &round->requests[round->n_requests];
                int r = digest_buffer(files[i].data, files[i].size_bytes, request->digest);
                if (r < 0)
                        return r;
                if (is_known(round->freshness, files[i].uri, request->digest))
                        continue;
                request->file = &files[i];
                round->n_requests++;
        }
        return 0;
}

int freshness_check(Freshness *freshness, FreshnessFile *files, size_t n_files, FreshnessVerdict *ret, Error *error)
{
        _cleanup_(round_done) Round round = { .freshness = freshness };
        FreshnessVerdict verdict = FRESHNESS_SAME;

        if (collect(&round, files, n_files) < 0)
                return error_out_of_memory(error);
        *ret = FRESHNESS_SAME;
        if (round.n_requests == 0)
                return 0;
        *ret = FRESHNESS_UNKNOWN;
        round.curl = curl_library();
        if (!round.curl || !open_multi(&round))
                return 0;
        for (size_t i = 0; i < round.n_requests; i++) {
                int r = start(&round, &round.requests[i]);
                if (r < 0)
                        return r == -ENOMEM ? error_out_of_memory(error) : 0;
        }
        int r = wait_for_answers(&round, &verdict, error);
        if (r == 0)
                *ret = verdict;
        return r;
}
