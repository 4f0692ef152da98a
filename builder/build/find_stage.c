/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "base/strings.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *name_of(const Job *job, size_t index)
{
        return job->stages[index].kind->schema->name;
}

static int list_stages(const Job *job, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        for (size_t i = 0; i < job->n_stages; i++) {
                _cleanup_free_ char *description = job->stages[i].kind->describe(job->stages[i].section);
                if (!description || buffer_printf(&text, "\n  %zu  [%s]  %s", i + 1, name_of(job, i), description) < 0)
                        return error->code;
        }
        return error_hint(error, "The stages are:%s", text.data ? text.data : " none");
}

/* "Script[2]": the name's length, and which one; 0 when the text names none in particular. */
static size_t split_name(const char *text, uint64_t *ret_which)
{
        size_t length = strcspn(text, "[");
        char digits[16] = "";

        *ret_which = 0;
        if (!text[length])
                return length;
        size_t n = strcspn(text + length + 1, "]");
        if (n < sizeof digits)
                memcpy(digits, text + length + 1, n);
        if (strcmp(text + length + 1 + n, "]") != 0 || parse_unsigned(digits, 1, SIZE_MAX, ret_which) < 0)
                return 0;
        return length;
}

int job_find_stage(const Job *job, const char *text, size_t *ret, Error *error)
{
        size_t n_stages = job->n_stages, n_found = 0, found = 0;
        uint64_t which;

        if (parse_unsigned(text, 1, n_stages, &which) == 0) {
                *ret = (size_t) which - 1;
                return 0;
        }
        size_t length = split_name(text, &which);
        for (size_t i = 0; i < n_stages; i++) {
                const char *name = name_of(job, i);
                if (strlen(name) != length || strncasecmp(name, text, length) != 0)
                        continue;
                n_found++;
                if (which == 0 ? n_found == 1 : n_found == which)
                        found = i + 1;
        }
        if (found == 0 || (which == 0 && n_found > 1)) {
                error_set_usage(error, -EINVAL, found == 0 ? "%s has no stage \"%s\"" : "%s has several stages \"%s\"",
                                recipe_name(job->recipe), text);
                return list_stages(job, error);
        }
        *ret = found - 1;
        return 0;
}
