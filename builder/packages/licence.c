/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/licence.h"

#include "base/digest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define REFERENCE_NAME_MAX 40 /* of a name, in an identifier */
#define REFERENCE_DIGITS 12
#define TEXT_LIMIT_BYTES ((size_t) 64 << 10)
#define WORDS_MAX 60   /* of one name */
#define PARTS_MAX 500  /* of an expression */

/* ------------------------------------------------------------------------------------------------ references */

/* "LicenseRef-BSD-like-0123456789ab"; only letters, digits, "." and "-" may stand in it. */
static int reference_id(const char *name, const char *text, Buffer *ret)
{
        _cleanup_digest_ Digest *digest = NULL;
        char hex[SHA256_HEX_SIZE];

        if (digest_new(&digest) < 0 || digest_add_field(digest, name) < 0 || digest_add_field(digest, text) < 0 ||
            digest_finish(digest, hex) < 0 || buffer_append_string(ret, "LicenseRef-") < 0)
                return -ENOMEM;
        name = *name ? name : "unnamed";
        for (size_t i = 0; name[i] && i < REFERENCE_NAME_MAX; i++) {
                unsigned char c = (unsigned char) name[i];
                const char *shown = c < 0x80 && (isalnum(c) || c == '.' || c == '-') ? name + i : "-";
                if (buffer_append(ret, shown, 1) < 0)
                        return -ENOMEM;
        }
        return buffer_printf(ret, "-%.*s", REFERENCE_DIGITS, hex);
}

static json_t *describe_reference(const char *name, const char *text)
{
        _cleanup_json_ json_t *object = json_object();
        _cleanup_free_ char *cut = strndup(text, TEXT_LIMIT_BYTES), *shown = NULL;

        if (!cut)
                return NULL;
        if (!*text && asprintf(&shown, "debian/copyright calls it \"%s\" and gives no text.", name) < 0)
                shown = NULL;
        else if (*text && asprintf(&shown, "%s%s", cut, strlen(text) > TEXT_LIMIT_BYTES ? "\n[...]" : "") < 0)
                shown = NULL;
        if (!shown || !json_put(object, "name", json_text(*name ? name : "(without a name)")) ||
            !json_put(object, "text", json_text(shown)))
                return NULL;
        return TAKE_PTR(object);
}

static int refer(const Copyright *copyright, const char *name, json_t *references, char **ret)
{
        const char *text = copyright_text(copyright, name);
        _cleanup_buffer_ Buffer id = BUFFER_INIT;

        if (reference_id(name, text, &id) < 0)
                return -ENOMEM;
        if (!json_object_get(references, id.data) && !json_put(references, id.data, describe_reference(name, text)))
                return -ENOMEM;
        *ret = buffer_take(&id);
        return *ret ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------------------------------------------ terms */

typedef enum Operator { NOTHING, AND, OR } Operator;

/* Parts that are joined by one operator; each stands for itself or in parentheses. */
typedef struct Term {
        Operator joined_by;
        char **parts;
} Term;

static void term_done(Term *term)
{
        strv_free(term->parts);
        *term = (Term){ 0 };
}
#define _cleanup_term_ _cleanup_(term_done)

static int add_part(Term *term, const char *part)
{
        if (strv_contains(term->parts, part))
                return 0;
        return strv_length(term->parts) < PARTS_MAX ? strv_append(&term->parts, part) : -E2BIG;
}

static char *join_term(const Term *term)
{
        return strv_join(term->parts, term->joined_by == OR ? " OR " : " AND ");
}

/* `term` becomes "term OPERATOR next". */
static int join(Term *term, Operator operator, const Term *next)
{
        bool flat = !next->parts[1] || next->joined_by == operator;

        if (term->parts && term->parts[1] && term->joined_by != operator) {
                Term outer = { .joined_by = operator };
                int r = join(&outer, operator, term);
                term_done(term);
                *term = outer;
                if (r < 0)
                        return r;
        }
        term->joined_by = operator;
        if (flat) {
                int r = 0;
                for (char **part = next->parts; r == 0 && *part; part++)
                        r = add_part(term, *part);
                return r;
        }
        _cleanup_free_ char *joined = join_term(next), *enclosed = NULL;
        if (!joined || asprintf(&enclosed, "(%s)", joined) < 0) {
                enclosed = NULL;
                return -ENOMEM;
        }
        return add_part(term, enclosed);
}

/* ------------------------------------------------------------------------------------------------ exceptions */

typedef struct Exception {
        const char *licence; /* what the identifier starts with */
        const char *debian, *spdx;
} Exception;

/* Those with one text only. OpenSSL's and Autoconf's are in many wordings. */
static const Exception exceptions[] = {
        { "GPL-3.0", "Bison", "Bison-exception-2.2" },
        { "GPL-2.0", "Classpath", "Classpath-exception-2.0" },
        { "GPL-", "Font", "Font-exception-2.0" },
        { "GPL-3.0", "GCC", "GCC-exception-3.1" },
        { "GPL-", "Libtool", "Libtool-exception" },
        { "GPL-", "Linux-syscall-note", "Linux-syscall-note" },
        { "Apache-2.0", "LLVM", "LLVM-exception" },
};

static const char *exception_id(const char *licence, const char *name)
{
        for (size_t i = 0; i < ELEMENTS(exceptions); i++)
                if (string_starts_with(licence, exceptions[i].licence) && strcasecmp(name, exceptions[i].debian) == 0)
                        return exceptions[i].spdx;
        return NULL;
}

/* ------------------------------------------------------------------------------------------------ names and operators */

typedef struct Reader {
        const Copyright *copyright;
        json_t *references;
        char **words; /* a comma is one of its own */
        size_t next;
} Reader;

static const char *word(const Reader *reader)
{
        const char *text = reader->words[reader->next];

        return text ? text : "";
}

static bool is_word(const Reader *reader, const char *text)
{
        return strcasecmp(word(reader), text) == 0;
}

static bool at_name(const Reader *reader)
{
        return *word(reader) && !is_word(reader, ",") && !is_word(reader, "and") && !is_word(reader, "or") &&
               !is_word(reader, "with");
}

/* "NAME with KEYWORDS exception" as the whole, and the keywords alone. -EBADMSG when it doesn't end so. */
static int read_exception(Reader *reader, const char *name, char **ret_whole, char **ret_keywords)
{
        _cleanup_strv_ char **keywords = NULL;

        for (reader->next++; at_name(reader) && !is_word(reader, "exception"); reader->next++)
                if (strv_append(&keywords, word(reader)) < 0)
                        return -ENOMEM;
        if (!keywords || !is_word(reader, "exception"))
                return -EBADMSG;
        reader->next++;
        *ret_keywords = strv_join(keywords, " ");
        if (!*ret_keywords || asprintf(ret_whole, "%s with %s exception", name, *ret_keywords) < 0) {
                *ret_whole = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int name_with_exception(Reader *reader, const char *name, Term *ret)
{
        _cleanup_free_ char *whole = NULL, *keywords = NULL, *text = NULL;
        char buffer[LICENCE_ID_MAX];
        int r = read_exception(reader, name, &whole, &keywords);

        if (r < 0)
                return r;
        const char *id = licence_id(name, buffer), *exception = id ? exception_id(id, keywords) : NULL;
        if (exception && asprintf(&text, "%s WITH %s", id, exception) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        if (!exception)
                r = refer(reader->copyright, whole, reader->references, &text);
        return r < 0 ? r : add_part(ret, text);
}

static int read_name(Reader *reader, Term *ret)
{
        _cleanup_free_ char *text = NULL;
        char buffer[LICENCE_ID_MAX];

        if (!at_name(reader))
                return -EBADMSG;
        const char *name = reader->words[reader->next++];
        if (is_word(reader, "with"))
                return name_with_exception(reader, name, ret);
        const char *id = licence_id(name, buffer);
        if (id && strstr(id, " OR ")) {
                *ret = (Term){ .joined_by = OR, .parts = strv_split(id, " ") };
                if (!ret->parts || !ret->parts[0] || !ret->parts[1] || !ret->parts[2])
                        return -ENOMEM;
                /* the operator between the two */
                free(ret->parts[1]);
                ret->parts[1] = TAKE_PTR(ret->parts[2]);
                return 0;
        }
        int r = id ? 0 : refer(reader->copyright, name, reader->references, &text);
        return r < 0 ? r : add_part(ret, id ? id : text);
}

/* A OPERATOR B OPERATOR C, where each comes from `read`. */
static int read_joined(Reader *reader, Operator operator, int (*read)(Reader *, Term *), Term *ret)
{
        int r = read(reader, ret);

        while (r == 0 && is_word(reader, operator== AND ? "and" : "or")) {
                _cleanup_term_ Term next = { 0 };
                reader->next++;
                r = read(reader, &next);
                if (r == 0)
                        r = join(ret, operator, &next);
        }
        return r;
}

static int read_and(Reader *reader, Term *ret)
{
        return read_joined(reader, AND, read_name, ret);
}

static int read_or(Reader *reader, Term *ret)
{
        return read_joined(reader, OR, read_and, ret);
}

/* "A or B, and C" is (A or B) and C. A comma alone is read as "and". */
static int read_list(Reader *reader, Term *ret)
{
        int r = read_or(reader, ret);

        while (r == 0 && is_word(reader, ",")) {
                _cleanup_term_ Term next = { 0 };
                reader->next++;
                Operator operator= is_word(reader, "or") ? OR : AND;
                if (is_word(reader, "or") || is_word(reader, "and"))
                        reader->next++;
                r = read_or(reader, &next);
                if (r == 0)
                        r = join(ret, operator, &next);
        }
        return r == 0 && *word(reader) ? -EBADMSG : r;
}

static char **split_words(const char *text)
{
        _cleanup_buffer_ Buffer spaced = BUFFER_INIT;

        for (; *text; text++)
                if (buffer_append(&spaced, *text == ',' ? " , " : text, *text == ',' ? 3 : 1) < 0)
                        return NULL;
        return strv_split(spaced.data ? spaced.data : "", " ");
}

/* One of the file's names; what can't be understood is a name as a whole. */
static int read_expression(const Copyright *copyright, const char *text, json_t *references, Term *ret)
{
        _cleanup_strv_ char **words = split_words(text);
        _cleanup_json_ json_t *found = json_object();
        Reader reader = { .copyright = copyright, .references = found, .words = words };
        _cleanup_term_ Term term = { 0 };
        _cleanup_free_ char *id = NULL;

        if (!words || !found)
                return -ENOMEM;
        int r = strv_length(words) <= WORDS_MAX ? read_list(&reader, &term) : -EBADMSG;
        if (r == -EBADMSG) {
                term_done(&term);
                r = json_object_clear(found) < 0 ? -ENOMEM : refer(copyright, text, found, &id);
                if (r == 0)
                        r = add_part(&term, id);
        }
        if (r < 0 || json_object_update(references, found) < 0)
                return r < 0 ? r : -ENOMEM;
        *ret = term;
        term = (Term){ 0 };
        return 0;
}

static int declare(const Copyright *copyright, json_t *references, Term *all)
{
        for (char **name = copyright->declared; name && *name; name++) {
                _cleanup_term_ Term term = { 0 };
                int r = read_expression(copyright, *name, references, &term);
                if (r == 0 && all->parts)
                        r = join(all, AND, &term);
                else if (r == 0) {
                        *all = term;
                        term = (Term){ 0 };
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int licence_declared(const Copyright *copyright, json_t *references, char **ret_expression)
{
        _cleanup_term_ Term all = { 0 };
        _cleanup_json_ json_t *found = json_object();
        int r = found ? declare(copyright, found, &all) : -ENOMEM;
        bool asserted = r == 0 && all.parts;

        if (r < 0 && r != -E2BIG)
                return r;
        if (asserted)
                strv_sort(all.parts);
        _cleanup_free_ char *text = asserted ? join_term(&all) : strdup("NOASSERTION");
        if (!text || (asserted && json_object_update(references, found) < 0))
                return -ENOMEM;
        *ret_expression = TAKE_PTR(text);
        return 0;
}
