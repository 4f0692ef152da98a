/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/reach.h"

#include "base/hash.h"
#include "base/strings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLOTS_FIRST ((size_t) 1 << 16)

#define NONE SIZE_MAX

typedef struct Stanza {
        const char *start;
        size_t length, text;
        size_t name, source; /* numbers of the names, or NONE */
        const char *architecture;
        size_t architecture_length;
        bool reached;
        bool kept; /* for the sake of its source */
} Stanza;

/* A stanza that has a name, or provides it; of each name they are a list. */
typedef struct Link {
        size_t stanza, next; /* of the links, counted from 1; 0: that was the last */
} Link;

typedef struct Name {
        const char *start;
        size_t length, first_link;
        bool wanted, is_package;
        bool is_source; /* of a stanza that was reached */
} Name;

struct Reach {
        Stanza *stanzas; /* owned, as all of these */
        size_t n_stanzas, stanzas_allocated;
        Link *links;
        size_t n_links, links_allocated;
        Name *names;
        size_t n_names, names_allocated;
        size_t *slots; /* numbers of names, counted from 1; twice as many as names */
        size_t n_slots;
        size_t *todo; /* names that are wanted and not yet followed */
        size_t n_todo, todo_allocated;
        size_t n_texts;
};

int reach_new(Reach **ret)
{
        Reach *reach = calloc(1, sizeof *reach);

        if (reach)
                reach->slots = calloc(SLOTS_FIRST, sizeof *reach->slots);
        if (!reach || !reach->slots) {
                free(reach);
                return -ENOMEM;
        }
        reach->n_slots = SLOTS_FIRST;
        *ret = reach;
        return 0;
}

Reach *reach_free(Reach *reach)
{
        if (!reach)
                return NULL;
        free(reach->stanzas);
        free(reach->links);
        free(reach->names);
        free(reach->slots);
        free(reach->todo);
        free(reach);
        return NULL;
}

/* Room for one more. */
static int grow(void *items, size_t n_items, size_t *allocated, size_t item_bytes)
{
        void **array = items;

        if (n_items < *allocated)
                return 0;
        size_t wanted = *allocated ? 2 * *allocated : 1024;
        void *grown = reallocarray(*array, wanted, item_bytes);
        if (!grown)
                return -ENOMEM;
        *array = grown;
        *allocated = wanted;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ names */

/* apt takes upper case for lower case. */
static uint64_t hash_name(const char *start, size_t length)
{
        char lower[64];
        size_t n = length < sizeof lower ? length : sizeof lower;

        for (size_t i = 0; i < n; i++)
                lower[i] = start[i] >= 'A' && start[i] <= 'Z' ? (char) (start[i] + 'a' - 'A') : start[i];
        return hash_bytes(lower, n, 0);
}

/* The slot of the name, or the free one that it belongs into. */
static size_t find_slot(const Reach *reach, const char *start, size_t length)
{
        size_t slot = (size_t) hash_name(start, length) & (reach->n_slots - 1);

        for (; reach->slots[slot]; slot = (slot + 1) & (reach->n_slots - 1)) {
                const Name *name = &reach->names[reach->slots[slot] - 1];
                if (name->length == length && strncasecmp(name->start, start, length) == 0)
                        break;
        }
        return slot;
}

static int double_slots(Reach *reach)
{
        size_t *slots = calloc(2 * reach->n_slots, sizeof *slots);

        if (!slots)
                return -ENOMEM;
        free(reach->slots);
        reach->slots = slots;
        reach->n_slots *= 2;
        for (size_t i = 0; i < reach->n_names; i++)
                slots[find_slot(reach, reach->names[i].start, reach->names[i].length)] = i + 1;
        return 0;
}

static int find_name(Reach *reach, const char *start, size_t length, size_t *ret)
{
        size_t slot = find_slot(reach, start, length);

        if (!reach->slots[slot]) {
                if (2 * (reach->n_names + 1) > reach->n_slots && double_slots(reach) < 0)
                        return -ENOMEM;
                if (grow(&reach->names, reach->n_names, &reach->names_allocated, sizeof *reach->names) < 0)
                        return -ENOMEM;
                slot = find_slot(reach, start, length);
                reach->names[reach->n_names++] = (Name){ .start = start, .length = length };
                reach->slots[slot] = reach->n_names;
        }
        *ret = reach->slots[slot] - 1;
        return 0;
}

int reach_want(Reach *reach, const char *name, size_t length)
{
        size_t number = 0;
        int r = find_name(reach, name, length, &number);

        if (r < 0 || reach->names[number].wanted)
                return r;
        r = grow(&reach->todo, reach->n_todo, &reach->todo_allocated, sizeof *reach->todo);
        if (r < 0)
                return r;
        reach->names[number].wanted = true;
        reach->todo[reach->n_todo++] = number;
        return 0;
}

static int link_name(Reach *reach, const char *start, size_t length, size_t stanza, bool is_package)
{
        size_t number = 0;
        int r = find_name(reach, start, length, &number);

        if (r == 0)
                r = grow(&reach->links, reach->n_links, &reach->links_allocated, sizeof *reach->links);
        if (r < 0)
                return r;
        Name *name = &reach->names[number];
        reach->links[reach->n_links++] = (Link){ stanza, name->first_link };
        name->first_link = reach->n_links;
        name->is_package = name->is_package || is_package;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ stanzas */

typedef struct Field {
        const char *name, *value;
        size_t name_length, value_length;
} Field;

static bool field_is(const Field *field, const char *name)
{
        return field->name_length == strlen(name) && strncasecmp(field->name, name, field->name_length) == 0;
}

static bool value_is(const Field *field, const char *value)
{
        size_t length = field->value_length;

        for (; length > 0 && strchr(" \t\r\n", field->value[length - 1]);)
                length--;
        return length == strlen(value) && strncasecmp(field->value, value, length) == 0;
}

/* Behind the newline that ends the line at `at`, or `end`. */
static const char *next_line(const char *at, const char *end)
{
        const char *newline = memchr(at, '\n', (size_t) (end - at));

        return newline ? newline + 1 : end;
}

/* Behind the empty line at `at`, or `at` itself where it is none. */
static const char *skip_empty_line(const char *at, const char *end)
{
        const char *next = at;

        while (next < end && *next == '\r')
                next++;
        return next < end && *next == '\n' ? next + 1 : at;
}

/* The field at *at, with its continuation lines; false at the end of the stanza. A line without a colon is a
 * field without a value. */
static bool next_field(const char **at, const char *end, Field *ret)
{
        const char *start = *at;

        if (start >= end || skip_empty_line(start, end) != start)
                return false;
        const char *next = next_line(start, end);
        const char *colon = memchr(start, ':', (size_t) (next - start));
        while (next < end && (*next == ' ' || *next == '\t'))
                next = next_line(next, end);
        *at = next;
        *ret = (Field){ .name = start, .name_length = (size_t) ((colon ? colon : next) - start) };
        if (!colon)
                return true;
        while (ret->name_length > 0 && strchr(" \t", start[ret->name_length - 1]))
                ret->name_length--;
        for (colon++; colon < next && (*colon == ' ' || *colon == '\t');)
                colon++;
        ret->value = colon;
        ret->value_length = (size_t) (next - colon);
        return true;
}

/* The names in a list of relations (deb-control(5)): "a (>= 1) [amd64] | b:any, c". */
typedef int (*OnName)(void *userdata, const char *name, size_t length, size_t stanza);

static int each_name(const Field *field, size_t stanza, OnName on_name, void *userdata)
{
        const char *at = field->value, *end = field->value ? at + field->value_length : NULL;
        int r = 0;

        while (r == 0 && at < end) {
                const char *start = at;
                while (at < end && *at && !strchr(" \t\r\n,|:(<[", *at))
                        at++;
                if (at > start)
                        r = on_name(userdata, start, (size_t) (at - start), stanza);
                while (at < end && at > start && *at != ',' && *at != '|')
                        at++;
                if (at < end)
                        at++;
        }
        return r;
}

static int on_provided(void *userdata, const char *name, size_t length, size_t stanza)
{
        return link_name(userdata, name, length, stanza, false);
}

static int on_needed(void *userdata, const char *name, size_t length, size_t stanza _unused_)
{
        return reach_want(userdata, name, length);
}

static bool is_wanted(const Field *field, ReachFlags flags)
{
        if (field_is(field, "Essential"))
                return !value_is(field, "no");
        return (flags & REACH_STANDARD) && field_is(field, "Priority") &&
               (value_is(field, "required") || value_is(field, "important") || value_is(field, "standard"));
}

/* How long the first word of the value is. */
static size_t word_length(const Field *field)
{
        size_t length = 0;

        while (length < field->value_length && !strchr(" \t\r\n(", field->value[length]))
                length++;
        return length;
}

/* The names of the stanza that *stanza is going to be. */
static int name_stanza(Reach *reach, const Field *package, const Field *source, bool wanted, Stanza *stanza)
{
        size_t length = word_length(package), source_length = word_length(source);
        int r = link_name(reach, package->value, length, reach->n_stanzas, true);

        if (r == 0)
                r = find_name(reach, package->value, length, &stanza->name);
        stanza->source = stanza->name;
        if (r == 0 && source_length > 0)
                r = find_name(reach, source->value, source_length, &stanza->source);
        return r == 0 && wanted ? reach_want(reach, package->value, length) : r;
}

/* Reads the stanza at *at, and goes behind it. */
static int add_stanza(Reach *reach, const char **at, const char *end, ReachFlags flags)
{
        Stanza stanza = { .start = *at, .text = reach->n_texts, .name = NONE, .source = NONE };
        Field field, package = { 0 }, source = { 0 };
        bool wanted = flags & REACH_ALL;
        int r = grow(&reach->stanzas, reach->n_stanzas, &reach->stanzas_allocated, sizeof *reach->stanzas);

        while (r == 0 && next_field(at, end, &field)) {
                /* most lines are none of these */
                if (!strchr("PpEeSsAa", *field.name) || !field.value)
                        continue;
                if (field_is(&field, "Package")) {
                        package = field;
                } else if (field_is(&field, "Source")) {
                        source = field;
                } else if (field_is(&field, "Architecture")) {
                        stanza.architecture = field.value;
                        stanza.architecture_length = word_length(&field);
                } else if (field_is(&field, "Provides")) {
                        r = each_name(&field, reach->n_stanzas, on_provided, reach);
                } else {
                        wanted = wanted || is_wanted(&field, flags);
                }
        }
        stanza.length = (size_t) (*at - stanza.start);
        /* what is no package is for the resolver to judge */
        stanza.kept = word_length(&package) == 0;
        if (r == 0 && !stanza.kept)
                r = name_stanza(reach, &package, &source, wanted, &stanza);
        if (r == 0)
                reach->stanzas[reach->n_stanzas++] = stanza;
        return r;
}

int reach_add(Reach *reach, const char *text, size_t length, ReachFlags flags)
{
        const char *end = text + length;
        int r = 0;

        for (const char *at = text; r == 0 && at < end;) {
                const char *next = skip_empty_line(at, end);
                if (next != at)
                        at = next;
                else
                        r = add_stanza(reach, &at, end, flags);
        }
        reach->n_texts++;
        return r;
}

/* ------------------------------------------------------------------------------------------------ the way through */

static int follow_stanza(Reach *reach, size_t number, bool recommends)
{
        const char *at = reach->stanzas[number].start, *end = at + reach->stanzas[number].length;
        Field field;
        int r = 0;

        while (r == 0 && next_field(&at, end, &field))
                if (field_is(&field, "Depends") || field_is(&field, "Pre-Depends") ||
                    (recommends && field_is(&field, "Recommends")))
                        r = each_name(&field, number, on_needed, reach);
        return r;
}

static void keep_sources(Reach *reach)
{
        for (size_t i = 0; i < reach->n_stanzas; i++)
                if (reach->stanzas[i].reached && reach->stanzas[i].source != NONE)
                        reach->names[reach->stanzas[i].source].is_source = true;
        for (size_t i = 0; i < reach->n_stanzas; i++)
                if (reach->stanzas[i].source != NONE && reach->names[reach->stanzas[i].source].is_source)
                        reach->stanzas[i].kept = true;
}

int reach_follow(Reach *reach, bool recommends)
{
        int r = 0;

        while (r == 0 && reach->n_todo > 0) {
                const Name *name = &reach->names[reach->todo[--reach->n_todo]];
                for (size_t i = name->first_link; r == 0 && i; i = reach->links[i - 1].next) {
                        size_t number = reach->links[i - 1].stanza;
                        if (reach->stanzas[number].reached)
                                continue;
                        reach->stanzas[number].reached = true;
                        r = follow_stanza(reach, number, recommends);
                }
        }
        if (r == 0)
                keep_sources(reach);
        return r;
}

int reach_each(const Reach *reach, size_t text, ReachTake take, void *userdata)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reach->n_stanzas; i++)
                if ((reach->stanzas[i].reached || reach->stanzas[i].kept) && reach->stanzas[i].text == text)
                        r = take(reach->stanzas[i].start, reach->stanzas[i].length, userdata);
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------------------------------------------------ rivals */

typedef struct Rivals {
        const Reach *reach;
        bool *left; /* by number of the name: one that was not mentioned yet */
        size_t n_left;
        Buffer *text;
} Rivals;

static void add_rivals(Rivals *rivals, const Name *name)
{
        const Reach *reach = rivals->reach;
        size_t first = NONE;
        bool several = false;

        for (size_t i = name->first_link; i; i = reach->links[i - 1].next) {
                size_t package = reach->stanzas[reach->links[i - 1].stanza].name;
                several = several || (first != NONE && package != first);
                first = package;
        }
        for (size_t i = several ? name->first_link : 0; i; i = reach->links[i - 1].next) {
                size_t package = reach->stanzas[reach->links[i - 1].stanza].name;
                if (package == NONE || rivals->left[package])
                        continue;
                rivals->left[package] = true;
                rivals->n_left++;
        }
}

/* Others would end in an error where they are mentioned. */
static bool is_plain_name(const char *name, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char) name[i]) && (!strchr("+-.", name[i]) || !name[i]))
                        return false;
        return true;
}

static int mention(void *userdata, const char *name, size_t length, size_t stanza _unused_)
{
        Rivals *rivals = userdata;
        const Reach *reach = rivals->reach;
        size_t number = reach->slots[find_slot(reach, name, length)];

        if (!number || !rivals->left[number - 1])
                return 0;
        rivals->left[number - 1] = false;
        rivals->n_left--;
        if (!is_plain_name(name, length))
                return 0;
        return buffer_printf(rivals->text, "%s%.*s", rivals->text->length > 0 ? ", " : "", (int) length,
                             name);
}

/* In the order in which apt takes the fields of a stanza, see debListParser::NewVersion() in its
 * deblistparser.cc. */
static int mention_stanza(Rivals *rivals, const Stanza *stanza)
{
        static const char *const names[] = { "Pre-Depends", "Depends",  "Conflicts", "Breaks",  "Recommends",
                                             "Suggests",    "Replaces", "Enhances",  "Provides" };
        Field fields[ELEMENTS(names)] = { 0 }, field;
        const Name *own = stanza->name == NONE ? NULL : &rivals->reach->names[stanza->name];
        int r = own ? mention(rivals, own->start, own->length, 0) : 0;

        for (const char *at = stanza->start; next_field(&at, stanza->start + stanza->length, &field);) {
                if (!strchr("DdPpSsRrCcBbEe", *field.name))
                        continue;
                for (size_t i = 0; i < ELEMENTS(names); i++)
                        if (field_is(&field, names[i]))
                                fields[i] = field;
        }
        for (size_t i = 0; r == 0 && i < ELEMENTS(names); i++)
                r = each_name(&fields[i], 0, mention, rivals);
        return r;
}

static bool is_of(const Stanza *stanza, const char *architecture, bool native)
{
        size_t length = stanza->architecture_length;

        if (length == 0 || (length == 3 && memcmp(stanza->architecture, "all", 3) == 0))
                return native;
        return length == strlen(architecture) && memcmp(stanza->architecture, architecture, length) == 0;
}

int reach_rivals(const Reach *reach, const char *architecture, bool native, Buffer *ret)
{
        _cleanup_free_ bool *left = calloc(reach->n_names + 1, sizeof *left);
        Rivals rivals = { reach, left, 0, ret };
        int r = left ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < reach->n_names; i++)
                if (reach->names[i].wanted)
                        add_rivals(&rivals, &reach->names[i]);
        for (size_t i = 0; r == 0 && rivals.n_left > 0 && i < reach->n_stanzas; i++)
                if (is_of(&reach->stanzas[i], architecture, native))
                        r = mention_stanza(&rivals, &reach->stanzas[i]);
        return r;
}

bool reach_knows(const Reach *reach, const char *name, size_t length)
{
        size_t number = reach->slots[find_slot(reach, name, length)];

        return number && reach->names[number - 1].first_link;
}

char **reach_names(const Reach *reach)
{
        char **names = calloc(reach->n_names + 1, sizeof *names);
        size_t n_names = 0;

        for (size_t i = 0; names && i < reach->n_names; i++) {
                if (!reach->names[i].is_package)
                        continue;
                names[n_names] = strndup(reach->names[i].start, reach->names[i].length);
                if (!names[n_names++]) {
                        strv_free(names);
                        return NULL;
                }
        }
        if (names)
                strv_sort(names);
        return names;
}
