/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/relation.h"

#include "packages/dpkg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n\r"

void relations_done(Relations *relations)
{
        for (size_t i = 0; i < relations->n_items; i++) {
                free(relations->items[i].name);
                free(relations->items[i].version);
        }
        free(relations->items);
        *relations = (Relations){ 0 };
}

static const char *skip_blanks(const char *text)
{
        return text + strspn(text, BLANKS);
}

static int parse_operator(const char **at, RelationOperator *ret)
{
        static const struct {
                const char *text;
                RelationOperator operator;
        } operators[] = {
                /* "<" and ">" are old spellings of "or equal" */
                { "<<", RELATION_LT }, { "<=", RELATION_LE }, { "=", RELATION_EQ }, { ">=", RELATION_GE },
                { ">>", RELATION_GT }, { "<", RELATION_LE },  { ">", RELATION_GE },
        };

        for (size_t i = 0; i < ELEMENTS(operators); i++) {
                if (strncmp(*at, operators[i].text, strlen(operators[i].text)) != 0)
                        continue;
                *at += strlen(operators[i].text);
                *ret = operators[i].operator;
                return 0;
        }
        return -EINVAL;
}

/* "(>= 1.2)" */
static int parse_version(const char **at, Relation *relation)
{
        *at = skip_blanks(*at + 1);
        int r = parse_operator(at, &relation->operator);
        if (r < 0)
                return r;
        *at = skip_blanks(*at);
        size_t length = strcspn(*at, BLANKS ")");
        relation->version = strndup(*at, length);
        if (!relation->version)
                return -ENOMEM;
        *at = skip_blanks(*at + length);
        if (length == 0 || **at != ')')
                return -EINVAL;
        (*at)++;
        return 0;
}

static int parse_one(const char **at, Relation *relation)
{
        size_t length = strcspn(*at, BLANKS ":,|(<[");
        int r = 0;

        if (length == 0)
                return -EINVAL;
        relation->name = strndup(*at, length);
        if (!relation->name)
                return -ENOMEM;
        *at += length;
        if (**at == ':')
                *at += strcspn(*at, BLANKS ",|(<[");
        *at = skip_blanks(*at);
        if (**at == '(')
                r = parse_version(at, relation);
        *at = skip_blanks(*at);
        while (r == 0 && (**at == '[' || **at == '<')) {
                const char *end = strpbrk(*at, **at == '[' ? "]" : ">");
                if (!end)
                        return -EINVAL;
                *at = skip_blanks(end + 1);
        }
        return r;
}

static int append(Relations *relations, Relation *relation)
{
        Relation *grown = reallocarray(relations->items, relations->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        relations->items = grown;
        grown[relations->n_items++] = *relation;
        *relation = (Relation){ 0 };
        return 0;
}

int relations_parse(const char *text, Relations *ret)
{
        _cleanup_(relations_done) Relations relations = { 0 };
        const char *at = skip_blanks(text ? text : "");
        bool alternative = false;

        while (*at) {
                Relation relation = { .alternative = alternative };
                int r = parse_one(&at, &relation);
                if (r == 0 && *at && *at != ',' && *at != '|')
                        r = -EINVAL;
                if (r == 0)
                        r = append(&relations, &relation);
                free(relation.name);
                free(relation.version);
                if (r < 0)
                        return r;
                alternative = *at == '|';
                if (*at)
                        at = skip_blanks(at + 1);
        }
        if (alternative)
                return -EINVAL;
        *ret = relations;
        relations = (Relations){ 0 };
        return 0;
}

bool relation_matches(const Relation *relation, const char *name, const char *version)
{
        if (strcmp(relation->name, name) != 0)
                return false;
        if (relation->operator == RELATION_ANY)
                return true;
        if (!version)
                return false;
        int order = dpkg_compare_versions(version, relation->version);
        switch (relation->operator) {
        case RELATION_LT:
                return order < 0;
        case RELATION_LE:
                return order <= 0;
        case RELATION_EQ:
                return order == 0;
        case RELATION_GE:
                return order >= 0;
        default:
                return order > 0;
        }
}
