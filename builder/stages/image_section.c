/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"
#include "image/lint.h"
#include "stages/clean.h"
#include "stages/kinds.h"

#include <errno.h>

static int check_allow(const char *value, Error *error)
{
        _cleanup_lint_allows_ LintAllows allows = { 0 };

        return lint_allow_add(&allows, value, true, error);
}

static int check_level(const char *value, Error *error)
{
        ImageFormat format;
        int level;

        return image_level_parse(value, &format, &level, error);
}

static int check_image(const RecipeSection *section, Error *error)
{
        bool seen[IMAGE_FORMATS] = { false };
        ImageFormat format;
        int level;

        for (char *const *word = section_list(section, "Level"); word && *word; word++) {
                int r = image_level_parse(*word, &format, &level, error);
                if (r < 0)
                        return r;
                if (seen[format])
                        return error_set_usage(error, -EINVAL, "Level= gives %s two levels", image_format_names[format]);
                seen[format] = true;
        }
        return 0;
}

static const KeySchema keys[] = {
        { .name = "Name", .type = KEY_WORD, .required = true,
          .help = "The image's name: letters, digits, '.' and '-', at most 64 with architecture and version." },
        { .name = "Description", .type = KEY_STRING, .help = "One line about the image, for the manifest." },
        { .name = "Version", .type = KEY_WORD,
          .help = "The version; without it the UTC date of the newest Release file of the repositories used." },
        { .name = "Architecture", .type = KEY_WORD,
          .help = "Debian's name of the architecture; without it that of the machine that builds." },
        { .name = "Suite", .type = KEY_WORD,
          .help = "What %s and $SUITE stand for; without it the Suite= of the first stage that has one." },
        { .name = "Formats", .type = KEY_ENUM_LIST, .choices = image_format_names, .fallback = "tar.xz",
          .help = "The formats to write; tar.zst reaches hosts with systemd 258 or newer only." },
        { .name = "Level", .type = KEY_LIST, .check = check_level,
          .help = "How hard to compress, as FORMAT:LEVEL: tar.gz:1 to 12 (default 6), tar.xz:0 to 9 (6, and above it nothing "
                  "gets smaller), tar.zst:1 to 19 (9)." },
        { .name = "Nspawn", .type = KEY_SOURCE, .help = "A systemd.nspawn(5) file to publish beside the image." },
        { .name = "Base", .type = KEY_SOURCE,
          .help = "Another recipe: the stages of this one run on the tree after all of its stages." },
        { .name = "Keep", .type = KEY_ENUM_LIST, .choices = clean_names,
          .help = "Entries of the cleaning at the end of the build that are left out." },
        { .name = "Allow", .type = KEY_LINES, .check = check_allow,
          .help = "CHECK[:PATH] REASON: a finding in the packed image that is right, and why; may be repeated, one in a line. "
                  "PATH may hold \"*\". Checks: templar help lint." },
        { .name = NULL },
};

const SectionSchema stage_image_schema = {
        .name = "Image",
        .help = "What the image is called and how it is packed.",
        .keys = keys,
        .single = true,
        .check = check_image,
};
