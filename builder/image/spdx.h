/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "image/pack.h"
#include "packages/inventory.h"
#include "packages/lock.h"

/* NAME-ARCH-VERSION.spdx.json: what is in the image, as SPDX 2.3 in JSON.
 *
 *     the document       DESCRIBES the image (SPDXRef-Image)
 *     the image          CONTAINS an operating system (SPDXRef-OperatingSystem, named by os-release)
 *     the system         CONTAINS every package that dpkg has, each with its purl and the SHA-256 of its .deb
 *     a package          GENERATED_FROM its source package
 *
 * Only what the tree and the lock say is in it: the same image gives the same bytes.
 * Source: https://spdx.github.io/spdx-spec/v2.3/ */

typedef struct Spdx {
        const char *base_name;  /* NAME-ARCH-VERSION */
        const char *name, *version, *description, *suite;
        int64_t source_date_epoch_sec;
        const Inventory *inventory;
        const Lock *lock; /* where the digests of the .deb files come from; NULL: nothing is known of them */
        const PackStatistics *statistics;
        const PackOutput *outputs;
        const char *const *output_names;
        size_t n_outputs;
} Spdx;

/* The text, with a final newline; caller frees. Keys sorted, packages and relationships one a line. */
int spdx_format(const Spdx *spdx, char **ret_text, Error *error) _must_check_;

/* The system that a tree says it is; strings are owned. Free with spdx_system_done(). */
typedef struct SpdxSystem {
        char *id;           /* "debian"; "linux" when os-release says nothing, as os-release(5) has it */
        char *version;      /* "12", else its codename, else the suite; may be "" */
        char *title;        /* "Debian GNU/Linux 12 (bookworm)" */
        char *distribution; /* "debian-12", for purls */
} SpdxSystem;

int spdx_system(const char *os_release, const char *suite, SpdxSystem *ret) _must_check_;
void spdx_system_done(SpdxSystem *system);
#define _cleanup_spdx_system_ _cleanup_(spdx_system_done)
