/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "stages/bootstrap.h"

/* After the first half of debootstrap: tells the build which packages it took (context->ret_used), for the lock. */
int bootstrap_tell(StageContext *context, const Bootstrap *bootstrap, Error *error) _must_check_;
