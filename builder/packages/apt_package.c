/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Single packages, without what they depend on. */

int apt_split_file_name(AptPackage *package, Error *error)
{
        _cleanup_strv_ char **parts = strv_split(package->file_name, "_");
        char **targets[] = { &package->name, &package->version, &package->architecture };

        if (!parts)
                return error_out_of_memory(error);
        if (strv_length(parts) != ELEMENTS(targets) || !string_ends_with(parts[2], ".deb"))
                return error_set(error, -EINVAL, "apt-get names a file that can't be understood: %s",
                                 package->file_name);
        parts[2][strlen(parts[2]) - strlen(".deb")] = '\0';
        for (size_t i = 0; i < ELEMENTS(targets); i++) {
                char *to = parts[i];
                for (const char *from = parts[i]; *from; from++) {
                        unsigned code;
                        if (*from == '%' && sscanf(from + 1, "%2x", &code) == 1) {
                                *to++ = (char) code;
                                from += 2;
                        } else {
                                *to++ = *from;
                        }
                }
                *to = '\0';
                *targets[i] = strdup(parts[i]);
                if (!*targets[i])
                        return error_out_of_memory(error);
        }
        return 0;
}

static int find_package(Apt *apt, const AptReach *reach, const char *name, AptPackages *ret, Error *error)
{
        const char *const argv[] = { "apt-get", "download", "--print-uris", "-q", APT_REACHED, "--", name, NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, log = BUFFER_INIT;
        AptRun run = { .argv = argv, .repositories = &apt->selected, .ret_stdout = &text, .ret_log = &log };
        int status = 0, r = apt_run(apt, &run, &status, error);

        if (r < 0)
                return r;
        if (status != 0)
                return apt_run_failed(apt, reach, &log, &text, error);
        r = apt_parse_uris(text.data ? text.data : "", ret, error);
        if (r == 0 && (ret->n_items != 1 || !ret->items[0].sha256))
                return error_set(error, -ENOENT, "The repositories have no package %s with a SHA-256", name);
        return r == 0 ? apt_split_file_name(&ret->items[0], error) : r;
}

int apt_fetch_package(Apt *apt, const SandboxTree *tree, const char *name, AptPackage *ret, char **ret_path,
                      Error *error)
{
        _cleanup_buffer_ Buffer status = BUFFER_INIT;
        _cleanup_apt_packages_ AptPackages packages = { 0 };
        _cleanup_apt_reach_ AptReach *reach = NULL;
        char *names[] = { (char *) name, NULL };
        const AptRequest request = { .verb = APT_INSTALL, .packages = names };
        int r = apt_check_selection(apt, error);

        if (r == 0)
                r = apt_check_name(name, error);
        if (r == 0 && tree)
                r = apt_take_status(apt, tree, &status, error);
        if (r == 0)
                r = apt_reach(apt, &request, &status, &reach, error);
        if (r == 0)
                r = apt_reach_check(reach, &request, error);
        if (r == 0)
                r = find_package(apt, reach, name, &packages, error);
        if (r == 0)
                r = apt_find_sources_in(apt, apt_reach_lists(reach),
                                        &(AptTransaction){ .packages = packages.items, .n_packages = 1 }, error);
        if (r == 0)
                r = apt_download_packages(apt, packages.items, 1, NULL, NULL, error);
        if (r < 0)
                return r;
        char *path = apt_package_path(apt, &packages.items[0]);
        if (!path)
                return error_out_of_memory(error);
        *ret_path = path;
        *ret = packages.items[0];
        packages.items[0] = (AptPackage){ 0 };
        return 0;
}
