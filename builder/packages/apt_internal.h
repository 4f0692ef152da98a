/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"
#include "packages/apt.h"
#include "packages/freshness.h"
#include "packages/package_store.h"

/* What the parts of apt.h share. Where things are inside the tools sandbox: */
#define APT_INSIDE "/run/templar/apt"            /* the build's own: configuration, sources, keys, dpkg status */
#define APT_INSIDE_LISTS "/run/templar/lists"    /* the indexes */
#define APT_INSIDE_DEBS "/run/templar/debs"      /* local .deb files, as NUMBER.deb */

#define RELEASE_LIMIT_BYTES ((uint64_t) 32 << 20)

/* Repositories that were fetched together, see apt_lists.c. */
typedef struct AptSet {
        char *key;
        RepositoryList repositories;
        char *store, *lock_path; /* cache_directory/lists/KEY, ours */
        json_t *state;           /* of the generation */
        char *generation;        /* its path: complete and verified; NULL when the cache has none */
        int generation_fd;       /* holds it */
        char *lists;             /* work_directory/apt-lists-N, the sandbox's: links to the generation's files */
        bool filled;
} AptSet;

struct Apt {
        Sandbox *sandbox; /* borrowed */
        Output *output;   /* borrowed */
        char *architecture;
        char *cache;    /* directories on the host */
        char *work_parent, *work; /* work_directory, and apt/ in it: ours; read only inside */
        PackageStore *packages;
        char *pins;               /* work/pins: names of packages that this build uses */
        char *const *pools;       /* borrowed */
        bool offline;
        Freshness *freshness; /* made when it is needed */
        AptSet **sets;        /* what apt_update() fetched */
        size_t n_sets;
        unsigned n_lists;        /* private lists directories made so far */
        AptSet *current;         /* one of the sets */
        RepositoryList selected; /* a part of it */
        bool has_selection;
        unsigned n_debs; /* local .deb files so far, for the names of copies */
};

/* One program in the tools sandbox. */
typedef struct AptRun {
        const char *const *argv;
        const RepositoryList *repositories; /* directories of file: URIs are bound */
        char *const *deb_paths;             /* bound at APT_INSIDE_DEBS */
        bool network;
        Buffer *ret_stdout;  /* captured */
        Buffer *ret_log;     /* all lines that were not captured, one "\n" each */
        void (*on_line)(void *userdata);
        void *userdata;
} AptRun;

/* With the indexes of the current set. */
int apt_run(Apt *apt, const AptRun *run, int *ret_status, Error *error) _must_check_;

/* Looks up what the cache has of the set, and holds it. */
int apt_set_new(Apt *apt, const char *key, const RepositoryList *repositories, AptSet **ret, Error *error)
        _must_check_;
void apt_set_free(Apt *apt, AptSet *set);
/* Makes the private lists directory, the first time that a program needs it. */
int apt_set_fill(Apt *apt, AptSet *set, Error *error) _must_check_;
/* After apt-get update: the private lists are what the cache has from now on. */
int apt_set_publish(Apt *apt, AptSet *set, Error *error) _must_check_;
/* Removes indexes that no build has asked for in a long time; failures don't matter. */
void apt_collect_lists(Apt *apt);
/* Writes down that the generation was found fresh just now. */
void apt_set_found_fresh(AptSet *set);
/* "fresh" or "verified": seconds since 1970, or 0. */
int64_t apt_set_time(const AptSet *set, const char *name);
/* Whether the repositories still have what the generation was made from; without a doubt. */
int apt_set_is_fresh(Apt *apt, AptSet *set, bool *ret, Error *error) _must_check_;

/* Links (or copies) all indexes of one of the sandbox's directories into another. */
int apt_lists_transfer(Apt *apt, const char *from, const char *to, Error *error) _must_check_;
/* Name, size and time of every index. */
int apt_lists_describe(int directory_fd, json_t **ret) _must_check_;

/* Writes a file of the build's own directory, readable for all. */
int apt_write(Apt *apt, const char *name, const void *data, size_t size_bytes, Error *error) _must_check_;
int apt_write_text(Apt *apt, const char *name, const char *text, Error *error) _must_check_;

/* The image's, and those that repositories name; the caller frees. -ENOMEM. */
int apt_architectures(const Apt *apt, const RepositoryList *repositories, char ***ret) _must_check_;

/* apt.conf, for the image's architecture and those that the repositories name. */
int apt_write_configuration(Apt *apt, const RepositoryList *repositories, Error *error) _must_check_;

/* Makes `parent`/`name` for the sandbox where it is missing; a directory of other ids (of an earlier range) is removed
 * first. *ret_path: its path. */
int apt_make_sandbox_directory(Sandbox *sandbox, const char *parent, const char *name, char **ret_path, Error *error)
        _must_check_;

/* Waits for a lock (flock(2), `exclusive` or shared) on the file, which is made; returns the descriptor. */
int apt_lock(const char *path, bool exclusive, int *ret_fd, Error *error) _must_check_;

/* The sources for the tools' apt: binary packages only, keyrings copied and named by path, file: as copy: (so that
 * packages and indexes are copied and not linked). Writes sources/templar.sources. With `ret_key` also a digest over
 * all that decides which indexes are trusted. */
int apt_write_sources(Apt *apt, const RepositoryList *repositories, char **ret_key, Error *error) _must_check_;

/* The path of a file: URI (file:/dir, file:///dir), inside it; NULL for other URIs. */
const char *apt_local_path(const char *uri);

/* copy: back to file:. The caller frees; NULL when memory is short. */
char *apt_public_uri(const char *uri);

/* The name that apt gives the index file of a URI, see URItoFileName() in apt. NULL when memory is short. */
char *apt_list_name(const char *uri);

/* "URI/dists/SUITE/", or "URI/SUITE" for a flat repository ("./"). The caller frees; NULL when memory is short. */
char *apt_release_directory(const char *uri, const char *suite);

/* Behind the header of a clear-signed message. */
const char *apt_skip_armor(const char *text);

/* "Sat, 23 Nov 2026 20:30:13 UTC" */
int apt_parse_date(const char *text, int64_t *ret_sec) _must_check_;

/* Reads the Release files of all repositories and checks that they have every component. */
int apt_read_releases(const char *lists, const RepositoryList *repositories, const char *architecture,
                      AptReleases *ret, Error *error) _must_check_;

/* Turns what apt-get update said into one sentence; 0 when it said nothing bad. */
int apt_update_error(const char *log, const RepositoryList *repositories, Error *error);

/* The same for apt-get install and friends; `names` (may be NULL) are what packages there are. */
int apt_resolve_error(const char *log, const char *stdout_text, char *const *names, Error *error);
/* The name in "Unable to locate package NAME", or NULL. */
char *apt_unknown_package(const char *log);
/* -ENOENT; `names` (may be NULL) are what packages there are, for "did you mean". */
int apt_unknown_error(const char *name, char *const *names, Error *error);

/* A line "Inst name [old] (version release [architecture])" of a simulation. */
typedef struct AptChange {
        AptAction action;
        char *name;
        char *version, *architecture; /* new ones; NULL for removals */
        bool is_new;                  /* was not there before */
} AptChange;

typedef struct AptChanges {
        AptChange *items;
        size_t n_items;
        char **selected; /* packages taken in place of virtual ones that were asked for */
} AptChanges;

void apt_changes_done(AptChanges *changes);
#define _cleanup_changes_ _cleanup_(apt_changes_done)
int apt_parse_changes(const char *text, AptChanges *ret, Error *error) _must_check_;

/* Lines "'uri' file size SHA256:hex" of --print-uris; of each only uri, file_name, size_bytes and sha256 (NULL where
 * apt gives none) are set. */
typedef struct AptPackages {
        AptPackage *items;
        size_t n_items;
} AptPackages;

void apt_packages_done(AptPackages *packages);
#define _cleanup_apt_packages_ _cleanup_(apt_packages_done)
int apt_parse_uris(const char *text, AptPackages *ret, Error *error) _must_check_;

/* NAME_VERSION_ARCH.deb as apt names it. */
char *apt_file_name(const char *name, const char *version, const char *architecture);

/* Of the indexes of the current set, what apt can need for one request, see reach.h; `status` is dpkg's. The request's .deb
 * files are ones that the sandbox can read, its pattern names what it wants by ?exact-name(), ?essential and
 * ?priority(). One at a time: they lie in the same place, and APT_REACHED makes apt look there. */
typedef struct AptReach AptReach;

#define APT_REACHED "-oDir::State::Lists=" APT_INSIDE "/reach"

int apt_reach(Apt *apt, const AptRequest *request, const Buffer *status, AptReach **ret, Error *error) _must_check_;
AptReach *apt_reach_free(AptReach *reach);
static inline void apt_reach_free_ptr(AptReach **reach)
{
        apt_reach_free(*reach);
}
#define _cleanup_apt_reach_ _cleanup_(apt_reach_free_ptr)
/* -ENOENT for a package of the request that no index, status or .deb file knows: its message has the nearest name. (apt
 * would take such a name for a regular expression, where it looks like one.) */
int apt_reach_check(const AptReach *reach, const AptRequest *request, Error *error) _must_check_;
/* The directory on the host. */
const char *apt_reach_lists(const AptReach *reach);
/* The names of all packages that there are, reached or not. The caller frees; NULL when memory is short. */
char **apt_reach_names(const AptReach *reach);

/* apt_find_sources() in the indexes of that directory. */
int apt_find_sources_in(Apt *apt, const char *lists, AptTransaction *transaction, Error *error) _must_check_;

/* Downloads what is missing of these. */
int apt_download_packages(Apt *apt, const AptPackage *packages, size_t n_packages, AptProgress progress, void *userdata,
                          Error *error) _must_check_;

/* Copies dpkg's status and apt's marks of the tree to where apt looks for them; *ret_status: the status as text. */
int apt_take_status(Apt *apt, const SandboxTree *tree, Buffer *ret_status, Error *error) _must_check_;

/* The .deb files of the recipe, or copies that the sandbox can read. */
int apt_take_debs(Apt *apt, char *const *paths, char ***ret, Error *error) _must_check_;
/* From the field Source of control data (NULL: it has none); name and version are known. -ENOMEM. */
int apt_set_source(AptPackage *package, const char *source) _must_check_;

/* What apt_resolve.c has for apt_package.c. */
int apt_check_selection(const Apt *apt, Error *error) _must_check_;
/* NAME, NAME=VERSION or NAME/SUITE. */
int apt_check_name(const char *request, Error *error) _must_check_;
/* Of a program of apt's that ended with another status than 0: what it said in one sentence. */
int apt_run_failed(Apt *apt, const AptReach *reach, const Buffer *log, const Buffer *stdout_text, Error *error);
