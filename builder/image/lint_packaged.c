/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include "image/names.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 4096u
#define MD5_HEX 32u

/* Of a path as dpkg's lists have it; where /lib is a link to usr/lib they still say lib. */
static uint64_t hash_path(const char *path, size_t length)
{
        if (length > 4 && memcmp(path, "usr/", 4) == 0) {
                path += 4;
                length -= 4;
        }
        return hash_bytes(path, length, 0);
}

/* Where programs and libraries keep keys to show or to test with. */
static bool is_example(const char *path)
{
        static const char *const folders[] = { "/usr/share/doc/", "/test", "/example", "/demo", "/sample" };

        for (size_t i = 0; i < ELEMENTS(folders); i++)
                if (strstr(path, folders[i]))
                        return true;
        return false;
}

static bool digest_content(const LintRun *run, char ret_md5[static MD5_HEX + 1])
{
        unsigned char md5[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (!run->whole || EVP_Digest(run->content.data, run->content.length, md5, &size, EVP_md5(), NULL) != 1 ||
            size != MD5_HEX / 2)
                return false;
        hex_encode(md5, size, ret_md5);
        return true;
}

void lint_pend(LintRun *run, LintId id, char *text)
{
        LintPending pending = { .id = id, .text = text, .path_hash = hash_path(run->entry->path, run->entry->path_length) };
        LintPending *grown = NULL;

        if (text && run->n_pending < PENDING_MAX && digest_content(run, pending.md5))
                grown = reallocarray(run->pending, run->n_pending + 1, sizeof *grown);
        if (grown)
                run->pending = grown;
        if (grown && asprintf(&pending.path, "/%s", run->entry->path) < 0)
                pending.path = NULL;
        if (pending.path) {
                run->pending[run->n_pending++] = pending;
                run->look_again = run->look_again || run->lists_seen;
                return;
        }
        lint_found(run, id, "%s", text ? text : "");
        run->out_of_memory = run->out_of_memory || !text;
        free(text);
}

static int compare_hashes(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;

        return (left > right) - (left < right);
}

/* Most lines are about files in which nothing was found. */
static bool prepare_hashes(LintRun *run)
{
        run->lists_seen = true;
        if (run->n_pending == 0)
                return false;
        if (run->hashes && run->n_hashes == run->n_pending)
                return true;
        free(run->hashes);
        run->hashes = calloc(run->n_pending, sizeof *run->hashes);
        if (!run->hashes) {
                run->out_of_memory = true;
                return false;
        }
        for (size_t i = 0; i < run->n_pending; i++)
                run->hashes[i] = run->pending[i].path_hash;
        qsort(run->hashes, run->n_pending, sizeof *run->hashes, compare_hashes);
        run->n_hashes = run->n_pending;
        return true;
}

static void judge(LintRun *run, const char *path, size_t length, const char *md5)
{
        uint64_t hash = hash_path(path, length);

        if (!bsearch(&hash, run->hashes, run->n_hashes, sizeof hash, compare_hashes))
                return;
        for (size_t i = 0; i < run->n_pending; i++)
                if (run->pending[i].path_hash == hash && strncmp(run->pending[i].md5, md5, MD5_HEX) == 0)
                        run->pending[i].packaged = true;
}

/* "0123456789abcdef0123456789abcdef  usr/bin/x" */
void lint_md5sums(LintRun *run)
{
        const char *line = run->content.data;

        if (!prepare_hashes(run))
                return;
        for (const char *end; *line; line = *end ? end + 1 : end) {
                end = strchrnul(line, '\n');
                if (end - line > MD5_HEX + 2 && line[MD5_HEX] == ' ')
                        judge(run, line + MD5_HEX + 2, (size_t) (end - line) - MD5_HEX - 2, line);
        }
}

/* " /etc/x 0123456789abcdef0123456789abcdef", perhaps with " obsolete" behind it */
void lint_conffiles(LintRun *run)
{
        const char *line = run->content.data;

        if (!prepare_hashes(run))
                return;
        for (const char *end; *line; line = *end ? end + 1 : end) {
                end = strchrnul(line, '\n');
                if (line[0] != ' ' || line[1] != '/')
                        continue;
                const char *path = line + 2, *space = memchr(path, ' ', (size_t) (end - path));
                if (space && end - space > MD5_HEX)
                        judge(run, path, (size_t) (space - path), space + 1);
        }
}

void lint_settle(LintRun *run)
{
        for (size_t i = 0; i < run->n_pending; i++) {
                LintPending *pending = &run->pending[i];
                LintId id = pending->id;
                if (pending->packaged && (id != LINT_PRIVATE_KEY || is_example(pending->path)))
                        continue;
                char path[NAME_TEXT_MAX];
                lint_found_at(run, pending->packaged ? LINT_PACKAGED_KEY : id, name_text(pending->path, path),
                              TAKE_PTR(pending->text));
        }
}
