/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"
#include "stages/clean.h"
#include "stages/kinds.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Hosts take NAME-ARCH-VERSION as a machine's name, so each part obeys the rules for host names; the length of the
 * whole is known with the version only. */
#define NAME_MAX_BYTES 64

static int check_part(const char *what, const char *value, Error *error)
{
        if (strlen(value) > NAME_MAX_BYTES)
                return error_set_usage(error, -EINVAL, "the %s is %zu bytes long; hosts take at most %d", what,
                                       strlen(value), NAME_MAX_BYTES);
        for (const char *c = value; *c; c++)
                if (!isalnum((unsigned char) *c) && *c != '.' && *c != '-')
                        return error_set_usage(error, -EINVAL,
                                               "the %s must consist of letters, digits, '.' and '-'", what);
        if (!isalnum((unsigned char) value[0]) || !isalnum((unsigned char) value[strlen(value) - 1]))
                return error_set_usage(error, -EINVAL, "the %s must start and end with a letter or a digit", what);
        if (strstr(value, "..") || strstr(value, "-.") || strstr(value, ".-"))
                return error_set_usage(error, -EINVAL, "'.' must stand between letters or digits in the %s", what);
        return 0;
}

static int check_name(const char *value, Error *error)
{
        return check_part("name", value, error);
}

static int check_version(const char *value, Error *error)
{
        return check_part("version", value, error);
}

static int check_architecture(const char *value, Error *error)
{
        for (const char *c = value; *c; c++)
                if (!islower((unsigned char) *c) && !isdigit((unsigned char) *c) && *c != '-')
                        return error_set_usage(error, -EINVAL, "expected Debian's name of an architecture, as amd64");
        return 0;
}

static const KeySchema keys[] = {
        { .name = "Name", .type = KEY_WORD, .required = true, .check = check_name,
          .help = "The image's name: letters, digits, '.' and '-', at most 64 with architecture and version." },
        { .name = "Description", .type = KEY_STRING, .help = "One line about the image, for the manifest." },
        { .name = "Version", .type = KEY_WORD, .check = check_version,
          .help = "The version; without it the UTC date of the newest Release file of the repositories used." },
        { .name = "Architecture", .type = KEY_WORD, .check = check_architecture,
          .help = "Debian's name of the architecture; without it that of the machine that builds." },
        { .name = "Suite", .type = KEY_WORD,
          .help = "What %s and $SUITE stand for; without it the Suite= of the first stage that has one." },
        { .name = "Formats", .type = KEY_ENUM_LIST, .choices = image_format_names, .fallback = "tar.xz",
          .help = "The formats to write; tar.zst reaches hosts with systemd 258 or newer only." },
        { .name = "Nspawn", .type = KEY_SOURCE, .help = "A systemd.nspawn(5) file to publish beside the image." },
        { .name = "Keep", .type = KEY_ENUM_LIST, .choices = clean_names,
          .help = "Entries of the cleaning at the end of the build that are left out." },
        { .name = NULL },
};

const SectionSchema stage_image_schema = {
        .name = "Image",
        .help = "What the image is called and how it is packed.",
        .keys = keys,
        .single = true,
};
