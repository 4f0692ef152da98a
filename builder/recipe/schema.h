/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What sections and keys there are. The checker, `templar help recipe` and the man page are made from these tables. */

typedef struct RecipeSection RecipeSection;

typedef enum KeyType {
        KEY_STRING,      /* one line */
        KEY_TEXT,        /* several lines, no specifiers: Script=, Content=; every line ends with a line feed, the last
                            one too; may be empty */
        KEY_WORD,        /* no white space */
        KEY_BOOL,        /* yes/no, true/false, on/off, 1/0 */
        KEY_LIST,        /* words; repeats append, an empty value resets */
        KEY_LINES,       /* like KEY_LIST, but each assignment is one item, spaces and all */
        KEY_ENUM,        /* one of `choices` */
        KEY_ENUM_LIST,   /* words, each one of `choices`, none twice */
        KEY_SOURCE,      /* a file inside the recipe's folder that must exist */
        KEY_SOURCE_LIST, /* several of them */
        KEY_HOST_FILE,   /* a file of the recipe's folder, or of the host by absolute path; must exist */
        KEY_TARGET,      /* an absolute path in the image */
        KEY_TARGET_LIST, /* several of them */
        KEY_MODE,        /* octal, up to 07777; given as four digits */
        KEY_URI,         /* http, https or file, without user and password */
        KEY_URI_LIST,
} KeyType;

typedef struct KeySchema {
        const char *name;
        KeyType type;
        const char *fallback;       /* the default as text, specifiers expanded, or NULL */
        const char *const *choices; /* for KEY_ENUM and KEY_ENUM_LIST, NULL-terminated */
        bool required;
        const char *help; /* one sentence for --help and the man page */
        /* A further check of one value; fills `error` (message: what is wrong and what was expected; a hint is shown
         * behind the caret), may be NULL. With -EKEYREJECTED the value is a secret, and not shown. */
        int (*check)(const char *value, Error *error);
} KeySchema;

typedef struct SectionSchema {
        const char *name;
        const char *help; /* one or two sentences */
        const KeySchema *keys; /* closed by an entry without name */
        bool single;           /* may stand only once (Image) */
        /* Checks across the keys of one section ("Hash= or PasswordFile= or Locked=yes"); may be NULL. A message that
         * starts with "Key=" is placed at that key, any other at the header. Called when every key is right by itself,
         * and again when the version becomes known: until then values hold %v as it is. */
        int (*check)(const RecipeSection *section, Error *error);
} SectionSchema;

typedef struct RecipeSchema {
        const SectionSchema *image;
        const SectionSchema *const *stages; /* NULL-terminated */
} RecipeSchema;
