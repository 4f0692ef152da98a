/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* bench_pack [--threads N] [--cache DIRECTORY] [--lint] TREE FORMAT[:LEVEL]=FILE...
 *
 * Packs a tree as a build does, and prints "SECONDS PROCESSOR-SECONDS PEAK-KIB", then "FORMAT LEVEL BYTES" for each. */

typedef struct Bench {
        const char *tree, *cache;
        unsigned n_threads;
        bool lint;
        PackOutput outputs[IMAGE_FORMATS];
        size_t n_outputs;
} Bench;

static int usage(void)
{
        fputs("bench_pack [--threads N] [--cache DIRECTORY] [--lint] TREE FORMAT[:LEVEL]=FILE...\n", stderr);
        return 2;
}

static bool add_output(Bench *bench, char *word)
{
        char *path = strchr(word, '='), *level;

        if (!path || bench->n_outputs == IMAGE_FORMATS)
                return false;
        *path++ = '\0';
        level = strchr(word, ':');
        if (level)
                *level++ = '\0';
        int format = image_format_parse(word);
        if (format < 0)
                return false;
        bench->outputs[bench->n_outputs++] = (PackOutput){
                .format = (ImageFormat) format,
                .level = level ? atoi(level) : image_format_default_level((ImageFormat) format),
                .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
        };
        return bench->outputs[bench->n_outputs - 1].fd >= 0;
}

static bool parse(int argc, char **argv, Bench *bench)
{
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
                        bench->n_threads = (unsigned) atoi(argv[++i]);
                else if (strcmp(argv[i], "--cache") == 0 && i + 1 < argc)
                        bench->cache = argv[++i];
                else if (strcmp(argv[i], "--lint") == 0)
                        bench->lint = true;
                else if (!bench->tree)
                        bench->tree = argv[i];
                else if (!add_output(bench, argv[i]))
                        return false;
        }
        return bench->tree && bench->n_outputs > 0;
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

static double seconds(const struct timeval *time)
{
        return (double) time->tv_sec + (double) time->tv_usec * 1e-6;
}

static int run(Bench *bench, PackStatistics *statistics, Error *error)
{
        _cleanup_block_store_ BlockStore *store = NULL;
        _cleanup_block_service_ BlockService service = BLOCK_SERVICE_INIT;
        _cleanup_block_cache_ BlockCache *cache = NULL;
        _cleanup_close_ int fd = open(bench->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        LintOptions lint = { 0 };
        _cleanup_lint_report_ LintReport found = { 0 };
        PackOptions options = { .n_threads = bench->n_threads, .lint = bench->lint ? &lint : NULL, .lint_report = &found };

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", bench->tree);
        if (bench->cache) {
                int r = block_store_open(bench->cache, &store, error);
                if (r == 0)
                        r = block_service_start(store, &service, error);
                if (r < 0)
                        return r;
                cache = block_cache_new(service.socket_fd);
        }
        options.cache = cache;
        return pack_tree(fd, &options, bench->outputs, bench->n_outputs, statistics, error);
}

int main(int argc, char **argv)
{
        Bench bench = { 0 };
        PackStatistics statistics;
        Error error = ERROR_INIT;
        struct rusage usage_;

        if (!parse(argc, argv, &bench))
                return usage();
        double start = now();
        if (run(&bench, &statistics, &error) < 0) {
                fprintf(stderr, "bench_pack: %s\n", error.message);
                return 1;
        }
        double end = now();
        getrusage(RUSAGE_SELF, &usage_);
        printf("%.3f %.3f %ld\n", end - start, seconds(&usage_.ru_utime) + seconds(&usage_.ru_stime), usage_.ru_maxrss);
        for (size_t i = 0; i < bench.n_outputs; i++)
                printf("%s %d %llu\n", image_format_names[bench.outputs[i].format], bench.outputs[i].level,
                       (unsigned long long) bench.outputs[i].size_bytes);
        return 0;
}
