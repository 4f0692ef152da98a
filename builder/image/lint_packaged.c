/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include "base/hash.h"
#include "image/names.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 4096u
/* Eight bytes each; a system with more files than that has some findings too many. */
#define SHIPPED_MAX ((size_t) 4 << 20)
#define MD5_HEX 32u

/* dpkg's lists say lib where /lib is a link to usr/lib, too. */
static uint64_t hash_file(const char *path, size_t length, const char *md5)
{
        if (length > 4 && memcmp(path, "usr/", 4) == 0) {
                path += 4;
                length -= 4;
        }
        return hash_bytes(md5, MD5_HEX, hash_bytes(path, length, 0));
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

static bool hash_entry(const LintRun *run, uint64_t *ret)
{
        unsigned char md5[EVP_MAX_MD_SIZE];
        char hex[MD5_HEX + 1];
        unsigned size = 0;

        if (!run->whole || EVP_Digest(run->content.data, run->content.length, md5, &size, EVP_md5(), NULL) != 1 ||
            size != MD5_HEX / 2)
                return false;
        hex_encode(md5, size, hex);
        *ret = hash_file(run->entry->path, run->entry->path_length, hex);
        return true;
}

void lint_pend(LintRun *run, LintId id, char *text)
{
        LintPending pending = { .id = id, .text = text }, *grown = NULL;

        if (text && run->n_pending < PENDING_MAX && hash_entry(run, &pending.hash))
                grown = reallocarray(run->pending, run->n_pending + 1, sizeof *grown);
        if (grown)
                run->pending = grown;
        if (grown && asprintf(&pending.path, "/%s", run->entry->path) < 0)
                pending.path = NULL;
        if (pending.path) {
                run->pending[run->n_pending++] = pending;
                return;
        }
        lint_found(run, id, "%s", text ? text : "");
        run->out_of_memory = run->out_of_memory || !text;
        free(text);
}

static void add_shipped(LintRun *run, const char *path, size_t length, const char *md5)
{
        if (run->n_shipped == run->n_shipped_allocated) {
                size_t n = run->n_shipped > 0 ? 2 * run->n_shipped : 4096;
                uint64_t *grown = n <= SHIPPED_MAX ? reallocarray(run->shipped, n, sizeof *grown) : NULL;
                if (!grown) {
                        run->out_of_memory = run->out_of_memory || n <= SHIPPED_MAX;
                        return;
                }
                run->shipped = grown;
                run->n_shipped_allocated = n;
        }
        run->shipped[run->n_shipped++] = hash_file(path, length, md5);
}

/* "0123456789abcdef0123456789abcdef  usr/bin/x" */
void lint_md5sums(LintRun *run)
{
        const char *line = run->content.data;

        for (const char *end; *line; line = *end ? end + 1 : end) {
                end = strchrnul(line, '\n');
                if (end - line > MD5_HEX + 2 && line[MD5_HEX] == ' ')
                        add_shipped(run, line + MD5_HEX + 2, (size_t) (end - line) - MD5_HEX - 2, line);
        }
}

/* " /etc/x 0123456789abcdef0123456789abcdef", perhaps with " obsolete" behind it */
void lint_conffiles(LintRun *run)
{
        const char *line = run->content.data;

        for (const char *end; *line; line = *end ? end + 1 : end) {
                end = strchrnul(line, '\n');
                if (line[0] != ' ' || line[1] != '/')
                        continue;
                const char *path = line + 2, *space = memchr(path, ' ', (size_t) (end - path));
                if (space && end - space > MD5_HEX)
                        add_shipped(run, path, (size_t) (space - path), space + 1);
        }
}

static int compare_hashes(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;

        return (left > right) - (left < right);
}

void lint_settle(LintRun *run)
{
        if (run->n_pending > 0 && run->n_shipped > 0)
                qsort(run->shipped, run->n_shipped, sizeof *run->shipped, compare_hashes);
        for (size_t i = 0; i < run->n_pending; i++) {
                LintPending *pending = &run->pending[i];
                LintId id = pending->id;
                bool shipped = run->n_shipped > 0 && bsearch(&pending->hash, run->shipped, run->n_shipped,
                                                             sizeof *run->shipped, compare_hashes);
                if (shipped && (id != LINT_PRIVATE_KEY || is_example(pending->path)))
                        continue;
                char path[NAME_TEXT_MAX];
                lint_found_at(run, shipped ? LINT_PACKAGED_KEY : id, name_text(pending->path, path),
                              TAKE_PTR(pending->text));
        }
}
