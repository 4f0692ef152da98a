/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint.h"

#include "base/strings.h"
#include "image/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(constant, name, severity, allowable, meaning, remedy)                                          \
        [LINT_##constant] = { name, severity, allowable, meaning, remedy },

const LintCheck lint_checks[LINT_N_CHECKS + 1] = { LINT_CHECKS(CHECK) };

_Static_assert(LINT_TAR_ROOT + 1 == RULES, "the first checks are the hosts' rules, in their order");

static int find_check(const char *name, size_t length, LintId *ret, Error *error)
{
        const char *names[LINT_N_CHECKS + 1] = { NULL };

        for (unsigned i = 0; i < LINT_N_CHECKS; i++) {
                names[i] = lint_checks[i].name;
                if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
                        *ret = (LintId) i;
                        return 0;
                }
        }
        _cleanup_free_ char *word = strndup(name, length);
        if (!word)
                return error_out_of_memory(error);
        int r = error_set_usage(error, -EINVAL, "there is no check \"%s\"", word);
        const char *nearest = nearest_word(word, names);
        return nearest ? error_hint(error, "did you mean \"%s\"?", nearest)
                       : (error_hint(error, "all checks: templar help lint"), r);
}

static int check_allow(LintId id, const char *path, size_t path_length, const char *reason, bool reason_needed,
                       Error *error)
{
        const char *name = lint_checks[id].name;

        if (!lint_checks[id].allowable)
                return error_set_usage(error, -EINVAL, "\"%s\" can't be allowed: hosts would refuse the image", name);
        if (path && (path_length == 0 || (path[0] != '/' && path[0] != '*')))
                return error_set_usage(error, -EINVAL, "what follows \"%s:\" is a path in the image; expected one that "
                                                       "starts with \"/\"", name);
        if (reason_needed && !*reason) {
                error_set_usage(error, -EINVAL, "it takes a reason why \"%s\" is right here", name);
                return error_hint(error, "as in: %s:/path the machines of this image are thrown away after each test",
                                  name);
        }
        return 0;
}

int lint_allow_add(LintAllows *allows, const char *text, bool reason_needed, Error *error)
{
        size_t name_length = strcspn(text, ": \t"), rest = name_length;
        const char *path = text[rest] == ':' ? text + rest + 1 : NULL;
        size_t path_length = path ? strcspn(path, " \t") : 0;
        const char *reason = text + name_length + (path ? 1 + path_length : 0);
        LintId id;

        reason += strspn(reason, " \t");
        int r = find_check(text, name_length, &id, error);
        if (r == 0)
                r = check_allow(id, path, path_length, reason, reason_needed, error);
        if (r < 0)
                return r;
        LintAllow *items = reallocarray(allows->items, allows->n_items + 1, sizeof *items);
        if (!items)
                return error_out_of_memory(error);
        allows->items = items;
        LintAllow allow = { .id = id, .path = path ? strndup(path, path_length) : NULL, .reason = strdup(reason) };
        items[allows->n_items++] = allow;
        return !allow.reason || (path && !allow.path) ? error_out_of_memory(error) : 0;
}

void lint_allows_done(LintAllows *allows)
{
        for (size_t i = 0; i < allows->n_items; i++) {
                free(allows->items[i].path);
                free(allows->items[i].reason);
        }
        free(allows->items);
        *allows = (LintAllows){ 0 };
}
