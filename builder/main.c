/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"
#include "base/report.h"
#include "sandbox/sandbox.h"
#include "verbs/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

static const Verb *const verbs[] = {
        &verb_build,      &verb_plan,        &verb_lock,         &verb_archive,     &verb_shell,
        &verb_check,      &verb_verify,      &verb_rebuild,      &verb_lint,        &verb_diff,
        &verb_key_new,    &verb_key_list,
        &verb_key_export, &verb_cache_list,  &verb_cache_verify, &verb_cache_prune, &verb_cache_clear,
        &verb_help,       &verb_version,     &verb_complete,    NULL,
};

/* A file that is opened must never become standard output because that was closed. The stand-ins can't be
 * used: what would be read or written fails with EBADF. */
static int fill_standard_descriptors(Error *error)
{
        static const int flags[] = { O_WRONLY, O_RDONLY, O_RDWR };

        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
                        return error_set_errno(error, errno, "Can't open /dev/null");
        return 0;
}

/* A passphrase is asked for where the user sits, and gpg-agent has to be told (gpg-agent(1)). */
static void tell_terminal(void)
{
        const char *terminal = getenv("GPG_TTY") ? NULL : ttyname(STDIN_FILENO);

        if (terminal)
                setenv("GPG_TTY", terminal, 0);
}

/* Nobody reads standard output any longer: `templar help | head -1`. */
static bool output_abandoned(void)
{
        struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

        return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

/* The exit status, `r` being what the work came to. */
static int finish(int r, Report *report, Error *error)
{
        bool written = fflush(stdout) == 0;
        int reason = written ? EIO : errno;

        if (r >= 0 && (!written || ferror(stdout))) {
                if (output_abandoned())
                        return 128 + SIGPIPE;
                r = error_set_errno(error, reason, "Can't write to standard output");
        }
        if (r >= 0)
                return r;
        report_error(report, error);
        if (error->kind == ERROR_CANCELLED && cancel_signal())
                return 128 + cancel_signal();
        return error->kind == ERROR_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
        _cleanup_report_ Report *report = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        sandbox_init_hook(argc, argv);
        if (report_new(report_detect_mode(), false, &report) < 0)
                return 1;
        int r = fill_standard_descriptors(&error);
        if (r >= 0 && (r = cancel_install()) < 0)
                error_set_errno(&error, -r, "Can't install signal handlers");
        tell_terminal();
        if (r >= 0)
                r = verb_dispatch(verbs, argc, argv, &report, &error);
        return finish(r, report, &error);
}
