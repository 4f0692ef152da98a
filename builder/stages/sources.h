/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/repository.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

/* Writes repositories into the tree's /etc/apt: sources.list(5), apt_preferences(5), and the keyrings. */

typedef struct Sources {
        const RepositoryList *list;
        const char *name;   /* of the files, without extension */
        bool one_line;      /* sources.list's own form, not deb822 */
        bool old_apt;       /* before 1.1: no Signed-By, keyrings go to trusted.gpg.d */
        bool supersede;     /* debootstrap's sources.list goes; with one_line the new one takes its place */
        bool replace_all;   /* all sources and preferences that are there go */
        char *const *pins;  /* "PATTERN SPEC PRIORITY" */
} Sources;

int sources_write(Sandbox *sandbox, const SandboxTree *tree, const Sources *sources, Error *error) _must_check_;

/* Takes "nginx release n=bookworm-backports 500" apart: a package pattern, a pin as in apt_preferences(5) ("release
 * ...", "origin ...", "version ..."), a priority. The outputs point into *ret_copy, which the caller frees. */
int sources_parse_pin(const char *text, char **ret_copy, const char **ret_pattern, const char **ret_spec,
                      const char **ret_priority, Error *error) _must_check_;
