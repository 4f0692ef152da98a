/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint.h"

#include "base/file.h"
#include "base/json.h"
#include "verbs/artifact.h"
#include "verbs/batch.h"
#include "verbs/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MANIFEST_LIMIT_BYTES ((uint64_t) 64 << 20)

static const char *severity_name(LintId id)
{
        return lint_checks[id].severity == LINT_ERROR ? "error" : "warning";
}

static int add_given(const VerbCall *call, LintAllows *allows, Error *error)
{
        char *const *given = options_list(call->options, "allow");

        for (; given && *given; given++)
                if (lint_allow_add(allows, *given, false, error) < 0)
                        return error_wrap(error, "--allow=%s", *given);
        return 0;
}

/* What the recipe allowed, from the manifest beside the image. One that can't be read allows nothing. */
static int add_recorded(const char *image_path, LintAllows *allows, Error *error)
{
        _cleanup_free_ char *path = artifact_manifest(image_path);
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (!path || read_file(AT_FDCWD, path, MANIFEST_LIMIT_BYTES, &text, NULL) < 0)
                return 0;
        _cleanup_json_ json_t *manifest = json_loadb(text.data, text.length, 0, NULL);
        const json_t *list = json_object_get(manifest, "allowed");
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *check = NULL, *pattern = NULL, *reason = NULL;
                _cleanup_free_ char *line = NULL;
                if (json_unpack(json_array_get(list, i), "{s:s, s?s, s:s}", "check", &check, "path", &pattern,
                                "reason", &reason) < 0 &&
                    json_unpack(json_array_get(list, i), "{s:s, s:n, s:s}", "check", &check, "path", "reason",
                                &reason) < 0)
                        continue;
                if (asprintf(&line, "%s%s%s %s", check, pattern ? ":" : "", pattern ? pattern : "", reason) < 0) {
                        line = NULL;
                        return error_out_of_memory(error);
                }
                if (lint_allow_add(allows, line, true, NULL) == -ENOMEM)
                        return error_out_of_memory(error);
        }
        return 0;
}

/* `heading`: what is said once for all findings of the check, or NULL. */
static void show_finding(const VerbCall *call, const LintFinding *finding, const char *heading)
{
        const LintCheck *check = &lint_checks[finding->id];
        const char *reason = finding->allow ? finding->allow->reason : NULL;
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:o, s:o, s:s*}", "check", check->name, "severity", severity_name(finding->id),
                          "path", json_text(finding->path), "text", json_text(finding->text), "allowed", reason);

        report_json_event(call->report, "finding", members);
        if (heading)
                report_result(call->report, "%s: %s. %s %s", heading, check->name, check->meaning, check->remedy);
        report_result(call->report, "    %s%s%s%s%s%s%s", finding->path, *finding->path ? " " : "", finding->text,
                      reason ? " (allowed" : "", reason && *reason ? ": " : "", reason ? reason : "",
                      reason ? ")" : "");
}

static void show(const VerbCall *call, const char *path, const LintReport *found)
{
        _cleanup_json_ json_t *members =
                json_pack("{s:o, s:I, s:I, s:I}", "path", json_text(path), "errors", (json_int_t) found->n_errors,
                          "warnings", (json_int_t) found->n_warnings, "allowed", (json_int_t) found->n_allowed);

        for (size_t i = 0; i < found->n_items; i++) {
                LintId id = found->items[i].id;
                bool first = i == 0 || found->items[i - 1].id != id;
                bool last = i + 1 == found->n_items || found->items[i + 1].id != id;
                show_finding(call, &found->items[i],
                             !first ? NULL : found->n_found[id] > 0 ? severity_name(id) : "allowed");
                if (last && found->n_found[id] > LINT_LISTED)
                        report_result(call->report, "    ... and %zu more", found->n_found[id] - LINT_LISTED);
        }
        report_json_event(call->report, "linted", members);
        if (found->n_errors == 0)
                report_result(call->report, "%s: ok (%zu warning%s, %zu allowed)", path, found->n_warnings,
                              found->n_warnings == 1 ? "" : "s", found->n_allowed);
}

static int lint_one(const char *argument, void *userdata, Error *error)
{
        const VerbCall *call = userdata;
        _cleanup_lint_allows_ LintAllows allows = { 0 };
        _cleanup_lint_report_ LintReport found = { 0 };
        _cleanup_free_ char *path = NULL;

        int r = add_given(call, &allows, error);
        if (r >= 0)
                r = artifact_find(argument, &path, error);
        if (r >= 0)
                r = add_recorded(path, &allows, error);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        r = lint_image(fd, &(LintOptions){ .allows = &allows }, &found, error);
        if (r < 0)
                return error_wrap(error, "%s", path);
        show(call, path, &found);
        if (found.n_errors == 0)
                return 0;
        return error_set(error, -EBADMSG, "%s: %zu error%s, %zu warning%s, %zu allowed", path, found.n_errors,
                         found.n_errors == 1 ? "" : "s", found.n_warnings, found.n_warnings == 1 ? "" : "s",
                         found.n_allowed);
}

static int run(const VerbCall *call, Error *error)
{
        return batch_run(call, "images", lint_one, (void *) call, error);
}

static bool check_word(size_t index, const char **ret_word, const char **ret_help)
{
        if (!lint_checks[index].name)
                return false;
        *ret_word = lint_checks[index].name;
        *ret_help = lint_checks[index].meaning;
        return true;
}

static const Option options[] = {
        { .name = "allow",
          .argument = "CHECK[:PATH]",
          .value = VALUE_CHECK,
          .help = "findings that are right; PATH may hold \"*\"; may be repeated" },
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar lint out/images/web/amd64", "The newest version there, in the format that is read fastest." },
        { "templar lint --allow 'authorized-keys:/root/*' other.tar.xz", "An image that something else made." },
        { 0 },
};

const Verb verb_lint = {
        .name = "lint",
        .arguments = "IMAGE...",
        .summary = "look through images for leaks and for what hosts refuse",
        .description = "Reads each image (a file, or a release directory, of which it takes the newest version) from "
                       "start to end and "
                       "tells of everything that systemd's unpackers refuse and of what no template should carry: "
                       "keys, passwords, "
                       "identities, traces of the machine that built it. Every build does the same before it "
                       "publishes, and knows "
                       "some more that must not be there: its own folders, host name and proxy, and the password "
                       "files of the recipe."
                       "\n\n"
                       "What is right can be allowed: by --allow, by Allow= in the recipe's [Image], or for a "
                       "released image by the "
                       "manifest beside it, which holds what its recipe allowed. Text that stands in a file just as "
                       "its package ships "
                       "it is no leak.\n\n"
                       "Exit status 1 means that there are errors; warnings are told only.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_FILE,
        .options = options,
        .examples = examples,
        .words_title = "Checks",
        .words = check_word,
        .run = run,
};
