/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/repository.h"
#include "stages/stage.h"

/* The kinds themselves, for registry.c, and what they share. */

extern const StageKind stage_debootstrap;
extern const StageKind stage_repositories;
extern const StageKind stage_upgrade;
extern const StageKind stage_install;
extern const StageKind stage_install_deb;
extern const StageKind stage_patch_deb;
extern const StageKind stage_remove;
extern const StageKind stage_password;
extern const StageKind stage_file;
extern const StageKind stage_script;

extern const SectionSchema stage_image_schema;
extern const SectionSchema stage_debootstrap_schema;
extern const SectionSchema stage_repositories_schema;
extern const SectionSchema stage_upgrade_schema;
extern const SectionSchema stage_install_schema;
extern const SectionSchema stage_install_deb_schema;
extern const SectionSchema stage_patch_deb_schema;
extern const SectionSchema stage_remove_schema;
extern const SectionSchema stage_password_schema;
extern const SectionSchema stage_file_schema;
extern const SectionSchema stage_script_schema;

/* "Install a b c"; a long list is cut: "Install a b c and 22 more". Caller frees; NULL when memory is short. */
char *stage_describe(const char *verb, char *const *words);

/* The content of a file that a section names, for StageKind.digest. */
int stage_digest_file(Digest *digest, const char *path, Error *error) _must_check_;

/* What a section adds to the note of the summary; text before it is kept ("a, b"). */
int stage_note(StageContext *context, Error *error, const char *format, ...) _printf_(3, 4) _must_check_;

/* The repository that a [Debootstrap] section stands for. Errors: no keyring for it on the host. */
int debootstrap_repository(const RecipeSection *section, const Recipe *recipe, Repository *ret, Error *error)
        _must_check_;
