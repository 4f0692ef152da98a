/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "layers/store.h"
#include "packages/apt.h"
#include "recipe/recipe.h"

/* What a stage's result depends on, as an object that people can be shown ("why is it built again?"), and the key of its
 * layer. Members:
 *
 *     stage         SHA-256 of kind, its version, the section's values and the files that it names: stage_digest()
 *     values        {key: text}, for people; passwords appear as the start of a digest
 *     files         {name as written: SHA-256}
 *     packages      {"name:architecture": "version sha256"}, and
 *     removed       [name], for kinds with request()
 *     repositories  ["uri suite sha256-of-InRelease"], for kinds that install from them without a request()
 *     environment   ["NAME=value"], for kinds whose programs see it */

typedef struct KeyInputs {
        const Recipe *recipe;
        const RecipeSection *section;
        const AptTransaction *transaction; /* NULL: the kind asks for no packages */
        char *const *repositories;         /* as above */
        char *const *environment;          /* IMAGE_NAME= and so on */
} KeyInputs;

/* A new object. Reads every file that the section names. */
int stage_inputs(const KeyInputs *key, json_t **ret, Error *error) _must_check_;

/* Of the stage with these inputs on top of the tree with the key `previous`. "values" don't count. */
int stage_key(const char *previous, const json_t *inputs, char ret_key[static LAYER_KEY_SIZE], Error *error)
        _must_check_;

/* Of the empty tree that stages start from: how files lie on the disk, for which architecture. */
int empty_tree_key(Sandbox *sandbox, const char *architecture, char ret_key[static LAYER_KEY_SIZE], Error *error)
        _must_check_;
