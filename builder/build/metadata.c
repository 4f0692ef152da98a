/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "build/locked.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>

/* Asks every stage in turn what it adds, and keeps what each of them will see. */
static int collect_sources(Job *job, Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };
        _cleanup_strv_ char **pins = NULL;

        for (size_t i = 0; i < job->n_stages; i++) {
                const JobStage *stage = &job->stages[i];
                int r = stage->kind->repositories ? stage->kind->repositories(stage->section, stage->level->recipe, &list,
                                                                              &pins, error)
                                                  : 0;
                if (r < 0)
                        return r;
                StageSources *sources = &job->sources[i];
                if (repository_list_copy(&list, &sources->repositories) < 0 || strv_extend(&sources->pins, pins) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

static bool has_item(const AptReleases *releases, const AptRelease *release)
{
        for (size_t i = 0; i < releases->n_items; i++)
                if (string_equal(releases->items[i].uri, release->uri) &&
                    string_equal(releases->items[i].suite, release->suite) &&
                    string_equal(releases->items[i].sha256, release->sha256))
                        return true;
        return false;
}

/* The stages work with one list after another, and most repositories are on several. */
static int add_releases(AptReleases *all, AptReleases *more)
{
        AptRelease *grown = reallocarray(all->items, all->n_items + more->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        all->items = grown;
        for (size_t i = 0; i < more->n_items; i++)
                if (!has_item(all, &more->items[i])) {
                        grown[all->n_items++] = more->items[i];
                        more->items[i] = (AptRelease){ 0 };
                }
        if (more->newest_sec > all->newest_sec)
                all->newest_sec = more->newest_sec;
        if (more->n_items > 0 && (all->fresh_sec == 0 || more->fresh_sec < all->fresh_sec))
                all->fresh_sec = more->fresh_sec;
        return 0;
}

/* A [Repositories] that follows another one makes the list between them invisible to every stage. */
static bool sources_are_used(const Job *job, size_t index)
{
        if (index + 1 >= job->n_stages)
                return true;
        const StageKind *kind = job->stages[index].kind, *next = job->stages[index + 1].kind;
        return kind->installs_packages || !next->repositories;
}

static int fetch_all(Job *job, Error *error)
{
        for (size_t i = 0; i < job->n_stages; i++) {
                if (!job->stages[i].kind->repositories || !sources_are_used(job, i))
                        continue;
                AptReleases releases = { 0 };
                int r = apt_update(job->apt, &job->sources[i].repositories, &releases, error);
                if (r == 0 && add_releases(&job->releases, &releases) < 0)
                        r = error_out_of_memory(error);
                apt_releases_done(&releases);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_release(const RepositoryList *list, const AptRelease *release)
{
        for (size_t i = 0; i < list->n_items; i++)
                if (strv_contains(list->items[i].uris, release->uri) && strv_contains(list->items[i].suites, release->suite))
                        return true;
        return false;
}

char **job_repository_identities(const Job *job, size_t index)
{
        _cleanup_strv_ char **identities = NULL;

        for (size_t i = 0; i < job->releases.n_items; i++) {
                const AptRelease *release = &job->releases.items[i];
                if (has_release(&job->sources[index].repositories, release) &&
                    strv_appendf(&identities, "%s %s %s", release->uri, release->suite, release->sha256) < 0)
                        return NULL;
        }
        return TAKE_PTR(identities);
}

/* https://reproducible-builds.org/specs/source-date-epoch/: the caller's own wins. *ret_sec stays as it is without. */
static int read_epoch(int64_t *ret_sec, Error *error)
{
        const char *text = getenv("SOURCE_DATE_EPOCH");
        uint64_t value;

        if (string_empty(text))
                return 0;
        if (parse_unsigned(text, 0, UINT32_MAX, &value) < 0)
                return error_set_usage(error, -EINVAL, "SOURCE_DATE_EPOCH=%s is not a number of seconds since 1970", text);
        *ret_sec = (int64_t) value;
        return 0;
}

/* Of the repositories that the stages up to there work with. */
static int64_t newest_date(const Job *job, size_t n_stages)
{
        int64_t newest_sec = -1;

        for (size_t i = 0; i < n_stages; i++)
                for (size_t j = 0; j < job->releases.n_items; j++) {
                        const AptRelease *release = &job->releases.items[j];
                        if (release->date_sec > newest_sec && has_release(&job->sources[i].repositories, release))
                                newest_sec = release->date_sec;
                }
        return newest_sec;
}

static int choose_dates(Job *job, Error *error)
{
        int64_t given_sec = -1, newest_sec = job->releases.newest_sec;
        int r = read_epoch(&given_sec, error);

        if (r == 0 && given_sec < 0 && newest_sec <= 0)
                return error_set_usage(error, -EINVAL,
                                       "%s names no repository, so the image would have no date; start it with "
                                       "[Debootstrap], or set SOURCE_DATE_EPOCH",
                                       recipe_path(job->recipe));
        for (size_t i = 0; r == 0 && i < job->levels.n_items; i++) {
                Level *level = &job->levels.items[i];
                int64_t own_sec = level == levels_last(&job->levels) ? newest_sec : newest_date(job, level->end);
                r = level_set_date(level, job->options->out_directory,
                                   given_sec >= 0 ? given_sec : own_sec > 0 ? own_sec : newest_sec, error);
        }
        return r;
}

/* Without the network nobody can say whether these are still the newest: at least say how old they are. Caller frees. */
static char *age_note(int64_t fresh_sec)
{
        int64_t age_sec = (int64_t) time(NULL) - fresh_sec;
        char *text = NULL;
        int n;

        if (age_sec < 3600)
                n = asprintf(&text, "offline, as of %" PRId64 " minutes ago", age_sec / 60);
        else if (age_sec < 2 * 86400)
                n = asprintf(&text, "offline, as of %" PRId64 " hours ago", age_sec / 3600);
        else
                n = asprintf(&text, "offline, as of %" PRId64 " days ago", age_sec / 86400);
        return n < 0 ? NULL : text;
}

int job_fetch_metadata(Job *job, Error *error)
{
        report_stage_start(job->options->report, 0, 0, "metadata", "Package lists");
        int r = collect_sources(job, error);
        if (r == 0 && job->options->lock)
                r = job_take_lock(job, error);
        else if (r == 0)
                r = fetch_all(job, error);
        if (r == 0 && !job->options->lock)
                r = choose_dates(job, error);
        if (r < 0) {
                report_stage_failed(job->options->report);
                return error_wrap(error, "%s", recipe_name(job->recipe));
        }
        if (job->options->lock) {
                report_stage_end(job->options->report, "as they were locked");
                return 0;
        }
        bool aged = job->options->offline && job->releases.fresh_sec > 0;
        _cleanup_free_ char *note = aged ? age_note(job->releases.fresh_sec) : NULL;
        report_stage_end(job->options->report, note);
        return 0;
}
