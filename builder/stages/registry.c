/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/stage.h"

#include "stages/kinds.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIBE_MAX_BYTES 60
#define KEYS_MAX 32

/* Both lists from one: a section has to be in the schema and a kind in the table. */
#define STAGE_KINDS(X)                                                                                       \
        X(stage_debootstrap)                                                                                 \
        X(stage_repositories)                                                                                \
        X(stage_upgrade)                                                                                     \
        X(stage_install)                                                                                     \
        X(stage_install_deb)                                                                                 \
        X(stage_patch_deb)                                                                                   \
        X(stage_remove)                                                                                      \
        X(stage_password)                                                                                    \
        X(stage_file)                                                                                        \
        X(stage_script)

#define KIND(kind) &kind,
#define SCHEMA(kind) &kind##_schema,

const StageKind *const stage_kinds[] = { STAGE_KINDS(KIND) NULL };

static const SectionSchema *const stage_schemas[] = { STAGE_KINDS(SCHEMA) NULL };

const RecipeSchema stage_recipe_schema = { .image = &stage_image_schema, .stages = stage_schemas };

const StageKind *stage_kind_of(const RecipeSection *section)
{
        for (const StageKind *const *kind = stage_kinds; *kind; kind++)
                if ((*kind)->schema == section_schema(section))
                        return *kind;
        return NULL;
}

static int add_list(Digest *digest, char *const *list)
{
        char count[24];

        snprintf(count, sizeof count, "%zu", strv_length(list));
        int r = digest_add_field(digest, count);
        for (char *const *item = list; r == 0 && item && *item; item++)
                r = digest_add_field(digest, *item);
        return r;
}

/* A key that is not there counts with its default: so a default that changes, changes the key. */
static int add_value(Digest *digest, const RecipeSection *section, const KeySchema *key)
{
        const char *text;

        switch (key->type) {
        case KEY_BOOL:
                return digest_add_field(digest, section_bool(section, key->name) ? "yes" : "no");
        case KEY_LIST:
        case KEY_LINES:
        case KEY_ENUM_LIST:
        case KEY_SOURCE_LIST:
        case KEY_TARGET_LIST:
        case KEY_URI_LIST:
                return add_list(digest, section_list(section, key->name));
        default:
                text = section_string(section, key->name);
                /* a key with an empty value is another thing than none */
                return text ? digest_add_field(digest, "=") ?: digest_add_field(digest, text)
                            : digest_add_field(digest, "");
        }
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp((*(const KeySchema *const *) a)->name, (*(const KeySchema *const *) b)->name);
}

static int add_section(Digest *digest, const StageKind *kind, const RecipeSection *section)
{
        const KeySchema *keys[KEYS_MAX];
        char version[16];
        size_t n = 0;

        for (const KeySchema *key = kind->schema->keys; key->name; key++) {
                assert(n < KEYS_MAX);
                keys[n++] = key;
        }
        if (n > 0)
                qsort(keys, n, sizeof *keys, compare_keys);
        snprintf(version, sizeof version, "%u", kind->version);
        int r = digest_add_field(digest, kind->schema->name) ?: digest_add_field(digest, version);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = digest_add_field(digest, keys[i]->name) ?: add_value(digest, section, keys[i]);
        return r;
}

int stage_digest(const RecipeSection *section, Digest *digest, Error *error)
{
        const StageKind *kind = stage_kind_of(section);

        assert(kind);
        int r = add_section(digest, kind, section);
        if (r < 0)
                return error_set_errno(error, -r, "Can't digest the section [%s]", kind->schema->name);
        return kind->digest ? kind->digest(section, digest, error) : 0;
}

int stage_digest_file(Digest *digest, const char *path, Error *error)
{
        char hex[SHA256_HEX_SIZE];
        uint64_t size_bytes;
        int r = digest_file(AT_FDCWD, path, &size_bytes, hex, error);

        if (r < 0)
                return r;
        r = digest_add_field(digest, hex);
        return r < 0 ? error_set_errno(error, -r, "Can't digest %s", path) : 0;
}

char *stage_describe(const char *verb, char *const *words)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        size_t n = strv_length(words), i = 0;

        if (buffer_append_string(&buffer, verb) < 0)
                return NULL;
        for (; i < n && (i == 0 || buffer.length + strlen(words[i]) < DESCRIBE_MAX_BYTES); i++)
                if (buffer_printf(&buffer, " %s", words[i]) < 0)
                        return NULL;
        if (i < n && buffer_printf(&buffer, " and %zu more", n - i) < 0)
                return NULL;
        return buffer_take(&buffer);
}

int stage_note(StageContext *context, Error *error, const char *format, ...)
{
        char *text = NULL, *whole = NULL;
        va_list arguments;

        va_start(arguments, format);
        int n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0)
                return error_out_of_memory(error);
        if (context->ret_note) {
                n = asprintf(&whole, "%s, %s", context->ret_note, text);
                free(text);
                if (n < 0)
                        return error_out_of_memory(error);
                text = whole;
        }
        free(context->ret_note);
        context->ret_note = text;
        return 0;
}
