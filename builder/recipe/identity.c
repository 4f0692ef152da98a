/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/identity.h"

#include "base/strings.h"
#include "recipe/lookup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static const char *const architectures[] = {
        "alpha", "amd64", "arc",      "arm64",  "armel",   "armhf", "hppa",    "i386",    "ia64",  "loong64",
        "m68k",  "mips64el", "mipsel", "powerpc", "ppc64", "ppc64el", "riscv64", "s390x", "sh4",   "sparc64",
        "x32",   NULL,
};

static const struct {
        const char *machine, *debian;
} machines[] = {
#ifdef __ILP32__
        { "x86_64", "i386" }, /* a 32-bit system on a 64-bit kernel */
        { "aarch64", "armhf" },
#else
        { "x86_64", "amd64" },
        { "aarch64", "arm64" },
#endif
        { "i386", "i386" },       { "i486", "i386" },        { "i586", "i386" },        { "i686", "i386" },
        { "armv7l", "armhf" },    { "armv8l", "armhf" },     { "armv6l", "armel" },     { "armv5tel", "armel" },
        { "ppc64le", "ppc64el" }, { "ppc", "powerpc" },      { "loongarch64", "loong64" }, { "mips64", "mips64el" },
        { "mips", "mipsel" },     { "parisc", "hppa" },      { "parisc64", "hppa" },
};

const char *identity_debian_architecture(const char *machine)
{
        for (size_t i = 0; i < ELEMENTS(machines); i++)
                if (strcmp(machines[i].machine, machine) == 0)
                        return machines[i].debian;
        return machine;
}

static bool is_name_character(char c)
{
        return isalnum((unsigned char) c) || c == '.' || c == '-';
}

int identity_check_name(const char *what, const char *name, IdentityFault *ret_fault, Error *error)
{
        size_t length = strlen(name);

        for (size_t i = 0; i < length; i++) {
                *ret_fault = (IdentityFault){ i, 1 };
                if (!is_name_character(name[i])) {
                        while (((unsigned char) name[i + ret_fault->length] & 0xc0) == 0x80)
                                ret_fault->length++;
                        return error_set_usage(error, -EINVAL,
                                               "\"%.*s\" in %s; expected letters, digits, \".\" and \"-\" only",
                                               (int) ret_fault->length, name + i, what);
                }
                if (isalnum((unsigned char) name[i]))
                        continue;
                if (i == 0 || i + 1 == length)
                        return error_set_usage(error, -EINVAL,
                                               "%s %s with \"%c\"; expected a letter or a digit there", what,
                                               i == 0 ? "starts" : "ends", name[i]);
                if (!isalnum((unsigned char) name[i + 1]) && (name[i] == '.' || name[i + 1] == '.') &&
                    is_name_character(name[i + 1])) {
                        ret_fault->length = 2;
                        return error_set_usage(error, -EINVAL,
                                               "\"%.2s\" in %s; expected a letter or a digit around every dot",
                                               name + i, what);
                }
        }
        *ret_fault = (IdentityFault){ 0, length };
        if (length > IDENTITY_MAX)
                return error_set_usage(error, -EINVAL, "%s has %zu characters; expected at most %d", what, length,
                                       IDENTITY_MAX);
        return 0;
}

int identity_check_architecture(const char *architecture, IdentityFault *ret_fault, Error *error)
{
        *ret_fault = (IdentityFault){ 0, strlen(architecture) };
        for (const char *const *known = architectures; *known; known++)
                if (strcmp(*known, architecture) == 0)
                        return 0;
        int r = error_set_usage(error, -EINVAL, "\"%s\" is no architecture of Debian; expected a name like amd64 "
                                "or arm64", architecture);
        const char *same = identity_debian_architecture(architecture);
        const char *nearest = same != architecture ? same : nearest_word(architecture, architectures);
        if (nearest)
                error_hint(error, "did you mean \"%s\"?", nearest);
        return r;
}

int identity_check_suite(const char *suite, IdentityFault *ret_fault, Error *error)
{
        for (size_t i = 0; suite[i]; i++) {
                *ret_fault = (IdentityFault){ i, 1 };
                if (!isalnum((unsigned char) suite[i]) && !(i > 0 && strchr("-._+~/", suite[i])))
                        return error_set_usage(error, -EINVAL,
                                               "this is no name of a suite; expected letters, digits and "
                                                               "\"-._+~/\" behind the first character, as in bookworm");
        }
        return 0;
}

size_t identity_length(const Recipe *recipe, const char *version)
{
        return strlen(recipe->name) + 1 + strlen(recipe->architecture) + 1 +
               (version ? strlen(version) : IDENTITY_DATE_LENGTH);
}

/* The assignment that gives a key of the section its value; NULL: none. */
static Assignment *find_assignment(const RecipeSection *section, const char *key)
{
        size_t index = section ? lookup_key(section->schema, key) : LOOKUP_NONE;

        if (index == LOOKUP_NONE || key_type_is_list(section->schema->keys[index].type))
                return NULL;
        const Assignments *assignments = &section->values[index].assignments;
        return assignments->n > 0 ? assignments->items[0] : NULL;
}

static void report(Diagnostics *diagnostics, Assignment *assignment, IdentityFault fault, const Error *error)
{
        Diagnostic *added = diagnostics_add(diagnostics, assignment->source,
                                            assignment_span(assignment, fault.offset, fault.length), "%s",
                                            error->message);

        assignment->broken = true; /* told; the check of its type would tell it again */
        if (error->hint)
                diagnostic_hint(added, "%s", error->hint);
}

typedef struct IdentityKey {
        const char *name, *what;
        int (*check)(const char *value, IdentityFault *ret_fault, Error *error);
} IdentityKey;

/* The value of one of the four keys; NULL where it isn't given, or wrong. */
static const char *take(Assignment *assignment, const IdentityKey *key, Diagnostics *diagnostics)
{
        _cleanup_error_ Error error = ERROR_INIT;
        IdentityFault fault;
        int r;

        if (!assignment || assignment->broken)
                return NULL;
        const char *percent = strchr(assignment->value, '%');
        if (percent) {
                fault = (IdentityFault){ (size_t) (percent - assignment->value), 2 };
                r = error_set_usage(&error, -EINVAL, "a specifier in the value that specifiers are made from; "
                                    "expected %s", key->what);
        } else {
                r = key->check ? key->check(assignment->value, &fault, &error) :
                                 identity_check_name(key->what, assignment->value, &fault, &error);
        }
        if (r == 0)
                return assignment->value;
        report(diagnostics, assignment, fault, &error);
        return NULL;
}

static void check_length(const Recipe *recipe, Assignment *name, Diagnostics *diagnostics)
{
        size_t length = identity_length(recipe, recipe->version);

        if (!name || name->broken || length <= IDENTITY_MAX)
                return;
        diagnostic_hint(diagnostics_add(diagnostics, name->source, assignment_span(name, 0, name->length),
                                        "%s-%s-%s has %zu characters; expected at most %d, for it names machines",
                                        recipe->name, recipe->architecture,
                                        recipe->version ? recipe->version : "YYYYMMDD", length, IDENTITY_MAX),
                        "shorten it by %zu", length - IDENTITY_MAX);
        name->broken = true;
}

static const char *host_architecture(Pool *pool)
{
        struct utsname host;

        return uname(&host) < 0 ? NULL : pool_string(pool, identity_debian_architecture(host.machine));
}

/* [Image] Suite=, else that of the first stage that has one. */
static Assignment *find_suite(const Recipe *recipe)
{
        Assignment *suite = find_assignment(recipe->image, "Suite");

        for (size_t i = 0; !suite && i < recipe->stages.n; i++)
                suite = find_assignment(recipe->stages.items[i], "Suite");
        return suite;
}

int identity_resolve(Recipe *recipe, Diagnostics *diagnostics, const char *architecture)
{
        static const IdentityKey name_key = { "Name", "the name of the image", NULL };
        static const IdentityKey version_key = { "Version", "the version", NULL };
        static const IdentityKey architecture_key = { "Architecture", "an architecture", identity_check_architecture };
        static const IdentityKey suite_key = { "Suite", "the name of a suite", identity_check_suite };
        Assignment *name = find_assignment(recipe->image, name_key.name), *suite = find_suite(recipe);

        recipe->name = take(name, &name_key, diagnostics);
        recipe->version = take(find_assignment(recipe->image, version_key.name), &version_key, diagnostics);
        recipe->suite = take(suite, &suite_key, diagnostics);
        recipe->architecture = take(find_assignment(recipe->image, architecture_key.name), &architecture_key,
                                    diagnostics);
        if (!recipe->architecture)
                recipe->architecture = architecture ? pool_string(&recipe->pool, architecture) :
                                                      host_architecture(&recipe->pool);
        if (!recipe->architecture)
                return -ENOMEM;
        if (!recipe->name)
                recipe->name = "";
        if (!recipe->suite)
                recipe->suite = suite ? "x" : ""; /* one that is wrong was told, so that %s isn't */
        check_length(recipe, name, diagnostics);
        return 0;
}
