/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A sandbox is a user namespace in which the ids 0 to 65535 are mapped: as root to a range of its own, as an
 * ordinary user to subordinate ids (newuidmap(1)). It lives as long as a build. Two things happen in it:
 *
 *  - sandbox_run(): a program, hostile for all we know, in mount, pid, ipc, uts, cgroup and network namespaces of
 *    its own, under a PID 1 of ours that ends with it and takes every background process along;
 *  - sandbox_call(): a C function of ours that works on a tree with the ids that the tree's files really have.
 *    It sees the host's file system (as nobody), so it must stay below the descriptor that it is handed.
 *
 * Nothing is ever mounted in the host's mount namespace, so nothing can be left behind there. */

#define SANDBOX_IDS 65536u

typedef struct Sandbox Sandbox;

/* Errors: no subordinate ids (the hint names the line to add and the file), newuidmap missing, user namespaces
 * switched off. */
int sandbox_open(Sandbox **ret, Error *error) _must_check_;
Sandbox *sandbox_close(Sandbox *sandbox);
static inline void sandbox_close_ptr(Sandbox **sandbox)
{
        sandbox_close(*sandbox);
}
#define _cleanup_sandbox_ _cleanup_(sandbox_close_ptr)

/* Where the ids of a tree lie on the disk; for the layer keys and for tests. */
void sandbox_id_base(const Sandbox *sandbox, uint32_t *ret_uid_base, uint32_t *ret_gid_base);

/* A staging tree, owned by the sandbox's ids: a plain directory (`lowers` is NULL), or layers that are mounted as an
 * overlay in the mount namespace of each run or call. Everything is borrowed. */
typedef struct SandboxTree {
        int directory_fd;     /* the plain directory, O_PATH */
        char *const *lowers;  /* absolute paths of lower directories, the topmost first */
        const char *upper;    /* absolute; NULL: a tree that is only read */
        const char *work;     /* overlayfs's work directory, in the same file system as `upper` */
} SandboxTree;

/* Makes the directory `path`/`name` owned by the sandbox's root, mode 0755; `path` is a directory of ours. */
int sandbox_make_directory(Sandbox *sandbox, const char *path, const char *name, Error *error) _must_check_;
/* Removes a tree that the sandbox's ids own. A missing one is no error. */
int sandbox_remove_tree(Sandbox *sandbox, const char *path, Error *error) _must_check_;

typedef enum SandboxRoot {
        SANDBOX_ROOT_TREE,  /* "/" is the tree: stages, maintainer scripts */
        SANDBOX_ROOT_TOOLS, /* "/" is the host's /usr and /etc, read only, without /home, /root, /run, /var; the tree
                               is at SANDBOX_TREE_PATH: debootstrap's first stage, apt, patch */
} SandboxRoot;

#define SANDBOX_TREE_PATH "/run/templar/tree"

/* A directory or file of the host, bound at `target` (made where it is missing and can be: under /run, /tmp, or
 * in the tools root). */
typedef struct SandboxMount {
        const char *source; /* path on the host, opened before the user namespace is entered */
        const char *target;
        bool writable;
} SandboxMount;

/* What a program's standard input, output and error are. */
typedef enum SandboxConsole {
        SANDBOX_CONSOLE_NONE,     /* stdin_fd, output and ret_stdout: sandbox_run() */
        SANDBOX_CONSOLE_PIPES,    /* pipes from and to the caller's own: sandbox_attach() */
        SANDBOX_CONSOLE_TERMINAL, /* a terminal inside, driven from the caller's own terminal on its standard input and
                                     output; standard error is a pipe where the caller's is no terminal */
} SandboxConsole;

typedef struct SandboxCommand {
        SandboxRoot root;
        const SandboxTree *tree; /* may be NULL with SANDBOX_ROOT_TOOLS */
        const char *const *argv;
        const char *const *environment; /* complete; NULL: sandbox_environment alone */
        const SandboxMount *mounts;
        size_t n_mounts;
        bool network;    /* the host's network and its resolv.conf; otherwise an empty network */
        SandboxConsole console;
        int stdin_fd;    /* -1 or 0: /dev/null */
        Output *output;  /* stderr, and stdout unless captured */
        Buffer *ret_stdout;
} SandboxCommand;

/* PATH, HOME=/root, TERM=dumb, LC_ALL=C.UTF-8, TZ=UTC, DEBIAN_FRONTEND=noninteractive,
 * DEBCONF_NONINTERACTIVE_SEEN=true; PERL_HASH_SEED=0 and PYTHONHASHSEED=0, so that what scripts write in the order of
 * a hash table is the same each time. Terminated by NULL. PID 1 itself has container=systemd-nspawn. */
extern const char *const sandbox_environment[];

/* Runs to the end. A status other than 0 is an error in process_run()'s words, with the last lines as detail. */
int sandbox_run(Sandbox *sandbox, const SandboxCommand *command, Error *error) _must_check_;
/* The exit status in *ret_status instead. */
int sandbox_run_status(Sandbox *sandbox, const SandboxCommand *command, int *ret_status, Error *error) _must_check_;

/* Connects the program with the caller's own standard input, output and error (see SandboxConsole), bytes unchanged, until
 * it ends: *ret_status is its exit status, 128 + n after signal n, and as in shells 127 when it is not there and 126 when
 * it can't be run, which is then said on its standard error. The caller's terminal gets its settings back in any case.
 * The program never holds a descriptor of the caller's. */
int sandbox_attach(Sandbox *sandbox, const SandboxCommand *command, int *ret_status, Error *error) _must_check_;

/* `root_fd` is the tree's directory, opened for reading. What the function appends to `reply` is handed to the caller;
 * its error as well. It runs in a forked process as the sandbox's root, umask 022, all descriptors kept; changes to
 * memory are lost unless it is shared (mmap). It must not start threads that outlive it. */
typedef int (*SandboxFunction)(int root_fd, void *userdata, Buffer *reply, Error *error);
int sandbox_call(Sandbox *sandbox, const SandboxTree *tree, SandboxFunction function, void *userdata,
                 Buffer *ret_reply, Error *error) _must_check_;

/* The same as the caller, with rights over what the caller and the sandbox's ids own: there, id 0 is the caller. For
 * ordinary users in a forked process. root_fd is -1. */
int sandbox_call_as_caller(Sandbox *sandbox, SandboxFunction function, void *userdata, Buffer *ret_reply,
                           Error *error) _must_check_;

/* To be called first in main() of any program that uses sandbox_run(): when the process is a sandbox's PID 1 (told
 * by argv[0]) it does that work and does not return. */
void sandbox_init_hook(int argc, char **argv);
