/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/inspect.h"

#include "base/file.h"
#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SECRET_LIMIT_BYTES ((uint64_t) 4096)
#define SECRET_MIN_BYTES 8u
#define SECRET_LONG_BYTES 16u
#define HOST_LONG_BYTES 8u

static int know(Inspection *inspection, LintId id, const char *text)
{
        size_t n = inspection->n_words;
        LintWord *words = reallocarray(inspection->words, n + 1, sizeof *words);

        if (words)
                inspection->words = words;
        char **texts = reallocarray(inspection->texts, n + 1, sizeof *texts);
        if (texts)
                inspection->texts = texts;
        if (!words || !texts || !(texts[n] = strdup(text)))
                return -ENOMEM;
        words[n] = (LintWord){ .id = id, .text = texts[n] };
        inspection->n_words++;
        return 0;
}

static unsigned count_components(const char *path)
{
        unsigned n = 0;

        for (const char *next = path; *(next += strspn(next, "/")); next += strcspn(next, "/"))
                n++;
        return n;
}

/* "/srv", "/home/me" and "/usr/share" are in every system; below them a name begins to tell something. */
static bool is_telling(const char *path)
{
        static const char *const common[] = { "/usr/", "/etc/", "/var/", "/opt/", "/home/" };
        unsigned wanted = 2;

        for (size_t i = 0; i < ELEMENTS(common); i++)
                if (string_starts_with(path, common[i]))
                        wanted = 3;
        return count_components(path) >= wanted;
}

static int know_folder(Inspection *inspection, const char *path)
{
        _cleanup_free_ char *real = realpath(path, NULL);

        if (path_is_absolute(path) && is_telling(path) && know(inspection, LINT_BUILD_PATH, path) < 0)
                return -ENOMEM;
        if (real && is_telling(real) && strcmp(real, path) != 0)
                return know(inspection, LINT_BUILD_PATH, real);
        return 0;
}

/* A name that could as well be any word would be found everywhere. */
static int know_host(Inspection *inspection, const Job *job)
{
        char name[HOST_NAME_MAX + 1] = "";

        if (gethostname(name, sizeof name - 1) < 0 || strlen(name) < LINT_WORD_MIN || strcmp(name, "localhost") == 0 ||
            strcmp(name, recipe_name(job->recipe)) == 0)
                return 0;
        if (strlen(name) < HOST_LONG_BYTES && strcspn(name, "0123456789-.") == strlen(name))
                return 0;
        return know(inspection, LINT_BUILD_HOST, name);
}

/* "http://user:password@host:3128/" is known by "host:3128". */
static int know_proxies(Inspection *inspection)
{
        static const char *const names[] = { "http_proxy", "https_proxy", "ftp_proxy", "all_proxy",
                                             "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY" };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                const char *value = getenv(names[i]), *host = value ? strstr(value, "://") : NULL;
                if (!value)
                        continue;
                host = host ? host + strlen("://") : value;
                _cleanup_free_ char *copy = strndup(host, strcspn(host, "/"));
                if (!copy)
                        return -ENOMEM;
                const char *at = strrchr(copy, '@'), *known = at ? at + 1 : copy;
                if (strlen(known) >= SECRET_MIN_BYTES && know(inspection, LINT_PROXY, known) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What could be a word of some text is no secret that could be looked for. */
static bool is_hard_to_guess(const char *secret)
{
        bool lower = false, upper = false, digit = false, other = false;
        size_t length = 0;

        for (; secret[length]; length++) {
                unsigned char c = (unsigned char) secret[length];
                *(islower(c) ? &lower : isupper(c) ? &upper : isdigit(c) ? &digit : &other) = true;
        }
        return length >= SECRET_LONG_BYTES || (length >= SECRET_MIN_BYTES && lower + upper + digit + other > 1);
}

/* The stage has read the file and complained of what is wrong with it. */
static int know_secret(Inspection *inspection, const char *path)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_file(AT_FDCWD, path, SECRET_LIMIT_BYTES, &text, NULL);

        if (r < 0 || text.length == 0)
                return r == -ENOMEM ? r : 0;
        text.data[strcspn(text.data, "\n")] = '\0';
        r = is_hard_to_guess(text.data) ? know(inspection, LINT_SECRET, text.data) : 0;
        explicit_bzero(text.data, text.length);
        return r;
}

static int know_all(Inspection *inspection, const Job *job)
{
        int r = know_folder(inspection, job->options->cache_directory);

        if (r == 0)
                r = know_folder(inspection, job->options->out_directory);
        for (size_t i = 0; r == 0 && i < job->levels.n_items; i++)
                r = know_folder(inspection, recipe_directory(job->levels.items[i].recipe));
        if (r == 0)
                r = know_host(inspection, job);
        if (r == 0)
                r = know_proxies(inspection);
        for (size_t i = 0; r == 0 && i < job->n_stages; i++) {
                const char *key = job->stages[i].kind->secret_key;
                if (key && section_has(job->stages[i].section, key))
                        r = know_secret(inspection, section_path(job->stages[i].section, key));
        }
        return r;
}

/* A base's come first: what is right in it is right in what is made of it. */
static int read_allows(const Job *job, Inspection *inspection, Error *error)
{
        for (size_t i = 0; i < job->levels.n_items; i++) {
                char *const *lines = section_list(recipe_image(job->levels.items[i].recipe), "Allow");
                inspection->n_inherited = inspection->allows.n_items;
                for (; lines && *lines; lines++) {
                        int r = lint_allow_add(&inspection->allows, *lines, true, error);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int inspection_start(const Job *job, Inspection *ret, Error *error)
{
        if (know_all(ret, job) < 0)
                return error_out_of_memory(error);
        int r = read_allows(job, ret, error);
        ret->options = (LintOptions){ .allows = &ret->allows, .words = ret->words, .n_words = ret->n_words };
        return r;
}

void inspection_done(Inspection *inspection)
{
        for (size_t i = 0; i < inspection->n_words; i++) {
                explicit_bzero(inspection->texts[i], strlen(inspection->texts[i]));
                free(inspection->texts[i]);
        }
        free(inspection->texts);
        free(inspection->words);
        lint_report_done(&inspection->found);
        lint_allows_done(&inspection->allows);
        *inspection = (Inspection){ 0 };
}

/* ------------------------------------------------------------------------------------------------ between processes */

static json_t *finding_json(const Inspection *inspection, const LintFinding *finding)
{
        json_int_t allow = finding->allow ? finding->allow - inspection->allows.items : -1;

        return json_pack("[i, o, o, I]", (int) finding->id, json_text(finding->path), json_text(finding->text), allow);
}

int inspection_send(const Inspection *inspection, Buffer *reply, Error *error)
{
        const LintReport *found = &inspection->found;
        _cleanup_json_ json_t *counts = json_array(), *used = json_array(), *findings = json_array();
        bool done = true;

        for (unsigned id = 0; id < LINT_N_CHECKS; id++)
                done = done && json_add(counts, json_integer((json_int_t) found->n_found[id]));
        for (size_t i = 0; i < inspection->allows.n_items; i++)
                done = done && json_add(used, json_integer(inspection->allows.items[i].n_used));
        for (size_t i = 0; i < found->n_items; i++)
                done = done && json_add(findings, finding_json(inspection, &found->items[i]));
        _cleanup_json_ json_t *all =
                json_pack("{s:O, s:O, s:O, s:I, s:I, s:I}", "counts", counts, "used", used, "findings", findings,
                          "errors", (json_int_t) found->n_errors, "warnings", (json_int_t) found->n_warnings,
                          "allowed", (json_int_t) found->n_allowed);
        _cleanup_free_ char *text = all && done ? json_dumps(all, JSON_COMPACT) : NULL;
        return text && buffer_append_string(reply, text) == 0 ? 0 : error_out_of_memory(error);
}

/* 0, -ENOMEM, or -EINVAL for what inspection_send() doesn't write. */
static int take_finding(Inspection *inspection, const json_t *json)
{
        const char *path, *text;
        json_int_t allow;
        int id;

        if (json_unpack((json_t *) json, "[i, s, s, I]", &id, &path, &text, &allow) < 0 || id < 0 ||
            id >= LINT_N_CHECKS || allow >= (json_int_t) inspection->allows.n_items)
                return -EINVAL;
        LintFinding *finding = &inspection->found.items[inspection->found.n_items++];
        *finding = (LintFinding){ .id = (LintId) id, .path = strdup(path), .text = strdup(text),
                                  .allow = allow >= 0 ? &inspection->allows.items[allow] : NULL };
        return finding->path && finding->text ? 0 : -ENOMEM;
}

static int take_all(Inspection *inspection, json_t *all)
{
        LintReport *found = &inspection->found;
        json_t *counts, *used, *findings;
        json_int_t n_errors, n_warnings, n_allowed;
        int r = 0;

        if (json_unpack(all, "{s:o, s:o, s:o, s:I, s:I, s:I}", "counts", &counts, "used", &used, "findings", &findings,
                        "errors", &n_errors, "warnings", &n_warnings, "allowed", &n_allowed) < 0)
                return -EINVAL;
        found->n_errors = (size_t) n_errors;
        found->n_warnings = (size_t) n_warnings;
        found->n_allowed = (size_t) n_allowed;
        for (size_t id = 0; id < LINT_N_CHECKS; id++)
                found->n_found[id] = (size_t) json_integer_value(json_array_get(counts, id));
        for (size_t i = 0; i < inspection->allows.n_items; i++)
                inspection->allows.items[i].n_used = (unsigned) json_integer_value(json_array_get(used, i));
        found->items = calloc(json_array_size(findings) + 1, sizeof *found->items);
        if (!found->items)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < json_array_size(findings); i++)
                r = take_finding(inspection, json_array_get(findings, i));
        return r;
}

int inspection_receive(Inspection *inspection, const Buffer *reply, Error *error)
{
        _cleanup_json_ json_t *all = reply->length > 0 ? json_loadb(reply->data, reply->length, 0, NULL) : NULL;
        int r = take_all(inspection, all);

        if (r == -EINVAL)
                return error_set(error, r, "The process that packed does not say what it found");
        return r < 0 ? error_out_of_memory(error) : 0;
}

/* ------------------------------------------------------------------------------------------------ conclusions */

static void tell_warnings(Report *report, const LintReport *found)
{
        for (size_t i = 0; i < found->n_items; i++) {
                const LintFinding *finding = &found->items[i];
                const LintCheck *check = &lint_checks[finding->id];
                if (!finding->allow && check->severity == LINT_WARNING)
                        report_warning(report, "%s %s (%s: %s)", finding->path, finding->text, check->name,
                                       check->meaning);
        }
}

static void tell_allowed(Report *report, const Inspection *inspection)
{
        if (inspection->found.n_allowed > 0)
                report_note(report, "%zu finding%s in the image %s allowed", inspection->found.n_allowed,
                            inspection->found.n_allowed == 1 ? "" : "s",
                            inspection->found.n_allowed == 1 ? "is" : "are");
        for (size_t i = inspection->n_inherited; i < inspection->allows.n_items; i++) {
                const LintAllow *allow = &inspection->allows.items[i];
                if (allow->n_used == 0)
                        report_note(report, "There is nothing that Allow=%s%s%s would have to allow",
                                    lint_checks[allow->id].name, allow->path ? ":" : "",
                                    allow->path ? allow->path : "");
        }
}

int inspection_conclude(const Inspection *inspection, Report *report, Error *error)
{
        tell_warnings(report, &inspection->found);
        if (inspection->found.n_errors > 0)
                return lint_report_error(&inspection->found, error);
        tell_allowed(report, inspection);
        return 0;
}
