/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/check.h"

#include "base/digest.h"
#include "base/file.h"
#include "signing/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

static void file_done(VerifyFile *file)
{
        free(file->name);
        free(file->sha256);
}

void checker_done(Checker *checker)
{
        for (size_t i = 0; i < checker->n_files; i++)
                file_done(&checker->files[i]);
        free(checker->files);
        checker->files = NULL;
        checker->n_files = 0;
}

int checker_know(Checker *checker, const char *name, const char *sha256, uint64_t size_bytes, Error *error)
{
        VerifyFile *grown = reallocarray(checker->files, checker->n_files + 1, sizeof *grown);

        if (!grown)
                return error_out_of_memory(error);
        checker->files = grown;
        VerifyFile file = { strdup(name), size_bytes, strdup(sha256) };
        if (!file.name || !file.sha256) {
                file_done(&file);
                return error_out_of_memory(error);
        }
        grown[checker->n_files++] = file;
        return 0;
}

static int read_digest(const Checker *checker, const char *name, uint64_t *ret_size_bytes, char *ret_hex,
                       Error *error)
{
        _cleanup_close_ int fd =
                openat(checker->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;

        if (fd < 0 && errno == ENOENT)
                return error_set(error, -ENOENT, "%s is listed, but it is not in %s", name,
                                 checker->directory);
        if (fd < 0 || fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "Can't open %s/%s", checker->directory, name);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s/%s is not a regular file", checker->directory, name);
        int r = digest_descriptor(fd, ret_size_bytes, ret_hex);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s/%s", checker->directory, name) : 0;
}

int checker_digest(Checker *checker, const char *name, const VerifyFile **ret, Error *error)
{
        char sha256[SHA256_HEX_SIZE];
        uint64_t size_bytes = 0;

        for (size_t i = 0; i < checker->n_files; i++) {
                if (strcmp(checker->files[i].name, name) != 0)
                        continue;
                *ret = &checker->files[i];
                return 0;
        }
        int r = read_digest(checker, name, &size_bytes, sha256, error);
        if (r == 0)
                r = checker_know(checker, name, sha256, size_bytes, error);
        if (r == 0)
                *ret = &checker->files[checker->n_files - 1];
        return r;
}

int checker_line(Checker *checker, const SumsLine *line, Error *error)
{
        const VerifyFile *file = NULL;
        int r = sums_best_before(line, time(NULL), error);

        if (r != 0)
                return r < 0 ? r : 0;
        r = checker_digest(checker, line->name, &file, error);
        if (r < 0)
                return r;
        if (strcmp(file->sha256, line->sha256) != 0) {
                error_set(error, -EBADMSG, "%s/%s does not match its digest in the signed list",
                          checker->directory, line->name);
                error_detail(error, "listed  %s\nfound   %s", line->sha256, file->sha256);
                return error_hint(error, "The file was changed or cut short: fetch it again");
        }
        if (file->size_bytes == 0 && names_is_image(line->name))
                return error_set(error, -EBADMSG, "The image %s/%s is empty", checker->directory, line->name);
        return 0;
}

/* --- lists and their signatures
 * -------------------------------------------------------------------------------- */

static int read_small(const Checker *checker, const char *name, Buffer *ret, Error *error)
{
        int r = read_file(checker->directory_fd, name, SUMS_LIMIT_BYTES, ret, error);

        return r < 0 ? error_wrap(error, "In %s", checker->directory) : 0;
}

static int parse_named(const Buffer *text, const char *name, SumsLine **ret, size_t *ret_n_lines,
                       Error *error)
{
        int r = sums_parse(text->data, text->length, ret, ret_n_lines, error);

        return r < 0 ? error_wrap(error, "%s is not a list that every host reads", name) : 0;
}

int checker_sums(Checker *checker, SumsLine **ret, size_t *ret_n_lines, Signature *ret_signature,
                 Error *error)
{
        _cleanup_buffer_ Buffer sums = BUFFER_INIT, signature = BUFFER_INIT;
        int r = read_small(checker, SUMS_FILE, &sums, error);

        if (r < 0)
                return r;
        r = read_small(checker, SUMS_SIGNATURE_FILE, &signature, error);
        if (r == -ENOENT) {
                error_set(error, r, "%s/%s is not signed: there is no %s", checker->directory, SUMS_FILE,
                          SUMS_SIGNATURE_FILE);
                return error_hint(error, "Sign the release: build it without --no-sign");
        }
        if (r < 0)
                return r;
        r = verifier_check_detached(checker->verifier, &(Signed){ &sums, SUMS_FILE },
                                    &(Signed){ &signature, SUMS_SIGNATURE_FILE }, ret_signature, error);
        return r < 0 ? r : parse_named(&sums, SUMS_FILE, ret, ret_n_lines, error);
}

static int check_pair(Checker *checker, const char *name, const char *signature_name, Buffer *ret_text,
                      Signature *ret, Error *error)
{
        _cleanup_buffer_ Buffer message = BUFFER_INIT, detached = BUFFER_INIT, text = BUFFER_INIT;
        _cleanup_signature_ Signature clear = { 0 };
        int r = read_small(checker, name, &message, error);

        if (r == 0)
                r = read_small(checker, signature_name, &detached, error);
        if (r < 0)
                return error_hint(error,
                                  "%s and %s come as a pair: newer hosts read one, older hosts the other",
                                  name, signature_name);
        r = verifier_check_clear(checker->verifier, &(Signed){ &message, name }, &text, &clear, error);
        if (r == 0)
                r = verifier_check_detached(checker->verifier, &(Signed){ &message, name },
                                            &(Signed){ &detached, signature_name }, ret, error);
        if (r < 0)
                return r;
        *ret_text = TAKE_BUFFER(text);
        return 0;
}

int checker_pair(Checker *checker, const char *image, SumsLine **ret, size_t *ret_n_lines,
                 Signature *ret_signature, Error *error)
{
        _cleanup_free_ char *name = NULL, *signature_name = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_signature_ Signature signature = { 0 };
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        if (asprintf(&name, "%s%s", image, NAMES_PAIR_SUFFIX) < 0 ||
            asprintf(&signature_name, "%s%s", image, NAMES_PAIR_SIGNATURE_SUFFIX) < 0)
                return error_out_of_memory(error);
        int r = check_pair(checker, name, signature_name, &text, &signature, error);
        if (r == 0)
                r = parse_named(&text, name, &lines, &n_lines, error);
        if (r < 0)
                return r;
        if (!sums_find(lines, n_lines, image)) {
                sums_free(lines, n_lines);
                return error_set(error, -EBADMSG, "%s does not list %s", name, image);
        }
        *ret = lines;
        *ret_n_lines = n_lines;
        signature_done(ret_signature);
        *ret_signature = signature;
        signature = (Signature){ 0 };
        return 0;
}

int checker_settings(const Checker *checker, const char *image, const SumsLine *lines, size_t n_lines,
                     const char *sums_name, Error *error)
{
        char *names[NAMES_SETTINGS_MAX];
        int r = 0, n_names = names_settings(image, names);

        if (n_names == 0)
                return error_out_of_memory(error);
        for (int i = 0; i < n_names; i++) {
                bool there = faccessat(checker->directory_fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0;
                if (r == 0 && there && !sums_find(lines, n_lines, names[i]))
                        r = error_set(error, -EBADMSG,
                                      "%s lies beside %s, but %s does not list it: hosts refuse the image",
                                      names[i], image, sums_name);
                free(names[i]);
        }
        return r;
}
