/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/model.h"

#include "recipe/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

size_t schema_n_keys(const SectionSchema *schema)
{
        size_t n = 0;

        while (schema->keys[n].name)
                n++;
        return n;
}

size_t schema_find_key(const SectionSchema *schema, const char *key)
{
        size_t i = 0;

        while (schema->keys[i].name && strcmp(schema->keys[i].name, key) != 0)
                i++;
        return i;
}

bool key_is_list(KeyType type)
{
        switch (type) {
        case KEY_LIST:
        case KEY_LINES:
        case KEY_ENUM_LIST:
        case KEY_SOURCE_LIST:
        case KEY_TARGET_LIST:
        case KEY_URI_LIST:
                return true;
        case KEY_STRING:
        case KEY_TEXT:
        case KEY_WORD:
        case KEY_BOOL:
        case KEY_ENUM:
        case KEY_SOURCE:
        case KEY_HOST_FILE:
        case KEY_TARGET:
        case KEY_MODE:
        case KEY_URI:
                return false;
        }
        return false;
}

RecipeSection *section_new(const Recipe *recipe, const SectionSchema *schema, RecipePlace place, unsigned layer)
{
        RecipeSection *section = calloc(1, sizeof *section);
        size_t n_keys = schema_n_keys(schema);
        Value *values = calloc(n_keys + 1, sizeof *values);

        if (!section || !values) {
                free(section);
                free(values);
                return NULL;
        }
        *section = (RecipeSection){ recipe, schema, place, layer, n_keys, values };
        return section;
}

void section_free(RecipeSection *section)
{
        if (!section)
                return;
        for (size_t i = 0; i < section->n_keys; i++) {
                Value *value = &section->values[i];
                strv_free(value->raw);
                strv_free(value->expanded);
                strv_free(value->paths);
                strv_free(value->fallback);
                free(value->places);
        }
        free(section->values);
        free(section);
}

/* What the lexer's events build on. */
typedef struct Reader {
        Recipe *recipe;
        RecipeSection *section; /* NULL: none yet, or one that is unknown */
        bool unknown_section;
        unsigned layer;
        size_t n_stages_before; /* stages that other files made */
        int error;
} Reader;

static const SectionSchema *find_schema(const RecipeSchema *schema, const char *name)
{
        if (strcmp(schema->image->name, name) == 0)
                return schema->image;
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                if (strcmp((*stage)->name, name) == 0)
                        return *stage;
        return NULL;
}

static void complain_unknown_section(Reader *reader, const char *name, RecipePlace place)
{
        const RecipeSchema *schema = reader->recipe->schema;
        const char *names[64] = { schema->image->name };
        _cleanup_free_ char *hint = NULL;

        for (size_t i = 0; schema->stages[i] && i + 2 < ELEMENTS(names); i++)
                names[i + 1] = schema->stages[i]->name;
        const char *nearest = nearest_word(name, names);
        if (nearest && asprintf(&hint, "did you mean [%s]?", nearest) < 0)
                hint = NULL;
        diagnostics_add(&reader->recipe->diagnostics, place, (unsigned) strlen(name), hint, "there is no section [%s]",
                        name);
        reader->unknown_section = true;
}

/* Splits "Script 2" into the name and a number from 1; 0 when there is none. */
static char *split_number(const char *text, unsigned *ret_number)
{
        const char *space = strrchr(text, ' ');
        uint64_t number;

        *ret_number = 0;
        if (!space || parse_unsigned(space + 1, 1, 10000, &number) < 0)
                return strdup(text);
        *ret_number = (unsigned) number;
        return strndup(text, (size_t) (space - text));
}

static int append_stage(Reader *reader, const SectionSchema *schema, RecipePlace place)
{
        Recipe *recipe = reader->recipe;
        RecipeSection **grown = reallocarray(recipe->stages, recipe->n_stages + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        recipe->stages = grown;
        reader->section = section_new(recipe, schema, place, reader->layer);
        if (!reader->section)
                return -ENOMEM;
        grown[recipe->n_stages++] = reader->section;
        return 0;
}

/* In a drop-in a section means the one that is there; several of a kind are told apart by number. */
static int select_stage(Reader *reader, const SectionSchema *schema, unsigned number, RecipePlace place)
{
        Recipe *recipe = reader->recipe;
        unsigned n_found = 0;
        RecipeSection *found = NULL;

        for (size_t i = 0; i < reader->n_stages_before; i++)
                if (recipe->stages[i]->schema == schema && (++n_found == number || (number == 0 && !found)))
                        found = recipe->stages[i];
        if (n_found == 0 && number <= 1)
                return append_stage(reader, schema, place);
        if (number > n_found) {
                diagnostics_add(&recipe->diagnostics, place, 1, NULL, "there is no [%s %u]: the recipe has %u of them",
                                schema->name, number, n_found);
                reader->unknown_section = true;
        } else if (number == 0 && n_found > 1) {
                diagnostics_add(&recipe->diagnostics, place, (unsigned) strlen(schema->name), NULL,
                                "the recipe has %u sections [%s]; say which: [%s 1] to [%s %u]", n_found, schema->name,
                                schema->name, schema->name, n_found);
                reader->unknown_section = true;
        } else {
                reader->section = found;
        }
        return 0;
}

static int open_image(Reader *reader, RecipePlace place)
{
        Recipe *recipe = reader->recipe;

        if (recipe->image && reader->layer == 0) {
                diagnostics_add(&recipe->diagnostics, place, (unsigned) strlen(recipe->schema->image->name), NULL,
                                "[%s] stands a second time; the first is in line %u", recipe->schema->image->name,
                                recipe->image->place.line);
        } else if (!recipe->image) {
                recipe->image = section_new(recipe, recipe->schema->image, place, reader->layer);
                if (!recipe->image)
                        return -ENOMEM;
        }
        reader->section = recipe->image;
        return 0;
}

static void on_section(void *userdata, const char *name, RecipePlace place)
{
        Reader *reader = userdata;
        unsigned number = 0;
        _cleanup_free_ char *kind = reader->layer == 0 ? strdup(name) : split_number(name, &number);

        reader->section = NULL;
        reader->unknown_section = false;
        if (!kind) {
                reader->error = -ENOMEM;
                return;
        }
        const SectionSchema *schema = find_schema(reader->recipe->schema, kind);
        int r = 0;
        if (!schema)
                complain_unknown_section(reader, kind, place);
        else if (schema == reader->recipe->schema->image)
                r = open_image(reader, place);
        else if (reader->layer == 0)
                r = append_stage(reader, schema, place);
        else
                r = select_stage(reader, schema, number, place);
        if (r < 0)
                reader->error = r;
}

static void complain_unknown_key(Reader *reader, const char *key, RecipePlace place)
{
        const SectionSchema *schema = reader->section->schema;
        const char *names[64] = { NULL };
        _cleanup_free_ char *hint = NULL;

        for (size_t i = 0; schema->keys[i].name && i + 1 < ELEMENTS(names); i++)
                names[i] = schema->keys[i].name;
        const char *nearest = nearest_word(key, names);
        if (nearest && asprintf(&hint, "did you mean \"%s\"?", nearest) < 0)
                hint = NULL;
        diagnostics_add(&reader->recipe->diagnostics, place, (unsigned) strlen(key), hint, "[%s] has no key \"%s\"",
                        schema->name, key);
}

static int add_item(Value *value, const char *item, RecipePlace place)
{
        size_t n = strv_length(value->raw);
        RecipePlace *places = reallocarray(value->places, n + 1, sizeof *places);

        if (!places)
                return -ENOMEM;
        value->places = places;
        places[n] = place;
        return strv_append(&value->raw, item);
}

static void reset(Value *value)
{
        strv_free(value->raw);
        value->raw = NULL;
}

/* Words of a list, each with its own place. */
static int add_words(Value *value, const char *text, RecipePlace place)
{
        const char *start = text;

        while (*(text += strspn(text, " \t"))) {
                size_t length = strcspn(text, " \t");
                RecipePlace word_place = place;
                word_place.column += (unsigned) (text - start);
                _cleanup_free_ char *word = strndup(text, length);
                int r = word ? add_item(value, word, word_place) : -ENOMEM;
                if (r < 0)
                        return r;
                text += length;
        }
        return 0;
}

static int assign_list(Value *value, KeyType type, const char *text, RecipePlace place)
{
        if (!*text) {
                reset(value);
                return 0;
        }
        return type == KEY_LINES ? add_item(value, text, place) : add_words(value, text, place);
}

static int assign(Reader *reader, const KeySchema *key, Value *value, const char *text, RecipePlace key_place,
                  RecipePlace value_place)
{
        if (key_is_list(key->type)) {
                int r = assign_list(value, key->type, text, value_place);
                value->set = true;
                value->key_place = key_place;
                return r;
        }
        if (value->set && value->layer == reader->layer) {
                diagnostics_add(&reader->recipe->diagnostics, key_place, (unsigned) strlen(key->name), NULL,
                                "%s= stands a second time in this section; the first is in line %u", key->name,
                                value->key_place.line);
                return 0;
        }
        reset(value);
        value->set = *text != '\0';
        value->layer = reader->layer;
        value->key_place = key_place;
        return value->set ? add_item(value, text, value_place) : 0;
}

static void on_assignment(void *userdata, const char *key, const char *text, RecipePlace key_place,
                          RecipePlace value_place)
{
        Reader *reader = userdata;

        if (reader->unknown_section)
                return; /* complained about already */
        if (!reader->section) {
                diagnostics_add(&reader->recipe->diagnostics, key_place, (unsigned) strlen(key), NULL,
                                "%s= stands before the first [Section]", key);
                return;
        }
        size_t index = schema_find_key(reader->section->schema, key);
        if (index == reader->section->n_keys) {
                complain_unknown_key(reader, key, key_place);
                return;
        }
        int r = assign(reader, &reader->section->schema->keys[index], &reader->section->values[index], text, key_place,
                       value_place);
        if (r < 0)
                reader->error = r;
}

static bool on_is_text(void *userdata, const char *key)
{
        const Reader *reader = userdata;

        if (!reader->section)
                return reader->unknown_section; /* no complaints about the lines of a text in it */
        size_t index = schema_find_key(reader->section->schema, key);
        return index < reader->section->n_keys ? reader->section->schema->keys[index].type == KEY_TEXT : true;
}

int model_read(Recipe *recipe, size_t source, unsigned layer)
{
        Reader reader = { .recipe = recipe, .layer = layer, .n_stages_before = recipe->n_stages };
        LexerEvents events = { on_section, on_assignment, on_is_text, &reader };
        int r = lexer_run(&recipe->diagnostics, source, &events);

        return r < 0 ? r : reader.error;
}

/* "Script[2]" as the section header "Script 2" of a drop-in. */
static char *setting_section(const char *text, size_t length)
{
        const char *bracket = memchr(text, '[', length);
        char *name = NULL;

        if (!bracket || text[length - 1] != ']')
                return strndup(text, length);
        return asprintf(&name, "%.*s %.*s", (int) (bracket - text), text, (int) (text + length - 1 - bracket - 1),
                        bracket + 1) < 0 ? NULL : name;
}

int model_set(Recipe *recipe, size_t source, unsigned layer)
{
        const Source *from = &recipe->diagnostics.sources[source];
        const char *text = from->text, *equals = strchr(text, '=');
        const char *dot = equals ? memchr(text, '.', (size_t) (equals - text)) : NULL;
        RecipePlace place = { from->name, 0, 1 };
        Reader reader = { .recipe = recipe, .layer = layer, .n_stages_before = recipe->n_stages };

        if (strlen(text) != from->length || !dot || dot == text || dot + 1 == equals) {
                diagnostics_add(&recipe->diagnostics, place, 1, NULL,
                                "expected Section.Key=Value, or Section[2].Key=Value");
                return 0;
        }
        _cleanup_free_ char *section = setting_section(text, (size_t) (dot - text));
        _cleanup_free_ char *key = strndup(dot + 1, (size_t) (equals - dot - 1));
        if (!section || !key)
                return -ENOMEM;
        on_section(&reader, section, place);
        RecipePlace key_place = { from->name, 0, (unsigned) (dot - text) + 2 };
        RecipePlace value_place = { from->name, 0, (unsigned) (equals - text) + 2 };
        on_assignment(&reader, key, equals + 1, key_place, value_place);
        return reader.error;
}
