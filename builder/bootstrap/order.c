/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX
#define ROUNDS_MAX 64

/* Who depends on whom. */
typedef struct Graph {
        const Packages *packages;
        size_t *by_name; /* numbers, sorted */
        size_t **edges;  /* by number: what it depends on, Pre-Depends first */
        size_t *n_edges, *n_pre; /* of them Pre-Depends */
        unsigned *rounds;        /* 0: the base, or not yet known */
        bool *marks;             /* of the walk that is under way */
} Graph;

static const char *name_of(const Graph *graph, size_t number)
{
        return graph->packages->items[number].origin->name;
}

static void graph_done(Graph *graph)
{
        for (size_t i = 0; graph->edges && i < graph->packages->n_items; i++)
                free(graph->edges[i]);
        free(graph->edges);
        free(graph->by_name);
        free(graph->n_edges);
        free(graph->n_pre);
        free(graph->rounds);
        free(graph->marks);
}

void order_done(Order *order)
{
        for (size_t i = 0; i < order->n_rounds; i++) {
                free(order->rounds[i].configured);
                free(order->rounds[i].scripts);
                free(order->rounds[i].unpacked);
        }
        free(order->rounds);
        free(order->base);
        free(order->essential);
        free(order->first);
        *order = (Order){ 0 };
}

/* ------------------------------------------------------------------------------------------------ edges */

static int compare_names(const void *a, const void *b, void *userdata)
{
        const Graph *graph = userdata;

        return strcmp(name_of(graph, *(const size_t *) a), name_of(graph, *(const size_t *) b));
}

static size_t find_name(const Graph *graph, const char *name)
{
        size_t low = 0, high = graph->packages->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name_of(graph, graph->by_name[middle]), name);
                if (order == 0)
                        return graph->by_name[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NONE;
}

static bool provides(const Package *package, const Relation *relation)
{
        for (size_t i = 0; i < package->provides.n_items; i++)
                if (relation_matches(relation, package->provides.items[i].name, package->provides.items[i].version))
                        return true;
        return false;
}

/* The package that is meant, itself or as a virtual one. */
static size_t find_target(const Graph *graph, const Relation *relation)
{
        size_t number = find_name(graph, relation->name);

        if (number != NONE &&
            relation_matches(relation, name_of(graph, number), graph->packages->items[number].origin->version))
                return number;
        for (size_t i = 0; i < graph->packages->n_items; i++)
                if (provides(&graph->packages->items[i], relation))
                        return i;
        return NONE;
}

/* One target of each group of alternatives: the first that is there. */
static void add_edges(Graph *graph, size_t number, const Relations *relations)
{
        bool found = false;

        for (size_t i = 0; i < relations->n_items; i++) {
                if (relations->items[i].alternative && found)
                        continue;
                size_t target = find_target(graph, &relations->items[i]);
                found = target != NONE;
                if (found)
                        graph->edges[number][graph->n_edges[number]++] = target;
        }
}

static int graph_make(const Packages *packages, Graph *graph)
{
        size_t n = packages->n_items;

        *graph = (Graph){ .packages = packages };
        graph->by_name = calloc(n + 1, sizeof *graph->by_name);
        graph->edges = calloc(n + 1, sizeof *graph->edges);
        graph->n_edges = calloc(n + 1, sizeof *graph->n_edges);
        graph->n_pre = calloc(n + 1, sizeof *graph->n_pre);
        graph->rounds = calloc(n + 1, sizeof *graph->rounds);
        graph->marks = calloc(n + 1, sizeof *graph->marks);
        if (!graph->by_name || !graph->edges || !graph->n_edges || !graph->n_pre || !graph->rounds || !graph->marks)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                graph->by_name[i] = i;
        if (n > 1)
                qsort_r(graph->by_name, n, sizeof *graph->by_name, compare_names, graph);
        for (size_t i = 0; i < n; i++) {
                const Package *package = &packages->items[i];
                graph->edges[i] = calloc(package->pre_depends.n_items + package->depends.n_items + 1,
                                         sizeof **graph->edges);
                if (!graph->edges[i])
                        return -ENOMEM;
                add_edges(graph, i, &package->pre_depends);
                graph->n_pre[i] = graph->n_edges[i];
                add_edges(graph, i, &package->depends);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ walks */

static void clear_marks(Graph *graph)
{
        memset(graph->marks, 0, graph->packages->n_items * sizeof *graph->marks);
}

/* Marks the package and all that it depends on; with `list` they are appended to it, dependencies first. Where they
 * form a circle, it is cut where the walk came in. */
static void mark(Graph *graph, size_t number, size_t *list, size_t *n_list)
{
        if (graph->marks[number])
                return;
        graph->marks[number] = true;
        for (size_t i = 0; i < graph->n_edges[number]; i++)
                mark(graph, graph->edges[number][i], list, n_list);
        if (list)
                list[(*n_list)++] = number;
}

static bool is_required(const Package *package)
{
        return package->priority && strcmp(package->priority, "required") == 0;
}

static int find_base(Graph *graph, Order *order)
{
        size_t n = graph->packages->n_items;

        order->base = calloc(n + 1, sizeof *order->base);
        order->essential = calloc(n + 1, sizeof *order->essential);
        if (!order->base || !order->essential)
                return -ENOMEM;
        clear_marks(graph);
        for (size_t i = 0; i < n; i++)
                if (graph->packages->items[i].essential)
                        mark(graph, i, NULL, NULL);
        memcpy(order->essential, graph->marks, n * sizeof *order->essential);
        for (size_t i = 0; i < n; i++)
                if (is_required(&graph->packages->items[i]))
                        mark(graph, i, NULL, NULL);
        memcpy(order->base, graph->marks, n * sizeof *order->base);
        return 0;
}

bool order_script_matters(const char *script)
{
        for (const char *line = script; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *word = line + strspn(line, " \t");
                size_t length = strcspn(word, "\n");
                bool helper = string_starts_with(word, "dpkg-maintscript-helper ") && !memchr(word, ';', length) &&
                              !memchr(word, '|', length) && !memchr(word, '&', length) && !memchr(word, '`', length);
                if (length > 0 && *word != '#' && !helper && (length != 6 || strncmp(word, "set -e", 6) != 0))
                        return true;
        }
        return false;
}

static bool has_script(const Package *package)
{
        return package_file(package, "preinst") != NULL;
}

static bool waits(const Package *package)
{
        const ControlFile *script = package_file(package, "preinst");

        return script && order_script_matters(script->data);
}

/* 1 for what waits for nothing but the base. */
static unsigned find_round(Graph *graph, const Order *order, size_t number)
{
        unsigned round = 1;

        if (order->base[number])
                return 0;
        if (graph->rounds[number] > 0 || graph->marks[number])
                return graph->rounds[number];
        graph->marks[number] = true;
        bool waiting = waits(&graph->packages->items[number]);
        for (size_t i = 0; i < graph->n_edges[number]; i++) {
                unsigned other = find_round(graph, order, graph->edges[number][i]);
                /* what it only depends on must not come later either, as somebody may wait for this one */
                unsigned least = waiting && i < graph->n_pre[number] ? other + 1 : other;
                if (least > round)
                        round = least;
        }
        graph->rounds[number] = round < ROUNDS_MAX ? round : ROUNDS_MAX - 1;
        return graph->rounds[number];
}

/* ------------------------------------------------------------------------------------------------ rounds */

static int round_alloc(Round *round, size_t n)
{
        round->configured = calloc(n + 1, sizeof *round->configured);
        round->scripts = calloc(n + 1, sizeof *round->scripts);
        round->unpacked = calloc(n + 1, sizeof *round->unpacked);
        return round->configured && round->scripts && round->unpacked ? 0 : -ENOMEM;
}

/* What preinst scripts of the round wait for, with all that it takes to configure it. */
static void add_configured(Graph *graph, Order *order, unsigned index, bool *done)
{
        Round *round = &order->rounds[index];

        clear_marks(graph);
        for (size_t i = 0; i < round->n_scripts; i++) {
                size_t number = round->scripts[i];
                if (!waits(&graph->packages->items[number]))
                        continue;
                for (size_t j = 0; j < graph->n_pre[number]; j++)
                        mark(graph, graph->edges[number][j], round->configured, &round->n_configured);
        }
        size_t kept = 0;
        for (size_t i = 0; i < round->n_configured; i++) {
                size_t number = round->configured[i];
                /* in a circle of dependencies it may not be there yet */
                if (done[number] || graph->rounds[number] >= index)
                        continue;
                done[number] = true;
                round->configured[kept++] = number;
        }
        round->n_configured = kept;
}

/* All packages, those that others depend on before them. base-passwd comes first: whoever else runs scripts needs the
 * users that its own makes. */
static void sort_all(Graph *graph, size_t *list)
{
        size_t n_list = 0, first = find_name(graph, "base-passwd");

        clear_marks(graph);
        if (first != NONE) {
                graph->marks[first] = true;
                list[n_list++] = first;
        }
        for (size_t i = 0; i < graph->packages->n_items; i++)
                mark(graph, i, list, &n_list);
}

static int fill_rounds(Graph *graph, Order *order)
{
        size_t n = graph->packages->n_items;
        _cleanup_free_ size_t *sorted = calloc(n + 1, sizeof *sorted);
        _cleanup_free_ bool *done = calloc(n + 1, sizeof *done);

        order->first = calloc(n + 1, sizeof *order->first);
        if (!sorted || !done || !order->first)
                return -ENOMEM;
        sort_all(graph, sorted);
        for (size_t i = 0; i < n; i++)
                if (order->essential[sorted[i]]) {
                        order->first[order->n_first++] = sorted[i];
                        done[sorted[i]] = true;
                }
        for (size_t i = 0; i < order->n_rounds; i++)
                if (round_alloc(&order->rounds[i], n) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                Round *round = &order->rounds[graph->rounds[i]];
                round->unpacked[round->n_unpacked++] = i;
        }
        for (size_t i = 0; i < n; i++) {
                Round *round = &order->rounds[graph->rounds[sorted[i]]];
                if (has_script(&graph->packages->items[sorted[i]]))
                        round->scripts[round->n_scripts++] = sorted[i];
        }
        for (unsigned i = 1; i < order->n_rounds; i++)
                add_configured(graph, order, i, done);
        return 0;
}

static int make_rounds(Graph *graph, Order *order)
{
        size_t n = graph->packages->n_items;

        clear_marks(graph);
        order->n_rounds = 1;
        for (size_t i = 0; i < n; i++) {
                graph->rounds[i] = find_round(graph, order, i);
                if (graph->rounds[i] >= order->n_rounds)
                        order->n_rounds = graph->rounds[i] + 1;
        }
        order->rounds = calloc(order->n_rounds, sizeof *order->rounds);
        return order->rounds ? fill_rounds(graph, order) : -ENOMEM;
}

int order_make(const Packages *packages, Order *ret, Error *error)
{
        _cleanup_(graph_done) Graph graph = { 0 };
        _cleanup_order_ Order order = { 0 };
        int r = graph_make(packages, &graph);

        if (r == 0)
                r = find_base(&graph, &order);
        if (r == 0)
                r = make_rounds(&graph, &order);
        if (r < 0)
                return error_out_of_memory(error);
        *ret = order;
        order = (Order){ 0 };
        return 0;
}
