/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD_BYTES ((size_t) 512)
#define TEXT_MAX_BYTES ((uint64_t) 64 << 20)
/* Between two pieces of a long text, so that nothing is cut in two unseen. */
#define OVERLAP_BYTES ((size_t) 4 << 10)
#define CHECKS_MAX 4

enum {
        BELOW = 1 << 0,   /* the directory or one below it */
        BINARY = 1 << 1,  /* is looked into whatever it holds */
        EMPTY_TOO = 1 << 2,
        NOT_USR = 1 << 3, /* what a package ships as an example is none */
};

typedef struct Place {
        LintId id;
        const char *directory;  /* NULL: any; with "*" before it: any that ends so */
        const char *name;       /* fnmatch(3), or NULL: any */
        unsigned flags;
        LintContentCheck check; /* NULL: that it is there and not empty is enough */
        const char *text;       /* then: what is wrong */
} Place;

static const Place places[] = {
        { LINT_SSH_HOST_KEY, "etc/ssh", "ssh_host_*_key", 0, NULL, "is an SSH host key" },
        { LINT_SSH_HOST_KEY, "etc/dropbear", "dropbear_*_host_key", 0, NULL, "is an SSH host key" },
        { LINT_MACHINE_ID, "etc", "machine-id", 0, lint_machine_id, NULL },
        { LINT_MACHINE_ID, "var/lib/dbus", "machine-id", 0, lint_machine_id, NULL },
        { LINT_RANDOM_SEED, "var/lib/systemd", "random-seed", 0, NULL, "is a random seed" },
        { LINT_RANDOM_SEED, "var/lib/systemd", "credential.secret", 0, NULL, "is the key of a machine's credentials" },
        { LINT_RANDOM_SEED, "var/lib/urandom", "random-seed", 0, NULL, "is a random seed" },
        { LINT_RANDOM_SEED, "var/lib", "random-seed", 0, NULL, "is a random seed" },
        { LINT_PRIVATE_KEY, "*/private-keys-v1.d", "*.key", 0, NULL, "is a private key of GnuPG" },
        { LINT_PRIVATE_KEY, "etc", "krb5.keytab", 0, NULL, "holds keys of Kerberos" },
        { LINT_PRIVATE_KEY, "etc/wireguard", "*.conf", 0, lint_wireguard, NULL },
        { LINT_PRIVATE_KEY, "etc/systemd/network", "*.netdev", 0, lint_wireguard, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.gpg", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.pgp", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.key", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.der", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.p8", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.p12", BINARY, lint_key_file, NULL },
        { LINT_PRIVATE_KEY, NULL, "*.pfx", BINARY, lint_key_file, NULL },
        { LINT_CREDENTIALS, NULL, ".netrc", NOT_USR, NULL, "holds logins" },
        { LINT_CREDENTIALS, NULL, ".git-credentials", NOT_USR, NULL, "holds logins" },
        { LINT_CREDENTIALS, NULL, ".pgpass", NOT_USR, NULL, "holds logins of databases" },
        { LINT_CREDENTIALS, "*/.aws", "credentials", NOT_USR, NULL, "holds keys of AWS" },
        { LINT_CREDENTIALS, "*/.docker", "config.json", NOT_USR, lint_tokens, NULL },
        { LINT_CREDENTIALS, "*/.kube", "config", NOT_USR, lint_tokens, NULL },
        { LINT_CREDENTIALS, NULL, ".npmrc", NOT_USR, lint_tokens, NULL },
        { LINT_CREDENTIALS, "etc", "npmrc", 0, lint_tokens, NULL },
        { LINT_CREDENTIALS, "etc/NetworkManager/system-connections", NULL, 0, lint_tokens, NULL },
        { LINT_CREDENTIALS, "etc/wpa_supplicant", "*.conf", 0, lint_tokens, NULL },
        { LINT_APT_CREDENTIALS, "etc/apt", "auth.conf", 0, lint_apt_auth, NULL },
        { LINT_APT_CREDENTIALS, "etc/apt/auth.conf.d", NULL, 0, lint_apt_auth, NULL },
        { LINT_APT_CREDENTIALS, "etc/apt", "sources.list", 0, lint_apt_sources, NULL },
        { LINT_APT_CREDENTIALS, "etc/apt/sources.list.d", NULL, 0, lint_apt_sources, NULL },
        { LINT_PROXY, "etc/apt", "apt.conf", 0, lint_apt_conf, NULL },
        { LINT_PROXY, "etc/apt/apt.conf.d", NULL, 0, lint_apt_conf, NULL },
        { LINT_PROXY, "etc", "environment", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/environment.d", "*.conf", 0, lint_environment, NULL },
        { LINT_PROXY, "etc", "profile", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/profile.d", NULL, 0, lint_environment, NULL },
        { LINT_PROXY, "etc", "wgetrc", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/security", "pam_env.conf", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/systemd", "system.conf", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/systemd/system.conf.d", "*.conf", 0, lint_environment, NULL },
        { LINT_PROXY, "etc/default", NULL, 0, lint_environment, NULL },
        { LINT_PROXY, "root", ".bashrc", 0, lint_environment, NULL },
        { LINT_PROXY, "root", ".profile", 0, lint_environment, NULL },
        { LINT_PROXY, "root", ".wgetrc", 0, lint_environment, NULL },
        { LINT_PASSWORD_EMPTY, "etc", "shadow", 0, lint_shadow, NULL },
        { LINT_PASSWORD_EMPTY, "etc", "shadow-", 0, lint_shadow, NULL },
        { LINT_PASSWORD_EMPTY, "etc", "passwd", 0, lint_passwd, NULL },
        { LINT_AUTHORIZED_KEYS, "*/.ssh", "authorized_keys*", 0, lint_authorized_keys, NULL },
        { LINT_AUTHORIZED_KEYS, "etc/ssh/authorized_keys.d", NULL, BELOW, lint_authorized_keys, NULL },
        { LINT_HOSTNAME, "etc", "hostname", 0, lint_hostname, NULL },
        { LINT_RESOLV_CONF, "etc", "resolv.conf", 0, lint_resolv_conf, NULL },
        { LINT_BUILD_LEFTOVER, "usr/sbin", "policy-rc.d", EMPTY_TOO, NULL, "keeps services from being started" },
        { LINT_BUILD_LEFTOVER, "sbin", "policy-rc.d", EMPTY_TOO, NULL, "keeps services from being started" },
        { LINT_BUILD_LEFTOVER, NULL, "*.templar-saved", EMPTY_TOO, NULL, "is a program that a stub stood in for" },
        { LINT_BUILD_LEFTOVER, "debootstrap", NULL, BELOW | EMPTY_TOO, NULL, "was left by debootstrap" },
        { LINT_DPKG_LEFTOVER, NULL, "*.dpkg-new", EMPTY_TOO, NULL, "is the new version of a file" },
        { LINT_DPKG_LEFTOVER, NULL, "*.dpkg-tmp", EMPTY_TOO, NULL, "is a file that was being replaced" },
        { LINT_DPKG_LEFTOVER, NULL, "*.dpkg-old", EMPTY_TOO, NULL, "is the old version of a file" },
        { LINT_DPKG_LEFTOVER, NULL, "*.dpkg-dist", EMPTY_TOO, NULL, "is the distribution's version of a file" },
        { LINT_DPKG_LEFTOVER, NULL, "*.ucf-new", EMPTY_TOO, NULL, "is the new version of a file" },
        { LINT_DPKG_LEFTOVER, NULL, "*.ucf-old", EMPTY_TOO, NULL, "is the old version of a file" },
        { LINT_DPKG_LEFTOVER, NULL, "*.ucf-dist", EMPTY_TOO, NULL, "is the distribution's version of a file" },
        { LINT_PACKAGE_STATE, "var/lib/dpkg", "status", 0, lint_status, NULL },
        { LINT_PACKAGE_STATE, "var/lib/dpkg/info", "*.md5sums", 0, lint_md5sums, NULL },
        { LINT_HISTORY, NULL, ".*_history", NOT_USR, NULL, "is a history" },
        { LINT_HISTORY, NULL, ".lesshst", NOT_USR, NULL, "is a history" },
        { LINT_HISTORY, NULL, ".viminfo", NOT_USR, NULL, "is a history" },
        { LINT_CORE_DUMP, "var/lib/systemd/coredump", NULL, 0, NULL, "is a core dump" },
        { LINT_CORE_DUMP, "var/crash", NULL, 0, NULL, "is a report of a crash" },
        { LINT_CORE_DUMP, NULL, "core", BINARY, lint_core_dump, NULL },
        { LINT_CORE_DUMP, NULL, "core.*", BINARY, lint_core_dump, NULL },
        { LINT_VOLATILE, "tmp", NULL, BELOW | EMPTY_TOO, NULL, "lies where files are temporary" },
        { LINT_VOLATILE, "var/tmp", NULL, BELOW | EMPTY_TOO, NULL, "lies where files are temporary" },
        { LINT_VOLATILE, "run", NULL, BELOW | EMPTY_TOO, NULL, "lies where hosts mount over it" },
};

static bool in_directory(const Place *place, const char *path, size_t length)
{
        const char *directory = place->directory;
        size_t wanted = directory ? strlen(directory) : 0;

        if (!directory)
                return true;
        if (directory[0] == '*') {
                /* below a directory, or at the top */
                const char *end = directory + 1;
                wanted--;
                return (length >= wanted && memcmp(path + length - wanted, end, wanted) == 0) ||
                       (length == wanted - 1 && memcmp(path, end + 1, length) == 0);
        }
        if (length < wanted || memcmp(path, directory, wanted) != 0)
                return false;
        return length == wanted || (place->flags & BELOW && path[wanted] == '/');
}

/* Before fnmatch(3), which is slow: what stands before or behind its only "*". */
static bool has_name(const char *pattern, const char *name)
{
        size_t fixed = pattern ? strcspn(pattern, "*") : 0;

        if (!pattern)
                return true;
        if (strncmp(pattern, name, fixed) != 0)
                return false;
        if (fixed == 0 && pattern[0] == '*')
                return string_ends_with(name, pattern + 1);
        return fnmatch(pattern, name, 0) == 0;
}

static bool is_there(const Place *place, const ImageEntry *entry)
{
        if (place->flags & NOT_USR && string_starts_with(entry->path, "usr/"))
                return false;
        return place->flags & EMPTY_TOO || entry->size_bytes > 0 || entry->hard_link;
}

/* Tells what the place alone tells; returns how many checks want the content. */
static size_t judge_place(LintRun *run, const Place *ret_places[static CHECKS_MAX])
{
        const ImageEntry *entry = run->entry;
        const char *slash = strrchr(entry->path, '/'), *name = slash ? slash + 1 : entry->path;
        size_t n = 0, length = slash ? (size_t) (slash - entry->path) : 0;

        for (size_t i = 0; i < ELEMENTS(places); i++) {
                const Place *place = &places[i];
                if (!in_directory(place, entry->path, length) || !has_name(place->name, name) ||
                    !is_there(place, entry))
                        continue;
                if (!place->check)
                        lint_found(run, place->id, "%s", place->text);
                else if (n < CHECKS_MAX)
                        ret_places[n++] = place;
        }
        return n;
}

static void judge_mode(LintRun *run)
{
        mode_t mode = run->entry->mode;

        if (!(mode & S_IWOTH) || S_ISLNK(mode) || run->entry->hard_link)
                return;
        if (S_ISDIR(mode) && !(mode & S_ISVTX))
                lint_found(run, LINT_WORLD_WRITABLE,
                           "has mode %04o: everybody may write there and remove what others wrote",
                           (unsigned) mode & 07777);
        else if (S_ISREG(mode) || S_ISFIFO(mode))
                lint_found(run, LINT_WORLD_WRITABLE, "has mode %04o: everybody may write to it",
                           (unsigned) mode & 07777);
}

static uint64_t count_lines(const char *text, size_t length)
{
        uint64_t n = 0;

        for (const char *end = text + length; (text = memchr(text, '\n', (size_t) (end - text))); text++)
                n++;
        return n;
}

/* What is left of a text that is too long to be looked at in one piece. */
static int read_on(LintRun *run, ImageStream *stream, Error *error)
{
        Buffer *content = &run->content;
        uint64_t done = content->length;

        while (content->length == LINT_PIECE_BYTES && done < TEXT_MAX_BYTES) {
                run->line += count_lines(content->data, content->length - OVERLAP_BYTES);
                memmove(content->data, content->data + content->length - OVERLAP_BYTES, OVERLAP_BYTES);
                content->length = OVERLAP_BYTES;
                int r = image_stream_collect(stream, LINT_PIECE_BYTES - OVERLAP_BYTES, content, error);
                if (r < 0)
                        return r;
                done += content->length - OVERLAP_BYTES;
                lint_text(run);
        }
        return 0;
}

static int judge_content(LintRun *run, ImageStream *stream, const Place *const *checks, size_t n_checks, Error *error)
{
        Buffer *content = &run->content;
        bool binary_too = false;

        content->length = 0;
        int r = image_stream_collect(stream, HEAD_BYTES, content, error);
        if (r < 0)
                return r;
        bool is_text = !memchr(content->data, '\0', content->length);
        for (size_t i = 0; i < n_checks; i++)
                binary_too = binary_too || checks[i]->flags & BINARY;
        if (!is_text && !binary_too)
                return 0;
        size_t limit = n_checks > 0 ? LINT_LIST_MAX_BYTES : LINT_PIECE_BYTES;
        if (is_text)
                r = image_stream_collect(stream, limit - content->length, content, error);
        if (r < 0)
                return r;
        run->whole = content->length >= run->entry->size_bytes;
        run->line = 1;
        run->told = 0;
        if (is_text)
                lint_text(run);
        if (is_text && n_checks == 0)
                return read_on(run, stream, error);
        for (size_t i = 0; i < n_checks; i++)
                if (is_text || checks[i]->flags & BINARY)
                        checks[i]->check(run);
        return 0;
}

int lint_entry(LintRun *run, ImageStream *stream, Error *error)
{
        const Place *checks[CHECKS_MAX];

        judge_mode(run);
        if (!S_ISREG(run->entry->mode))
                return 0;
        size_t n_checks = judge_place(run, checks);
        if (run->entry->hard_link || run->entry->size_bytes == 0)
                return 0;
        return judge_content(run, stream, checks, n_checks, error);
}
