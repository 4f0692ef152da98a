/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/transaction.h"
#include "stages/tree.h"

#include <errno.h>
#include <string.h>

static int check(const RecipeSection *section, Error *error)
{
        if (!section_list(section, "Packages") && !section_list(section, "Paths"))
                return error_set_usage(error, -EINVAL, "[Remove] needs Packages= or Paths=");
        for (char *const *path = section_list(section, "Paths"); path && *path; path++) {
                const char *last = strrchr(*path, '/');
                if (!last || !last[1] || strcmp(last, "/.") == 0 || strcmp(last, "/..") == 0)
                        return error_set_usage(error, -EINVAL,
                                               "Paths= takes files and directories by their names, and %s is none",
                                               *path);
        }
        return 0;
}

static char *describe(const RecipeSection *section)
{
        _cleanup_strv_ char **words = strv_copy(section_list(section, "Packages"));

        if (strv_extend(&words, section_list(section, "Paths")) < 0)
                return NULL;
        return stage_describe("Remove", words);
}

/* Replies with the paths that were not there, each closed by NUL. */
static int remove_paths(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        for (char *const *path = userdata; *path; path++) {
                bool found;
                int r = tree_remove(root_fd, *path, &found, error);
                if (r == 0 && !found && buffer_append(reply, *path, strlen(*path) + 1) < 0)
                        r = error_out_of_memory(error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_paths(StageContext *context, Error *error)
{
        char *const *paths = section_list(context->section, "Paths");
        _cleanup_buffer_ Buffer missing = BUFFER_INIT;

        int r = sandbox_call(context->sandbox, context->tree, remove_paths, (void *) paths, &missing, error);
        if (r < 0)
                return r;
        for (size_t at = 0; at < missing.length; at += strlen(missing.data + at) + 1)
                report_warning(context->report, "[Remove] Paths=%s: there is no such file in the image",
                               missing.data + at);
        size_t n = strv_length(paths);
        return stage_note(context, error, "%zu path%s", n, n == 1 ? "" : "s");
}

static bool request(const RecipeSection *section, StageRequest *ret)
{
        ret->apt = (AptRequest){
                .verb = APT_REMOVE_PACKAGES,
                .packages = section_list(section, "Packages"),
                .purge = section_bool(section, "Purge"),
        };
        return ret->apt.packages != NULL;
}

static int run(StageContext *context, Error *error)
{
        char *const *packages = section_list(context->section, "Packages");
        int r = 0;

        if (packages)
                r = transaction_run(context, error);
        if (r == 0 && section_list(context->section, "Paths"))
                r = run_paths(context, error);
        return r;
}

static const KeySchema keys[] = {
        { .name = "Packages", .type = KEY_LIST, .help = "Packages to remove, with those that depend on them." },
        { .name = "Purge", .type = KEY_BOOL, .fallback = "yes", .help = "Whether their configuration goes, too." },
        { .name = "Paths", .type = KEY_TARGET_LIST,
          .help = "Files, or directories with all that is in them; a symbolic link is removed, not followed." },
        { .name = NULL },
};

const SectionSchema stage_remove_schema = {
        .name = "Remove",
        .help = "Removes packages and files from the image.",
        .keys = keys,
        .check = check,
};

const StageKind stage_remove = {
        .schema = &stage_remove_schema, .version = 2, .request = request, .describe = describe, .run = run
};
