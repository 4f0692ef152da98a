/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stages/normalise.h"

#include <stddef.h>

/* The table of what the cleaning does, see clean.h. Private to it. */

typedef enum CleanAction {
        CLEAN_REMOVE,   /* entries of `directory` that match `pattern`, whatever they are */
        CLEAN_FILES,    /* files that match, in `directory` and all directories below, which stay */
        CLEAN_LINKS,    /* symbolic links of `directory` to exactly `pattern` */
        CLEAN_TRUNCATE, /* regular files of `directory` that match: the file stays, empty, with its owner and mode */
        CLEAN_EMPTY,    /* the file `directory`/`pattern` is made, or made empty */
        CLEAN_REWRITE,  /* the regular file `directory`/`pattern` gets what `normalise` makes of its content */
        CLEAN_PYTHON,   /* see python_cache.h */
} CleanAction;

typedef struct CleanRule {
        const char *entry;
        CleanAction action;
        const char *directory;
        const char *pattern; /* fnmatch(3), leading dots included */
        Normaliser normalise;
} CleanRule;

extern const CleanRule clean_rules[];
extern const size_t clean_n_rules;
