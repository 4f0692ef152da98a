/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/clean.h"

#include "base/file.h"
#include "stages/tree.h"
#include "stages/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#define DAY_SEC 86400

typedef enum CleanAction {
        CLEAN_REMOVE,   /* entries of `directory` that match `pattern`, whatever they are */
        CLEAN_FILES,    /* files that match, in `directory` and all directories below, which stay */
        CLEAN_TRUNCATE, /* regular files of `directory` that match: the file stays, empty, with its owner and mode */
        CLEAN_EMPTY,    /* the file `directory`/`pattern` is made, or made empty */
        CLEAN_SHADOW,   /* the days in the shadow file `directory`/`pattern` */
} CleanAction;

typedef struct CleanRule {
        const char *entry;
        CleanAction action;
        const char *directory;
        const char *pattern; /* fnmatch(3), leading dots included */
} CleanRule;

/* Name and help, in the order of the rules below. */
#define CLEAN_ENTRIES(X)                                                                                     \
        X("hostname", "Removes /etc/hostname: a machine gets its name from the host that starts it.")        \
        X("machine-id", "Leaves an empty /etc/machine-id, so that every clone makes an identity of its own.")\
        X("ssh-host-keys", "Removes the SSH host keys: clones must not share a secret.")                     \
        X("random-seed",                                                                                     \
          "Removes random seeds and the credential secret, which must differ from machine to machine.")      \
        X("resolv-conf", "Removes /etc/resolv.conf, which debootstrap copies from the machine that builds.") \
        X("apt-lists", "Removes the package lists: they are large and old when the image is used.")          \
        X("apt-archives", "Removes downloaded packages and apt's binary caches.")                            \
        X("dpkg-backups", "Removes the backups that dpkg, debconf and alternatives make of their databases.")\
        X("passwd-backups", "Removes /etc/passwd- and its like, which tell of accounts that are gone.")      \
        X("shadow-days",                                                                                     \
          "Sets days of password changes during the build to the build's date: the same image on any day.")   \
        X("logs", "Removes logs; the files that record logins stay, empty.")                                 \
        X("caches", "Removes caches that hold times or inode numbers and are made again when missing.")      \
        X("tmp", "Empties /tmp, /var/tmp and /run.")                                                         \
        X("dev", "Empties /dev, which every host fills itself.")

#define ENTRY(name, help) { name, help },
#define NAME(name, help) name,

const CleanEntry clean_entries[] = { CLEAN_ENTRIES(ENTRY){ NULL, NULL } };

const char *const clean_names[] = { CLEAN_ENTRIES(NAME) NULL };

static const CleanRule rules[] = {
        { "hostname", CLEAN_REMOVE, "/etc", "hostname" },
        { "machine-id", CLEAN_EMPTY, "/etc", "machine-id" },
        { "machine-id", CLEAN_FILES, "/var/lib/dbus", "machine-id" },
        { "ssh-host-keys", CLEAN_REMOVE, "/etc/ssh", "ssh_host_*_key" },
        { "ssh-host-keys", CLEAN_REMOVE, "/etc/ssh", "ssh_host_*_key.pub" },
        { "random-seed", CLEAN_REMOVE, "/var/lib/systemd", "random-seed" },
        { "random-seed", CLEAN_REMOVE, "/var/lib/systemd", "credential.secret" },
        { "random-seed", CLEAN_REMOVE, "/var/lib/urandom", "random-seed" },
        { "random-seed", CLEAN_REMOVE, "/var/lib", "random-seed" },
        { "resolv-conf", CLEAN_FILES, "/etc", "resolv.conf" },
        { "apt-lists", CLEAN_REMOVE, "/var/lib/apt/lists", "*" },
        { "apt-archives", CLEAN_FILES, "/var/cache/apt/archives", "*" },
        { "apt-archives", CLEAN_REMOVE, "/var/cache/apt", "*.bin" },
        { "dpkg-backups", CLEAN_REMOVE, "/var/lib/dpkg", "*-old" },
        { "dpkg-backups", CLEAN_REMOVE, "/var/cache/debconf", "*-old" },
        { "dpkg-backups", CLEAN_REMOVE, "/var/backups", "*" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "passwd-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "group-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "shadow-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "gshadow-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "subuid-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "subgid-" },
        { "passwd-backups", CLEAN_REMOVE, "/etc", ".pwd.lock" },
        { "shadow-days", CLEAN_SHADOW, "/etc", "shadow" },
        { "logs", CLEAN_REMOVE, "/var/log/journal", "*" },
        { "logs", CLEAN_TRUNCATE, "/var/log", "wtmp" },
        { "logs", CLEAN_TRUNCATE, "/var/log", "btmp" },
        { "logs", CLEAN_TRUNCATE, "/var/log", "lastlog" },
        { "logs", CLEAN_TRUNCATE, "/var/log", "faillog" },
        { "logs", CLEAN_FILES, "/var/log", "*" },
        { "caches", CLEAN_REMOVE, "/var/cache/ldconfig", "*" },
        { "caches", CLEAN_FILES, "/var/cache/man", "*" },
        { "caches", CLEAN_FILES, "/var/cache/fontconfig", "*" },
        { "caches", CLEAN_REMOVE, "/root/.cache", "*" },
        { "tmp", CLEAN_REMOVE, "/tmp", "*" },
        { "tmp", CLEAN_REMOVE, "/var/tmp", "*" },
        { "tmp", CLEAN_REMOVE, "/run", "*" },
        { "dev", CLEAN_REMOVE, "/dev", "*" },
};

typedef struct CleanJob {
        char *const *keep;
        int64_t day, since_day;
} CleanJob;

static int read_names(DIR *directory, char ***ret)
{
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *entry; (entry = directory_next(directory));) {
                if (strv_append(&names, entry->d_name) < 0)
                        return -ENOMEM;
        }
        if (errno)
                return -errno;
        *ret = TAKE_PTR(names);
        return 0;
}

/* True for a file that a rule which keeps /var/log's login records leaves to another rule. */
static bool kept_by_truncate(const CleanRule *rule, const char *name, unsigned depth)
{
        if (rule->action != CLEAN_FILES || depth > 0)
                return false;
        for (size_t i = 0; i < ELEMENTS(rules); i++)
                if (rules[i].action == CLEAN_TRUNCATE && strcmp(rules[i].directory, rule->directory) == 0 &&
                    fnmatch(rules[i].pattern, name, 0) == 0)
                        return true;
        return false;
}

static int remove_files(const CleanRule *rule, int fd, dev_t device, unsigned depth, Error *error);

static int remove_one_file(const CleanRule *rule, int directory_fd, const char *name, dev_t device, unsigned depth,
                           Error *error)
{
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look at %s", name);
        if (S_ISDIR(status.st_mode)) {
                /* a pattern that names one file means this directory only */
                if (strcmp(rule->pattern, "*") != 0 || status.st_dev != device)
                        return 0;
                int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return error_set_errno(error, errno, "Can't open %s", name);
                return remove_files(rule, fd, device, depth + 1, error);
        }
        if (fnmatch(rule->pattern, name, 0) != 0 ||
            (S_ISREG(status.st_mode) && kept_by_truncate(rule, name, depth)))
                return 0;
        /* a named file that is a link (dbus' machine-id, resolv.conf of systemd-resolved) belongs to a package */
        if (S_ISLNK(status.st_mode) && strcmp(rule->pattern, "*") != 0)
                return 0;
        return remove_tree(directory_fd, name, error);
}

/* Takes `fd`. */
static int remove_files(const CleanRule *rule, int fd, dev_t device, unsigned depth, Error *error)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the directory");
        for (char **name = names; r == 0 && name && *name; name++)
                r = remove_one_file(rule, dirfd(directory), *name, device, depth, error);
        return r;
}

/* Takes `fd`. */
static int remove_matching(const CleanRule *rule, int fd, Error *error)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the directory");
        for (char **name = names; r == 0 && name && *name; name++)
                if (fnmatch(rule->pattern, *name, 0) == 0)
                        r = remove_tree(dirfd(directory), *name, error);
        return r;
}

static int truncate_file(int directory_fd, const char *name, Error *error)
{
        _cleanup_close_ int fd =
                openat(directory_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;

        /* a link or a FIFO: not a record, the rule for files removes it */
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == EISDIR
                               ? 0
                               : error_set_errno(error, errno, "Can't open %s", name);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        return ftruncate(fd, 0) < 0 ? error_set_errno(error, errno, "Can't empty %s", name) : 0;
}

/* A new empty file in the place of whatever is there; an empty one already is left alone. */
static int make_empty(int root_fd, const CleanRule *rule, Error *error)
{
        _cleanup_free_ char *path = path_join(rule->directory, rule->pattern);
        _cleanup_close_ int fd = tree_open_strict(root_fd, path ?: "/", O_PATH);
        struct stat status;
        bool found;

        if (!path)
                return error_out_of_memory(error);
        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
                return 0;
        int r = tree_remove(root_fd, path, &found, error);
        return r < 0 ? r : tree_write(root_fd, path, &(TreeFile){ .data = "", .source_fd = -1, .mode = 0444 }, error);
}

static int clamp_shadow(int root_fd, const CleanRule *rule, const CleanJob *job, Error *error)
{
        _cleanup_free_ char *path = path_join(rule->directory, rule->pattern);
        _cleanup_buffer_ Buffer text = BUFFER_INIT, clamped = BUFFER_INIT;

        if (!path)
                return error_out_of_memory(error);
        int r = tree_read(root_fd, path, &text, error);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (shadow_clamp_days(text.data, job->day, job->since_day, &clamped) < 0)
                return error_out_of_memory(error);
        if (clamped.length == text.length && (text.length == 0 || memcmp(clamped.data, text.data, text.length) == 0))
                return 0;
        return tree_rewrite(root_fd, path, clamped.data, clamped.length, error);
}

static int apply_rule(int root_fd, const CleanRule *rule, const CleanJob *job, Error *error)
{
        _cleanup_close_ int fd = tree_open_strict(root_fd, rule->directory, O_RDONLY | O_DIRECTORY);
        struct stat status;

        if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open the directory");
        switch (rule->action) {
        case CLEAN_REMOVE:
                return remove_matching(rule, TAKE_FD(fd), error);
        case CLEAN_FILES:
                if (fstat(fd, &status) < 0)
                        return error_set_errno(error, errno, "Can't look at the directory");
                return remove_files(rule, TAKE_FD(fd), status.st_dev, 0, error);
        case CLEAN_TRUNCATE:
                return truncate_file(fd, rule->pattern, error);
        case CLEAN_EMPTY:
                return make_empty(root_fd, rule, error);
        case CLEAN_SHADOW:
                return clamp_shadow(root_fd, rule, job, error);
        }
        return 0;
}

static int clean_tree(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const CleanJob *job = userdata;

        for (size_t i = 0; i < ELEMENTS(rules); i++) {
                if (strv_contains(job->keep, rules[i].entry))
                        continue;
                if (apply_rule(root_fd, &rules[i], job, error) < 0)
                        return error_wrap(error, "cleaning %s (%s)", rules[i].directory, rules[i].entry);
        }
        return 0;
}

int clean_run(Sandbox *sandbox, const SandboxTree *tree, char *const *keep, int64_t source_date_epoch_sec,
              int64_t since_sec, Error *error)
{
        CleanJob job = {
                .keep = keep, .day = source_date_epoch_sec / DAY_SEC, .since_day = since_sec / DAY_SEC
        };

        return sandbox_call(sandbox, tree, clean_tree, &job, NULL, error);
}

/* A file directly in the rule's directory, or below it where the rule goes there. */
static bool rule_covers(const CleanRule *rule, const char *path)
{
        size_t length = strlen(rule->directory);

        if (strncmp(path, rule->directory, length) != 0 || path[length] != '/')
                return false;
        const char *rest = path + length + 1;
        if (strcmp(rule->pattern, "*") == 0)
                return *rest != '\0';
        return !strchr(rest, '/') && fnmatch(rule->pattern, rest, 0) == 0;
}

const char *clean_entry_of(const char *path)
{
        for (size_t i = 0; i < ELEMENTS(rules); i++)
                if (rules[i].action != CLEAN_SHADOW && rule_covers(&rules[i], path))
                        return rules[i].entry;
        return NULL;
}
