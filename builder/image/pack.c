/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include "base/cancel.h"
#include "base/clamp.h"
#include "image/blocks.h"
#include "image/hardlinks.h"
#include "image/names.h"
#include "image/pack_check.h"
#include "image/pipeline.h"
#include "image/tar.h"
#include "image/walk.h"
#include "image/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct Pack {
        const PackOptions *options;
        Blocks blocks;
        HardLinks *links;
        Buffer header;
        PackStatistics statistics;
} Pack;

static void show_progress(const Pack *pack)
{
        PackProgress *progress = pack->options->progress;

        if (!progress)
                return;
        atomic_store_explicit(&progress->entries, pack->statistics.n_entries, memory_order_relaxed);
        atomic_store_explicit(&progress->bytes, pack->blocks.total_bytes, memory_order_relaxed);
}

static int changed(const WalkEntry *entry, Error *error)
{
        char text[NAME_TEXT_MAX];

        error_set(error, -EBUSY, "%s changed while it was packed", name_text(entry->path, text));
        return error_hint(error, "Something still works on the tree");
}

/* Up to `limit_bytes` from the file into the block; *ret_bytes is 0 at the file's end. */
static int read_some(Pack *pack, const WalkEntry *entry, uint64_t limit_bytes, size_t *ret_bytes, Error *error)
{
        char text[NAME_TEXT_MAX];
        uint8_t *room;
        size_t size_bytes;
        int r = blocks_room(&pack->blocks, &room, &size_bytes, error);

        if (r < 0)
                return r;
        if (size_bytes > limit_bytes)
                size_bytes = (size_t) limit_bytes;
        ssize_t n;
        do
                n = read(entry->fd, room, size_bytes);
        while (n < 0 && errno == EINTR && !cancel_signal());
        if (cancel_signal())
                return error_cancelled(error);
        if (n < 0)
                return error_set_errno(error, errno, "Can't read %s", name_text(entry->path, text));
        blocks_used(&pack->blocks, (size_t) n);
        *ret_bytes = (size_t) n;
        return 0;
}

/* Exactly as many bytes as the header says, or an error. */
static int pack_content(Pack *pack, const WalkEntry *entry, Error *error)
{
        uint64_t size_bytes = (uint64_t) entry->status.st_size, left = size_bytes;
        struct stat after;
        size_t n = 0;

        for (; left > 0; left -= n) {
                int r = read_some(pack, entry, left, &n, error);
                if (r < 0)
                        return r;
                if (n == 0)
                        return changed(entry, error);
                show_progress(pack);
        }
        if (fstat(entry->fd, &after) < 0 || after.st_size != entry->status.st_size ||
            after.st_mtim.tv_sec != entry->status.st_mtim.tv_sec ||
            after.st_mtim.tv_nsec != entry->status.st_mtim.tv_nsec)
                return changed(entry, error);
        pack->statistics.content_bytes += size_bytes;
        return blocks_put_zeros(&pack->blocks, tar_padding(size_bytes), error);
}

/* What the header says of a file; the first name of an inode has the content, the later ones are links to it. A
 * symbolic link with several names is stored each time: not all unpackers link to symbolic links. */
static int describe(Pack *pack, const WalkEntry *entry, XattrList *xattrs, TarEntry *ret, Error *error)
{
        const struct stat *status = &entry->status;
        bool regular = S_ISREG(status->st_mode);

        *ret = (TarEntry){
                .path = entry->path,
                .mode = status->st_mode,
                .uid = status->st_uid,
                .gid = status->st_gid,
                .size_bytes = (uint64_t) status->st_size,
                .mtime_sec = clamped_mtime_sec(status, pack->options->clamp_sec),
                .link_target = entry->link_target,
        };
        if (regular && status->st_nlink > 1) {
                if (hard_links_seen(pack->links, status, entry->path, &ret->link_target) < 0)
                        return error_out_of_memory(error);
                ret->hard_link = ret->link_target != NULL;
        }
        if (entry->fd < 0 || ret->hard_link)
                return 0;
        int r = xattrs_read(entry->fd, regular, entry->path, xattrs, error);
        ret->xattrs = xattrs->items;
        ret->n_xattrs = xattrs->n_items;
        return r;
}

static int pack_entry(const WalkEntry *entry, void *userdata, Error *error)
{
        Pack *pack = userdata;
        _cleanup_xattrs_ XattrList xattrs = { 0 };
        TarEntry tar;

        if (cancel_signal())
                return error_cancelled(error);
        int r = describe(pack, entry, &xattrs, &tar, error);
        if (r < 0)
                return r;
        pack->header.length = 0;
        r = tar_encode(&tar, &pack->header, error);
        if (r < 0)
                return r;
        bool has_content = S_ISREG(tar.mode) && !tar.hard_link;
        uint64_t content_bytes = has_content ? tar.size_bytes + tar_padding(tar.size_bytes) : 0;
        blocks_start_member(&pack->blocks, entry->path, pack->header.length, content_bytes);
        r = blocks_put(&pack->blocks, pack->header.data, pack->header.length, error);
        if (r < 0)
                return r;
        pack->statistics.n_entries++;
        blocks_start_content(&pack->blocks, content_bytes);
        if (has_content)
                r = pack_content(pack, entry, error);
        show_progress(pack);
        return r;
}

static int pack_all(Pack *pack, int root_fd, PackOutput *outputs, size_t n_outputs, Error *error)
{
        PackOutput tar;
        int r = walk_tree(root_fd, pack_entry, pack, error);

        if (r == 0)
                r = blocks_put_zeros(&pack->blocks, tar_trailer(pack->blocks.total_bytes), error);
        if (r < 0)
                return r;
        blocks_end(&pack->blocks);
        r = pipeline_finish(pack->blocks.pipeline, outputs, n_outputs, &tar, error);
        if (r < 0)
                return r;
        pack->statistics.tar_bytes = tar.size_bytes;
        memcpy(pack->statistics.tar_sha256, tar.sha256, sizeof tar.sha256);
        return 0;
}

static int check_levels(const PackOutput *outputs, size_t n_outputs, Error *error)
{
        for (size_t i = 0; i < n_outputs; i++) {
                int lowest, highest, level = outputs[i].level;
                image_format_levels(outputs[i].format, &lowest, &highest);
                if (level != IMAGE_LEVEL_DEFAULT && (level < lowest || level > highest))
                        return error_set_usage(error, -EINVAL, "There is no level %d for %s: %d to %d", level,
                                               image_format_names[outputs[i].format], lowest, highest);
        }
        return 0;
}

/* With the check beside it, which has to be waited for in any case. Whichever found an error stops the other one, and what
 * that says of it doesn't matter. */
static int pack_checked(Pack *pack, int root_fd, PackOutput *outputs, size_t n_outputs, Error *error)
{
        Pipeline *pipeline = pack->blocks.pipeline;
        _cleanup_error_ Error check_error = ERROR_INIT;
        PackCheck *check = NULL;
        const LintOptions *lint = pack->options->lint;
        int r = lint ? pack_check_start(pipeline, lint, &check, error) : 0;

        if (r < 0)
                return r;
        r = pack_all(pack, root_fd, outputs, n_outputs, error);
        if (r < 0)
                pipeline_stop(pipeline);
        if (pack_check_finish(check, pack->options->lint_report, &check_error) < 0 && check_error.kind != ERROR_CANCELLED)
                r = error_move(error, &check_error);
        return r;
}

int pack_tree(int root_fd, const PackOptions *options, PackOutput *outputs, size_t n_outputs,
              PackStatistics *ret_statistics, Error *error)
{
        _cleanup_pipeline_ Pipeline *pipeline = NULL;
        _cleanup_hard_links_ HardLinks *links = hard_links_new();
        Pack pack = { .options = options, .links = links };

        if (!links)
                return error_out_of_memory(error);
        int r = check_levels(outputs, n_outputs, error);
        PipelineOptions pipeline_options = {
                .n_threads = options->n_threads,
                .cache = options->cache,
                .has_reader = options->lint,
        };
        if (r == 0)
                r = pipeline_new(outputs, n_outputs, &pipeline_options, &pipeline, error);
        if (r < 0)
                return r;
        pack.blocks.pipeline = pipeline;
        r = pack_checked(&pack, root_fd, outputs, n_outputs, error);
        buffer_done(&pack.header);
        if (r == 0)
                *ret_statistics = pack.statistics;
        return r;
}
