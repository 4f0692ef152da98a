/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "packages/deb822.h"

/* apt takes a second to find out that nothing has changed. When the cache holds what apt has verified, the signed files
 * alone decide: as long as each of them is the same byte for byte, all that they name is, too. Whatever is not as
 * plain as that is left to apt, which also has the words for it. */

/* Keys and signatures expire, which only apt sees. */
#define VERIFIED_MAX_SEC (24 * 60 * 60)
/* Acquire::Max-FutureTime */
#define FUTURE_MAX_SEC 10

/* The files to ask for. */
typedef struct Questions {
        FreshnessFile *files;
        char **uris;
        Buffer *contents;
        size_t n_files;
} Questions;

static void questions_done(Questions *questions)
{
        for (size_t i = 0; i < questions->n_files; i++) {
                freshness_file_done(&questions->files[i]);
                buffer_done(&questions->contents[i]);
        }
        free(questions->files);
        free(questions->contents);
        strv_free(questions->uris);
}

static int recall(const AptSet *set, const char *uri, FreshnessFile *file)
{
        const json_t *answer = json_object_get(json_object_get(set->state, "answers"), uri);
        const char *etag = json_string_value(json_object_get(answer, "etag"));
        const char *last_modified = json_string_value(json_object_get(answer, "modified"));

        file->etag = etag ? strdup(etag) : NULL;
        file->last_modified = last_modified ? strdup(last_modified) : NULL;
        return (etag && !file->etag) || (last_modified && !file->last_modified) ? -ENOMEM : 0;
}

/* Takes `content`. */
static int add_question(Questions *questions, const AptSet *set, const char *uri, Buffer *content, int64_t modified_sec)
{
        FreshnessFile *files = reallocarray(questions->files, questions->n_files + 1, sizeof *files);
        if (files)
                questions->files = files;
        Buffer *contents = reallocarray(questions->contents, questions->n_files + 1, sizeof *contents);
        if (contents)
                questions->contents = contents;
        if (!files || !contents || strv_append(&questions->uris, uri) < 0)
                return -ENOMEM;
        contents[questions->n_files] = TAKE_BUFFER(*content);
        FreshnessFile *file = &files[questions->n_files];
        *file = (FreshnessFile){ .uri = questions->uris[questions->n_files],
                                 .data = contents[questions->n_files].data,
                                 .size_bytes = contents[questions->n_files].length,
                                 .modified_sec = modified_sec };
        questions->n_files++;
        return recall(set, uri, file);
}

/* `list_name` of the set's indexes, which comes from `uri`. */
static int look_at_file(const AptSet *set, const char *uri, const char *list_name, Questions *questions,
                        FreshnessVerdict *verdict, Error *error)
{
        _cleanup_buffer_ Buffer content = BUFFER_INIT, now = BUFFER_INIT;
        const char *path = apt_local_path(uri);
        struct stat status;

        if (fstatat(set->generation_fd, list_name, &status, 0) < 0 ||
            read_file(set->generation_fd, list_name, RELEASE_LIMIT_BYTES, &content, NULL) < 0 || content.length == 0) {
                *verdict = FRESHNESS_UNKNOWN;
                return 0;
        }
        if (string_starts_with(uri, "http://") || string_starts_with(uri, "https://"))
                return add_question(questions, set, uri, &content, status.st_mtim.tv_sec) < 0
                               ? error_out_of_memory(error) : 0;
        if (!path || read_file(AT_FDCWD, path, RELEASE_LIMIT_BYTES, &now, NULL) < 0)
                *verdict = FRESHNESS_UNKNOWN;
        else if (now.length != content.length || memcmp(now.data, content.data, now.length) != 0)
                *verdict = FRESHNESS_CHANGED;
        return 0;
}

/* Neither expired nor from the future. */
static bool is_in_time(const AptSet *set, const char *list_name, bool check_valid_until)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int64_t date_sec, until_sec, now_sec = time(NULL);

        if (read_file(set->generation_fd, list_name, RELEASE_LIMIT_BYTES, &text, NULL) < 0 || !text.data)
                return false;
        const char *stanza = apt_skip_armor(text.data);
        _cleanup_free_ char *date = deb822_get(stanza, "Date"), *until = deb822_get(stanza, "Valid-Until");
        if (!date || apt_parse_date(date, &date_sec) < 0 || date_sec > now_sec + FUTURE_MAX_SEC)
                return false;
        return !check_valid_until || !until || (apt_parse_date(until, &until_sec) == 0 && until_sec > now_sec);
}

/* InRelease, or Release with its signature if there is one: what apt has taken. */
static int look_at_suite(const AptSet *set, const Repository *repository, const char *directory, Questions *questions,
                         FreshnessVerdict *verdict, Error *error)
{
        static const char *const names[] = { "InRelease", "Release", "Release.gpg" };
        _cleanup_free_ char *prefix = apt_list_name(directory);
        bool found = false;

        if (!prefix)
                return error_out_of_memory(error);
        for (size_t i = 0; *verdict == FRESHNESS_SAME && i < ELEMENTS(names); i++) {
                _cleanup_free_ char *list_name = NULL, *uri = NULL;
                if (asprintf(&list_name, "%s%s", prefix, names[i]) < 0) {
                        list_name = NULL;
                        return error_out_of_memory(error);
                }
                if (asprintf(&uri, "%s%s", directory, names[i]) < 0) {
                        uri = NULL;
                        return error_out_of_memory(error);
                }
                if (faccessat(set->generation_fd, list_name, F_OK, 0) < 0)
                        continue;
                if (!found && !is_in_time(set, list_name, repository->check_valid_until)) {
                        *verdict = FRESHNESS_UNKNOWN;
                        return 0;
                }
                found = true;
                int r = look_at_file(set, uri, list_name, questions, verdict, error);
                if (r < 0 || i == 0)
                        return r;
        }
        if (!found)
                *verdict = FRESHNESS_UNKNOWN;
        return 0;
}

static int look_at_repository(const AptSet *set, const Repository *repository, Questions *questions,
                              FreshnessVerdict *verdict, Error *error)
{
        for (char **uri = repository->uris; uri && *uri; uri++)
                for (char **suite = repository->suites; suite && *suite && *verdict == FRESHNESS_SAME; suite++) {
                        _cleanup_free_ char *directory = apt_release_directory(*uri, *suite);
                        if (!directory)
                                return error_out_of_memory(error);
                        int r = look_at_suite(set, repository, directory, questions, verdict, error);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* So that the next question can be put the way in which the server wants it. */
static int remember(AptSet *set, const Questions *questions)
{
        json_t *answers = json_object_get(set->state, "answers");

        if (!json_is_object(answers)) {
                answers = json_object();
                if (json_object_set_new(set->state, "answers", answers) < 0)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < questions->n_files; i++) {
                const FreshnessFile *file = &questions->files[i];
                /* no password is written down */
                if (uri_has_credentials(file->uri))
                        continue;
                json_t *answer = json_pack("{ss* ss*}", "etag", file->etag, "modified", file->last_modified);
                if (json_object_set_new(answers, file->uri, answer) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int ask(Apt *apt, Questions *questions, FreshnessVerdict *verdict, Error *error)
{
        if (questions->n_files == 0)
                return 0;
        if (!apt->freshness) {
                int r = freshness_new(FRESHNESS_TIMEOUT_MSEC, &apt->freshness, error);
                if (r < 0)
                        return r;
        }
        return freshness_check(apt->freshness, questions->files, questions->n_files, verdict, error);
}

int apt_set_is_fresh(Apt *apt, AptSet *set, bool *ret, Error *error)
{
        _cleanup_(questions_done) Questions questions = { 0 };
        FreshnessVerdict verdict = FRESHNESS_SAME;
        int64_t age_sec = (int64_t) time(NULL) - apt_set_time(set, "verified");
        int r = 0;

        *ret = false;
        if (!set->generation || age_sec < 0 || age_sec > VERIFIED_MAX_SEC)
                return 0;
        for (size_t i = 0; r == 0 && i < set->repositories.n_items; i++)
                if (strv_contains(set->repositories.items[i].types, "deb"))
                        r = look_at_repository(set, &set->repositories.items[i], &questions, &verdict, error);
        if (r == 0 && verdict == FRESHNESS_SAME)
                r = ask(apt, &questions, &verdict, error);
        if (r < 0 || verdict != FRESHNESS_SAME)
                return r;
        *ret = true;
        return remember(set, &questions) < 0 ? error_out_of_memory(error) : 0;
}
