/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "packages/repository.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* apt of the host as resolver and downloader, in the tools sandbox: nothing of the host's apt configuration, sources,
 * lists or package state is seen, and nothing of the tree's /etc/apt is believed. What it works from: the recipe's
 * repositories and pins, and a copy of the tree's dpkg status. Verified indexes are kept in the cache. */

typedef struct Apt Apt;

typedef struct AptOptions {
        Sandbox *sandbox;
        const char *architecture;
        const char *cache_directory; /* lists/ and packages/ are kept below it, shared by all builds, locked */
        const char *work_directory;  /* this build's own */
        Output *output;
        bool offline; /* no network is touched: the lists and packages of the cache, and file: repositories */
        char *const *pools; /* directories and addresses of archives to look for packages in first; borrowed */
} AptOptions;

int apt_open(const AptOptions *options, Apt **ret, Error *error) _must_check_;
Apt *apt_close(Apt *apt);
static inline void apt_close_ptr(Apt **apt)
{
        apt_close(*apt);
}
#define _cleanup_apt_ _cleanup_(apt_close_ptr)

/* What a repository was when it was fetched, for the lock and for SOURCE_DATE_EPOCH. */
typedef struct AptRelease {
        char *uri, *suite;
        char *sha256; /* of InRelease (or Release) */
        int64_t date_sec;
} AptRelease;

typedef struct AptReleases {
        AptRelease *items; /* owned, in the order of the repositories */
        size_t n_items;
        int64_t newest_sec; /* 0 when there are none */
        int64_t fresh_sec;  /* when the lists were last known to be what the servers have: now, unless offline */
} AptReleases;

void apt_releases_done(AptReleases *releases);

/* Fetches and verifies the indexes of the repositories; when the cache has them, and no InRelease has changed since,
 * that costs one round trip and no program is started. Offline it takes what the cache has, however old.
 * Errors are one sentence each, with the repository: unreachable, not signed, signed by a key that is not in the
 * keyring, expired (the hint names CheckValidUntil=no), no such suite or component; offline: not in the cache. */
int apt_update(Apt *apt, const RepositoryList *repositories, AptReleases *ret_releases, Error *error) _must_check_;

/* From now on only these are seen by apt_resolve(); they must have been fetched by apt_update(). `pins` are lines
 * "PATTERN SPEC PRIORITY", see [Repositories] Pin=. */
int apt_select(Apt *apt, const RepositoryList *repositories, char *const *pins, Error *error) _must_check_;

typedef enum AptAction { APT_UNPACK, APT_CONFIGURE, APT_REMOVE, APT_PURGE } AptAction;

typedef struct AptPackage {
        char *name, *version, *architecture;
        char *source, *source_version; /* of the source package, from the index; of a local file: from its control data */
        char *uri;        /* as apt wrote it */
        char *file_name;  /* as archives name it: NAME_VERSION_ARCH.deb, %3a for ":" */
        char *sha256;     /* lower-case hexadecimal, from the signed index; of a local file: its own */
        uint64_t size_bytes;
        char *local_path; /* for a .deb of the recipe: its path on the host, or that of a copy that all can read */
        char *patch_sha256, *patched_sha256; /* changed by [PatchDeb] before it was unpacked: digest of the patch and of
                                                the .deb that came of it, all else is the original's; otherwise NULL */
} AptPackage;

typedef struct AptStep {
        AptAction action;
        char *package; /* name, or name:architecture */
} AptStep;

/* What apt would do, in its order. */
typedef struct AptTransaction {
        AptPackage *packages; /* to unpack, owned, in the order of the steps */
        size_t n_packages;
        AptStep *steps; /* owned */
        size_t n_steps;
        char **automatic; /* names that were not asked for: apt-mark auto */
        char **manual;
        uint64_t download_bytes;
} AptTransaction;

void apt_transaction_done(AptTransaction *transaction);
#define _cleanup_transaction_ _cleanup_(apt_transaction_done)

typedef struct AptRequest {
        enum {
                APT_INSTALL,
                APT_DIST_UPGRADE,
                APT_REMOVE_PACKAGES,
                APT_BOOTSTRAP, /* into an empty tree; the transaction has packages, sorted by name, but no steps */
        } verb;
        const char *pattern;    /* for APT_BOOTSTRAP: what else is installed, see apt-patterns(7); never from a recipe */
        char *const *forbidden; /* for APT_BOOTSTRAP: names that are not installed, whatever asks for them */
        char *const *packages;  /* names, name=version, name/suite; for APT_INSTALL and APT_BOOTSTRAP */
        char *const *deb_paths; /* local .deb files, host paths; for APT_INSTALL */
        bool recommends;
        bool purge;
} AptRequest;

/* Against the dpkg status of `tree`. Nothing is changed. Errors: unknown package (with the nearest known name), unmet
 * dependencies (apt's own words as detail), held or essential packages that would be removed. */
int apt_resolve(Apt *apt, const SandboxTree *tree, const AptRequest *request, AptTransaction *ret, Error *error)
        _must_check_;

/* Name, version and architecture of a package from its file_name ("NAME_VERSION_ARCH.deb", with %3a for ":"). */
int apt_split_file_name(AptPackage *package, Error *error) _must_check_;
/* Of packages that somebody else took from the selected repositories (name, version and SHA-256 are known): the source
 * package, and in `uri` the path that the index has, below the repository. What no index knows is taken for its own source. */
int apt_find_sources(Apt *apt, AptTransaction *transaction, Error *error) _must_check_;

/* Of a transaction that comes from a lock: .deb files of the recipe (`deb_paths`) get their local_path, by their digests. An
 * error names one that is not there any more. */
int apt_find_locals(Apt *apt, char *const *deb_paths, AptTransaction *transaction, Error *error) _must_check_;

/* Brings what is missing into the cache's store (see package_store.h) and checks size and SHA-256 of every package; they
 * stay there for as long as this build needs them. Offline, what is missing is an error that names it. `progress` may be
 * NULL; it is called with the bytes that are there. */
typedef void (*AptProgress)(uint64_t done_bytes, uint64_t total_bytes, void *userdata);
int apt_download(Apt *apt, const AptTransaction *transaction, AptProgress progress, void *userdata, Error *error)
        _must_check_;

/* One package of the selected repositories, downloaded and checked: path on the host. For [PatchDeb]. `name` may be
 * name=version or name/suite. */
int apt_fetch_package(Apt *apt, const SandboxTree *tree, const char *name, AptPackage *ret, char **ret_path,
                      Error *error) _must_check_;
void apt_package_done(AptPackage *package);

/* After the download: the .deb file, under a name that only this build knows; of a local package its own path. Readable for
 * all. The caller frees; NULL when memory is short. */
char *apt_package_path(const Apt *apt, const AptPackage *package);
/* The same file, with size and SHA-256 compared once more (-EBADMSG names the package). The caller closes it. */
int apt_open_package(const Apt *apt, const AptPackage *package, int *ret_fd, Error *error) _must_check_;
