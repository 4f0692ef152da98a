/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/spec.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

/* A row of texts, each with its NUL; vectors have their length in front. */

#define SPEC_ITEMS_MAX 1000000u

void spec_done(Spec *spec)
{
        strv_free(spec->lowers);
        free(spec->upper);
        free(spec->work);
        free(spec->resolv_conf);
        strv_free(spec->argv);
        strv_free(spec->environment);
        for (size_t i = 0; i < spec->n_mounts; i++) {
                free(spec->mounts[i].source);
                free(spec->mounts[i].target);
        }
        free(spec->mounts);
        *spec = (Spec){ 0 };
}

static int put_text(Buffer *buffer, const char *text)
{
        return buffer_append(buffer, text, strlen(text) + 1);
}

static int put_number(Buffer *buffer, size_t number)
{
        char text[24];

        snprintf(text, sizeof text, "%zu", number);
        return put_text(buffer, text);
}

static int put_vector(Buffer *buffer, const char *const *vector)
{
        int r = put_number(buffer, strv_length((char *const *) vector));

        for (; r == 0 && vector && *vector; vector++)
                r = put_text(buffer, *vector);
        return r;
}

static int put_mount(Buffer *buffer, const SandboxMount *mount)
{
        _cleanup_free_ char *here = NULL, *source = NULL;

        if (path_is_absolute(mount->source)) {
                source = strdup(mount->source);
        } else {
                here = get_current_dir_name();
                if (!here)
                        return -errno;
                source = path_join(here, mount->source);
        }
        int r = source ? put_text(buffer, source) : -ENOMEM;
        if (r == 0)
                r = put_text(buffer, mount->target);
        return r < 0 ? r : put_number(buffer, mount->writable);
}

static int put_tree(Buffer *buffer, const SandboxTree *tree)
{
        int r = put_vector(buffer, tree ? (const char *const *) tree->lowers : NULL);

        if (r == 0)
                r = put_text(buffer, tree && tree->upper ? tree->upper : "");
        return r == 0 ? put_text(buffer, tree && tree->work ? tree->work : "") : r;
}

int spec_encode(const SandboxCommand *command, const char *resolv_conf, Buffer *ret)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        const size_t numbers[] = { (size_t) command->root, command->tree != NULL, command->network,
                                   (size_t) command->console, (size_t) getpid() };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(numbers); i++)
                r = put_number(&buffer, numbers[i]);
        if (r == 0)
                r = put_tree(&buffer, command->tree);
        if (r == 0)
                r = put_text(&buffer, resolv_conf);
        if (r == 0)
                r = put_vector(&buffer, command->argv);
        if (r == 0)
                r = put_vector(&buffer, command->environment ? command->environment : sandbox_environment);
        if (r == 0)
                r = put_number(&buffer, command->n_mounts);
        for (size_t i = 0; r == 0 && i < command->n_mounts; i++)
                r = put_mount(&buffer, &command->mounts[i]);
        if (r == 0)
                *ret = TAKE_BUFFER(buffer);
        return r;
}

typedef struct Reader {
        const char *next;
        const char *end;
} Reader;

/* NULL at the end. */
static const char *take_text(Reader *reader)
{
        const char *text = reader->next;

        if (text >= reader->end)
                return NULL;
        reader->next = text + strlen(text) + 1;
        return text;
}

static int take_copy(Reader *reader, char **ret)
{
        const char *text = take_text(reader);

        if (!text)
                return -EBADMSG;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int take_number(Reader *reader, size_t *ret)
{
        const char *text = take_text(reader);
        uint64_t number;

        if (!text || parse_unsigned(text, 0, INT32_MAX, &number) < 0)
                return -EBADMSG;
        *ret = (size_t) number;
        return 0;
}

static int take_count(Reader *reader, size_t *ret)
{
        int r = take_number(reader, ret);

        return r == 0 && *ret > SPEC_ITEMS_MAX ? -EBADMSG : r;
}

static int take_vector(Reader *reader, char ***ret)
{
        size_t length = 0;
        int r = take_count(reader, &length);

        if (r < 0)
                return r;
        *ret = calloc(length + 1, sizeof(char *));
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < length; i++)
                r = take_copy(reader, &(*ret)[i]);
        return r;
}

static int take_mounts(Reader *reader, Spec *spec)
{
        size_t n_mounts = 0, writable = 0;
        int r = take_count(reader, &n_mounts);

        if (r < 0)
                return r;
        spec->mounts = calloc(n_mounts + 1, sizeof *spec->mounts);
        if (!spec->mounts)
                return -ENOMEM;
        spec->n_mounts = n_mounts;
        for (size_t i = 0; r == 0 && i < n_mounts; i++) {
                r = take_copy(reader, &spec->mounts[i].source);
                if (r == 0)
                        r = take_copy(reader, &spec->mounts[i].target);
                if (r == 0)
                        r = take_number(reader, &writable);
                spec->mounts[i].writable = writable != 0;
        }
        return r;
}

static int take_tree(Reader *reader, Spec *spec)
{
        int r = take_vector(reader, &spec->lowers);

        if (r == 0)
                r = take_copy(reader, &spec->upper);
        return r == 0 ? take_copy(reader, &spec->work) : r;
}

SandboxTree spec_tree(const Spec *spec, int directory_fd)
{
        return (SandboxTree){
                .directory_fd = directory_fd,
                .lowers = spec->lowers[0] ? spec->lowers : NULL,
                .upper = *spec->upper ? spec->upper : NULL,
                .work = *spec->work ? spec->work : NULL,
        };
}

int spec_decode(const Buffer *encoded, Spec *ret)
{
        _cleanup_spec_ Spec spec = { 0 };
        Reader reader = { encoded->data, encoded->data + encoded->length };
        size_t numbers[5] = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(numbers); i++)
                r = take_number(&reader, &numbers[i]);
        if (r == 0)
                r = take_tree(&reader, &spec);
        if (r == 0)
                r = take_copy(&reader, &spec.resolv_conf);
        if (r == 0)
                r = take_vector(&reader, &spec.argv);
        if (r == 0)
                r = take_vector(&reader, &spec.environment);
        if (r == 0)
                r = take_mounts(&reader, &spec);
        if (r == 0 &&
            (numbers[0] > SANDBOX_ROOT_TOOLS || numbers[3] > SANDBOX_CONSOLE_TERMINAL || !spec.argv[0]))
                r = -EBADMSG;
        if (r < 0)
                return r;
        spec.root = (SandboxRoot) numbers[0];
        spec.has_tree = numbers[1] != 0;
        spec.network = numbers[2] != 0;
        spec.console = (SandboxConsole) numbers[3];
        spec.parent = (pid_t) numbers[4];
        *ret = spec;
        spec = (Spec){ 0 };
        return 0;
}
