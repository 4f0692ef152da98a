/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the sandbox's PID 1 has to know, as it passes from sandbox_run() through a descriptor: PID 1 is a
 * fresh program, so that nothing of templar's memory is within a script's reach. */

typedef struct SpecMount {
        char *source; /* absolute */
        char *target;
        bool writable;
} SpecMount;

typedef struct Spec {
        SandboxRoot root;
        bool has_tree;
        bool network;
        SandboxConsole console;
        pid_t parent;
        char **lowers; /* of a tree in layers; empty: a plain one */
        char *upper, *work; /* "" where there is none */
        char *resolv_conf; /* the host's, with network only; else "" */
        char **argv;
        char **environment;
        SpecMount *mounts;
        size_t n_mounts;
} Spec;

void spec_done(Spec *spec);
#define _cleanup_spec_ _cleanup_(spec_done)

/* -ENOMEM, or -errno when the working directory is unknown and a mount's source relative to it. */
int spec_encode(const SandboxCommand *command, const char *resolv_conf, Buffer *ret) _must_check_;
/* -EBADMSG, -ENOMEM. */
int spec_decode(const Buffer *encoded, Spec *ret) _must_check_;

/* The tree of a decoded spec; its strings are borrowed from there. */
SandboxTree spec_tree(const Spec *spec, int directory_fd);
