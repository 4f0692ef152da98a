/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/resolve.h"

#include "base/file.h"
#include "base/strings.h"
#include "recipe/lookup.h"
#include "recipe/sourcefile.h"
#include "recipe/specifier.h"
#include "recipe/value.h"

#include <errno.h>
#include <string.h>

#define NOTHING_BUT_SPACE " \t\n"

/* One key at work. */
typedef struct Resolution {
        Checker *checker;
        RecipeSection *section;
        const KeySchema *key;
        KeyValue *value;
        bool failed;
} Resolution;

static Diagnostic *report(Resolution *work, const Item *item, size_t offset, size_t length, const char *message,
                          const char *hint)
{
        const Assignment *assignment = item->assignment;
        Diagnostic *added;

        work->failed = work->section->failed = true;
        if (assignment)
                added = diagnostics_add(work->checker->diagnostics, assignment->source,
                                        assignment_span(assignment, item->offset + offset, length), "%s", message);
        else
                added = diagnostics_add(work->checker->diagnostics, work->section->source, work->section->span,
                                        "the default of %s= in [%s]: %s", work->key->name, work->section->schema->name,
                                        message);
        if (hint)
                diagnostic_hint(added, "%s", hint);
        return added;
}

static int report_specifier(Resolution *work, const Item *item, SpecifierResult result, size_t offset)
{
        switch (result) {
        case SPECIFIER_OK:
        case SPECIFIER_PENDING:
                return 0;
        case SPECIFIER_UNKNOWN:
                report(work, item, offset, 2, "unknown specifier; expected %i (image), %v (version), %a "
                                              "(architecture), %s (suite) or %%", "a percent sign is written \"%%\"");
                return 0;
        case SPECIFIER_UNFINISHED:
                report(work, item, offset, 1, "a percent sign at the end; expected %i, %v, %a, %s or %%",
                       "a percent sign is written \"%%\"");
                return 0;
        case SPECIFIER_NO_SUITE:
                report(work, item, offset, 2, "%s stands for the suite, and this recipe has none; expected a Suite=",
                       "set Suite= in the first section");
                return 0;
        case SPECIFIER_NO_MEMORY:
                return -ENOMEM;
        }
        return 0;
}

static int expand(Resolution *work, Item *item, const char *raw)
{
        const Recipe *recipe = work->checker->recipe;
        const SpecifierValues values = { recipe->name, recipe->version, recipe->architecture, recipe->suite };
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        SpecifierFound found = { 0 };
        SpecifierResult result = SPECIFIER_OK;

        if (work->key->type == KEY_TEXT || !memchr(raw, '%', item->length)) {
                item->text = pool_copy(&work->checker->recipe->pool, raw, item->length);
        } else {
                result = specifier_expand(&values, raw, item->length, &buffer, &found);
                item->text = pool_copy(&work->checker->recipe->pool, buffer.data, buffer.length);
        }
        item->pending = result == SPECIFIER_PENDING;
        work->value->uses_version |= found.version;
        return item->text ? report_specifier(work, item, result, found.offset) : -ENOMEM;
}

static int check_file(Resolution *work, const Item *item, Error *error)
{
        KeyType type = work->key->type;

        if (work->checker->directory_fd < 0 || item->pending)
                return 0;
        if (type == KEY_HOST_FILE && path_is_absolute(item->text))
                return host_file_check(item->text, error);
        if (type == KEY_SOURCE || type == KEY_SOURCE_LIST || type == KEY_HOST_FILE)
                return source_file_check(work->checker->directory_fd, item->text, error);
        return 0;
}

/* Marks in the expanded text are places in the raw one only where nothing was expanded. */
static int check_item(Resolution *work, Item *item, const char *raw)
{
        _cleanup_error_ Error error = ERROR_INIT;
        ValueMark mark = { 0 };

        int r = value_check(work->key, item->text, &mark, &error);
        if (r == 0) {
                mark = (ValueMark){ .length = item->length };
                r = check_file(work, item, &error);
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                if (strlen(item->text) != item->length || memcmp(item->text, raw, item->length) != 0) {
                        mark.offset = 0;
                        mark.length = item->length;
                }
                Diagnostic *added = report(work, item, mark.offset, mark.length,
                                           error.message ? error.message : "this value is wrong", error.hint);
                if (added)
                        added->hide = mark.hide;
                return 0;
        }
        item->text = value_canonical(&work->checker->recipe->pool, work->key, item->text);
        return item->text ? 0 : -ENOMEM;
}

static bool is_repeated(const Resolution *work, const char *text)
{
        if (work->key->type != KEY_ENUM_LIST)
                return false;
        for (size_t i = 0; i + 1 < work->value->words.n; i++)
                if (strcmp(work->value->words.items[i].text, text) == 0)
                        return true;
        return false;
}

static int add_item(Resolution *work, const Assignment *assignment, const char *raw, size_t offset, size_t length)
{
        Item *item = POOL_APPEND(&work->checker->recipe->pool, &work->value->words);
        bool failed = work->failed;

        if (!item)
                return -ENOMEM;
        *item = (Item){ .assignment = assignment, .offset = offset, .length = length };
        work->failed = false;
        int r = expand(work, item, raw);
        if (r == 0 && !work->failed)
                r = check_item(work, item, raw);
        if (r == 0 && (work->failed || is_repeated(work, item->text)))
                work->value->words.n--;
        work->failed |= failed;
        return r;
}

static int add_words(Resolution *work, const Assignment *assignment, const char *text)
{
        size_t offset = 0;

        while (text[offset += strspn(text + offset, NOTHING_BUT_SPACE)] &&
               !diagnostics_full(work->checker->diagnostics)) {
                size_t length = strcspn(text + offset, NOTHING_BUT_SPACE);
                int r = add_item(work, assignment, text + offset, offset, length);
                if (r < 0)
                        return r;
                offset += length;
        }
        return 0;
}

static int add_text(Resolution *work, const Assignment *assignment, const char *text)
{
        KeyType type = work->key->type;

        if (assignment && assignment->broken) {
                work->failed = work->section->failed = true;
                return 0;
        }
        if (key_type_is_list(type) && type != KEY_LINES)
                return add_words(work, assignment, text);
        return add_item(work, assignment, text, 0, strlen(text));
}

/* Items into the forms that they are asked for in. */
static int join_items(Resolution *work)
{
        _cleanup_buffer_ Buffer joined = BUFFER_INIT;
        KeyValue *value = work->value;
        Pool *pool = &work->checker->recipe->pool;
        const char *separator = work->key->type == KEY_LINES ? "\n" : " ";
        size_t n = value->words.n;

        value->list = n > 0 ? pool_allocate(pool, (n + 1) * sizeof *value->list) : NULL;
        if (n > 0 && !value->list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                value->list[i] = (char *) value->words.items[i].text;
                if ((i > 0 && buffer_append_string(&joined, separator) < 0) ||
                    buffer_append_string(&joined, value->list[i]) < 0)
                        return -ENOMEM;
        }
        value->string = n == 1 ? value->list[0] : pool_copy(pool, joined.data, joined.length);
        return value->string ? 0 : -ENOMEM;
}

static int make_paths(Resolution *work)
{
        const Recipe *recipe = work->checker->recipe;
        KeyValue *value = work->value;
        KeyType type = work->key->type;
        size_t n = value->words.n;

        if ((type != KEY_SOURCE && type != KEY_SOURCE_LIST && type != KEY_HOST_FILE) || n == 0)
                return 0;
        value->paths = pool_allocate(&work->checker->recipe->pool, (n + 1) * sizeof *value->paths);
        if (!value->paths)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *text = value->words.items[i].text;
                _cleanup_free_ char *path = path_is_absolute(text) ? strdup(text) : path_join(recipe->directory, text);
                value->paths[i] = path ? pool_string(&work->checker->recipe->pool, path) : NULL;
                if (!value->paths[i])
                        return -ENOMEM;
        }
        value->path = value->paths[0];
        return 0;
}

int resolve_value(Checker *checker, RecipeSection *section, size_t index)
{
        KeyValue *value = &section->values[index];
        const KeySchema *key = &section->schema->keys[index];
        Resolution work = { .checker = checker, .section = section, .key = key, .value = value };
        /* a reset brings a scalar's default back, and empties a list */
        bool fallback = key->fallback && (key_type_is_list(key->type) ? !value->last : value->assignments.n == 0);
        int r = 0;

        value->words.n = value->words.allocated = 0; /* earlier ones may still be in someone's hands */
        value->words.items = NULL;
        value->string = value->path = NULL;
        value->list = value->paths = NULL;
        if (fallback)
                r = add_text(&work, NULL, key->fallback);
        for (size_t i = 0; r == 0 && i < value->assignments.n; i++)
                r = add_text(&work, value->assignments.items[i], value->assignments.items[i]->value);
        if (r == 0 && (fallback || value->last) && (key_type_is_list(key->type) || value->words.n > 0))
                r = join_items(&work);
        if (r == 0)
                r = make_paths(&work);
        checker->recipe->uses_version |= value->uses_version;
        return r;
}
