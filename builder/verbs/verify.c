/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/verify.h"
#include "base/strings.h"
#include "verbs/verb.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

static json_t *files_json(const VerifyResult *result)
{
        json_t *files = json_array();

        for (size_t i = 0; files && i < result->n_files; i++)
                json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", result->files[i].name,
                                                       "size_bytes", (json_int_t) result->files[i].size_bytes,
                                                       "sha256", result->files[i].sha256));
        return files;
}

static void time_text(int64_t seconds, char buffer[static 40])
{
        struct tm when;
        time_t clock = (time_t) seconds;

        if (!gmtime_r(&clock, &when) || strftime(buffer, 40, "%Y-%m-%d %H:%M:%S UTC", &when) == 0)
                snprintf(buffer, 40, "@%lld", (long long) seconds);
}

static void show(const VerbCall *call, const VerifyResult *result)
{
        char when[40], size[SIZE_TEXT_MAX];
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:s*, s:I, s:o*}", "path", call->arguments[0], "fingerprint",
                          result->fingerprint, "user_id", result->user_id, "signed_sec",
                          (json_int_t) result->signed_sec, "files", files_json(result));

        report_json_event(call->report, "verified", members);
        time_text(result->signed_sec, when);
        report_result(call->report, "signed by %s\n   with %s\n     on %s",
                      result->user_id ? result->user_id : "?", result->fingerprint, when);
        for (size_t i = 0; i < result->n_files; i++)
                report_result(call->report, "%10s  %s", size_text(result->files[i].size_bytes, size),
                              result->files[i].name);
        report_result(call->report, "good: %zu file%s checked", result->n_files,
                      result->n_files == 1 ? "" : "s");
}

static int run(const VerbCall *call, Error *error)
{
        const char *path = call->arguments[0], *keyring = options_string(call->options, "keyring");
        _cleanup_verify_result_ VerifyResult result = { 0 };
        struct stat status;

        if (stat(path, &status) < 0)
                return error_set_errno(error, errno, "Can't verify %s", path);
        int r = S_ISDIR(status.st_mode) ? verify_directory(path, keyring, &result, error)
                                        : verify_image(path, keyring, &result, error);
        if (r >= 0)
                show(call, &result);
        return r;
}

static const Option options[] = {
        { .name = "keyring",
          .letter = 'k',
          .argument = "FILE",
          .value = VALUE_FILE,
          .required = true,
          .help = "the public keys to trust, as `templar key export` writes them; nothing else is trusted" },
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar verify out/images/web/amd64 --keyring import-pubring.gpg", "A whole release directory." },
        { "templar verify web-amd64-1.tar.xz --keyring /etc/systemd/import-pubring.gpg",
          "One image that was downloaded with its .sha256 and .sha256.asc." },
        { 0 },
};

const Verb verb_verify = {
        .name = "verify",
        .arguments = "DIRECTORY|FILE",
        .summary = "check the signatures and digests of a release",
        .description =
                "Checks a release directory, or one image with the companions beside it, against a keyring, "
                "as "
                "the hosts do and more strictly: expired and revoked keys, SHA-1 and short RSA keys are "
                "refused, "
                "and so are files in a release directory that nobody signed. A provenance has to be signed, too, and "
                "about the files that are there. Says who signed what and when.",
        .minimum = 1,
        .maximum = 1,
        .completes = VALUE_FILE,
        .options = options,
        .examples = examples,
        .run = run,
};
