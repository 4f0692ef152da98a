/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/lexer.h"
#include "recipe/model.h"

/* Puts the sections of several documents together.
 *
 * In the recipe itself each stage section is a stage of its own. In a drop-in, and on the command line:
 *
 *     [Image]     adds to the recipe's
 *     [Kind]      adds to the recipe's only section of that kind; a kind that the recipe lacks is appended as a new
 *                 last stage; with several of them it is an error that asks for a number
 *     [Kind 2]    adds to the second section of that kind, counted from 1 in the order of the stages
 *     [Kind +]    appends a new last stage (drop-ins only: on the command line each setting is a section of its own)
 *
 * Scalar keys of a later document replace earlier values, list keys append, an empty value resets either (but an empty
 * text is a text). The same scalar key twice for one section in one document is an error, on the command line the last
 * one counts. */

typedef enum MergeKind {
        MERGE_RECIPE,
        MERGE_DROP_IN,
        MERGE_SETTING,
} MergeKind;

/* 0 or -ENOMEM; what is wrong becomes diagnostics. */
int merge_document(Recipe *recipe, Diagnostics *diagnostics, const Document *document, MergeKind kind) _must_check_;
