/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/store.h"
#include "verbs/directories.h"
#include "verbs/size.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SHOWN_KEY_LENGTH 12
#define COUNT_TEXT_MAX 120

/* What all these verbs need, and what is there. */
typedef struct CacheCall {
        char *directory;
        Sandbox *sandbox;
        LayerStore *store;
        LayerEntry *layers;
        size_t n_layers;
        BlockEntry *blocks;
        size_t n_blocks;
        PackageEntry *packages;
        size_t n_packages;
} CacheCall;

/* So many of each. */
typedef struct Counts {
        size_t n_layers, n_blocks, n_packages;
} Counts;

static void cache_call_done(CacheCall *cache)
{
        layer_entries_free(cache->layers, cache->n_layers);
        free(cache->blocks);
        free(cache->packages);
        layer_store_close(cache->store);
        sandbox_close(cache->sandbox);
        free(cache->directory);
}

static int open_cache(const VerbCall *call, CacheCall *cache, Error *error)
{
        int r = cache_directory(options_string(call->options, "cache"), &cache->directory, error);

        if (r >= 0)
                r = sandbox_open(&cache->sandbox, error);
        if (r >= 0)
                r = layer_store_open(cache->sandbox, cache->directory, LAYER_STORE_DEFAULT_LIMIT_BYTES, &cache->store,
                                     error);
        if (r >= 0)
                r = layer_list(cache->store, &cache->layers, &cache->n_layers, error);
        if (r >= 0)
                r = block_store_list(layer_store_blocks(cache->store), &cache->blocks, &cache->n_blocks, error);
        return r < 0 ? r
                     : package_store_list(layer_store_packages(cache->store), &cache->packages, &cache->n_packages, error);
}

static const char *info_text(const LayerEntry *layer, const char *key)
{
        const char *text = json_string_value(json_object_get(layer->info, key));

        return text ? text : "?";
}

static const char *time_text(int64_t seconds, char buffer[static 24])
{
        struct tm when;
        time_t clock = (time_t) seconds;

        if (!localtime_r(&clock, &when) || strftime(buffer, 24, "%Y-%m-%d %H:%M", &when) == 0)
                return "?";
        return buffer;
}

static void show_layer(const VerbCall *call, const LayerEntry *layer)
{
        char size[SIZE_TEXT_MAX], used[24];
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:I, s:I, s:b, s:s, s:s}", "key", layer->key, "size_bytes",
                          (json_int_t) layer->size_bytes, "used_sec", (json_int_t) layer->used_sec, "in_use",
                          layer->in_use, "image", info_text(layer, "image"), "description",
                          info_text(layer, "description"));

        report_json_event(call->report, "layer", members);
        report_result(call->report, "%.*s  %10s  %s  %-20s %s%s", SHOWN_KEY_LENGTH, layer->key,
                      size_text(layer->size_bytes, size), time_text(layer->used_sec, used), info_text(layer, "image"),
                      info_text(layer, "description"), layer->in_use ? "  (in use)" : "");
}

static uint64_t total_bytes(const CacheCall *cache)
{
        uint64_t total = 0;

        for (size_t i = 0; i < cache->n_layers; i++)
                total += cache->layers[i].size_bytes;
        for (size_t i = 0; i < cache->n_blocks; i++)
                total += cache->blocks[i].size_bytes;
        for (size_t i = 0; i < cache->n_packages; i++)
                total += cache->packages[i].size_bytes;
        return total;
}

static Counts counts_of(const CacheCall *cache)
{
        return (Counts){ cache->n_layers, cache->n_blocks, cache->n_packages };
}

/* "3 layers", and where there are any "3 layers, 20 blocks and 100 packages". */
static char *count_text(Counts counts, char buffer[static COUNT_TEXT_MAX])
{
        size_t n_blocks = counts.n_blocks, n_packages = counts.n_packages;
        int length = snprintf(buffer, COUNT_TEXT_MAX, "%zu layer%s", counts.n_layers, counts.n_layers == 1 ? "" : "s");

        if (n_blocks > 0)
                length += snprintf(buffer + length, COUNT_TEXT_MAX - (size_t) length, "%s%zu block%s",
                                   n_packages > 0 ? ", " : " and ", n_blocks, n_blocks == 1 ? "" : "s");
        if (n_packages > 0)
                snprintf(buffer + length, COUNT_TEXT_MAX - (size_t) length, " and %zu package%s", n_packages,
                         n_packages == 1 ? "" : "s");
        return buffer;
}

/* They have neither names nor images: all together. */
static void show_blocks(const VerbCall *call, const CacheCall *cache)
{
        uint64_t size_bytes = 0;
        int64_t used_sec = 0;
        char size[SIZE_TEXT_MAX], used[24];

        for (size_t i = 0; i < cache->n_blocks; i++) {
                size_bytes += cache->blocks[i].size_bytes;
                if (cache->blocks[i].used_sec > used_sec)
                        used_sec = cache->blocks[i].used_sec;
        }
        if (cache->n_blocks == 0)
                return;
        _cleanup_json_ json_t *members = json_pack("{s:I, s:I, s:I}", "count", (json_int_t) cache->n_blocks, "size_bytes",
                                                   (json_int_t) size_bytes, "used_sec", (json_int_t) used_sec);
        report_json_event(call->report, "blocks", members);
        report_result(call->report, "%-*s  %10s  %s  compressed blocks of images: %zu", SHOWN_KEY_LENGTH, "",
                      size_text(size_bytes, size), time_text(used_sec, used), cache->n_blocks);
}

static void show_packages(const VerbCall *call, const CacheCall *cache)
{
        uint64_t size_bytes = 0;
        int64_t used_sec = 0;
        size_t n_in_use = 0;
        char size[SIZE_TEXT_MAX], used[24];

        for (size_t i = 0; i < cache->n_packages; i++) {
                size_bytes += cache->packages[i].size_bytes;
                n_in_use += cache->packages[i].in_use;
                if (cache->packages[i].used_sec > used_sec)
                        used_sec = cache->packages[i].used_sec;
        }
        if (cache->n_packages == 0)
                return;
        _cleanup_json_ json_t *members =
                json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t) cache->n_packages, "size_bytes",
                          (json_int_t) size_bytes, "used_sec", (json_int_t) used_sec, "in_use", (json_int_t) n_in_use);
        report_json_event(call->report, "packages", members);
        report_result(call->report, "%-*s  %10s  %s  downloaded packages: %zu%s", SHOWN_KEY_LENGTH, "",
                      size_text(size_bytes, size), time_text(used_sec, used), cache->n_packages,
                      n_in_use > 0 ? "  (some in use)" : "");
}

static int run_list(const VerbCall *call, Error *error)
{
        _cleanup_(cache_call_done) CacheCall cache = { 0 };
        char size[SIZE_TEXT_MAX], count[COUNT_TEXT_MAX];
        int r = open_cache(call, &cache, error);

        if (r < 0)
                return r;
        if (cache.n_layers > 0)
                report_result(call->report, "%-*s  %10s  %-16s  %-20s %s", SHOWN_KEY_LENGTH, "LAYER", "SIZE",
                              "LAST USED", "IMAGE", "STAGE");
        for (size_t i = 0; i < cache.n_layers; i++)
                show_layer(call, &cache.layers[i]);
        show_blocks(call, &cache);
        show_packages(call, &cache);
        report_note(call->report, "%s, %s, in %s", count_text(counts_of(&cache), count),
                    size_text(total_bytes(&cache), size), cache.directory);
        return 0;
}

static int verify_layer(const VerbCall *call, const CacheCall *cache, const LayerEntry *layer, size_t *n_damaged,
                        Error *error)
{
        _cleanup_free_ char *damage = NULL;
        int r = layer_verify(cache->store, layer->key, &damage, error);

        if (r < 0 || !damage)
                return r;
        ++*n_damaged;
        report_warning(call->report, "Layer %.*s (%s of %s) is damaged: %s; it is removed, the next build makes it anew",
                       SHOWN_KEY_LENGTH, layer->key, info_text(layer, "description"), info_text(layer, "image"), damage);
        return 0;
}

static int verify_block(const VerbCall *call, const CacheCall *cache, const BlockEntry *block, size_t *n_damaged,
                        Error *error)
{
        int r = block_store_verify(layer_store_blocks(cache->store), block->key, error);

        if (r <= 0)
                return r;
        ++*n_damaged;
        report_warning(call->report, "Block %.*s is damaged; it is removed, the next image that needs it compresses it anew",
                       SHOWN_KEY_LENGTH, block->key);
        return 0;
}

static int verify_package(const VerbCall *call, const CacheCall *cache, const PackageEntry *package, size_t *n_damaged,
                          Error *error)
{
        int r = package_store_verify(layer_store_packages(cache->store), package->sha256, error);

        if (r <= 0)
                return r;
        ++*n_damaged;
        report_warning(call->report, "Package %.*s is damaged; it is removed, the next build that needs it downloads it anew",
                       SHOWN_KEY_LENGTH, package->sha256);
        return 0;
}

static int add_damaged(char ***words, size_t n_damaged, size_t n, const char *what)
{
        return n_damaged > 0 ? strv_appendf(words, "%zu of %zu %s", n_damaged, n, what) : 0;
}

static int damaged(const CacheCall *cache, const Counts *counts, Error *error)
{
        size_t n = counts->n_layers + counts->n_blocks + counts->n_packages;
        _cleanup_strv_ char **words = NULL;

        if (add_damaged(&words, counts->n_layers, cache->n_layers, "layers") < 0 ||
            add_damaged(&words, counts->n_blocks, cache->n_blocks, "blocks") < 0 ||
            add_damaged(&words, counts->n_packages, cache->n_packages, "packages") < 0)
                return error_out_of_memory(error);
        _cleanup_free_ char *text = strv_join(words, " and ");
        return error_set(error, -EIO, "%s in %s %s damaged", text ? text : "", cache->directory, n == 1 ? "was" : "were");
}

static int run_verify(const VerbCall *call, Error *error)
{
        _cleanup_(cache_call_done) CacheCall cache = { 0 };
        Counts counts = { 0 };
        char text[COUNT_TEXT_MAX];
        int r = open_cache(call, &cache, error);

        for (size_t i = 0; r >= 0 && i < cache.n_layers; i++)
                r = verify_layer(call, &cache, &cache.layers[i], &counts.n_layers, error);
        for (size_t i = 0; r >= 0 && i < cache.n_blocks; i++)
                r = verify_block(call, &cache, &cache.blocks[i], &counts.n_blocks, error);
        for (size_t i = 0; r >= 0 && i < cache.n_packages; i++)
                r = verify_package(call, &cache, &cache.packages[i], &counts.n_packages, error);
        if (r < 0)
                return r;
        if (counts.n_layers + counts.n_blocks + counts.n_packages > 0)
                return damaged(&cache, &counts, error);
        report_note(call->report, "%s, all as they were stored", count_text(counts_of(&cache), text));
        return 0;
}

static int remove_until(const VerbCall *call, uint64_t limit_bytes, Error *error)
{
        _cleanup_(cache_call_done) CacheCall cache = { 0 };
        StorePruned pruned = { 0 };
        char freed[SIZE_TEXT_MAX], left[SIZE_TEXT_MAX], count[COUNT_TEXT_MAX];
        int r = open_cache(call, &cache, error);

        if (r >= 0)
                r = layer_store_prune(cache.store, limit_bytes, &pruned, error);
        if (r < 0)
                return r;
        report_note(call->report, "%s removed, %s freed, %s left in %s",
                    count_text((Counts){ pruned.n_layers, pruned.n_blocks, pruned.n_packages }, count), size_text(pruned.freed_bytes, freed),
                    size_text(total_bytes(&cache) - pruned.freed_bytes, left), cache.directory);
        return 0;
}

static int run_prune(const VerbCall *call, Error *error)
{
        const char *text = options_string(call->options, "cache-size");
        uint64_t limit_bytes = LAYER_STORE_DEFAULT_LIMIT_BYTES;
        int r = text ? parse_size(text, &limit_bytes) : 0;

        if (r < 0) {
                error_set_usage(error, r, "--cache-size: \"%s\" is not a size", text);
                return error_hint(error, "Give a number with K, M, G or T, as in 20G.");
        }
        return remove_until(call, limit_bytes, error);
}

static int run_clear(const VerbCall *call, Error *error)
{
        return remove_until(call, 0, error);
}

#define OPTION_CACHE                                                                                                    \
        {                                                                                                              \
                .name = "cache", .argument = "DIR", .value = VALUE_DIRECTORY,                                          \
                .help = "the cache (default: $TEMPLAR_CACHE, else /var/cache/templar for root and ~/.cache/templar "   \
                        "for others)"                                                                                  \
        }

static const Option list_options[] = { OPTION_CACHE, OPTION_JSON, { 0 } };
static const Option plain_options[] = { OPTION_CACHE, OPTION_QUIET, OPTION_JSON, { 0 } };
static const Option prune_options[] = {
        OPTION_CACHE,
        { .name = "cache-size",
          .argument = "SIZE",
          .value = VALUE_TEXT,
          .help = "how much layers, blocks and packages may take afterwards (default: 20G)" },
        OPTION_QUIET,
        OPTION_JSON,
        { 0 },
};

const Verb verb_cache_list = {
        .name = "cache list",
        .arguments = "",
        .summary = "show what is kept",
        .description = "Shows what each stage of the builds so far left in the cache, the least recently used first, with "
                       "its size, the image that it was built for, and whether a build uses it now; and how much room the "
                       "compressed blocks of images take, of which the next image takes those that are still the same, and the "
                       "downloaded packages.",
        .options = list_options,
        .run = run_list,
};

const Verb verb_cache_verify = {
        .name = "cache verify",
        .arguments = "",
        .summary = "read all that is kept again and remove what is damaged",
        .description = "Compares every file of every layer, every compressed block and every downloaded package with what was "
                       "stored. A damaged layer is removed, and the next build that wants it runs the stage again; a "
                       "damaged block is compressed again, a damaged package downloaded again. Exit status 1 when there "
                       "was one.",
        .options = plain_options,
        .run = run_verify,
};

const Verb verb_cache_prune = {
        .name = "cache prune",
        .arguments = "",
        .summary = "remove what was not used for the longest time",
        .description = "Removes layers, compressed blocks and packages, as builds do themselves; what a running build uses stays.",
        .options = prune_options,
        .run = run_prune,
};

const Verb verb_cache_clear = {
        .name = "cache clear",
        .arguments = "",
        .summary = "remove all that no build uses",
        .description = "Removes all layers, compressed blocks and downloaded packages. Package lists stay. Everything in the "
                       "cache can be deleted at any time when no build runs.",
        .options = plain_options,
        .run = run_clear,
};
