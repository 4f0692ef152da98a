/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "packages/apt_internal.h"
#include "packages/lock_internal.h"

/* Line by line, as lock_format() writes it: so that every error has its line. */
typedef struct Reader {
        const char *name;
        const char *next;
        unsigned line;
        Lock lock;
        Error *error;
} Reader;

static int refuse(const Reader *reader, const char *format, ...) _printf_(2, 3);
static int refuse(const Reader *reader, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        if (!text)
                return error_out_of_memory(reader->error);
        error_set(reader->error, -EBADMSG, "%s:%u: %s", reader->name, reader->line, text);
        error_hint(reader->error, "Locks are written by templar; make it anew with: templar lock --update RECIPE");
        return -EBADMSG;
}

/* The next line without its newline; the caller frees; NULL at the end or when memory is short. */
static char *take_line(Reader *reader)
{
        size_t length = strcspn(reader->next, "\n");

        reader->line++;
        if (!*reader->next)
                return NULL;
        char *line = strndup(reader->next, length);
        reader->next += length + (reader->next[length] == '\n');
        return line;
}

static int expect(Reader *reader, const char *wanted)
{
        _cleanup_free_ char *line = take_line(reader);

        return line && strcmp(line, wanted) == 0 ? 0 : refuse(reader, "expected \"%s\"", wanted);
}

/* A member's value, or a list's element. */
static int parse(const Reader *reader, const char *text, size_t length, json_t **ret)
{
        json_error_t problem;

        *ret = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
        return *ret ? 0 : refuse(reader, "%s", problem.text);
}

/* ` "NAME": VALUE,` */
static int read_member(Reader *reader, const char *name, json_t **ret)
{
        _cleanup_free_ char *line = take_line(reader), *head = NULL;

        if (asprintf(&head, " \"%s\": ", name) < 0) {
                head = NULL;
                return error_out_of_memory(reader->error);
        }
        if (!line || !string_starts_with(line, head) || !string_ends_with(line, ","))
                return refuse(reader, "expected \"%s\"", name);
        size_t offset = strlen(head);
        return parse(reader, line + offset, strlen(line) - offset - 1, ret);
}

static int read_text(Reader *reader, const char *name, char **ret)
{
        _cleanup_json_ json_t *value = NULL;
        int r = read_member(reader, name, &value);

        if (r < 0)
                return r;
        if (string_empty(json_string_value(value)))
                return refuse(reader, "\"%s\" is no text", name);
        *ret = strdup(json_string_value(value));
        return *ret ? 0 : error_out_of_memory(reader->error);
}

static int read_number(Reader *reader, const char *name, int64_t *ret)
{
        _cleanup_json_ json_t *value = NULL;
        int r = read_member(reader, name, &value);

        if (r == 0 && (!json_is_integer(value) || json_integer_value(value) < 0))
                return refuse(reader, "\"%s\" is no number", name);
        if (r == 0)
                *ret = json_integer_value(value);
        return r;
}

/* The members of an element, in their order. */
typedef struct Member {
        const char *name;
        enum { TEXT, ANY_TEXT, OPTIONAL_HASH, HASH, NUMBER } type;
        void *target; /* char ** or int64_t * */
} Member;

static bool is_hash(const char *text)
{
        return text && strlen(text) == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

static int take_member(const Reader *reader, const json_t *value, const Member *member)
{
        const char *text = json_string_value(value);

        if (!value && member->type == OPTIONAL_HASH)
                return 0;
        if (!value)
                return refuse(reader, "\"%s\" is missing", member->name);
        if (member->type == NUMBER) {
                if (!json_is_integer(value) || json_integer_value(value) < 0)
                        return refuse(reader, "\"%s\" is no number", member->name);
                *(int64_t *) member->target = json_integer_value(value);
                return 0;
        }
        if ((member->type == HASH || member->type == OPTIONAL_HASH) && !is_hash(text))
                return refuse(reader, "\"%s\" is no SHA-256 in lower-case hexadecimal", member->name);
        if (!text || (member->type == TEXT && !*text))
                return refuse(reader, "\"%s\" is no text", member->name);
        char *copy = strdup(text);
        if (!copy)
                return error_out_of_memory(reader->error);
        *(char **) member->target = copy;
        return 0;
}

static int take_members(const Reader *reader, const json_t *object, const Member *members, size_t n_members)
{
        const char *key;
        json_t *value;

        if (!json_is_object(object))
                return refuse(reader, "expected an object");
        for (size_t i = 0; i < n_members; i++) {
                int r = take_member(reader, json_object_get(object, members[i].name), &members[i]);
                if (r < 0)
                        return r;
        }
        json_object_foreach((json_t *) object, key, value)
        {
                bool known = false;
                for (size_t i = 0; i < n_members; i++)
                        known = known || strcmp(key, members[i].name) == 0;
                if (!known)
                        return refuse(reader, "\"%s\" is not known here", key);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ lists */

typedef int (*ElementFunction)(Reader *reader, const json_t *element);

/* ` "NAME": [`, elements, and ` ],` (` ]` for the last list) */
static int read_list(Reader *reader, const char *name, bool last, ElementFunction take)
{
        const char *close = last ? " ]" : " ],";
        _cleanup_free_ char *head = NULL;
        bool more = true;

        if (asprintf(&head, " \"%s\": [", name) < 0) {
                head = NULL;
                return error_out_of_memory(reader->error);
        }
        int r = expect(reader, head);
        for (bool first = true; r == 0; first = false) {
                _cleanup_free_ char *line = take_line(reader);
                _cleanup_json_ json_t *element = NULL;
                if (line && strcmp(line, close) == 0 && (first || !more))
                        return 0;
                if (!line || !string_starts_with(line, "  {") || !more ||
                    !(string_ends_with(line, "}") || string_ends_with(line, "},")))
                        return refuse(reader, "expected an element of \"%s\" or \"%s\"", name, close);
                more = string_ends_with(line, ",");
                r = parse(reader, line, strlen(line) - more, &element);
                if (r == 0)
                        r = take(reader, element);
        }
        return r;
}

static void *grow(void *items, size_t n_items, size_t size)
{
        char *grown = reallocarray(items, n_items + 1, size);

        if (grown)
                memset(grown + n_items * size, 0, size);
        return grown;
}

#define GROW(items, n_items)                                                                                 \
        ({                                                                                                   \
                typeof(items) grown_ = grow(items, n_items, sizeof *(items));                                \
                if (grown_)                                                                                  \
                        (items) = grown_;                                                                    \
                grown_ ? &grown_[(n_items)++] : NULL;                                                        \
        })

static int take_base(Reader *reader, const json_t *element)
{
        LockBase *base = GROW(reader->lock.bases, reader->lock.n_bases);

        if (!base)
                return error_out_of_memory(reader->error);
        const Member members[] = { { "image", TEXT, &base->image },
                                   { "version", TEXT, &base->version },
                                   { "source_date_epoch", NUMBER, &base->source_date_epoch_sec } };
        return take_members(reader, element, members, ELEMENTS(members));
}

static int take_repository(Reader *reader, const json_t *element)
{
        AptRelease *release = GROW(reader->lock.repositories, reader->lock.n_repositories);

        if (!release)
                return error_out_of_memory(reader->error);
        const Member members[] = { { "uri", TEXT, &release->uri },
                                   { "suite", TEXT, &release->suite },
                                   { "date", NUMBER, &release->date_sec },
                                   { "sha256", HASH, &release->sha256 } };
        return take_members(reader, element, members, ELEMENTS(members));
}

/* They become parts of paths and of command lines. */
static bool is_plain(const char *text)
{
        return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-~:_") == strlen(text) &&
               *text != '-' && *text != '.';
}

static int take_package(Reader *reader, const json_t *element)
{
        LockPackage *package = GROW(reader->lock.packages, reader->lock.n_packages);
        int64_t size_bytes = 0;

        if (!package)
                return error_out_of_memory(reader->error);
        const Member members[] = { { "name", TEXT, &package->name },
                                   { "version", TEXT, &package->version },
                                   { "architecture", TEXT, &package->architecture },
                                   { "source", TEXT, &package->source },
                                   { "source_version", TEXT, &package->source_version },
                                   { "size", NUMBER, &size_bytes },
                                   { "sha256", HASH, &package->sha256 },
                                   { "uri", ANY_TEXT, &package->uri },
                                   { "patch_sha256", OPTIONAL_HASH, &package->patch_sha256 },
                                   { "patched_sha256", OPTIONAL_HASH, &package->patched_sha256 } };
        int r = take_members(reader, element, members, ELEMENTS(members));
        if (r < 0)
                return r;
        package->size_bytes = (uint64_t) size_bytes;
        if (!is_plain(package->name) || !is_plain(package->version) || !is_plain(package->architecture))
                return refuse(reader, "\"%s\" %s of %s can't be a package", package->name, package->version,
                              package->architecture);
        if (!package->patch_sha256 != !package->patched_sha256)
                return refuse(reader, "\"patch_sha256\" and \"patched_sha256\" belong together");
        if (!lock_is_sorted(reader->lock.packages, reader->lock.n_packages))
                return refuse(reader, "the package %s stands twice, or is not in its place", package->name);
        return 0;
}

/* ------------------------------------------------------------------------------------------------ stages */

static const LockPackage *find_reference(const Lock *lock, const char *reference)
{
        for (size_t i = 0; i < lock->n_packages; i++) {
                const LockPackage *package = &lock->packages[i];
                size_t length = strlen(package->name);
                if (strncmp(package->name, reference, length) != 0 || reference[length] != ':')
                        continue;
                _cleanup_free_ char *own = lock_reference(lock, package);
                if (own && strcmp(own, reference) == 0)
                        return package;
        }
        return NULL;
}

static int add_package(Reader *reader, AptTransaction *transaction, const char *reference)
{
        const LockPackage *from = find_reference(&reader->lock, reference);
        AptPackage *package = from ? GROW(transaction->packages, transaction->n_packages) : NULL;

        if (!from)
                return refuse(reader, "\"%s\" is none of the lock's packages", reference);
        if (!package)
                return error_out_of_memory(reader->error);
        return lock_package_copy(from, package) < 0 ? error_out_of_memory(reader->error) : 0;
}

static size_t count_unpacked(const AptTransaction *transaction)
{
        size_t n = 0;

        for (size_t i = 0; i < transaction->n_steps; i++)
                n += transaction->steps[i].action == APT_UNPACK;
        return n;
}

/* dpkg is handed the packages in the order of the steps that unpack. */
static bool is_next(const AptTransaction *transaction, const char *name)
{
        size_t index = count_unpacked(transaction), length = strcspn(name, ":");

        return index < transaction->n_packages && strlen(transaction->packages[index].name) == length &&
               strncmp(transaction->packages[index].name, name, length) == 0;
}

static int add_step(Reader *reader, AptTransaction *transaction, AptAction action, const char *name)
{
        if (!is_plain(name))
                return refuse(reader, "\"%s\" can't be a package", name);
        if (action == APT_UNPACK && !is_next(transaction, name))
                return refuse(reader, "%s is not the next of the stage's packages", name);
        AptStep *step = GROW(transaction->steps, transaction->n_steps);
        if (!step)
                return error_out_of_memory(reader->error);
        *step = (AptStep){ action, strdup(name) };
        return step->package ? 0 : error_out_of_memory(reader->error);
}

static int take_string(Reader *reader, AptTransaction *transaction, const char *key, const char *text)
{
        if (string_empty(text))
                return refuse(reader, "\"%s\" is no list of names", key);
        if (strcmp(key, "packages") == 0)
                return add_package(reader, transaction, text);
        for (size_t i = 0; lock_actions[i]; i++)
                if (strcmp(key, lock_actions[i]) == 0)
                        return add_step(reader, transaction, (AptAction) i, text);
        char ***list = strcmp(key, "automatic") == 0 ? &transaction->automatic
                       : strcmp(key, "manual") == 0  ? &transaction->manual
                                                     : NULL;
        if (!list)
                return refuse(reader, "\"%s\" is not known here", key);
        if (!is_plain(text))
                return refuse(reader, "\"%s\" can't be a package", text);
        return strv_append(list, text) < 0 ? error_out_of_memory(reader->error) : 0;
}

/* {"stage": N, KEY: [...]} of the stage that was named last */
static int take_stage_list(Reader *reader, json_t *element)
{
        LockStage *stage = &reader->lock.stages[reader->lock.n_stages - 1];
        const char *key;
        json_t *value;
        int r = 0;

        json_object_foreach(element, key, value)
        {
                if (strcmp(key, "stage") == 0)
                        continue;
                if (!json_is_array(value) || json_array_size(value) == 0 || json_object_size(element) != 2)
                        return refuse(reader, "expected one list beside \"stage\"");
                if (!stage->resolved)
                        return refuse(reader, "the stage takes no packages");
                for (size_t i = 0; r == 0 && i < json_array_size(value); i++)
                        r = take_string(reader, &stage->transaction, key, json_string_value(json_array_get(value, i)));
        }
        return r;
}

/* Where the stage is over. */
static int check_stage(const Reader *reader)
{
        const AptTransaction *transaction =
                reader->lock.n_stages > 0 ? &reader->lock.stages[reader->lock.n_stages - 1].transaction : NULL;
        size_t n_unpacked = transaction ? count_unpacked(transaction) : 0;

        if (n_unpacked > 0 && n_unpacked != transaction->n_packages)
                return refuse(reader, "stage %zu has packages that it does not unpack", reader->lock.n_stages);
        return 0;
}

static int take_stage(Reader *reader, const json_t *element)
{
        json_int_t number = json_integer_value(json_object_get(element, "stage"));
        json_t *resolved = json_object_get(element, "resolved");

        if (number > 0 && (size_t) number == reader->lock.n_stages)
                return take_stage_list(reader, (json_t *) element);
        if (number < 1 || (size_t) number != reader->lock.n_stages + 1)
                return refuse(reader, "\"stage\" is out of order");
        if (!json_is_boolean(resolved))
                return refuse(reader, "\"resolved\" is neither true nor false");
        int r = check_stage(reader);
        if (r < 0)
                return r;
        LockStage *stage = GROW(reader->lock.stages, reader->lock.n_stages);
        if (!stage)
                return error_out_of_memory(reader->error);
        stage->resolved = json_is_true(resolved);
        int64_t ignored = 0;
        const Member members[] = { { "stage", NUMBER, &ignored },
                                   { "kind", TEXT, &stage->kind },
                                   { "sha256", HASH, &stage->sha256 } };
        _cleanup_json_ json_t *rest = json_copy((json_t *) element);
        if (!rest || json_object_del(rest, "resolved") < 0)
                return error_out_of_memory(reader->error);
        return take_members(reader, rest, members, ELEMENTS(members));
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int read_head(Reader *reader)
{
        int64_t format = 0;
        int r = expect(reader, "{");

        if (r == 0)
                r = read_number(reader, "format", &format);
        if (r == 0 && format != LOCK_FORMAT)
                return refuse(reader, "the lock has format %lld, and this program reads %d", (long long) format,
                              LOCK_FORMAT);
        if (r == 0)
                r = read_text(reader, "tool", &reader->lock.tool_version);
        if (r == 0)
                r = read_text(reader, "image", &reader->lock.image);
        if (r == 0)
                r = read_text(reader, "version", &reader->lock.version);
        if (r == 0)
                r = read_text(reader, "architecture", &reader->lock.architecture);
        if (r == 0)
                r = read_number(reader, "source_date_epoch", &reader->lock.source_date_epoch_sec);
        if (r == 0)
                r = read_text(reader, "recipe_sha256", &reader->lock.recipe_sha256);
        return r == 0 && !is_hash(reader->lock.recipe_sha256) ? refuse(reader, "\"recipe_sha256\" is no SHA-256") : r;
}

static int read_all(Reader *reader)
{
        int r = read_head(reader);

        if (r == 0)
                r = read_list(reader, "bases", false, take_base);
        if (r == 0)
                r = read_list(reader, "repositories", false, take_repository);
        if (r == 0)
                r = read_list(reader, "packages", false, take_package);
        if (r == 0)
                r = read_list(reader, "stages", true, take_stage);
        if (r == 0)
                r = check_stage(reader);
        if (r == 0)
                r = expect(reader, "}");
        return r == 0 && *reader->next ? refuse(reader, "something follows the end") : r;
}

int lock_parse(const char *text, const char *name, Lock *ret, Error *error)
{
        Reader reader = { .name = name, .next = text, .error = error };
        int r = read_all(&reader);

        if (r < 0)
                lock_done(&reader.lock);
        else
                *ret = reader.lock;
        return r;
}

int lock_read(const char *path, Lock *ret, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_file(AT_FDCWD, path, LOCK_LIMIT_BYTES, &text, error);

        if (r < 0)
                return r;
        if (text.data && strlen(text.data) != text.length)
                return error_set(error, -EBADMSG, "%s is no lock: it has a byte 0", path);
        return lock_parse(text.data ? text.data : "", path, ret, error);
}
