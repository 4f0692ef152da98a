/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/dpkg_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

void dpkg_blame_done(DpkgBlame *blame)
{
        free(blame->package);
        free(blame->operation);
        free(blame->reason);
        *blame = (DpkgBlame){ 0 };
}

const char *dpkg_line_package(const char *line, size_t *ret_length)
{
        static const char *const starts[] = { "Unpacking ", "Setting up ", "Removing ",
                                              "Purging configuration files for " };

        for (size_t i = 0; i < ELEMENTS(starts); i++) {
                if (!string_starts_with(line, starts[i]))
                        continue;
                line += strlen(starts[i]);
                *ret_length = strcspn(line, " ");
                /* "name (version) ..."; what maintainer scripts print looks otherwise */
                return *ret_length > 0 && string_starts_with(line + *ret_length, " (") ? line : NULL;
        }
        return NULL;
}

/* "NAME (--configure):" or "/path/NAME_VERSION_ARCH.deb (--unpack):" */
static int parse_blame(DpkgBlame *blame, const char *text)
{
        const char *open = strstr(text, " (--");

        if (!open)
                return 0;
        const char *slash = memrchr(text, '/', (size_t) (open - text));
        const char *name = slash ? slash + 1 : text;
        size_t length = slash ? strcspn(name, "_ ") : (size_t) (open - name);
        dpkg_blame_done(blame);
        blame->package = strndup(name, length);
        blame->operation = strndup(open + 4, strcspn(open + 4, ")"));
        blame->wants_reason = true;
        return blame->package && blame->operation ? 0 : -ENOMEM;
}

int dpkg_blame_line(DpkgBlame *blame, const char *line)
{
        static const char *const starts[] = { "dpkg: error processing package ", "dpkg: error processing archive " };

        if (blame->wants_reason) {
                blame->wants_reason = false;
                blame->reason = strdup(line + strspn(line, " "));
                blame->is_consequence = string_starts_with(line + strspn(line, " "), "dependency problems");
                return blame->reason ? 0 : -ENOMEM;
        }
        if (blame->package && !blame->is_consequence)
                return 0;
        for (size_t i = 0; i < ELEMENTS(starts); i++)
                if (string_starts_with(line, starts[i]))
                        return parse_blame(blame, line + strlen(starts[i]));
        return 0;
}

static int script_error(const DpkgBlame *blame, const char *script, Error *error)
{
        const char *status = strstr(blame->reason, "exit status "),
                   *killed = strstr(blame->reason, "killed by signal ");

        if (status)
                return error_set(error, -ECHILD, "The %s script of %s failed with status %s", script, blame->package,
                                 status + strlen("exit status "));
        if (killed)
                return error_set(error, -ECHILD, "The %s script of %s was killed by signal %s", script, blame->package,
                                 killed + strlen("killed by signal "));
        return error_set(error, -ECHILD, "The %s script of %s failed: %s", script, blame->package, blame->reason);
}

int dpkg_blame_error(const DpkgBlame *blame, Error *error)
{
        static const char *const scripts[] = { "pre-installation", "post-installation", "pre-removal", "post-removal" };

        if (!blame->package || !blame->reason)
                return -ENODATA;
        for (size_t i = 0; i < ELEMENTS(scripts); i++) {
                _cleanup_free_ char *needle = NULL;
                if (asprintf(&needle, "%s script", scripts[i]) < 0) {
                        needle = NULL;
                        return error_out_of_memory(error);
                }
                if (strstr(blame->reason, needle))
                        return script_error(blame, scripts[i], error);
        }
        return error_set(error, -ECHILD, "dpkg can't %s %s: %s", blame->operation, blame->package, blame->reason);
}
