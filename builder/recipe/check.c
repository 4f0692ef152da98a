/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/check.h"

#include "base/file.h"
#include "recipe/model.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

/* Image and machine names (man page machinectl(1)) are host names. */
#define FULL_NAME_MAX 64
#define DATE_VERSION_LENGTH 8

static void complain(Recipe *recipe, RecipePlace place, const char *text, const char *hint, const char *message)
{
        diagnostics_add(&recipe->diagnostics, place, (unsigned) strcspn(text, "\n"), hint, "%s", message);
}

static int check_choice(Recipe *recipe, const KeySchema *key, const char *text, RecipePlace place)
{
        _cleanup_free_ char *choices = strv_join((char *const *) key->choices, ", "), *message = NULL, *hint = NULL;
        const char *nearest = nearest_word(text, key->choices);

        if (!choices || asprintf(&message, "%s=%s: expected one of %s", key->name, text, choices) < 0) {
                message = NULL;
                return -ENOMEM;
        }
        if (nearest && asprintf(&hint, "did you mean \"%s\"?", nearest) < 0)
                hint = NULL;
        complain(recipe, place, text, hint, message);
        return 0;
}

/* Opens `path` below the recipe's folder; a symbolic link that leads out of it counts as missing with -EXDEV. */
static int find_source(const Recipe *recipe, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
        _cleanup_close_ int directory_fd = open(recipe->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (directory_fd < 0)
                return -errno;
        _cleanup_close_ int fd = (int) syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
        return fd < 0 ? -errno : 0;
}

/* The name in the folder of `path` that it was probably meant to be; the caller frees. */
static char *nearest_file(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        _cleanup_closedir_ DIR *directory = folder ? opendir(folder) : NULL;
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *entry; directory && (entry = readdir(directory));)
                if (entry->d_name[0] != '.' && strv_append(&names, entry->d_name) < 0)
                        return NULL;
        strv_sort(names);
        const char *nearest = names ? nearest_word(slash ? slash + 1 : path, (const char *const *) names) : NULL;
        return nearest ? strdup(nearest) : NULL;
}

static void complain_missing_file(Recipe *recipe, const KeySchema *key, const char *text, const char *path,
                                  RecipePlace place, int errnum)
{
        _cleanup_free_ char *nearest = errnum == ENOENT ? nearest_file(path) : NULL, *hint = NULL, *message = NULL;

        if (nearest && asprintf(&hint, "did you mean \"%s\"?", nearest) < 0)
                hint = NULL;
        if (asprintf(&message, "%s=%s: %s", key->name, text,
                     errnum == EXDEV ? "a symbolic link leads out of the recipe's folder" : strerror(errnum)) < 0) {
                message = NULL;
                return;
        }
        complain(recipe, place, text, hint, message);
}

static int check_file(Recipe *recipe, const KeySchema *key, Value *value, const char *text, RecipePlace place)
{
        bool on_host = key->type == KEY_HOST_FILE && path_is_absolute(text);
        _cleanup_free_ char *path = on_host ? strdup(text) : path_join(recipe->directory, text);

        if (!path || strv_append(&value->paths, path) < 0)
                return -ENOMEM;
        if (key->type == KEY_HOST_FILE && !on_host && !path_is_inside(text)) {
                complain(recipe, place, text, NULL, "expected an absolute path of the host, or one inside the recipe's "
                                                    "folder without \"..\"");
                return 0;
        }
        int r = on_host ? (access(path, F_OK) < 0 ? -errno : 0) : find_source(recipe, text);
        if (r < 0)
                complain_missing_file(recipe, key, text, path, place, -r);
        return 0;
}

static int check_item(Recipe *recipe, const KeySchema *key, Value *value, const char *text, RecipePlace place)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *message = NULL;
        const char *expected = NULL;

        if (!check_word(key, text, &expected)) {
                if (!expected)
                        return check_choice(recipe, key, text, place);
                if (asprintf(&message, "%s=%s: expected %s", key->name, text, expected) < 0) {
                        message = NULL;
                        return -ENOMEM;
                }
                complain(recipe, place, text, NULL, message);
                return 0;
        }
        if (key->type == KEY_SOURCE || key->type == KEY_SOURCE_LIST || key->type == KEY_HOST_FILE) {
                int r = check_file(recipe, key, value, text, place);
                if (r < 0)
                        return r;
        }
        if (key->check && key->check(text, &error) < 0)
                complain(recipe, place, text, error.hint, error.message ? error.message : "wrong value");
        return 0;
}

static int check_section(Recipe *recipe, RecipeSection *section)
{
        size_t n_before = recipe->diagnostics.n_items;
        _cleanup_error_ Error error = ERROR_INIT;

        for (size_t i = 0; i < section->n_keys; i++) {
                const KeySchema *key = &section->schema->keys[i];
                Value *value = &section->values[i];
                if (key->required && !value->raw)
                        diagnostics_add(&recipe->diagnostics, section->place, (unsigned) strlen(section->schema->name),
                                        NULL, "[%s] needs %s=: %s", section->schema->name, key->name, key->help);
                for (size_t j = 0; value->expanded && value->expanded[j]; j++) {
                        int r = check_item(recipe, key, value, value->expanded[j], value->places[j]);
                        if (r < 0)
                                return r;
                }
        }
        /* across keys only when each of them is right: no complaints that follow from others */
        if (recipe->diagnostics.n_items == n_before && section->schema->check &&
            section->schema->check(section, &error) < 0)
                diagnostics_add(&recipe->diagnostics, section->place, (unsigned) strlen(section->schema->name),
                                error.hint, "[%s] %s", section->schema->name,
                                error.message ? error.message : "is wrong");
        return 0;
}

static void check_image_name(Recipe *recipe)
{
        const RecipeSection *image = recipe->image;
        const char *name = section_string(image, "Name"), *version = section_string(image, "Version");

        if (name && !check_name(name))
                complain(recipe, section_key_place(image, "Name"), "Name", NULL,
                         "an image's name is made of letters, digits, \".\" and \"-\", and starts and ends with a "
                         "letter or digit");
        if (version && !check_name(version))
                complain(recipe, section_key_place(image, "Version"), "Version", NULL,
                         "a version is made of letters, digits, \".\" and \"-\", and starts and ends with a letter or "
                         "digit");
        if (!name)
                return;
        size_t length = strlen(name) + 1 + strlen(recipe->architecture) + 1 +
                        (version ? strlen(version) : DATE_VERSION_LENGTH);
        if (length > FULL_NAME_MAX)
                diagnostics_add(&recipe->diagnostics, section_key_place(image, "Name"), 4, NULL,
                                "NAME-ARCHITECTURE-VERSION has %zu characters; hosts take at most %d", length,
                                FULL_NAME_MAX);
        if (!check_name(recipe->architecture))
                diagnostics_add(&recipe->diagnostics, section_key_place(image, "Architecture"), 12, NULL,
                                "\"%s\" is no architecture's name; Debian's are amd64, arm64, i386, riscv64 ...",
                                recipe->architecture);
}

int model_check(Recipe *recipe)
{
        if (!recipe->image) {
                diagnostics_add(&recipe->diagnostics, (RecipePlace){ recipe->diagnostics.sources[0].name, 1, 1 }, 1,
                                NULL, "the recipe has no [%s] section with Name=", recipe->schema->image->name);
        } else {
                int r = check_section(recipe, recipe->image);
                if (r < 0)
                        return r;
                check_image_name(recipe);
        }
        for (size_t i = 0; i < recipe->n_stages; i++) {
                int r = check_section(recipe, recipe->stages[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}
