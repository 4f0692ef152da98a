/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "recipe/load.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <string.h>

/* A schema with a key of every type; shared by the tests of recipes and their fuzz target. */

static int fixture_check_hash(const char *value, Error *error)
{
        if (value[0] == '$')
                return 0;
        int r = error_set_usage(error, -EKEYREJECTED, "a plain-text password; expected a crypt(5) string");
        error_hint(error, "make one with: mkpasswd");
        return r;
}

static int fixture_check_password(const RecipeSection *section, Error *error)
{
        if (section_has(section, "Hash") && section_bool(section, "Locked"))
                return error_set_usage(error, -EINVAL, "Locked= excludes Hash=; expected one of them");
        if (!section_has(section, "Hash") && !section_has(section, "HashFile") && !section_bool(section, "Locked"))
                return error_set_usage(error, -EINVAL, "[Password] needs one of Hash=, HashFile= and Locked=yes");
        return 0;
}

static const char *const fixture_formats[] = { "tar", "tar.gz", "tar.xz", "tar.zst", NULL };
static const char *const fixture_variants[] = { "minbase", "buildd", "standard", NULL };

static const KeySchema fixture_image_keys[] = {
        { .name = "Name", .type = KEY_WORD, .required = true, .help = "The name." },
        { .name = "Description", .type = KEY_STRING, .help = "What it is." },
        { .name = "Version", .type = KEY_WORD, .help = "The version." },
        { .name = "Architecture", .type = KEY_WORD, .help = "The architecture." },
        { .name = "Suite", .type = KEY_WORD, .help = "The suite." },
        { .name = "Formats", .type = KEY_ENUM_LIST, .fallback = "tar.xz", .choices = fixture_formats,
          .help = "Files." },
        { .name = "Nspawn", .type = KEY_SOURCE, .help = "Settings." },
        { 0 },
};
static const KeySchema fixture_debootstrap_keys[] = {
        { .name = "Suite", .type = KEY_WORD, .required = true, .help = "The suite." },
        { .name = "Mirror", .type = KEY_URI, .fallback = "http://deb.debian.org/debian", .help = "The mirror." },
        { .name = "Mirrors", .type = KEY_URI_LIST, .help = "More of them." },
        { .name = "Variant", .type = KEY_ENUM, .fallback = "minbase", .choices = fixture_variants,
          .help = "How much." },
        { .name = "Include", .type = KEY_LIST, .help = "More packages." },
        { .name = "Options", .type = KEY_LINES, .help = "More options." },
        { 0 },
};
static const KeySchema fixture_install_keys[] = {
        { .name = "Packages", .type = KEY_LIST, .required = true, .help = "Names." },
        { .name = "Recommends", .type = KEY_BOOL, .fallback = "no", .help = "More." },
        { .name = "Files", .type = KEY_SOURCE_LIST, .help = "Local ones." },
        { 0 },
};
static const KeySchema fixture_password_keys[] = {
        { .name = "User", .type = KEY_WORD, .fallback = "root", .help = "Whose." },
        { .name = "Hash", .type = KEY_STRING, .check = fixture_check_hash, .help = "crypt(5)." },
        { .name = "HashFile", .type = KEY_HOST_FILE, .help = "A file with it." },
        { .name = "Locked", .type = KEY_BOOL, .help = "No password." },
        { 0 },
};
static const KeySchema fixture_file_keys[] = {
        { .name = "Path", .type = KEY_TARGET, .required = true, .help = "Where." },
        { .name = "Content", .type = KEY_TEXT, .help = "What." },
        { .name = "Mode", .type = KEY_MODE, .fallback = "0644", .help = "Permissions." },
        { .name = "Remove", .type = KEY_TARGET_LIST, .help = "What goes." },
        { 0 },
};
static const KeySchema fixture_script_keys[] = {
        { .name = "Script", .type = KEY_TEXT, .help = "Commands." },
        { .name = "Network", .type = KEY_BOOL, .fallback = "no", .help = "With a network." },
        { 0 },
};
static const KeySchema fixture_upgrade_keys[] = { { 0 } };

static const SectionSchema fixture_image = { .name = "Image", .help = "i", .keys = fixture_image_keys, .single = true };
static const SectionSchema fixture_debootstrap = { .name = "Debootstrap", .help = "d", .keys = fixture_debootstrap_keys,
                                                   .single = true };
static const SectionSchema fixture_install = { .name = "Install", .help = "n", .keys = fixture_install_keys };
static const SectionSchema fixture_password = { .name = "Password", .help = "p", .keys = fixture_password_keys,
                                                .check = fixture_check_password };
static const SectionSchema fixture_file = { .name = "File", .help = "f", .keys = fixture_file_keys };
static const SectionSchema fixture_script = { .name = "Script", .help = "s", .keys = fixture_script_keys };
static const SectionSchema fixture_upgrade = { .name = "Upgrade", .help = "u", .keys = fixture_upgrade_keys };
static const SectionSchema *const fixture_stages[] = { &fixture_debootstrap, &fixture_install, &fixture_password,
                                                       &fixture_file, &fixture_script, &fixture_upgrade, NULL };
static const RecipeSchema fixture_schema = { .image = &fixture_image, .stages = fixture_stages };
static const RecipeOptions fixture_options = { .schema = &fixture_schema, .architecture = "amd64" };

/* From memory, as "x.recipe". */
static inline int fixture_parse(const char *text, char *const *settings, Recipe **ret, Error *error)
{
        RecipeOptions options = fixture_options;

        options.settings = settings;
        return recipe_parse("x.recipe", text, strlen(text), &options, ret, error);
}
