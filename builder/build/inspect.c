/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "base/file.h"

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

/* What this build knows that the image must not. */
typedef struct Knowledge {
        LintWord *items;
        char **texts; /* owned, one for each item */
        size_t n_items;
} Knowledge;

static void knowledge_done(Knowledge *knowledge)
{
        for (size_t i = 0; i < knowledge->n_items; i++) {
                explicit_bzero(knowledge->texts[i], strlen(knowledge->texts[i]));
                free(knowledge->texts[i]);
        }
        free(knowledge->texts);
        free(knowledge->items);
}

static int know(Knowledge *knowledge, LintId id, const char *text)
{
        size_t n = knowledge->n_items;
        LintWord *items = reallocarray(knowledge->items, n + 1, sizeof *items);

        if (items)
                knowledge->items = items;
        char **texts = reallocarray(knowledge->texts, n + 1, sizeof *texts);
        if (texts)
                knowledge->texts = texts;
        if (!items || !texts || !(texts[n] = strdup(text)))
                return -ENOMEM;
        items[n] = (LintWord){ .id = id, .text = texts[n] };
        knowledge->n_items++;
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

static int know_folder(Knowledge *knowledge, const char *path)
{
        _cleanup_free_ char *real = realpath(path, NULL);

        if (path_is_absolute(path) && is_telling(path) && know(knowledge, LINT_BUILD_PATH, path) < 0)
                return -ENOMEM;
        if (real && is_telling(real) && strcmp(real, path) != 0)
                return know(knowledge, LINT_BUILD_PATH, real);
        return 0;
}

/* A name that could as well be any word would be found everywhere. */
static int know_host(Knowledge *knowledge, const Job *job)
{
        char name[HOST_NAME_MAX + 1] = "";

        if (gethostname(name, sizeof name - 1) < 0 || strlen(name) < LINT_WORD_MIN || strcmp(name, "localhost") == 0 ||
            strcmp(name, recipe_name(job->recipe)) == 0)
                return 0;
        if (strlen(name) < HOST_LONG_BYTES && strcspn(name, "0123456789-.") == strlen(name))
                return 0;
        return know(knowledge, LINT_BUILD_HOST, name);
}

/* "http://user:password@host:3128/" is known by "host:3128". */
static int know_proxies(Knowledge *knowledge)
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
                if (strlen(known) >= SECRET_MIN_BYTES && know(knowledge, LINT_PROXY, known) < 0)
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
static int know_secret(Knowledge *knowledge, const char *path)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_file(AT_FDCWD, path, SECRET_LIMIT_BYTES, &text, NULL);

        if (r < 0 || text.length == 0)
                return r == -ENOMEM ? r : 0;
        text.data[strcspn(text.data, "\n")] = '\0';
        r = is_hard_to_guess(text.data) ? know(knowledge, LINT_SECRET, text.data) : 0;
        explicit_bzero(text.data, text.length);
        return r;
}

static int know_all(Knowledge *knowledge, const Job *job)
{
        int r = know_folder(knowledge, job->options->cache_directory);

        if (r == 0)
                r = know_folder(knowledge, job->options->out_directory);
        for (size_t i = 0; r == 0 && i < job->levels.n_items; i++)
                r = know_folder(knowledge, recipe_directory(job->levels.items[i].recipe));
        if (r == 0)
                r = know_host(knowledge, job);
        if (r == 0)
                r = know_proxies(knowledge);
        for (size_t i = 0; r == 0 && i < job->n_stages; i++) {
                const char *key = job->stages[i].kind->secret_key;
                if (key && section_has(job->stages[i].section, key))
                        r = know_secret(knowledge, section_path(job->stages[i].section, key));
        }
        return r;
}

/* A base's come first: what is right in it is right in what is made of it. *ret_n_inherited: how many these are. */
static int read_allows(const Job *job, LintAllows *allows, size_t *ret_n_inherited, Error *error)
{
        for (size_t i = 0; i < job->levels.n_items; i++) {
                char *const *lines = section_list(recipe_image(job->levels.items[i].recipe), "Allow");
                *ret_n_inherited = allows->n_items;
                for (; lines && *lines; lines++) {
                        int r = lint_allow_add(allows, *lines, true, error);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static void tell_warnings(Report *report, const LintReport *found)
{
        for (size_t i = 0; i < found->n_items; i++) {
                const LintFinding *finding = &found->items[i];
                const LintCheck *check = &lint_checks[finding->id];
                if (!finding->allow && check->severity == LINT_WARNING)
                        report_warning(report, "%s %s (%s: %s)", finding->path, finding->text, check->name, check->meaning);
        }
}

static void tell_unused(Report *report, const LintAllows *allows, size_t n_inherited)
{
        for (size_t i = n_inherited; i < allows->n_items; i++) {
                const LintAllow *allow = &allows->items[i];
                if (allow->n_used == 0)
                        report_note(report, "There is nothing that Allow=%s%s%s would have to allow",
                                    lint_checks[allow->id].name, allow->path ? ":" : "", allow->path ? allow->path : "");
        }
}

static int run_lint(const Job *job, const char *path, LintAllows *allows, LintReport *ret, Error *error)
{
        Knowledge knowledge = { 0 };
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        int r = know_all(&knowledge, job);
        if (r == 0)
                r = lint_image(fd, &(LintOptions){ allows, knowledge.items, knowledge.n_items }, ret, error);
        else
                error_out_of_memory(error);
        knowledge_done(&knowledge);
        return r;
}

int job_inspect(const Job *job, const char *path, LintAllows *ret_allows, Error *error)
{
        _cleanup_lint_allows_ LintAllows allows = { 0 };
        _cleanup_lint_report_ LintReport found = { 0 };
        Report *report = job->options->report;
        size_t n_inherited = 0;
        char note[64];

        report_stage_start(report, 0, 0, "lint", "Looking for leaks");
        int r = read_allows(job, &allows, &n_inherited, error);
        if (r == 0)
                r = run_lint(job, path, &allows, &found, error);
        if (r == 0)
                r = lint_report_error(&found, error);
        snprintf(note, sizeof note, "%zu allowed", found.n_allowed);
        if (r == 0)
                report_stage_end(report, found.n_allowed > 0 ? note : NULL);
        else
                report_stage_failed(report);
        tell_warnings(report, &found);
        if (r < 0)
                return r;
        tell_unused(report, &allows, n_inherited);
        *ret_allows = allows;
        allows = (LintAllows){ 0 };
        return 0;
}
