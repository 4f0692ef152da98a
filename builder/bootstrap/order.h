/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "bootstrap/package.h"

/* In which order a tree comes about.
 *
 * First the base: what is Essential or of priority required, with all that it depends on. debootstrap and mmdebstrap, too,
 * unpack it before any of its scripts has run, so its scripts are made for that. What is Essential is then configured
 * before anything else is: others use it without saying so (policy 3.8), and it works once it was configured (awk, say, is
 * an alternative). Then all the rest, where scripts may expect what policy promises (6.5): a preinst runs before its own
 * package is unpacked, and after what the package Pre-Depends on was configured. Packages whose preinst waits for others
 * than the base make further rounds. */

typedef struct Round {
        size_t *configured; /* numbers of packages that must be configured before the round */
        size_t n_configured;
        size_t *scripts; /* those with a preinst, each after those that it depends on */
        size_t n_scripts;
        size_t *unpacked;
        size_t n_unpacked;
} Round;

typedef struct Order {
        Round *rounds; /* owned; in the first, the base, scripts run behind the unpacking */
        size_t n_rounds;
        bool *base;      /* by number; owned */
        bool *essential; /* those and all that they depend on; the same */
        size_t *first;   /* the numbers of these, dependencies first; owned */
        size_t n_first;
} Order;

void order_done(Order *order);
#define _cleanup_order_ _cleanup_(order_done)

int order_make(const Packages *packages, Order *ret, Error *error) _must_check_;

/* False for scripts that have nothing to do where no older version was: calls of dpkg-maintscript-helper(1) alone. */
bool order_script_matters(const char *script);
