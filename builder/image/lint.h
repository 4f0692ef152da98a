/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What no image should carry: everything that hosts refuse (rules.h), and what belongs to one machine, one person or to
 * the building of the image. One pass over the archive; memory hardly grows with the image: some 30 bytes a path. Text
 * is searched, at most the first 64 MiB of a file; compressed and binary content is not, but for files that are keys by
 * their name. */

typedef enum LintSeverity {
        LINT_WARNING,
        LINT_ERROR, /* stops a release */
} LintSeverity;

/* X(constant, name, severity, may be allowed, what it means, what to do) */
#define LINT_CHECKS(X)                                                                                                \
        X(TAR_PARENTS, "tar-parents", LINT_ERROR, false,                                                              \
          "Hosts make directories that the archive lacks with mode 0700.",                                            \
          "Pack the directories, too.")                                                                               \
        X(TAR_ORDER, "tar-order", LINT_ERROR, false,                                                                  \
          "A directory that is left and entered again loses its times and modes.",                                    \
          "Pack depth first, a directory before what it holds.")                                                      \
        X(TAR_LINKS, "tar-links", LINT_ERROR, false,                                                                  \
          "Hosts can't follow a hard link to what has not come yet.",                                                 \
          "Pack the file before the links to it, and every path once.")                                               \
        X(TAR_PATHS, "tar-paths", LINT_ERROR, false,                                                                  \
          "Hosts refuse paths that leave the tree or go through a symbolic link.",                                    \
          "Pack the tree itself, not several trees over each other.")                                                 \
        X(TAR_XATTRS, "tar-xattrs", LINT_ERROR, false,                                                                \
          "Hosts refuse extended attributes other than capabilities and user.*.",                                     \
          "Remove the attribute.")                                                                                    \
        X(TAR_ACL, "tar-acl", LINT_ERROR, false,                                                                      \
          "Some hosts apply ACLs and others leave them out.",                                                         \
          "Remove the ACL.")                                                                                          \
        X(TAR_SELINUX, "tar-selinux", LINT_ERROR, false,                                                              \
          "SELinux labels belong to the machine that packed.",                                                        \
          "Pack without labels.")                                                                                     \
        X(TAR_DEPTH, "tar-depth", LINT_ERROR, false,                                                                  \
          "Hosts take no more than 126 levels of directories.",                                                       \
          "Move the tree up.")                                                                                        \
        X(TAR_NAMES, "tar-names", LINT_ERROR, false,                                                                  \
          "Hosts in the C locale can't read names outside ASCII in pax records.",                                     \
          "Pack such names raw.")                                                                                     \
        X(TAR_FRAME, "tar-frame", LINT_ERROR, false,                                                                  \
          "Hosts want one whole archive, and nothing behind it.",                                                     \
          "Pack again; don't join or pad archives.")                                                                  \
        X(TAR_DEVICES, "tar-devices", LINT_ERROR, false,                                                              \
          "Hosts make device nodes and sockets themselves and may not unpack any.",                                   \
          "Remove it.")                                                                                               \
        X(TAR_OWNERS, "tar-owners", LINT_ERROR, false,                                                                \
          "A machine has 65536 users; files of others can't be mapped.",                                              \
          "Give the file to a user below 65536.")                                                                     \
        X(TAR_ROOT, "tar-root", LINT_ERROR, false,                                                                    \
          "Hosts want usr and etc at the top of the archive.",                                                        \
          "Pack the tree itself, not a folder with it.")                                                              \
        X(SSH_HOST_KEY, "ssh-host-key", LINT_ERROR, true,                                                             \
          "All machines of the image would share it, and everybody who has the image.",                               \
          "Remove it; a service makes one when a machine starts for the first time.")                                 \
        X(MACHINE_ID, "machine-id", LINT_ERROR, true,                                                                 \
          "All machines of the image would be the same one to their network.",                                        \
          "Leave /etc/machine-id empty.")                                                                             \
        X(RANDOM_SEED, "random-seed", LINT_ERROR, true,                                                               \
          "All machines would start with the same secret.",                                                           \
          "Remove it.")                                                                                               \
        X(PRIVATE_KEY, "private-key", LINT_ERROR, true,                                                               \
          "Everybody who has the image has the key.",                                                                 \
          "Remove it, or make it when a machine starts for the first time.")                                          \
        X(PACKAGED_KEY, "packaged-key", LINT_WARNING, true,                                                           \
          "A private key that is part of a package is known to everybody.",                                           \
          "See that nothing uses it.")                                                                                \
        X(SECRET, "secret", LINT_ERROR, true,                                                                         \
          "A secret that the build was given stands in the image as it is.",                                          \
          "Find what wrote it there, and remove it; then change the secret.")                                         \
        X(CREDENTIALS, "credentials", LINT_ERROR, true,                                                               \
          "Everybody who has the image could log in with it.",                                                        \
          "Remove it; give machines their credentials when they are made.")                                           \
        X(APT_CREDENTIALS, "apt-credentials", LINT_ERROR, true,                                                       \
          "Everybody who has the image could log in to the archive.",                                                 \
          "Keep them on the machine that builds, in /etc/apt/auth.conf.d.")                                           \
        X(PROXY, "proxy", LINT_ERROR, true,                                                                           \
          "Machines in other networks can't reach it, and it tells of this one.",                                     \
          "Remove the setting; builds use http_proxy= of their environment without leaving it behind.")               \
        X(PASSWORD_EMPTY, "password-empty", LINT_ERROR, true,                                                         \
          "Anybody can log in as this user without a password.",                                                      \
          "Set one with [Password], or lock it: Locked=yes.")                                                         \
        X(PASSWORD_PLAIN, "password-plain", LINT_ERROR, true,                                                         \
          "This is no password hash, or one that every program can read.",                                            \
          "Set the password with [Password].")                                                                        \
        X(PASSWORD_WEAK, "password-weak", LINT_WARNING, true,                                                         \
          "Hashes of DES and MD5 are found out in hours.",                                                            \
          "Hash again with yescrypt or SHA-512: mkpasswd -m yescrypt.")                                               \
        X(SECOND_ROOT, "second-root", LINT_ERROR, true,                                                               \
          "A second user with all rights is easily overlooked.",                                                      \
          "Give the user another number.")                                                                            \
        X(AUTHORIZED_KEYS, "authorized-keys", LINT_ERROR, true,                                                       \
          "Whoever has that key can log in to all machines of the image.",                                            \
          "Remove it; give machines their keys when they are made.")                                                  \
        X(WORLD_WRITABLE, "world-writable", LINT_ERROR, true,                                                         \
          "Every user and every service may change it.",                                                              \
          "chmod o-w, or for directories chmod +t.")                                                                  \
        X(HOSTNAME, "hostname", LINT_ERROR, true,                                                                     \
          "All machines would have the name; it should come from the host.",                                          \
          "Remove /etc/hostname.")                                                                                    \
        X(RESOLV_CONF, "resolv-conf", LINT_ERROR, true,                                                               \
          "Machines would ask the name servers of the network that built the image.",                                 \
          "Remove it, or link to what systemd-resolved writes.")                                                      \
        X(BUILD_PATH, "build-path", LINT_ERROR, true,                                                                 \
          "A folder of the machine that built means nothing in the image.",                                           \
          "Find what wrote the path there.")                                                                          \
        X(BUILD_HOST, "build-host", LINT_WARNING, true,                                                               \
          "The name of the machine that built stands in the image.",                                                  \
          "Find what wrote the name there.")                                                                          \
        X(BUILD_LEFTOVER, "build-leftover", LINT_ERROR, true,                                                         \
          "What holds services back during a build would do so for ever.",                                            \
          "Remove it.")                                                                                               \
        X(DPKG_LEFTOVER, "dpkg-leftover", LINT_WARNING, true,                                                         \
          "dpkg left a version of a file that nobody chose.",                                                         \
          "Take one of the two and remove the other.")                                                                \
        X(PACKAGE_STATE, "package-state", LINT_ERROR, true,                                                           \
          "A package is not wholly installed.",                                                                       \
          "Configure it (dpkg --configure -a), or remove it.")                                                        \
        X(HISTORY, "history", LINT_ERROR, true,                                                                       \
          "It tells what somebody typed, passwords perhaps among it.",                                                \
          "Remove it.")                                                                                               \
        X(CORE_DUMP, "core-dump", LINT_ERROR, true,                                                                   \
          "It holds a program's memory, with whatever was in it.",                                                    \
          "Remove it.")                                                                                               \
        X(VOLATILE, "volatile", LINT_WARNING, true,                                                                   \
          "It vanishes when a machine starts, or is hidden.",                                                         \
          "Remove it.")

#define LINT_CONSTANT(constant, ...) LINT_##constant,
typedef enum LintId { LINT_CHECKS(LINT_CONSTANT) LINT_N_CHECKS } LintId;

typedef struct LintCheck {
        const char *name; /* stable */
        LintSeverity severity;
        bool allowable; /* Allow= may silence it: not what hosts refuse */
        const char *meaning, *remedy; /* a sentence each */
} LintCheck;

/* Indexed by LintId; closed by an entry without name. */
extern const LintCheck lint_checks[];

/* "NAME[:PATH] reason": findings that are right, and why. PATH is a pattern of fnmatch(3) for the absolute path, in
 * which "*" stands for slashes, too. */
typedef struct LintAllow {
        LintId id;
        char *path; /* NULL: any */
        char *reason; /* "" when none was given */
        unsigned n_used; /* findings that it silenced; lint_image() counts */
} LintAllow;

typedef struct LintAllows {
        LintAllow *items;
        size_t n_items;
} LintAllows;

int lint_allow_add(LintAllows *allows, const char *text, bool reason_needed, Error *error) _must_check_;
void lint_allows_done(LintAllows *allows);
#define _cleanup_lint_allows_ _cleanup_(lint_allows_done)

/* A text that must not stand in the image: at least LINT_WORD_MIN bytes. */
#define LINT_WORD_MIN 4u
typedef struct LintWord {
        LintId id; /* LINT_BUILD_PATH, LINT_BUILD_HOST, LINT_PROXY or LINT_SECRET, which is never shown */
        const char *text;
} LintWord;

typedef struct LintOptions {
        LintAllows *allows; /* may be NULL */
        const LintWord *words; /* what the build must not leave behind, beside what no build should */
        size_t n_words;
} LintOptions;

typedef struct LintFinding {
        LintId id;
        char *path; /* printable; absolute where it is a plain path; "" for the whole archive */
        char *text; /* "holds a private key (line 3)" */
        const LintAllow *allow; /* NULL: not allowed */
} LintFinding;

/* Findings in the order of the checks, then of the paths. */
typedef struct LintReport {
        LintFinding *items; /* owned; of each check the first LINT_LISTED */
        size_t n_items;
        size_t n_found[LINT_N_CHECKS]; /* all, but those that are allowed */
        size_t n_errors, n_warnings, n_allowed;
} LintReport;

#define LINT_LISTED 50u

/* From the start of `fd`, which must be seekable and is borrowed. *ret is valid as long as options->allows is. */
int lint_image(int fd, const LintOptions *options, LintReport *ret, Error *error) _must_check_;
/* The same with a plain archive that comes in parts (stream.h). It is read to its end in any case but an error. */
typedef struct ImageSource ImageSource;
int lint_source(const ImageSource *source, const LintOptions *options, LintReport *ret, Error *error) _must_check_;
void lint_report_done(LintReport *report);
#define _cleanup_lint_report_ _cleanup_(lint_report_done)

/* The findings that stop the release as one error; 0 when there are none. */
int lint_report_error(const LintReport *report, Error *error) _must_check_;
