/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/job.h"
#include "image/provenance.h"

/* What people wrote that an image was made of, for its provenance: packages and repositories are in the lock. */

typedef struct Materials {
        const char *recipe; /* the name of its file; borrowed */
        char **settings;    /* "Section.Key=Value" of --set; of a secret, and of a path on this machine, only the key */
        /* Recipes of the bases first, each with its drop-ins and the files that its sections name. Names are relative to
         * the folder of their recipe. */
        ProvenanceFiles files;
} Materials;

/* `settings_sha256` as in PackedImage. */
int materials_collect(const Job *job, const char *settings_sha256, Materials *ret, Error *error) _must_check_;
void materials_done(Materials *materials);
