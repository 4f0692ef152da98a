/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/prepare.h"

#include "base/digest.h"
#include "base/file.h"
#include "signing/attest.h"
#include "signing/check.h"
#include "signing/names.h"
#include "signing/published.h"
#include "signing/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* --- files of the version
 * -------------------------------------------------------------------------------------- */

static int refuse_published(const Release *release, const char *name, Error *error)
{
        if (faccessat(release->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                return 0;
        error_set(error, -EEXIST, "%s/%s is there already; a published version is never overwritten",
                  release->directory, name);
        return error_hint(error, "Choose another version");
}

/* Hosts that don't strip ".tar.zst" ask for BASE.tar.zst.nspawn. */
static int add_second_settings(Release *release, Error *error)
{
        _cleanup_buffer_ Buffer settings = BUFFER_INIT;

        if (!strv_contains(release->suffixes, "tar.zst") || !strv_contains(release->suffixes, "nspawn") ||
            strv_contains(release->suffixes, "tar.zst.nspawn"))
                return 0;
        _cleanup_free_ char *name = staging_name(release, "nspawn");
        if (!name)
                return error_out_of_memory(error);
        int r = read_file(release->staging_fd, name, SUMS_LIMIT_BYTES, &settings, error);
        return r < 0 ? r
                     : release_write_file(release, "tar.zst.nspawn", settings.data, settings.length, error);
}

static int check_size(const char *name, uint64_t size_bytes, Error *error)
{
        if (names_is_image(name) && size_bytes == 0)
                return error_set(error, -ENODATA, "The image %s is empty", name);
        if (string_ends_with(name, NAMES_SETTINGS_SUFFIX) && size_bytes > SUMS_LIMIT_BYTES)
                return error_set(error, -EFBIG, "%s is larger than 1 MiB: no host takes it", name);
        return 0;
}

/* Reads every staged file once; sums, pairs and the verification all go by these digests. */
static int digest_staged(const Release *release, FileList *version, Error *error)
{
        for (char **suffix = release->suffixes; suffix && *suffix; suffix++) {
                _cleanup_free_ char *name = staging_name(release, *suffix);
                char sha256[SHA256_HEX_SIZE];
                uint64_t size_bytes = 0;
                if (!name)
                        return error_out_of_memory(error);
                int r = refuse_published(release, name, error);
                if (r == 0)
                        r = digest_file(release->staging_fd, name, &size_bytes, sha256, error);
                if (r == 0)
                        r = check_size(name, size_bytes, error);
                if (r == 0)
                        r = file_list_add(version, name, sha256, size_bytes, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Stages a file and notes its digest. */
static int add_staged(const Release *release, const char *name, const Buffer *bytes, FileList *list,
                      Error *error)
{
        char sha256[SHA256_HEX_SIZE];

        if (digest_buffer(bytes->data, bytes->length, sha256) < 0)
                return error_out_of_memory(error);
        int r = staging_write(release, name, bytes->data, bytes->length, error);
        return r < 0 ? r : file_list_add(list, name, sha256, bytes->length, error);
}

/* --- pairs
 * ----------------------------------------------------------------------------------------------------- */

static int pair_text(const FileList *version, const ReleaseFile *image, Buffer *ret, Error *error)
{
        char *settings[NAMES_SETTINGS_MAX];
        int n_settings = names_settings(image->name, settings);
        int r = n_settings == 0 ? -ENOMEM : sums_append(ret, image->sha256, image->name);

        for (int i = 0; i < n_settings; i++) {
                const ReleaseFile *file = file_list_find(version, settings[i]);
                if (r == 0 && file)
                        r = sums_append(ret, file->sha256, file->name);
                free(settings[i]);
        }
        return r < 0 ? error_out_of_memory(error) : 0;
}

static int add_pair(const Release *release, Signer *signer, const ReleaseFile *image, FileList *version,
                    Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT, clear = BUFFER_INIT, detached = BUFFER_INIT;
        _cleanup_free_ char *name = NULL, *signature_name = NULL;

        if (asprintf(&name, "%s%s", image->name, NAMES_PAIR_SUFFIX) < 0 ||
            asprintf(&signature_name, "%s%s", image->name, NAMES_PAIR_SIGNATURE_SUFFIX) < 0)
                return error_out_of_memory(error);
        int r = pair_text(version, image, &text, error);
        if (r == 0)
                r = signer_sign(signer, SIGNATURE_CLEAR, text.data, text.length, &clear, error);
        if (r == 0)
                r = signer_sign(signer, SIGNATURE_DETACHED_ARMORED, clear.data, clear.length, &detached,
                                error);
        if (r == 0)
                r = add_staged(release, name, &clear, version, error);
        return r < 0 ? r : add_staged(release, signature_name, &detached, version, error);
}

static int add_pairs(const Release *release, Signer *signer, FileList *version, Error *error)
{
        size_t n_files = version->n;

        for (size_t i = 0; i < n_files; i++) {
                if (!names_is_image(version->items[i].name))
                        continue;
                /* by value: the list grows */
                ReleaseFile image = version->items[i];
                int r = add_pair(release, signer, &image, version, error);
                if (r < 0)
                        return error_wrap(error, "Signing %s", image.name);
        }
        return 0;
}

static int compare_companions_first(const void *a, const void *b)
{
        const ReleaseFile *first = a, *second = b;
        int order = (int) names_is_image(first->name) - (int) names_is_image(second->name);

        return order ? order : strcmp(first->name, second->name);
}

/* --- keyrings
 * -------------------------------------------------------------------------------------------------- */

/* `listed` gets the digest in any case, `shared` (and the staging folder) only a keyring that changes. */
static int add_keyring(const Release *release, const char *name, const Buffer *keyring, FileList *listed,
                       FileList *shared, Error *error)
{
        _cleanup_buffer_ Buffer published = BUFFER_INIT;
        char sha256[SHA256_HEX_SIZE];

        if (digest_buffer(keyring->data, keyring->length, sha256) < 0)
                return error_out_of_memory(error);
        int r = file_list_add(listed, name, sha256, keyring->length, error);
        if (r < 0)
                return r;
        if (read_file(release->directory_fd, name, KEYRING_LIMIT_BYTES, &published, NULL) == 0 &&
            published.length == keyring->length &&
            memcmp(published.data, keyring->data, keyring->length) == 0)
                return 0;
        return add_staged(release, name, keyring, shared, error);
}

static int add_keyrings(const Release *release, Signer *signer, FileList *listed, FileList *shared,
                        Buffer *ret_keyring, Error *error)
{
        _cleanup_buffer_ Buffer published = BUFFER_INIT, own = BUFFER_INIT;
        int r = published_keyring(release->directory_fd, release->directory, &published, error);

        if (r == 0)
                r = signer_export(signer, &own, error);
        if (r == 0)
                r = keyring_merge(&published, &own, ret_keyring, error);
        if (r == 0 && ret_keyring->length > SUMS_LIMIT_BYTES)
                r = error_set(error, -EFBIG, "The keyring is larger than 1 MiB");
        if (r == 0)
                r = add_keyring(release, NAMES_KEYRING_OLD, ret_keyring, listed, shared, error);
        return r < 0 ? r : add_keyring(release, NAMES_KEYRING, ret_keyring, listed, shared, error);
}

/* --- sums
 * ------------------------------------------------------------------------------------------------------ */

static int append_all(FileList *to, const FileList *from, Error *error)
{
        for (size_t i = 0; i < from->n; i++) {
                int r = file_list_add(to, from->items[i].name, from->items[i].sha256,
                                      from->items[i].size_bytes, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int sums_text(FileList *listed, const char *directory, Buffer *ret, Error *error)
{
        file_list_sort(listed);
        for (size_t i = 0; i < listed->n; i++)
                if (sums_append(ret, listed->items[i].sha256, listed->items[i].name) < 0)
                        return error_out_of_memory(error);
        if (ret->length <= SUMS_LIMIT_BYTES)
                return 0;
        error_set(error, -EFBIG, "%s of %s would be larger than 1 MiB: no host takes it", SUMS_FILE,
                  directory);
        return error_hint(error, "Take old versions out of the directory");
}

static int add_sums(const Release *release, Signer *signer, FileList *listed, FileList *shared, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT, signature = BUFFER_INIT;
        int r = sums_text(listed, release->directory, &text, error);

        if (r == 0)
                r = add_staged(release, SUMS_FILE, &text, shared, error);
        if (r < 0 || !signer)
                return r;
        r = signer_sign(signer, SIGNATURE_DETACHED_BINARY, text.data, text.length, &signature, error);
        if (r < 0)
                return error_wrap(error, "Signing %s", SUMS_FILE);
        return add_staged(release, SUMS_SIGNATURE_FILE, &signature, shared, error);
}

/* --- verification
 * ---------------------------------------------------------------------------------------------- */

static int verify_pair(Checker *checker, const char *image, Error *error)
{
        _cleanup_signature_ Signature signature = { 0 };
        SumsLine *lines = NULL;
        size_t n_lines = 0;
        int r = checker_pair(checker, image, &lines, &n_lines, &signature, error);

        for (size_t i = 0; i < n_lines && r == 0; i++)
                r = checker_line(checker, &lines[i], error);
        if (r == 0)
                r = checker_settings(checker, image, lines, n_lines, NAMES_PAIR_SUFFIX, error);
        /* the pair is never made again, so it must not go stale */
        if (r == 0 && signature.expires_sec != 0) {
                error_set(error, -EINVAL, "gpg put an end of validity on the signature of %s", image);
                r = error_hint(error, "Take \"default-sig-expire\" out of gpg.conf");
        }
        sums_free(lines, n_lines);
        return r;
}

/* The signed list says of this version what is staged. */
static int verify_sums(Checker *checker, const Signer *signer, const FileList *version, Error *error)
{
        _cleanup_signature_ Signature signature = { 0 };
        SumsLine *lines = NULL;
        size_t n_lines = 0;
        int r = checker_sums(checker, &lines, &n_lines, &signature, error);

        if (r == 0 && !string_equal(signature.fingerprint, signer_fingerprint(signer)))
                r = error_set(error, -EINVAL, "%s was signed by another key (%s)", SUMS_FILE,
                              signature.fingerprint);
        for (size_t i = 0; i < version->n && r == 0; i++) {
                const char *name = version->items[i].name;
                const SumsLine *line = sums_find(lines, n_lines, name);
                r = line ? checker_line(checker, line, error)
                         : error_set(error, -EBADMSG, "%s does not list %s", SUMS_FILE, name);
                if (r == 0 && string_ends_with(name, NAMES_PROVENANCE_SUFFIX))
                        r = attest_check(checker, name, lines, n_lines, true, error);
        }
        sums_free(lines, n_lines);
        return r;
}

static int verify_staged(const Release *release, const Signer *signer, const Buffer *keyring,
                         const FileList *version, Error *error)
{
        _cleanup_verifier_ Verifier *verifier = NULL;
        _cleanup_checker_ Checker checker = { .directory_fd = release->staging_fd,
                                              .directory = release->staging };
        int r = verifier_open(keyring, NAMES_KEYRING, &verifier, error);

        checker.verifier = verifier;
        for (size_t i = 0; i < version->n && r == 0; i++)
                r = checker_know(&checker, version->items[i].name, version->items[i].sha256,
                                 version->items[i].size_bytes, error);
        if (r == 0)
                r = verify_sums(&checker, signer, version, error);
        for (size_t i = 0; i < version->n && r == 0; i++)
                if (names_is_image(version->items[i].name))
                        r = verify_pair(&checker, version->items[i].name, error);
        return r < 0 ? error_wrap(error, "The release does not verify") : 0;
}

/* --- all together
 * ---------------------------------------------------------------------------------------------- */

static int prepare_files(Release *release, Signer *signer, FileList *version, Error *error)
{
        int r;

        if (strv_length(release->suffixes) == 0)
                return error_set(error, -EINVAL, "There is nothing to publish as %s", release->base_name);
        r = add_second_settings(release, error);
        if (r == 0)
                r = digest_staged(release, version, error);
        if (r == 0 && signer)
                r = add_pairs(release, signer, version, error);
        if (r == 0)
                qsort(version->items, version->n, sizeof *version->items, compare_companions_first);
        return r;
}

int prepare_release(Release *release, Signer *signer, FileList *ret_version, FileList *ret_shared,
                    Error *error)
{
        _cleanup_file_list_ FileList version = FILE_LIST_INIT, shared = FILE_LIST_INIT,
                                     listed = FILE_LIST_INIT;
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        int r = prepare_files(release, signer, &version, error);

        if (r == 0)
                r = published_list(release->directory_fd, release->directory, signer != NULL, &listed, error);
        if (r == 0)
                r = append_all(&listed, &version, error);
        if (r == 0 && signer)
                r = add_keyrings(release, signer, &listed, &shared, &keyring, error);
        if (r == 0)
                r = add_sums(release, signer, &listed, &shared, error);
        if (r == 0 && signer)
                r = verify_staged(release, signer, &keyring, &version, error);
        if (r < 0)
                return r;
        *ret_version = version;
        *ret_shared = shared;
        version = shared = FILE_LIST_INIT;
        return 0;
}
