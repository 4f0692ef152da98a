/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/encoding.h"
#include "recipe/lexer_state.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* The parts of "Section[2].Key=Value", as offsets. */
typedef struct SettingParts {
        size_t section_end;
        size_t selector, selector_end; /* both 0 without one */
        size_t key, key_end;
        size_t value;
} SettingParts;

static bool split_setting(const char *text, SettingParts *ret)
{
        SettingParts parts = { 0 };
        const char *equals = strchr(text, '=');

        if (!equals)
                return false;
        parts.key_end = (size_t) (equals - text);
        parts.value = parts.key_end + 1;
        parts.section_end = strcspn(text, "[.=");
        size_t dot = parts.section_end;
        if (text[dot] == '[') {
                parts.selector = dot + 1;
                parts.selector_end = parts.selector + strcspn(text + parts.selector, "].=");
                dot = parts.selector_end + 1;
                if (text[parts.selector_end] != ']' || parts.selector_end == parts.selector)
                        return false;
        }
        if (text[dot] != '.')
                return false;
        parts.key = dot + 1;
        lexer_trim(text, &parts.key, &parts.key_end);
        *ret = parts;
        return parts.section_end > 0 && parts.key < parts.key_end;
}

/* A value of several lines is fine for a text. */
static bool check_setting_bytes(Lexer *lexer, const Source *source, bool text)
{
        unsigned line = 1;
        size_t start = 0;

        for (;;) {
                size_t bad = start + encoding_first_bad(source->text + start, source->length - start);
                if (bad == source->length)
                        return true;
                if (source->text[bad] != '\n' || !text) {
                        lexer_report(lexer, (Span){ line, (unsigned) (bad - start) + 1, 1 },
                                     source->text[bad] == '\n' ?
                                             "this value has one line; expected no line feed" :
                                             "a byte that no recipe can hold; a recipe is text in UTF-8");
                        return false;
                }
                start = bad + 1;
                line++;
        }
}

static int set_value(Lexer *lexer, Assignment *assignment, const Source *source, size_t start)
{
        size_t end = source->length;
        bool text = lexer_is_text(lexer, assignment);
        Segment *segment = POOL_APPEND(lexer->pool, &assignment->segments);

        if (!segment)
                return -ENOMEM;
        assignment->broken = !check_setting_bytes(lexer, source, text);
        lexer_trim(source->text, &start, &end);
        bool newline = text && end > start && source->text[end - 1] != '\n';
        *segment = (Segment){ .line = 1, .column = (unsigned) start + 1 };
        assignment->value = pool_printf(lexer->pool, "%.*s%s", (int) (end - start), source->text + start,
                                        newline ? "\n" : "");
        if (!assignment->value)
                return -ENOMEM;
        assignment->length = strlen(assignment->value);
        return 0;
}

int lexer_run_setting(Pool *pool, const Source *source, const RecipeSchema *schema, Diagnostics *diagnostics,
                      Document *ret)
{
        Lexer lexer = { .pool = pool, .source = source, .schema = schema, .diagnostics = diagnostics, .document = ret };
        const char *text = source->text;
        SettingParts parts;

        *ret = (Document){ .source = source };
        if (!split_setting(text, &parts)) {
                lexer_report(&lexer, (Span){ 1, 1, source->length },
                             "this is no setting; expected Section.Key=Value or Section[2].Key=Value");
                return 0;
        }
        ParsedSection *section = lexer_add_section(&lexer, text, parts.section_end, (Span){ 1, 1, parts.section_end });
        if (!section)
                return -ENOMEM;
        if (parts.selector) {
                section->selector = pool_copy(pool, text + parts.selector, parts.selector_end - parts.selector);
                if (!section->selector)
                        return -ENOMEM;
        }
        Span key_span = { 1, (unsigned) parts.key + 1, parts.key_end - parts.key };
        Assignment *assignment = lexer_add_assignment(&lexer, text + parts.key, key_span.length, key_span);
        return assignment ? set_value(&lexer, assignment, source, parts.value) : -ENOMEM;
}
