/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/job.h"

/* Building exactly what a lock names: no repository is asked, no resolver runs, and dates, versions and transactions are
 * those of the lock. */

/* "web.lock" for "web.recipe"; the caller frees; NULL when memory is short. */
char *lock_path_of(const char *recipe_path);

/* In place of the repositories' answers: releases, dates and versions. Refuses a lock of another image, and a recipe
 * that has changed in what its packages depend on. */
int job_take_lock(Job *job, Error *error) _must_check_;

/* What the stage was resolved to then; false where it takes no packages. .deb files of the recipe are found again by their
 * digests. */
int job_locked_transaction(Job *job, size_t index, bool *ret_asks, AptTransaction *ret, Error *error) _must_check_;
