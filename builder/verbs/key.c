/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "base/strings.h"
#include "signing/keys.h"
#include "verbs/directories.h"
#include "verbs/duration.h"
#include "verbs/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define DEFAULT_USER_ID "templar release key"
#define DEFAULT_EXPIRES "2y"

typedef struct KeyList {
        Key *items;
        size_t n_items;
} KeyList;

static void key_list_done(KeyList *list)
{
        keys_free(list->items, list->n_items);
}

/* key new */

static int run_new(const VerbCall *call, Error *error)
{
        const char *user_id = options_string(call->options, "user-id");
        const char *expires = options_string(call->options, "expires");
        _cleanup_free_ char *fingerprint = NULL, *home = NULL;
        KeyNew key = { .user_id = user_id ? user_id : DEFAULT_USER_ID,
                       .algorithm = options_string(call->options, "algorithm"),
                       .without_passphrase = options_switch(call->options, "no-passphrase") };

        if (parse_duration(expires ? expires : DEFAULT_EXPIRES, &key.expires_sec) < 0) {
                error_set_usage(error, -EINVAL, "--expires %s is no duration", expires);
                return error_hint(error, "Write a number and a unit, 90d, 26w, 6m, 2y, or \"never\".");
        }
        int r = gnupg_home(&home, error);
        if (r >= 0)
                r = keys_new(NULL, &key, &fingerprint, error);
        if (r < 0)
                return r;
        report_result(call->report, "%s", fingerprint);
        report_note(call->report,
                    "The key is in %s. Hosts trust it when they have its public half:\n"
                    "  templar key export %s --output import-pubring.gpg\n"
                    "goes to /etc/systemd/import-pubring.gpg on each host (also read as import-pubring.pgp "
                    "from systemd "
                    "258 on).\nSign with it: templar build --key %s RECIPE",
                    home, fingerprint, fingerprint);
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s}", "fingerprint", fingerprint, "gnupg_home", home);
        report_json_event(call->report, "key-made", members);
        return 0;
}

static const Option new_options[] = {
        { .name = "user-id",
          .argument = "TEXT",
          .value = VALUE_TEXT,
          .help = "whom hosts and people see as the signer, as \"Name <address>\" (default: " DEFAULT_USER_ID
                  ")" },
        { .name = "algorithm",
          .argument = "NAME",
          .value = VALUE_ALGORITHM,
          .help = "ed25519 (the default; the gpg of every host reads it), rsa3072 or rsa4096" },
        { .name = "expires",
          .argument = "TIME",
          .value = VALUE_TEXT,
          .help = "how long the key may sign, as 90d, 26w, 6m, 2y or never (default: " DEFAULT_EXPIRES ")" },
        { .name = "no-passphrase",
          .help = "leave the secret key unprotected but for file permissions, for servers that sign "
                  "unattended" },
        OPTION_QUIET,
        OPTION_JSON,
        { 0 },
};

static const VerbExample new_examples[] = {
        { "templar key new --user-id 'Example Ltd image signing <images@example.com>'",
          "A key with a passphrase, which gpg-agent asks for." },
        { "GNUPGHOME=/var/lib/build/gnupg templar key new --no-passphrase",
          "For a build server that nobody watches." },
        { 0 },
};

const Verb verb_key_new = {
        .name = "key new",
        .arguments = "",
        .summary = "make a key that signs releases",
        .description = "Makes an OpenPGP key in GNUPGHOME (default: ~/.gnupg) and prints its fingerprint. "
                       "gpg-agent asks "
                       "for a passphrase unless --no-passphrase is given.",
        .options = new_options,
        .examples = new_examples,
        .run = run_new,
};

/* key list */

static const char *date_text(int64_t seconds, char buffer[static 16])
{
        struct tm when;
        time_t clock = (time_t) seconds;

        if (seconds == 0)
                return "never";
        if (!gmtime_r(&clock, &when) || strftime(buffer, 16, "%Y-%m-%d", &when) == 0)
                return "?";
        return buffer;
}

static void show_key(const VerbCall *call, const Key *key)
{
        char created[16], expires[16];
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s*}", "fingerprint", key->fingerprint, "user_id",
                          key->user_id, "algorithm", key->algorithm, "created_sec",
                          (json_int_t) key->created_sec, "expires_sec", (json_int_t) key->expires_sec,
                          "development", key->development, "problem", key->problem);

        report_json_event(call->report, "key", members);
        report_result(call->report, "%s  %-9s %-10s  %-10s  %s", key->fingerprint, key->algorithm,
                      date_text(key->created_sec, created), date_text(key->expires_sec, expires),
                      key->user_id);
        if (key->problem)
                report_result(call->report, "  can't sign: %s", key->problem);
}

static int run_list(const VerbCall *call, Error *error)
{
        _cleanup_(key_list_done) KeyList keys = { 0 };
        _cleanup_free_ char *home = NULL;

        int r = gnupg_home(&home, error);
        if (r >= 0)
                r = keys_list(NULL, &keys.items, &keys.n_items, error);
        if (r < 0)
                return r;
        if (keys.n_items == 0)
                report_note(call->report, "There are no secret keys in %s. Make one: templar key new", home);
        else
                report_result(call->report, "%-40s  %-9s %-10s  %-10s  %s", "FINGERPRINT", "ALGORITHM",
                              "CREATED", "EXPIRES", "USER ID");
        for (size_t i = 0; i < keys.n_items; i++)
                show_key(call, &keys.items[i]);
        return 0;
}

static const Option list_options[] = {
        OPTION_JSON,
        { 0 },
};

const Verb verb_key_list = {
        .name = "key list",
        .arguments = "",
        .summary = "list the keys that can sign releases",
        .description = "Lists the secret keys in GNUPGHOME (default: ~/.gnupg), with the reason beside those "
                       "that templar "
                       "would not sign with. The development key of `templar build` is in the folder gnupg "
                       "beside the "
                       "release directory: GNUPGHOME=out/gnupg templar key list.",
        .options = list_options,
        .run = run_list,
};

/* key export */

/* All keys fit to sign: a keyring for the time in which one follows another. */
static int usable_fingerprints(char ***ret, Error *error)
{
        _cleanup_(key_list_done) KeyList keys = { 0 };
        _cleanup_strv_ char **fingerprints = NULL;
        _cleanup_free_ char *home = NULL;

        int r = gnupg_home(&home, error);
        if (r >= 0)
                r = keys_list(NULL, &keys.items, &keys.n_items, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < keys.n_items; i++)
                if (!keys.items[i].problem && strv_append(&fingerprints, keys.items[i].fingerprint) < 0)
                        return error_out_of_memory(error);
        if (!fingerprints) {
                error_set(error, -ENOKEY, "There is no key in %s that could sign releases", home);
                return error_hint(error, "See `templar key list`, or make one: templar key new");
        }
        *ret = TAKE_PTR(fingerprints);
        return 0;
}

static int write_keyring(const char *path, const Buffer *keyring, bool armored, Error *error)
{
        if (path)
                return write_file_atomic(AT_FDCWD, path, keyring->data, keyring->length, 0644, error);
        if (!armored && isatty(STDOUT_FILENO)) {
                error_set_usage(error, -EINVAL, "A binary keyring does not belong on a terminal");
                return error_hint(error, "Give --output FILE, or --armor for text.");
        }
        int r = write_all(STDOUT_FILENO, keyring->data, keyring->length);
        return r < 0 ? error_set_errno(error, -r, "Can't write to standard output") : 0;
}

static int run_export(const VerbCall *call, Error *error)
{
        const char *path = options_string(call->options, "output");
        bool armored = options_switch(call->options, "armor");
        _cleanup_strv_ char **all = NULL;
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        int r = 0;

        if (call->n_arguments == 0)
                r = usable_fingerprints(&all, error);
        if (r >= 0)
                r = keys_export(NULL, all ? all : call->arguments, armored, &keyring, error);
        if (r >= 0)
                r = write_keyring(path, &keyring, armored, error);
        if (r >= 0 && path && armored)
                report_note(call->report,
                            "%s is text for people; hosts want the binary form, without --armor.", path);
        else if (r >= 0 && path)
                report_note(call->report, "Install %s as /etc/systemd/import-pubring.gpg on the hosts.",
                            path);
        return r;
}

static const Option export_options[] = {
        { .name = "armor", .help = "write text instead of the binary form that hosts want" },
        { .name = "output",
          .letter = 'o',
          .argument = "FILE",
          .value = VALUE_FILE,
          .help = "write to this file (default: standard output)" },
        OPTION_QUIET,
        { 0 },
};

static const VerbExample export_examples[] = {
        { "templar key export --output import-pubring.gpg",
          "The keyring for the hosts' /etc/systemd/import-pubring.gpg." },
        { "templar key export OLD NEW --output import-pubring.gpg",
          "Before a new key signs: hosts get both first, the old one leaves later." },
        { 0 },
};

const Verb verb_key_export = {
        .name = "key export",
        .arguments = "[FINGERPRINT...]",
        .summary = "write the public keyring that hosts verify with",
        .description =
                "Writes the public halves of keys in GNUPGHOME as one keyring; without arguments, of all "
                "keys that "
                "can sign. Hosts read it from /etc/systemd/import-pubring.gpg, from systemd 258 on also from "
                "/etc/systemd/import-pubring.pgp.",
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_KEY,
        .options = export_options,
        .examples = export_examples,
        .run = run_export,
};
