/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/normalise.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ Java keystores */

#define KEYSTORE_MAGIC 0xfeedfeedu
#define KEYSTORE_VERSION 2u
#define KEYSTORE_CERTIFICATE 2u
#define SHA1_BYTES 20u

typedef struct Reader {
        uint8_t *next;
        const uint8_t *end;
} Reader;

/* NULL at the end. */
static uint8_t *take(Reader *reader, uint64_t size_bytes)
{
        uint8_t *start = reader->next;

        if ((uint64_t) (reader->end - start) < size_bytes)
                return NULL;
        reader->next += size_bytes;
        return start;
}

static bool take_number(Reader *reader, size_t size_bytes, uint64_t *ret)
{
        const uint8_t *bytes = take(reader, size_bytes);

        *ret = 0;
        for (size_t i = 0; bytes && i < size_bytes; i++)
                *ret = *ret << 8 | bytes[i];
        return bytes != NULL;
}

static bool skip_counted(Reader *reader, size_t size_bytes)
{
        uint64_t length;

        return take_number(reader, size_bytes, &length) && take(reader, length);
}

/* Private keys are no public fact that an image could share: a store with any is left alone. */
static bool set_dates(Reader *reader, uint64_t date_msec)
{
        uint64_t magic, version, count, tag;

        if (!take_number(reader, 4, &magic) || !take_number(reader, 4, &version) || !take_number(reader, 4, &count) ||
            magic != KEYSTORE_MAGIC || version != KEYSTORE_VERSION)
                return false;
        for (uint64_t i = 0; i < count; i++) {
                if (!take_number(reader, 4, &tag) || tag != KEYSTORE_CERTIFICATE || !skip_counted(reader, 2))
                        return false;
                uint8_t *date = take(reader, sizeof date_msec);
                if (!date || !skip_counted(reader, 2) || !skip_counted(reader, 4))
                        return false;
                date_msec = htobe64(date_msec);
                memcpy(date, &date_msec, sizeof date_msec);
                date_msec = be64toh(date_msec);
        }
        return true;
}

/* Over the password as UTF-16, a constant and everything before it. */
static int seal_keystore(const void *data, size_t size_bytes, uint8_t ret[static SHA1_BYTES])
{
        static const char salt[] = "\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite";
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool done = context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
                    EVP_DigestUpdate(context, salt, sizeof salt - 1) == 1 &&
                    EVP_DigestUpdate(context, data, size_bytes) == 1 && EVP_DigestFinal_ex(context, ret, NULL) == 1;

        EVP_MD_CTX_free(context);
        return done ? 0 : -ENOMEM;
}

int normalise_keystore(const Buffer *content, const NormaliseDates *dates, Buffer *ret)
{
        _cleanup_buffer_ Buffer store = BUFFER_INIT;
        uint8_t seal[SHA1_BYTES];

        if (content->length < SHA1_BYTES)
                return -EBADMSG;
        size_t body_bytes = content->length - SHA1_BYTES;
        int r = seal_keystore(content->data, body_bytes, seal);
        if (r == 0 && memcmp(seal, content->data + body_bytes, SHA1_BYTES) != 0)
                return -EBADMSG;
        if (r == 0)
                r = buffer_append(&store, content->data, body_bytes);
        if (r < 0)
                return r;
        Reader reader = { (uint8_t *) store.data, (uint8_t *) store.data + body_bytes };
        if (!set_dates(&reader, (uint64_t) dates->epoch_sec * 1000) || reader.next != reader.end)
                return -EBADMSG;
        r = seal_keystore(store.data, body_bytes, seal);
        if (r == 0)
                r = buffer_append(&store, seal, sizeof seal);
        return r < 0 ? r : buffer_append(ret, store.data, store.length);
}

/* ------------------------------------------------------------------------------------------------ aliases.db */

#define HASH_MAGIC 0x061561u
#define HASH_MAGIC_OFFSET 12
#define PAGE_SIZE_OFFSET 20
#define PAGE_ENTRIES_OFFSET 20
#define PAGE_FREE_END_OFFSET 22
#define PAGE_TYPE_OFFSET 25
#define PAGE_HEADER_BYTES 26
#define PAGE_HASH_UNSORTED 2
#define PAGE_HASH_META 8
#define PAGE_HASH 13
#define FILE_ID_OFFSET 52
#define FILE_ID_BYTES 20
#define PAGE_SIZE_MIN 512u
#define PAGE_SIZE_MAX 65536u
#define TIME_DIGITS 10

static uint32_t number_at(const uint8_t *bytes)
{
        uint32_t number;

        memcpy(&number, bytes, sizeof number);
        return number;
}

static uint16_t short_at(const uint8_t *bytes)
{
        uint16_t number;

        memcpy(&number, bytes, sizeof number);
        return number;
}

/* The identity of the file, and what is left of it in memory that was used again: the room between the list of
 * items and the items is free. */
static void clear_page(uint8_t *page, size_t page_bytes)
{
        uint8_t type = page[PAGE_TYPE_OFFSET];
        size_t start = PAGE_HEADER_BYTES + 2 * (size_t) short_at(page + PAGE_ENTRIES_OFFSET);
        /* 65536 does not fit */
        size_t end = short_at(page + PAGE_FREE_END_OFFSET) ?: PAGE_SIZE_MAX;

        if (type == PAGE_HASH_META)
                memset(page + FILE_ID_OFFSET, 0, FILE_ID_BYTES);
        if ((type == PAGE_HASH || type == PAGE_HASH_UNSORTED) && start < end && end <= page_bytes)
                memset(page + start, 0, end - start);
}

/* The value stands before its key; each item begins with the byte 1. */
static void set_time(uint8_t *data, size_t size_bytes, int64_t epoch_sec)
{
        static const char key[] = "\1YP_LAST_MODIFIED";
        uint8_t *end = data + size_bytes, *found = data;
        char digits[32];

        if (snprintf(digits, sizeof digits, "%010lld", (long long) epoch_sec) != TIME_DIGITS)
                return;
        while ((found = memmem(found, (size_t) (end - found), key, sizeof key - 1))) {
                uint8_t *value = found - TIME_DIGITS;
                bool is_time = found - data > TIME_DIGITS && value[-1] == 1;
                for (size_t i = 0; is_time && i < TIME_DIGITS; i++)
                        is_time = isdigit(value[i]);
                if (is_time)
                        memcpy(value, digits, TIME_DIGITS);
                found++;
        }
}

int normalise_aliases(const Buffer *content, const NormaliseDates *dates, Buffer *ret)
{
        const uint8_t *first = (const uint8_t *) content->data;
        size_t start = ret->length;

        /* of another byte order, or another kind of table */
        if (content->length < PAGE_SIZE_MIN || number_at(first + HASH_MAGIC_OFFSET) != HASH_MAGIC)
                return -EBADMSG;
        uint32_t page_bytes = number_at(first + PAGE_SIZE_OFFSET);
        if (page_bytes < PAGE_SIZE_MIN || page_bytes > PAGE_SIZE_MAX || content->length % page_bytes != 0)
                return -EBADMSG;
        int r = buffer_append(ret, content->data, content->length);
        if (r < 0)
                return r;
        uint8_t *data = (uint8_t *) ret->data + start;
        for (size_t offset = 0; offset < content->length; offset += page_bytes)
                clear_page(data + offset, page_bytes);
        set_time(data, content->length, dates->epoch_sec);
        return 0;
}
