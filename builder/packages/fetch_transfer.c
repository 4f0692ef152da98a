/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/strings.h"
#include "packages/fetch_internal.h"

#define REDIRECTS_MAX 5L
#define STALL_BYTES_PER_SEC 64L
/* What an attempt has to bring to be worth another one: a mirror that limps is better than none. */
#define WORTH_BYTES ((uint64_t) 256 << 10)

#define STATUS_OK 200
#define STATUS_PARTIAL 206
#define STATUS_NOT_FOUND 404
#define STATUS_TIMEOUT 408
#define STATUS_GONE 410
#define STATUS_RANGE 416
#define STATUS_TOO_MANY 429

static long status_of(const CurlLibrary *curl, const Transfer *transfer)
{
        long status = 0;

        return curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

/* ------------------------------------------------------------------------------------------------ one attempt */

static bool empty_file(Transfer *transfer)
{
        if (ftruncate(transfer->item->fd, 0) < 0) {
                transfer->write_errno = errno;
                return false;
        }
        transfer->have_bytes = transfer->started_bytes = 0;
        return true;
}

/* A server that knows no ranges sends all of it. */
static bool begin_answer(Transfer *transfer)
{
        transfer->checked_answer = true;
        transfer->from_start = status_of(curl_library(), transfer) != STATUS_PARTIAL;
        return !transfer->from_start || transfer->have_bytes == 0 || empty_file(transfer);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        Transfer *transfer = userdata;
        size_t length = size * n;

        if (!transfer->checked_answer && !begin_answer(transfer))
                return 0;
        if (length > transfer->item->size_bytes - transfer->have_bytes) {
                transfer->too_long = true;
                return 0;
        }
        for (size_t done = 0; done < length;) {
                ssize_t written = pwrite(transfer->item->fd, data + done, length - done,
                                         (off_t) transfer->have_bytes);
                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0) {
                        transfer->write_errno = errno;
                        return 0;
                }
                done += (size_t) written;
                transfer->have_bytes += (size_t) written;
        }
        return length;
}

static CURLcode set_options(const CurlLibrary *curl, const FetchOptions *options, Transfer *transfer)
{
        const char *uri = transfer->item->uris[transfer->uri];
        CURL *easy = transfer->easy;
        CURLcode code = curl_set_protocols(curl, easy, uri);
        char range[32];

#define SET(option, value) (code = code ?: curl->easy_setopt(easy, option, value))
        SET(CURLOPT_URL, uri);
        SET(CURLOPT_PRIVATE, transfer);
        SET(CURLOPT_USERAGENT, "templar/" TEMPLAR_VERSION);
        SET(CURLOPT_FOLLOWLOCATION, 1L);
        SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
        SET(CURLOPT_FAILONERROR, 1L);
        SET(CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_msec);
        SET(CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_SEC);
        SET(CURLOPT_LOW_SPEED_TIME, (long) options->stall_sec);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_ERRORBUFFER, transfer->message);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, transfer);
        if (transfer->have_bytes > 0) {
                snprintf(range, sizeof range, "%" PRIu64 "-", transfer->have_bytes);
                SET(CURLOPT_RANGE, range);
        }
#undef SET
        return code;
}

int transfer_start(const CurlLibrary *curl, const FetchOptions *options, Transfer *transfer)
{
        transfer->started_bytes = transfer->have_bytes;
        transfer->write_errno = 0;
        transfer->checked_answer = transfer->too_long = transfer->from_start = false;
        transfer->message[0] = '\0';
        transfer->easy = curl->easy_init();
        if (!transfer->easy)
                return -ENOMEM;
        return set_options(curl, options, transfer) == CURLE_OK ? 0 : -EINVAL;
}

/* ------------------------------------------------------------------------------------------------ what came of it */

static void tell(Transfer *transfer, int code, const char *text)
{
        FetchResult *result = transfer->result;

        /* what an earlier address had against it says more than that the next one has nothing */
        if (code == -ENOENT && result->code < 0)
                return;
        result->code = code;
        snprintf(result->uri, sizeof result->uri, "%s", transfer->item->uris[transfer->uri]);
        snprintf(result->text, sizeof result->text, "%s", text);
}

/* The next address starts anew, unless the bytes may be the right ones. */
static TransferVerdict give_up(Transfer *transfer)
{
        if (!transfer->item->uris[transfer->uri + 1])
                return TRANSFER_DONE;
        transfer->uri++;
        transfer->n_idle = 0;
        transfer->resume_at_msec = 0;
        return TRANSFER_AGAIN;
}

TransferVerdict transfer_refuse(Transfer *transfer, const char *why)
{
        tell(transfer, -EINVAL, why);
        return give_up(transfer);
}

static TransferVerdict other_file(Transfer *transfer, const char *text)
{
        tell(transfer, -EBADMSG, text);
        return empty_file(transfer) ? give_up(transfer) : TRANSFER_DONE;
}

static TransferVerdict try_again(const FetchOptions *options, Transfer *transfer, const char *text, int64_t now_msec)
{
        if (transfer->have_bytes >= transfer->started_bytes + WORTH_BYTES)
                transfer->n_idle = 0;
        tell(transfer, -EIO, text);
        if (++transfer->n_idle >= FETCH_ATTEMPTS)
                return give_up(transfer);
        transfer->resume_at_msec = now_msec + ((int64_t) options->pause_msec << (transfer->n_idle - 1));
        return TRANSFER_AGAIN;
}

static TransferVerdict judge_whole(const FetchOptions *options, Transfer *transfer, int64_t now_msec)
{
        char found[SHA256_HEX_SIZE], text[2 * SHA256_HEX_SIZE + 64];
        uint64_t size_bytes = 0;

        if (lseek(transfer->item->fd, 0, SEEK_SET) < 0 ||
            digest_descriptor(transfer->item->fd, &size_bytes, found) < 0) {
                tell(transfer, -EIO, "what was downloaded can't be read again");
                return TRANSFER_DONE;
        }
        if (size_bytes == transfer->item->size_bytes && strcmp(found, transfer->item->sha256) == 0) {
                *transfer->result = (FetchResult){ .code = 0 };
                return TRANSFER_DONE;
        }
        /* its first part may come from another server, or from another time */
        snprintf(text, sizeof text, "its SHA-256 is %s instead of %s", found, transfer->item->sha256);
        if (transfer->started_bytes > 0 && empty_file(transfer))
                return try_again(options, transfer, text, now_msec);
        return other_file(transfer, text);
}

static TransferVerdict judge_answer(const FetchOptions *options, Transfer *transfer, long status, int64_t now_msec)
{
        char text[sizeof transfer->result->text];

        snprintf(text, sizeof text, "the server answered %ld", status);
        if (status == STATUS_RANGE && transfer->have_bytes > 0 && empty_file(transfer))
                return try_again(options, transfer, text, now_msec);
        if (status >= 500 || status == STATUS_TIMEOUT || status == STATUS_TOO_MANY)
                return try_again(options, transfer, text, now_msec);
        tell(transfer, status == STATUS_NOT_FOUND || status == STATUS_GONE ? -ENOENT : -EIO, text);
        return give_up(transfer);
}

static bool is_final(CURLcode code)
{
        switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_BAD_FUNCTION_ARGUMENT:
                return true;
        default:
                return false;
        }
}

TransferVerdict transfer_judge(const CurlLibrary *curl, const FetchOptions *options, Transfer *transfer, CURLcode code,
                               int64_t now_msec)
{
        const FetchItem *item = transfer->item;
        char text[sizeof transfer->result->text];

        if (transfer->write_errno != 0) {
                tell(transfer, -transfer->write_errno, strerror(transfer->write_errno));
                return TRANSFER_DONE;
        }
        if (transfer->too_long) {
                if (!transfer->from_start && empty_file(transfer))
                        return try_again(options, transfer, "it is longer than it should be", now_msec);
                snprintf(text, sizeof text, "it is longer than %" PRIu64 " bytes", item->size_bytes);
                return other_file(transfer, text);
        }
        if (code == CURLE_HTTP_RETURNED_ERROR)
                return judge_answer(options, transfer, status_of(curl, transfer), now_msec);
        if (transfer->have_bytes == item->size_bytes && transfer->checked_answer)
                return judge_whole(options, transfer, now_msec);
        if (code == CURLE_OK) {
                snprintf(text, sizeof text, "the server sent %" PRIu64 " of %" PRIu64 " bytes", transfer->have_bytes,
                         item->size_bytes);
                return try_again(options, transfer, text, now_msec);
        }
        snprintf(text, sizeof text, "%s", *transfer->message ? transfer->message : curl->easy_strerror(code));
        if (!is_final(code))
                return try_again(options, transfer, text, now_msec);
        tell(transfer, -EIO, text);
        return give_up(transfer);
}
