/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

/* The first tree of an image, out of packages and without a program of the host: all .deb files are unpacked side by
 * side, dpkg's database is written, and then the packages' own scripts run in the tree, as dpkg would run them. The
 * result is the tree that mmdebstrap(1) and debootstrap(8) make of the same packages. */

typedef enum NativePhase { NATIVE_READ, NATIVE_UNPACK, NATIVE_PREINST, NATIVE_CONFIGURE, NATIVE_N_PHASES } NativePhase;

extern const char *const native_phase_names[NATIVE_N_PHASES];

typedef struct NativeBootstrap {
        Sandbox *sandbox;
        const SandboxTree *tree; /* empty */
        Apt *apt;
        const AptTransaction *transaction; /* downloaded */
        const char *architecture;
        bool merged_usr;     /* /bin, /lib and the like are links to /usr; without it a release that is converted with
                                the usrmerge package must not be: */
        bool keeps_unmerged;
        const char *sources; /* for /etc/apt/sources.list */
        char *const *asked;  /* names, and */
        const char *const *priorities; /* priorities, of packages that are not there for others alone */
        const char *const *environment; /* of scripts */
        Output *output;
        void (*phase)(NativePhase phase, size_t n_packages, void *userdata); /* is entered, maybe again */
        DpkgProgress progress; /* while packages are configured */
        void *userdata;
} NativeBootstrap;

/* What each phase took. */
typedef struct NativeTimes {
        double seconds[NATIVE_N_PHASES];
} NativeTimes;

int native_bootstrap(const NativeBootstrap *bootstrap, NativeTimes *ret_times, Error *error) _must_check_;
