/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/store.h"
#include "verbs/directories.h"
#include "verbs/size.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SHOWN_KEY_LENGTH 12
#define COUNT_TEXT_MAX 80

/* What all these verbs need, and what is there. */
typedef struct CacheCall {
        char *directory;
        Sandbox *sandbox;
        LayerStore *store;
        LayerEntry *layers;
        size_t n_layers;
        BlockEntry *blocks;
        size_t n_blocks;
} CacheCall;

static void cache_call_done(CacheCall *cache)
{
        layer_entries_free(cache->layers, cache->n_layers);
        free(cache->blocks);
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
        return r < 0 ? r : block_store_list(layer_store_blocks(cache->store), &cache->blocks, &cache->n_blocks, error);
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
        return total;
}

/* "3 layers", and where there are any "3 layers and 20 blocks". */
static char *count_text(size_t n_layers, size_t n_blocks, char buffer[static COUNT_TEXT_MAX])
{
        int length = snprintf(buffer, COUNT_TEXT_MAX, "%zu layer%s", n_layers, n_layers == 1 ? "" : "s");

        if (n_blocks > 0)
                snprintf(buffer + length, COUNT_TEXT_MAX - (size_t) length, " and %zu block%s", n_blocks,
                         n_blocks == 1 ? "" : "s");
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
        report_note(call->report, "%s, %s, in %s", count_text(cache.n_layers, cache.n_blocks, count),
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

static int damaged(const CacheCall *cache, size_t n_layers, size_t n_blocks, Error *error)
{
        char layers[COUNT_TEXT_MAX] = "", blocks[COUNT_TEXT_MAX] = "";

        if (n_layers > 0 || n_blocks == 0)
                snprintf(layers, sizeof layers, "%zu of %zu layers", n_layers, cache->n_layers);
        if (n_blocks > 0)
                snprintf(blocks, sizeof blocks, "%zu of %zu blocks", n_blocks, cache->n_blocks);
        return error_set(error, -EIO, "%s%s%s in %s %s damaged", layers, *layers && *blocks ? " and " : "", blocks,
                         cache->directory, n_layers + n_blocks == 1 ? "was" : "were");
}

static int run_verify(const VerbCall *call, Error *error)
{
        _cleanup_(cache_call_done) CacheCall cache = { 0 };
        size_t n_layers = 0, n_blocks = 0;
        char count[COUNT_TEXT_MAX];
        int r = open_cache(call, &cache, error);

        for (size_t i = 0; r >= 0 && i < cache.n_layers; i++)
                r = verify_layer(call, &cache, &cache.layers[i], &n_layers, error);
        for (size_t i = 0; r >= 0 && i < cache.n_blocks; i++)
                r = verify_block(call, &cache, &cache.blocks[i], &n_blocks, error);
        if (r < 0)
                return r;
        if (n_layers + n_blocks > 0)
                return damaged(&cache, n_layers, n_blocks, error);
        report_note(call->report, "%s, all as they were stored", count_text(cache.n_layers, cache.n_blocks, count));
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
                    count_text(pruned.n_layers, pruned.n_blocks, count), size_text(pruned.freed_bytes, freed),
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
          .help = "how much layers and blocks may take afterwards (default: 20G)" },
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
                       "compressed blocks of images take, of which the next image takes those that are still the same.",
        .options = list_options,
        .run = run_list,
};

const Verb verb_cache_verify = {
        .name = "cache verify",
        .arguments = "",
        .summary = "read all that is kept again and remove what is damaged",
        .description = "Compares every file of every layer, and every compressed block, with what was stored. A damaged "
                       "layer is removed, and the next build that wants it runs the stage again; a damaged block is "
                       "compressed again. Exit status 1 when there was one.",
        .options = plain_options,
        .run = run_verify,
};

const Verb verb_cache_prune = {
        .name = "cache prune",
        .arguments = "",
        .summary = "remove what was not used for the longest time",
        .description = "Removes layers and compressed blocks, as builds do themselves; what a running build uses stays.",
        .options = prune_options,
        .run = run_prune,
};

const Verb verb_cache_clear = {
        .name = "cache clear",
        .arguments = "",
        .summary = "remove all that no build uses",
        .description = "Removes all layers and compressed blocks. Downloaded packages and package lists stay. Everything in the cache can be deleted at any time "
                       "when no build runs.",
        .options = plain_options,
        .run = run_clear,
};
