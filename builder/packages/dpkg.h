/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "packages/apt.h"
#include "sandbox/sandbox.h"

/* dpkg inside the tree, without a network and without services: the other half of apt_resolve(). */

typedef void (*DpkgProgress)(size_t done, size_t total, const char *package, void *userdata);

/* Carries out a transaction whose packages are there (apt_download()): unpack, configure, remove in apt's order,
 * triggers at the end, then apt's automatic marks. Services don't start meanwhile (policy-rc.d says no,
 * stubs stand in for start-stop-daemon and initctl, see guard.h); all of that is gone again afterwards, also after a failure.
 * A failing maintainer script is named with its package and status. */
int dpkg_apply(Sandbox *sandbox, const SandboxTree *tree, const Apt *apt, const AptTransaction *transaction,
               const char *const *environment, Output *output, DpkgProgress progress, void *userdata, Error *error)
        _must_check_;

/* One run of dpkg, or of something that speaks as dpkg does. Everything is borrowed. */
typedef struct DpkgTask {
        Sandbox *sandbox;
        const SandboxTree *tree;
        const char *const *environment;
        Output *output;
        size_t n_steps; /* packages, for progress */
        DpkgProgress progress;
        void *userdata;
} DpkgTask;

/* Fails with dpkg's own complaint, as dpkg_apply(). Guarding the tree (guard.h) is the caller's. */
int dpkg_run(const DpkgTask *task, char *const *argv, Error *error) _must_check_;
/* Configures packages that are unpacked, and what their triggers want; NULL: all that there are. */
int dpkg_configure(const DpkgTask *task, char *const *names, Error *error) _must_check_;

/* An installed package, from the tree's dpkg status. */
typedef struct DpkgPackage {
        char *name, *version, *architecture;
        char *source, *source_version; /* equal to name and version when the status names none */
        char *maintainer; /* "Name <address>"; NULL when the status names none */
} DpkgPackage;

typedef struct DpkgList {
        DpkgPackage *items; /* owned, sorted by name, then architecture */
        size_t n_items;
} DpkgList;

void dpkg_list_done(DpkgList *list);
#define _cleanup_dpkg_list_ _cleanup_(dpkg_list_done)

/* Read through a descriptor, symlinks don't leave the tree. A tree without dpkg gives an empty list. */
int dpkg_list(Sandbox *sandbox, const SandboxTree *tree, DpkgList *ret, Error *error) _must_check_;
const DpkgPackage *dpkg_list_find(const DpkgList *list, const char *name);

/* As dpkg compares (deb-version(7)): negative, 0 or positive. */
int dpkg_compare_versions(const char *a, const char *b);
