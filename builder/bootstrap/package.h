/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "bootstrap/deb.h"
#include "bootstrap/relation.h"
#include "packages/apt.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

/* The packages of a bootstrap: what their control archives say, and what becomes of them. Control archives are taken
 * apart inside sandbox_call(); what comes back is checked like anything else that a package says. */

#define MD5_HEX_SIZE 33

/* A file of the control archive: "control", "preinst", "md5sums". */
typedef struct ControlFile {
        char *name, *data; /* closed by a NUL */
        size_t size_bytes;
        mode_t mode;
} ControlFile;

typedef struct Conffile {
        char *path;             /* absolute */
        char md5[MD5_HEX_SIZE]; /* "": dpkg shall compare it (see unpack.h) */
        bool remove_on_upgrade; /* it is not in the package */
} Conffile;

typedef struct Package {
        const AptPackage *origin; /* borrowed: name, version and architecture as the index has them */
        int fd;
        DebLayout layout;
        ControlFile *files; /* owned */
        size_t n_files;
        char *priority; /* NULL: none */
        bool essential, multi_arch_same;
        Relations depends, pre_depends, provides, replaces;
        Conffile *conffiles; /* owned */
        size_t n_conffiles;
        Buffer paths; /* once it is unpacked, see paths.h */
        bool paths_changed; /* they are not yet in the database */
        Buffer md5sums; /* made for a package that brings none */
} Package;

typedef struct Packages {
        Package *items; /* owned, in the order of the transaction */
        size_t n_items;
} Packages;

void packages_done(Packages *packages);
#define _cleanup_packages_ _cleanup_(packages_done)

/* Opens all packages of the transaction (borrowed), which must have been downloaded, and reads their control archives.
 * Errors name the package. */
int packages_open(Sandbox *sandbox, const SandboxTree *tree, const Apt *apt, const AptTransaction *transaction,
                  Packages *ret, Error *error) _must_check_;

/* NULL when it has none of that name. */
const ControlFile *package_file(const Package *package, const char *name);
static inline const char *package_control(const Package *package)
{
        return package_file(package, "control")->data;
}

/* "NAME VERSION: " before an error's message. */
int package_error(const Package *package, Error *error);

/* Whether `package` may overwrite files of `other` (Replaces). */
bool package_replaces(const Package *package, const Package *other);

/* control_read.c: what is in a control archive, appended to *ret; inside sandbox_call(). */
int control_read(int fd, Buffer *ret, Error *error) _must_check_;
/* The same, out of `*at` (moved forward) before `end`, into layout and files of the package. */
int control_take(const char **at, const char *end, Package *package, Error *error) _must_check_;
/* control_parse.c: fills in the rest from the files. */
int control_parse(Package *package, Error *error) _must_check_;
