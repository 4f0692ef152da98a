/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/attest.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "signing/dsse.h"
#include "signing/names.h"

#include <errno.h>
#include <string.h>

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"

int attest_write(Release *release, Signer *signer, const char *statement, Error *error)
{
        _cleanup_buffer_ Buffer envelope = BUFFER_INIT;
        int r = dsse_sign(signer, DSSE_IN_TOTO, statement, strlen(statement), &envelope, error);

        if (r < 0)
                return error_wrap(error, "Signing the provenance");
        return release_write_file(release, &NAMES_PROVENANCE_SUFFIX[1], envelope.data, envelope.length, error);
}

/* --- the statement
 * --------------------------------------------------------------------------------------------- */

static int open_statement(Checker *checker, const char *name, json_t **ret, Error *error)
{
        _cleanup_buffer_ Buffer envelope = BUFFER_INIT, payload = BUFFER_INIT;
        _cleanup_signature_ Signature signature = { 0 };
        int r = read_file(checker->directory_fd, name, DSSE_LIMIT_BYTES, &envelope, error);

        if (r < 0)
                return error_wrap(error, "In %s", checker->directory);
        r = dsse_open(checker->verifier, &(Signed){ &envelope, name }, DSSE_IN_TOTO, &payload, &signature, error);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *statement =
                payload.length > 0 ? json_loadb(payload.data, payload.length, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const char *type = json_string_value(json_object_get(statement, "_type"));
        if (!type || strcmp(type, STATEMENT_TYPE) != 0 || json_array_size(json_object_get(statement, "subject")) == 0)
                return error_set(error, -EBADMSG, "%s holds no in-toto statement (version 1) with subjects", name);
        *ret = TAKE_PTR(statement);
        return 0;
}

static const char *subject_name(const json_t *subject)
{
        return json_string_value(json_object_get(subject, "name"));
}

static const char *subject_sha256(const json_t *subject)
{
        return json_string_value(json_object_get(json_object_get(subject, "digest"), "sha256"));
}

static const json_t *find_subject(const json_t *subjects, const char *name)
{
        for (size_t i = 0; i < json_array_size(subjects); i++)
                if (string_equal(subject_name(json_array_get(subjects, i)), name))
                        return json_array_get(subjects, i);
        return NULL;
}

/* Whether it is a file that the statement has to be about: of this version, and made before the statement was. */
static bool is_due(const char *provenance, const char *name)
{
        size_t length = strlen(provenance) - strlen(NAMES_PROVENANCE_SUFFIX);

        if (strncmp(name, provenance, length) != 0 || name[length] != '.' || strcmp(name, provenance) == 0)
                return false;
        /* BASE.1.tar is of the version after it */
        if (name[length + 1] >= '0' && name[length + 1] <= '9')
                return false;
        return names_is_image(name) || names_is_companion(name) || string_ends_with(name, NAMES_SETTINGS_SUFFIX);
}

static int check_line(const char *provenance, const SumsLine *line, const json_t *subjects, Error *error)
{
        const json_t *subject = find_subject(subjects, line->name);
        const char *sha256 = subject ? subject_sha256(subject) : NULL;

        if (!subject)
                return error_set(error, -EBADMSG, "%s is not about %s", provenance, line->name);
        if (string_equal(sha256, line->sha256))
                return 0;
        error_set(error, -EBADMSG, "%s is about another %s", provenance, line->name);
        return error_detail(error, "stated  %.64s\nlisted  %s", sha256 ? sha256 : "(no SHA-256)", line->sha256);
}

static int check_subjects(const char *provenance, const json_t *subjects, const SumsLine *lines, size_t n_lines,
                          Error *error)
{
        for (size_t i = 0; i < json_array_size(subjects); i++) {
                const char *name = subject_name(json_array_get(subjects, i));
                if (!name || !sums_find(lines, n_lines, name))
                        return error_set(error, -EBADMSG, "%s is about %.200s, but %s does not list it", provenance,
                                         name ? name : "something without a name", SUMS_FILE);
        }
        return 0;
}

int attest_check(Checker *checker, const char *name, const SumsLine *lines, size_t n_lines, bool complete, Error *error)
{
        _cleanup_json_ json_t *statement = NULL;
        int r = open_statement(checker, name, &statement, error);

        if (r < 0)
                return r;
        const json_t *subjects = json_object_get(statement, "subject");
        for (size_t i = 0; r == 0 && i < n_lines; i++)
                if (is_due(name, lines[i].name))
                        r = check_line(name, &lines[i], subjects, error);
        return r == 0 && complete ? check_subjects(name, subjects, lines, n_lines, error) : r;
}
