/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/package.h"

#include "packages/deb822.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Fields of dpkg's own database: in a package they would be put there by somebody. */
static const char *const refused[] = { "Status", "Conffiles", "Config-Version", "Triggers-Pending", "Triggers-Awaited" };

/* What is looked for. */
typedef struct Fields {
        char *package, *version, *architecture, *maintainer, *description;
        char *essential, *priority, *multi_arch;
        char *depends, *pre_depends, *provides, *replaces;
} Fields;

static void fields_done(Fields *fields)
{
        char **all = (char **) fields;

        for (size_t i = 0; i < sizeof *fields / sizeof *all; i++)
                free(all[i]);
}

static char **target_of(Fields *fields, const Deb822Field *field)
{
        const struct {
                const char *name;
                char **target;
        } known[] = {
                { "Package", &fields->package },         { "Version", &fields->version },
                { "Architecture", &fields->architecture }, { "Maintainer", &fields->maintainer },
                { "Description", &fields->description }, { "Essential", &fields->essential },
                { "Priority", &fields->priority },       { "Multi-Arch", &fields->multi_arch },
                { "Depends", &fields->depends },         { "Pre-Depends", &fields->pre_depends },
                { "Provides", &fields->provides },       { "Replaces", &fields->replaces },
        };

        for (size_t i = 0; i < ELEMENTS(known); i++)
                if (deb822_is(field, known[i].name))
                        return known[i].target;
        return NULL;
}

static int read_field(Fields *fields, const Deb822Field *field, Error *error)
{
        char **target = target_of(fields, field);

        for (size_t i = 0; i < ELEMENTS(refused); i++)
                if (deb822_is(field, refused[i]))
                        return error_set(error, -EBADMSG, "its control file has the field %s, which is not for packages",
                                         refused[i]);
        if (!target)
                return 0;
        if (*target)
                return error_set(error, -EBADMSG, "its control file has the field %.*s twice", (int) field->name_length,
                                 field->name);
        *target = deb822_value(field);
        return *target ? 0 : error_out_of_memory(error);
}

static int read_fields(const char *text, Fields *fields, Error *error)
{
        Deb822 reader = DEB822_INIT(text);
        Deb822Field field;
        int r = deb822_next_stanza(&reader) ? 1 : 0;

        while (r > 0 && (r = deb822_next_field(&reader, &field)) > 0) {
                r = read_field(fields, &field, error);
                if (r < 0)
                        return r;
                r = 1;
        }
        if (r < 0)
                return error_set(error, -EBADMSG, "its control file is damaged at line %u", reader.line);
        /* it becomes a part of dpkg's status, where a blank line ends the package */
        if (deb822_next_stanza(&reader))
                return error_set(error, -EBADMSG, "its control file has more than one part, from line %u on", reader.line);
        return 0;
}

/* What the index says was verified; another package under its name is not what anybody asked for. */
static int check_identity(const AptPackage *origin, const Fields *fields, Error *error)
{
        const struct {
                const char *name, *value, *expected;
        } checks[] = {
                { "Package", fields->package, origin->name },
                { "Version", fields->version, origin->version },
                { "Architecture", fields->architecture, origin->architecture },
        };

        for (size_t i = 0; i < ELEMENTS(checks); i++) {
                if (string_empty(checks[i].value))
                        return error_set(error, -EBADMSG, "its control file has no field %s", checks[i].name);
                if (strcmp(checks[i].value, checks[i].expected) != 0)
                        return error_set(error, -EBADMSG, "its control file has \"%s: %s\", but the index \"%s\"",
                                         checks[i].name, checks[i].value, checks[i].expected);
        }
        return 0;
}

static int parse_relations(const char *name, const char *text, Relations *ret, Error *error)
{
        int r = relations_parse(text, ret);

        if (r == -ENOMEM)
                return error_out_of_memory(error);
        return r < 0 ? error_set(error, -EBADMSG, "its field %s can't be understood", name) : 0;
}

static int take_fields(Package *package, Fields *fields, Error *error)
{
        int r = check_identity(package->origin, fields, error);

        package->essential = fields->essential && strcasecmp(fields->essential, "yes") == 0;
        package->multi_arch_same = fields->multi_arch && strcasecmp(fields->multi_arch, "same") == 0;
        package->priority = TAKE_PTR(fields->priority);
        if (r == 0)
                r = parse_relations("Depends", fields->depends, &package->depends, error);
        if (r == 0)
                r = parse_relations("Pre-Depends", fields->pre_depends, &package->pre_depends, error);
        if (r == 0)
                r = parse_relations("Provides", fields->provides, &package->provides, error);
        return r == 0 ? parse_relations("Replaces", fields->replaces, &package->replaces, error) : r;
}

/* "/etc/x" or "remove-on-upgrade /etc/x", see deb-conffiles(5) */
static int parse_conffile(const char *line, Conffile *ret, Error *error)
{
        static const char removal[] = "remove-on-upgrade ";

        if (string_starts_with(line, removal)) {
                ret->remove_on_upgrade = true;
                line += strlen(removal);
        }
        line += strspn(line, " ");
        if (*line != '/' || strchr(line, '\n'))
                return error_set(error, -EBADMSG, "its list of configuration files has a line that is no path: %s", line);
        ret->path = strdup(line);
        if (!ret->path)
                return error_out_of_memory(error);
        for (size_t end = strlen(ret->path); end > 1 && strchr(" \t\r/", ret->path[end - 1]);)
                ret->path[--end] = '\0';
        return 0;
}

static int parse_conffiles(Package *package, Error *error)
{
        const ControlFile *file = package_file(package, "conffiles");
        _cleanup_strv_ char **lines = file ? strv_split(file->data, "\n") : NULL;
        size_t n = strv_length(lines);

        if (!file)
                return 0;
        package->conffiles = calloc(n + 1, sizeof *package->conffiles);
        if (!lines || !package->conffiles)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n; i++) {
                int r = parse_conffile(lines[i], &package->conffiles[package->n_conffiles++], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int control_parse(Package *package, Error *error)
{
        _cleanup_(fields_done) Fields fields = { 0 };
        const ControlFile *control = package_file(package, "control");

        if (!control)
                return error_set(error, -EBADMSG, "it has no control file");
        if (strlen(control->data) != control->size_bytes)
                return error_set(error, -EBADMSG, "its control file is no text");
        int r = read_fields(control->data, &fields, error);
        if (r == 0)
                r = take_fields(package, &fields, error);
        return r == 0 ? parse_conffiles(package, error) : r;
}
