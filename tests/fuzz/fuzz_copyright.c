/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/licence.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                __builtin_trap();
}

/* Of an expression: identifiers, parentheses that match, and references that are explained. */
static void check_expression(const char *expression, const json_t *references)
{
        int depth = 0;

        require(*expression != '\0');
        for (const char *c = expression; *c; c++) {
                require(isalnum((unsigned char) *c) || strchr("()+-. ", *c));
                depth += (*c == '(') - (*c == ')');
                require(depth >= 0 && depth <= 64);
                if (!string_starts_with(c, "LicenseRef-") || (c > expression && c[-1] != ' ' && c[-1] != '('))
                        continue;
                _cleanup_free_ char *id = strndup(c, strcspn(c, "() "));
                require(json_object_get(references, id) != NULL);
        }
        require(depth == 0);
}

/* What can be read gives the same valid expression each time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = malloc(size + 1), *first = NULL, *second = NULL;
        _cleanup_json_ json_t *references = json_object();
        _cleanup_copyright_ Copyright copyright = { 0 };

        memcpy(text, data, size);
        text[size] = '\0';
        if (copyright_parse(text, size, &copyright) < 0)
                return 0;
        require(licence_declared(&copyright, references, &first) == 0);
        check_expression(first, references);
        size_t n_references = json_object_size(references);
        require(licence_declared(&copyright, references, &second) == 0);
        require(strcmp(first, second) == 0 && json_object_size(references) == n_references);
        return 0;
}
