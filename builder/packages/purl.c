/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/purl.h"

#include "base/strings.h"

#include <ctype.h>
#include <string.h>

typedef enum Case { AS_IT_IS, LOWER } Case;

static int append_encoded(Buffer *buffer, const char *text, Case letters)
{
        int r = 0;

        for (const unsigned char *byte = (const unsigned char *) text; r == 0 && *byte; byte++) {
                char c = (char) (letters == LOWER && *byte < 0x80 ? tolower(*byte) : *byte);
                if (*byte < 0x80 && (isalnum(*byte) || strchr(".-_~:", *byte)))
                        r = buffer_append(buffer, &c, 1);
                else
                        r = buffer_printf(buffer, "%%%02X", *byte);
        }
        return r;
}

static int append_part(Buffer *buffer, const char *separator, const char *text, Case letters)
{
        int r;

        if (!*text)
                return 0;
        r = buffer_append_string(buffer, separator);
        return r < 0 ? r : append_encoded(buffer, text, letters);
}

char *purl_format(const Purl *purl)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        int r = append_part(&buffer, "pkg:deb/", purl->vendor, LOWER);

        if (r == 0)
                r = append_part(&buffer, "/", purl->name, LOWER);
        if (r == 0)
                r = append_part(&buffer, "@", purl->version, AS_IT_IS);
        if (r == 0)
                r = append_part(&buffer, "?arch=", purl->architecture, AS_IT_IS);
        if (r == 0)
                r = append_part(&buffer, "&distro=", purl->distribution, AS_IT_IS);
        return r < 0 ? NULL : buffer_take(&buffer);
}
