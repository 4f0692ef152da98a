/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/output.h"
#include "base/report.h"
#include "packages/apt.h"
#include "packages/repository.h"
#include "recipe/recipe.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* A stage is one section of a recipe, one step of a build. A kind of stage is a `const StageKind` in a file of its own;
 * registry.c lists them all. Adding one: a file, a line there. */

/* What a running stage works with. Everything is borrowed from the build but the repositories and pins, which
 * stages extend for those after them. */
typedef struct StageContext {
        const Recipe *recipe;
        const RecipeSection *section;
        Sandbox *sandbox;
        const SandboxTree *tree;
        Apt *apt;
        const char *work_directory; /* empty at the start of every stage, removed after it */
        const char *cache_directory;
        const char *const *environment; /* sandbox_environment, and for kinds with sees_environment IMAGE_NAME
                                           IMAGE_VERSION ARCHITECTURE SUITE SOURCE_DATE_EPOCH */
        RepositoryList *repositories; /* in force for this stage */
        char ***pins;
        const AptTransaction *transaction; /* for kinds with request(): what it was resolved to */
        Output *output;
        Report *report;
        bool locked;                       /* it is what an earlier build took in the end, to be taken again */
        AptTransaction *ret_used; /* filled in by kinds that know only now what they take, */
        bool ret_has_used;        /* with this */
        char *ret_note; /* what the summary line says of it ("87 packages"), owned by the build; NULL: nothing */
} StageContext;

/* What a stage asks apt for. */
typedef struct StageRequest {
        AptRequest apt;
        char *words[2]; /* room for a list of one */
} StageRequest;

typedef struct StageKind {
        const SectionSchema *schema;
        unsigned version; /* raised when run() makes another result from the same input */

        /* What the section adds to the repositories, before anything runs (the build fetches all of them first). May be
         * NULL. Stages that don't touch repositories leave both as they are. */
        int (*repositories)(const RecipeSection *section, const Recipe *recipe, RepositoryList *list, char ***pins,
                            Error *error);

        /* Programs of the stage see IMAGE_VERSION and may put it into the image. */
        bool sees_environment;
        /* The stage installs packages itself, from the repositories as they are once its own are added. */
        bool installs_packages;

        /* The packages that the result depends on; false: none. The build resolves them, first for the layer's key, and
         * hands them to run(). May be NULL. */
        bool (*request)(const RecipeSection *section, StageRequest *ret);

        /* The key that names a file with a secret in its only line, which must not come to stand in the image; NULL: none. */
        const char *secret_key;

        /* Whether the same input gives the same result; NULL: yes. */
        bool (*cacheable)(const RecipeSection *section);

        /* Everything beyond the section's own values that decides the result: contents of the files it names. May be
         * NULL. The values themselves, kind and version are added by stage_digest(). */
        int (*digest)(const RecipeSection *section, Digest *digest, Error *error);

        /* One line for people: "Install dbus systemd-sysv". Caller frees; NULL when memory is short. */
        char *(*describe)(const RecipeSection *section);

        int (*run)(StageContext *context, Error *error);
} StageKind;

/* NULL-terminated, in the order in which they are documented. */
extern const StageKind *const stage_kinds[];
/* The kinds' sections and [Image]. */
extern const RecipeSchema stage_recipe_schema;

const StageKind *stage_kind_of(const RecipeSection *section);
/* Names and values of the section in canonical order, the kind, its version, and the kind's own digest(). */
int stage_digest(const RecipeSection *section, Digest *digest, Error *error) _must_check_;
