/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/copyright.h"

#include "packages/deb822.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void copyright_done(Copyright *copyright)
{
        for (size_t i = 0; i < copyright->n_licences; i++) {
                free(copyright->licences[i].name);
                free(copyright->licences[i].text);
        }
        free(copyright->licences);
        strv_free(copyright->declared);
        *copyright = (Copyright){ 0 };
}

static CopyrightLicence *find(const Copyright *copyright, const char *name)
{
        for (size_t i = 0; i < copyright->n_licences; i++)
                if (strcasecmp(copyright->licences[i].name, name) == 0)
                        return &copyright->licences[i];
        return NULL;
}

const char *copyright_text(const Copyright *copyright, const char *name)
{
        const CopyrightLicence *licence = find(copyright, name);

        return licence ? licence->text : "";
}

/* Takes both. The first text of a name is kept. */
static int add_licence(Copyright *copyright, char *name, char *text)
{
        _cleanup_free_ char *owned_name = name, *owned_text = text;
        CopyrightLicence *known = find(copyright, name);

        if (known && !*known->text) {
                free(known->text);
                known->text = TAKE_PTR(owned_text);
        }
        if (known)
                return 0;
        if (copyright->n_licences == COPYRIGHT_LICENCES_MAX)
                return -EBADMSG;
        CopyrightLicence *grown = reallocarray(copyright->licences, copyright->n_licences + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        copyright->licences = grown;
        grown[copyright->n_licences++] = (CopyrightLicence){ TAKE_PTR(owned_name), TAKE_PTR(owned_text) };
        return 0;
}

/* One blank between words. */
static char *squeeze(const char *text, size_t length)
{
        _cleanup_free_ char *copy = strndup(text, length);
        _cleanup_strv_ char **words = copy ? strv_split(copy, " \t\r") : NULL;

        return words ? strv_join(words, " ") : NULL;
}

static void trim_end(char *text)
{
        size_t length = strlen(text);

        while (length > 0 && strchr(" \t\r\n", text[length - 1]))
                text[--length] = '\0';
}

/* "License: NAME\n TEXT". */
static int take_licence(Copyright *copyright, const Deb822Field *field, bool declares)
{
        _cleanup_free_ char *value = deb822_value(field), *name = NULL, *text = NULL;

        if (!value)
                return -ENOMEM;
        size_t first = strcspn(value, "\n");
        name = squeeze(value, first);
        text = strdup(value[first] ? value + first + 1 : "");
        if (!name || !text)
                return -ENOMEM;
        trim_end(text);
        if (!*name && !*text)
                return 0;
        if (declares && !strv_contains(copyright->declared, name)) {
                if (strv_length(copyright->declared) == COPYRIGHT_LICENCES_MAX)
                        return -EBADMSG;
                if (strv_append(&copyright->declared, name) < 0)
                        return -ENOMEM;
        }
        return add_licence(copyright, TAKE_PTR(name), TAKE_PTR(text));
}

/* The address has changed over the years. */
static bool is_format(const char *value)
{
        return strstr(value, "copyright-format/1") || strstr(value, "dep5");
}

static int read_stanza(Deb822 *reader, Copyright *copyright, bool header)
{
        Deb822Field field, licence = { 0 };
        bool has_format = false, has_files = false;
        int r;

        while ((r = deb822_next_field(reader, &field)) > 0) {
                if (deb822_is(&field, "License") && !licence.name)
                        licence = field;
                else if (deb822_is(&field, "Files"))
                        has_files = true;
                else if (deb822_is(&field, "Format") || deb822_is(&field, "Format-Specification")) {
                        _cleanup_free_ char *value = deb822_value(&field);
                        if (!value)
                                return -ENOMEM;
                        has_format = has_format || is_format(value);
                }
        }
        if (r < 0 || (header && !has_format))
                return -EBADMSG;
        return licence.name ? take_licence(copyright, &licence, header || has_files) : 0;
}

int copyright_parse(const char *text, size_t length, Copyright *ret)
{
        _cleanup_copyright_ Copyright copyright = { 0 };
        Deb822 reader = DEB822_INIT(string_starts_with(text, BYTE_ORDER_MARK) ? text + strlen(BYTE_ORDER_MARK) : text);
        size_t n = 0;

        if (strlen(text) != length)
                return -EBADMSG;
        for (; deb822_next_stanza(&reader); n++) {
                int r = n < COPYRIGHT_STANZAS_MAX ? read_stanza(&reader, &copyright, n == 0) : -EBADMSG;
                if (r < 0)
                        return r;
        }
        if (n == 0)
                return -EBADMSG;
        *ret = copyright;
        copyright = (Copyright){ 0 };
        return 0;
}
