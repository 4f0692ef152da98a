/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/os_release.h"

#include "base/strings.h"

#include <string.h>

/* What a shell makes of the word: quotes go, and so do backslashes outside of single quotes. */
static int append_word(Buffer *buffer, const char *text, size_t length)
{
        char quote = '\0';
        int r = 0;

        for (size_t i = 0; r == 0 && i < length; i++) {
                if (text[i] == quote)
                        quote = '\0';
                else if (quote == '\0' && (text[i] == '"' || text[i] == '\''))
                        quote = text[i];
                else if (text[i] == '\\' && quote != '\'' && i + 1 < length)
                        r = buffer_append(buffer, &text[++i], 1);
                else if (quote == '\0' && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
                        break;
                else
                        r = buffer_append(buffer, &text[i], 1);
        }
        return r;
}

char *os_release_get(const char *text, const char *key)
{
        size_t key_length = strlen(key), length;
        _cleanup_buffer_ Buffer value = BUFFER_INIT;

        for (; *text; text += length + (text[length] != '\0')) {
                length = strcspn(text, "\n");
                if (length <= key_length || strncmp(text, key, key_length) != 0 || text[key_length] != '=')
                        continue;
                buffer_done(&value);
                if (append_word(&value, text + key_length + 1, length - key_length - 1) < 0)
                        return NULL;
        }
        return buffer_take(&value);
}
