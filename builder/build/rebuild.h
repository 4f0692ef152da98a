/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"
#include "base/digest.h"
#include "image/compare.h"

/* A published image is made once more, from its recipe and its own lock, and held against what was published, byte by
 * byte. Every stage runs: no layer and no compressed block is taken from the cache. Nothing is published. */

typedef struct RebuildOptions {
        const char *image;       /* path of an image; what else there is of its version lies beside it */
        const char *recipe;      /* path; NULL: NAME.recipe here or in recipes/, whichever has the right digest */
        const char *lock;        /* path; NULL: the one beside the image */
        char *const *settings;   /* as for the build that made it, see RecipeOptions */
        const char *keep;        /* an empty or missing directory that gets what was rebuilt; NULL: it is thrown away */
        size_t limit;            /* of entries that are told about */
        BuildOptions build;      /* cache, pools, network and report; the rest is chosen here */
        /* A difference of the file `name`: of an image in image_compare()'s words; elsewhere "line", with the first
         * that differs in each. */
        void (*listener)(const char *name, const ImageDifference *difference, void *userdata);
        void *userdata;
} RebuildOptions;

typedef struct RebuildFile {
        char *name;
        bool same;
        char sha256[SHA256_HEX_SIZE], rebuilt_sha256[SHA256_HEX_SIZE]; /* "" of one that was not made again */
        uint64_t n_entries; /* of an image: that differ */
} RebuildFile;

typedef struct Rebuild {
        char *base_name;    /* NAME-ARCH-VERSION */
        RebuildFile *files; /* all that are there of the version, but signatures and what is signed with a key */
        size_t n_files;
        bool same;
        char *tool_version; /* what had built the image */
} Rebuild;

void rebuild_done(Rebuild *rebuild);
#define _cleanup_rebuild_ _cleanup_(rebuild_done)

/* Errors: no manifest or lock beside the image, another recipe than then (its digest), a package that can't be had
 * any more, and those of a build. That it differs is none. */
int rebuild_image(const RebuildOptions *options, Rebuild *ret, Error *error) _must_check_;
