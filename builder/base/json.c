/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <errno.h>
#include <string.h>
#include <time.h>

bool json_put(json_t *object, const char *key, json_t *value)
{
        return value && json_object_set_new(object, key, value) == 0;
}

bool json_add(json_t *array, json_t *value)
{
        return value && json_array_append_new(array, value) == 0;
}

static json_t *latin1_text(const char *value)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        for (const unsigned char *byte = (const unsigned char *) value; *byte; byte++) {
                const unsigned char pair[] = { 0xc0 | *byte >> 6, 0x80 | (*byte & 0x3f) };
                if (buffer_append(&buffer, *byte < 0x80 ? byte : pair, *byte < 0x80 ? 1 : sizeof pair) < 0)
                        return NULL;
        }
        return json_stringn(buffer.data ? buffer.data : "", buffer.length);
}

json_t *json_text(const char *value)
{
        json_t *string;

        if (!value)
                return json_null();
        string = json_string(value);
        return string ? string : latin1_text(value);
}

json_t *json_time(int64_t time_sec)
{
        char buffer[64];
        time_t value = time_sec;
        struct tm fields;

        if (!gmtime_r(&value, &fields) || strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &fields) == 0)
                return json_null();
        return json_string(buffer);
}

static int append_compact(Buffer *buffer, const json_t *value)
{
        _cleanup_free_ char *dump = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

        return dump ? buffer_append_string(buffer, dump) : -ENOMEM;
}

static int append_value(Buffer *buffer, const json_t *value)
{
        size_t n = json_array_size(value);
        int r = 0;

        if (n == 0)
                return append_compact(buffer, value);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = buffer_append_string(buffer, i == 0 ? "[\n    " : ",\n    ");
                if (r == 0)
                        r = append_compact(buffer, json_array_get(value, i));
        }
        return r < 0 ? r : buffer_append_string(buffer, "\n  ]");
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static const char **sorted_keys(const json_t *object)
{
        const char **keys = calloc(json_object_size(object) + 1, sizeof *keys), *key;
        json_t *value;
        size_t n = 0;

        if (!keys)
                return NULL;
        json_object_foreach((json_t *) object, key, value)
                keys[n++] = key;
        qsort(keys, n, sizeof *keys, compare_keys);
        return keys;
}

int json_append_lines(Buffer *buffer, const json_t *object)
{
        _cleanup_free_ const char **keys = sorted_keys(object);
        int r = keys ? buffer_append_string(buffer, "{") : -ENOMEM;

        for (const char **key = keys; r == 0 && *key; key++) {
                _cleanup_json_ json_t *name = json_string(*key);
                r = name ? buffer_append_string(buffer, key == keys ? "\n  " : ",\n  ") : -ENOMEM;
                if (r == 0)
                        r = append_compact(buffer, name);
                if (r == 0)
                        r = buffer_append_string(buffer, ": ");
                if (r == 0)
                        r = append_value(buffer, json_object_get(object, *key));
        }
        return r < 0 ? r : buffer_append_string(buffer, "\n}\n");
}
