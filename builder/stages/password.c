/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "packages/dpkg.h"
#include "stages/crypt.h"
#include "stages/kinds.h"
#include "stages/tree.h"
#include "stages/users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PASSWORD_MAX_BYTES 512
#define DAY_SEC 86400
#define LOCKED "!*"

static int check_user(const char *value, Error *error)
{
        if (strpbrk(value, ":/\n") || value[0] == '-')
                return error_set_usage(error, -EINVAL, "\"%s\" can't be a user's name", value);
        return 0;
}

static int check_password_file(const char *value, Error *error)
{
        if (path_is_absolute(value))
                return 0;
        error_set_usage(error, -EINVAL, "PasswordFile= must be an absolute path outside the recipe's folder");
        return error_hint(error,
                          "recipes are shared, passwords are not: keep it in a file like /etc/templar/root.password");
}

static int check(const RecipeSection *section, Error *error)
{
        int n = section_has(section, "Hash") + section_has(section, "PasswordFile") + section_bool(section, "Locked");

        if (n != 1)
                return error_set_usage(error, -EINVAL,
                                       "[Password] needs exactly one of Hash=, PasswordFile= and Locked=yes");
        return 0;
}

/* Into memory that the caller wipes: no buffer that grows and leaves copies behind. */
static int read_password(const char *path, char ret_password[static PASSWORD_MAX_BYTES], Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;
        size_t length = 0;
        ssize_t n = 0;

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "Can't open the password file %s", path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "The password file %s is not a regular file", path);
        if (status.st_mode & S_IRWXO) {
                error_set(error, -EPERM, "The password file %s can be read or written by everybody", path);
                return error_hint(error, "chmod 600 %s", path);
        }
        memset(ret_password, 0, PASSWORD_MAX_BYTES);
        while (length < PASSWORD_MAX_BYTES - 1 &&
               (n = read(fd, ret_password + length, PASSWORD_MAX_BYTES - 1 - length)) > 0)
                length += (size_t) n;
        if (n < 0)
                return error_set_errno(error, errno, "Can't read the password file %s", path);
        if (length == PASSWORD_MAX_BYTES - 1)
                return error_set(error, -EFBIG, "The password in %s is longer than %d bytes", path,
                                 PASSWORD_MAX_BYTES - 2);
        if (length > 0 && ret_password[length - 1] == '\n')
                ret_password[--length] = '\0';
        if (length == 0)
                return error_set(error, -EINVAL, "The password file %s is empty", path);
        if (strlen(ret_password) != length || strchr(ret_password, '\n'))
                return error_set(error, -EINVAL, "The password file %s must hold one line of text", path);
        return 0;
}

static int hash_of_file(const char *path, bool yescrypt, const char *salt_context, const char *user,
                        char ret_hash[static CRYPT_HASH_MAX_BYTES], Error *error)
{
        char password[PASSWORD_MAX_BYTES];

        int r = read_password(path, password, error);
        if (r == 0)
                r = crypt_hash_password(password, yescrypt, salt_context, user, ret_hash, error);
        explicit_bzero(password, sizeof password);
        return r;
}

/* A fast digest of a short password in a stored key could be searched; the slow hash can be stored. */
static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        char hash[CRYPT_HASH_MAX_BYTES];

        if (!section_has(section, "PasswordFile"))
                return 0;
        int r = hash_of_file(section_path(section, "PasswordFile"), true, "layer key", section_string(section, "User"),
                             hash, error);
        if (r < 0)
                return r;
        r = digest_add_field(digest, hash);
        return r < 0 ? error_set_errno(error, -r, "Can't digest the password") : 0;
}

static char *describe(const RecipeSection *section)
{
        char *words[] = { (char *) section_string(section, "User"), NULL };

        return stage_describe(section_bool(section, "Locked") ? "Lock the password of" : "Password of", words);
}

static int refuse_in_recipe(StageContext *context, const char *path, Error *error)
{
        char real[PATH_MAX], folder[PATH_MAX];

        if (!realpath(path, real) || !realpath(recipe_directory(context->recipe), folder))
                return error_set_errno(error, errno, "Can't find the password file %s", path);
        size_t length = strlen(folder);
        if (strncmp(real, folder, length) != 0 || (real[length] != '/' && !string_ends_with(folder, "/")))
                return 0;
        return recipe_error(context->recipe, section_key_place(context->section, "PasswordFile"), error,
                            "the password file lies in the recipe's folder; expected a file outside of it");
}

/* Debian up to buster and Ubuntu up to eoan have glibc's own libcrypt, which knows no yescrypt. */
static int tree_has_yescrypt(StageContext *context, bool *ret, Error *error)
{
        _cleanup_dpkg_list_ DpkgList list = { 0 };

        int r = dpkg_list(context->sandbox, context->tree, &list, error);
        if (r == 0)
                *ret = dpkg_list_find(&list, "libcrypt1") != NULL;
        return r;
}

static int choose_hash(StageContext *context, char ret_hash[static CRYPT_HASH_MAX_BYTES], Error *error)
{
        const RecipeSection *section = context->section;
        const char *path = section_path(section, "PasswordFile");
        bool yescrypt = false;

        if (!section_has(section, "PasswordFile")) {
                snprintf(ret_hash, CRYPT_HASH_MAX_BYTES, "%s",
                         section_bool(section, "Locked") ? LOCKED : section_string(section, "Hash"));
                return 0;
        }
        int r = refuse_in_recipe(context, path, error);
        if (r == 0)
                r = tree_has_yescrypt(context, &yescrypt, error);
        if (r == 0)
                r = hash_of_file(path, yescrypt, recipe_name(context->recipe), section_string(section, "User"),
                                 ret_hash, error);
        return r;
}

typedef struct PasswordJob {
        const char *user, *hash;
        int64_t day;
} PasswordJob;

static int no_such_user(const char *text, const char *user, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        const char *nearest = NULL;

        error_set(error, -ENOENT, "The image has no user \"%s\" in /etc/shadow", user);
        if (users_names(text, &names) == 0 && names)
                nearest = nearest_word(user, (const char *const *) names);
        return nearest ? error_hint(error, "Did you mean \"%s\"?", nearest) : -ENOENT;
}

static int set_password(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const PasswordJob *job = userdata;
        _cleanup_buffer_ Buffer text = BUFFER_INIT, changed = BUFFER_INIT;

        int r = tree_read(root_fd, "/etc/shadow", &text, error);
        if (r == -ENOENT) {
                error_set(error, r, "The image has no /etc/shadow, so no user in it can have a password");
                return error_hint(error, "[Install] Packages=passwd comes first");
        }
        if (r < 0)
                return r;
        r = shadow_set_password(text.data, job->user, job->hash, job->day, &changed);
        if (r == -ENOENT)
                return no_such_user(text.data, job->user, error);
        if (r < 0)
                return error_set_errno(error, -r, "Can't change /etc/shadow");
        return tree_rewrite(root_fd, "/etc/shadow", changed.data, changed.length, error);
}

static int run(StageContext *context, Error *error)
{
        char hash[CRYPT_HASH_MAX_BYTES];
        PasswordJob job = { .user = section_string(context->section, "User"),
                            .hash = hash,
                            /* of now, as passwd(1) does: the cleaning makes it the build's */
                            .day = time(NULL) / DAY_SEC };

        int r = choose_hash(context, hash, error);
        if (r == 0)
                r = sandbox_call(context->sandbox, context->tree, set_password, &job, NULL, error);
        return r;
}

static const KeySchema keys[] = {
        { .name = "User", .type = KEY_WORD, .fallback = "root", .check = check_user, .help = "Whose password it is." },
        { .name = "Hash", .type = KEY_WORD, .check = crypt_check_hash,
          .help = "The password's hash as in crypt(5): yescrypt, scrypt, SHA-512, SHA-256 or bcrypt." },
        { .name = "PasswordFile", .type = KEY_HOST_FILE, .check = check_password_file,
          .help = "A file outside the recipe's folder with the password, unreadable for others; it is hashed with "
                  "yescrypt, or SHA-512 where the image knows no yescrypt." },
        { .name = "Locked", .type = KEY_BOOL, .fallback = "no", .help = "No password opens the account." },
        { .name = NULL },
};

const SectionSchema stage_password_schema = {
        .name = "Password",
        .help = "Sets or locks the password of a user of the image.",
        .keys = keys,
        .check = check,
};

const StageKind stage_password = {
        .schema = &stage_password_schema, .version = 1, .secret_key = "PasswordFile", .digest = digest, .describe = describe, .run = run
};
