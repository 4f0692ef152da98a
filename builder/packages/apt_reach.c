/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mapping.h"
#include "packages/reach.h"
#include "packages/readable.h"

/* apt reads sixty thousand packages to install a few of them. It is given those that can matter. */

#define REACH_NAME "reach"

typedef struct Index {
        char *name;
        Mapping text;
} Index;

struct AptReach {
        Reach *reach;
        Index *indexes; /* numbered as their texts in `reach` are */
        size_t n_indexes;
        Buffer debs; /* control data of local .deb files */
        char *lists;
};

AptReach *apt_reach_free(AptReach *reach)
{
        if (!reach)
                return NULL;
        reach_free(reach->reach);
        for (size_t i = 0; i < reach->n_indexes; i++) {
                mapping_close(&reach->indexes[i].text);
                free(reach->indexes[i].name);
        }
        free(reach->indexes);
        buffer_done(&reach->debs);
        free(reach->lists);
        free(reach);
        return NULL;
}

const char *apt_reach_lists(const AptReach *reach)
{
        return reach->lists;
}

int apt_reach_check(const AptReach *reach, const AptRequest *request, Error *error)
{
        for (char *const *asked = request->packages; asked && *asked; asked++) {
                size_t length = strcspn(*asked, ":=/");
                if (reach_knows(reach->reach, *asked, length))
                        continue;
                _cleanup_free_ char *name = strndup(*asked, length);
                _cleanup_strv_ char **names = apt_reach_names(reach);
                return name ? apt_unknown_error(name, names, error) : error_out_of_memory(error);
        }
        return 0;
}

char **apt_reach_names(const AptReach *reach)
{
        return reach_names(reach->reach);
}

/* ------------------------------------------------------------------------------------------------ what there is */

static int add_index(AptReach *reach, int directory_fd, const char *name, ReachFlags flags)
{
        Index *grown = reallocarray(reach->indexes, reach->n_indexes + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        reach->indexes = grown;
        Index *index = &grown[reach->n_indexes];
        *index = (Index){ .name = strdup(name) };
        if (!index->name)
                return -ENOMEM;
        reach->n_indexes++;
        int r = mapping_open(directory_fd, name, &index->text);
        return r == 0 ? reach_add(reach->reach, index->text.data, index->text.length, flags) : r;
}

/* Everything else that apt finds beside the indexes (InRelease, ...) stays where it is. */
static int link_other(int to_fd, const char *name)
{
        _cleanup_free_ char *target = path_join(APT_INSIDE_LISTS, name);

        if (!target)
                return -ENOMEM;
        return symlinkat(target, to_fd, name) < 0 ? -errno : 0;
}

static int expect(const char *directory, const char *file, char ***names)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s%s", directory, file) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        _cleanup_free_ char *name = apt_list_name(path);
        if (!name)
                return -ENOMEM;
        return strv_contains(*names, name) ? 0 : strv_append(names, name);
}

static int expect_suite(const char *directory, const Repository *repository, char *const *architectures, char ***names)
{
        _cleanup_buffer_ Buffer file = BUFFER_INIT;
        /* a flat one */
        int r = repository->components && *repository->components ? 0 : expect(directory, "Packages", names);

        for (char **component = repository->components; r == 0 && component && *component; component++)
                for (char *const *one = architectures; r == 0 && *one; one++) {
                        buffer_done(&file);
                        r = buffer_printf(&file, "%s/binary-%s/Packages", *component, *one);
                        if (r == 0)
                                r = expect(directory, file.data, names);
                }
        return r;
}

/* The names of a repository's indexes in the order in which apt reads them. */
static int expect_repository(const Repository *repository, char *const *architectures, char ***names)
{
        char *const *own = repository->architectures ? repository->architectures : architectures;
        int r = 0;

        for (char **uri = repository->uris; r == 0 && uri && *uri; uri++)
                for (char **suite = repository->suites; r == 0 && suite && *suite; suite++) {
                        _cleanup_free_ char *directory = apt_release_directory(*uri, *suite);
                        r = directory ? expect_suite(directory, repository, own, names) : -ENOMEM;
                }
        return r;
}

static int expected_names(const Apt *apt, char ***names)
{
        _cleanup_strv_ char **architectures = NULL;
        int r = apt_architectures(apt, &apt->selected, &architectures);

        if (r == 0)
                r = strv_append(&architectures, "all");
        for (size_t i = 0; r == 0 && i < apt->selected.n_items; i++)
                r = expect_repository(&apt->selected.items[i], architectures, names);
        return r;
}

static int list_names(DIR *from, int to_fd, char ***ret)
{
        int r = 0;

        for (struct dirent *entry; r == 0 && (entry = directory_next(from));)
                r = string_ends_with(entry->d_name, "_Packages") ? strv_append(ret, entry->d_name)
                                                                 : link_other(to_fd, entry->d_name);
        if (r == 0 && errno)
                r = -errno;
        strv_sort(*ret);
        return r;
}

static int add_lists(const Apt *apt, AptReach *reach, DIR *from, int to_fd, ReachFlags flags, Error *error)
{
        _cleanup_strv_ char **there = NULL, **expected = NULL;
        int r = list_names(from, to_fd, &there);

        if (r == 0)
                r = expected_names(apt, &expected);
        /* others are those of repositories that are not selected now: apt does not look at them */
        for (char **name = there; r == 0 && name && *name; name++)
                if (!strv_contains(expected, *name))
                        r = strv_append(&expected, *name);
        for (char **name = expected; r == 0 && name && *name; name++)
                if (strv_contains(there, *name))
                        r = add_index(reach, dirfd(from), *name, flags);
        return r < 0 ? error_set_errno(error, -r, "Can't read the indexes in %s", apt->current->lists) : 0;
}

/* What they depend on. One that can't be read is for apt to refuse. */
static int add_debs(Apt *apt, AptReach *reach, char *const *paths, Error *error)
{
        static const char script[] =
                "for deb in " APT_INSIDE_DEBS "/*.deb; do dpkg-deb --field \"$deb\" "
                "Package Depends Pre-Depends Recommends Provides 2>/dev/null; echo; done";
        static const char *const argv[] = { "/bin/sh", "-c", script, NULL };
        AptRun run = { .argv = argv, .deb_paths = paths, .ret_stdout = &reach->debs };
        int status = 0;

        if (!paths || !*paths)
                return 0;
        int r = apt_run(apt, &run, &status, error);
        if (r == 0 && reach_add(reach->reach, reach->debs.data ? reach->debs.data : "", reach->debs.length,
                                REACH_ALL) < 0)
                r = error_out_of_memory(error);
        return r;
}

/* ------------------------------------------------------------------------------------------------ what is wanted */

static int want_request(Reach *reach, const AptRequest *request)
{
        static const char exact[] = "?exact-name(";
        int r = 0;

        for (char *const *name = request->packages; r == 0 && name && *name; name++)
                r = reach_want(reach, *name, strcspn(*name, ":=/"));
        for (const char *at = request->pattern; r == 0 && at && (at = strstr(at, exact));) {
                at += strlen(exact);
                r = reach_want(reach, at, strcspn(at, ")"));
        }
        return r;
}

static int on_stanza(const char *stanza, size_t length, void *userdata)
{
        Buffer *text = userdata;

        if (buffer_append(text, stanza, length) < 0)
                return -ENOMEM;
        return buffer_append_string(text, stanza[length - 1] == '\n' ? "\n" : "\n\n");
}

/* Packages that nobody installs, one for each architecture: they mention the rivals before others do. */
static int write_order(const Apt *apt, const AptReach *reach, Buffer *text)
{
        _cleanup_strv_ char **architectures = NULL;
        int r = apt_architectures(apt, &apt->selected, &architectures);

        for (char **one = architectures; r == 0 && one && *one; one++) {
                _cleanup_buffer_ Buffer rivals = BUFFER_INIT;
                r = reach_rivals(reach->reach, *one, strcmp(*one, apt->architecture) == 0, &rivals);
                if (r == 0 && rivals.length > 0)
                        r = buffer_printf(text, "Package: templar-order\nVersion: 0\nArchitecture: %s\nSuggests: %s\n\n",
                                          *one, rivals.data);
        }
        return r;
}

static int write_index(const Apt *apt, const AptReach *reach, size_t number, int to_fd)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        const char *name = reach->indexes[number].name;
        int r = number == 0 ? write_order(apt, reach, &text) : 0;

        if (r == 0)
                r = reach_each(reach->reach, number, on_stanza, &text);
        if (r < 0)
                return r;
        _cleanup_close_ int fd =
                openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0 || fchmod(fd, 0644) < 0)
                return -errno;
        return write_all(fd, text.data, text.length);
}

static int make_lists(Apt *apt, AptReach *reach, Error *error)
{
        reach->lists = path_join(apt->work, REACH_NAME);
        if (!reach->lists)
                return error_out_of_memory(error);
        int r = remove_tree(AT_FDCWD, reach->lists, error);
        return r == 0 ? readable_directory(reach->lists, error) : r;
}

static int fill(Apt *apt, AptReach *reach, const AptRequest *request, const Buffer *status, Error *error)
{
        _cleanup_closedir_ DIR *from = opendir(apt->current->lists);
        _cleanup_close_ int to_fd = open(reach->lists, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (!from || to_fd < 0)
                return error_set_errno(error, errno, "Can't open %s",
                                       from ? reach->lists : apt->current->lists);
        int r = add_lists(apt, reach, from, to_fd, request->verb == APT_BOOTSTRAP ? REACH_STANDARD : 0,
                          error);
        if (r == 0)
                r = add_debs(apt, reach, request->deb_paths, error);
        if (r < 0)
                return r;
        if (reach_add(reach->reach, status->data ? status->data : "", status->length, REACH_ALL) < 0 ||
            want_request(reach->reach, request) < 0 || reach_follow(reach->reach, request->recommends) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; r == 0 && i < reach->n_indexes; i++)
                r = write_index(apt, reach, i, to_fd);
        return r < 0 ? error_set_errno(error, -r, "Can't write %s", reach->lists) : 0;
}

int apt_reach(Apt *apt, const AptRequest *request, const Buffer *status, AptReach **ret, Error *error)
{
        _cleanup_apt_reach_ AptReach *reach = calloc(1, sizeof *reach);

        if (!reach || reach_new(&reach->reach) < 0)
                return error_out_of_memory(error);
        int r = apt_set_fill(apt, apt->current, error);
        if (r == 0)
                r = make_lists(apt, reach, error);
        if (r == 0)
                r = fill(apt, reach, request, status, error);
        if (r == 0)
                *ret = TAKE_PTR(reach);
        return r;
}
