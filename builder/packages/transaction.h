/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"
#include "packages/apt.h"

/* Transactions as JSON, so that a resolution that was made once needs no apt the next time. */

/* A new reference, or NULL when memory is short. */
json_t *apt_transaction_to_json(const AptTransaction *transaction);
/* -EBADMSG for anything that apt_transaction_to_json() did not make, -ENOMEM. */
int apt_transaction_from_json(const json_t *json, AptTransaction *ret) _must_check_;

/* -ENOMEM */
int apt_transaction_copy(const AptTransaction *transaction, AptTransaction *ret) _must_check_;
int apt_package_copy(const AptPackage *package, AptPackage *ret) _must_check_;
