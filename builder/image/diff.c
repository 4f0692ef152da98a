/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/diff.h"

#include <string.h>
#include <sys/stat.h>

static bool same_capability(const IndexEntry *a, const IndexEntry *b)
{
        return a->capability_size == b->capability_size &&
               memcmp(a->capability, b->capability, a->capability_size) == 0;
}

static unsigned compare_entries(const IndexEntry *before, const IndexEntry *after)
{
        unsigned what = 0;

        if ((before->mode & S_IFMT) != (after->mode & S_IFMT) || before->hard_link != after->hard_link)
                what |= DIFF_TYPE;
        else if (strcmp(before->sha256, after->sha256) != 0)
                what |= DIFF_CONTENT;
        else if (strcmp(before->target, after->target) != 0)
                what |= DIFF_TARGET;
        /* a link's own mode means nothing, and a hard link's is that of its file */
        bool linked = S_ISLNK(after->mode) || before->hard_link || after->hard_link;
        if (!linked && (before->mode & 07777) != (after->mode & 07777))
                what |= DIFF_MODE;
        if (before->uid != after->uid || before->gid != after->gid)
                what |= DIFF_OWNER;
        if (!linked && !same_capability(before, after))
                what |= DIFF_CAPABILITY;
        if (!linked && before->xattrs != after->xattrs)
                what |= DIFF_XATTRS;
        return what;
}

static int next(IndexReader *reader, const IndexEntry **entry, Error *error)
{
        int r = index_next(reader, entry, error);

        if (r == 0)
                *entry = NULL;
        return r;
}

static int walk(IndexReader *left, IndexReader *right, DiffListener listener, void *userdata, Error *error)
{
        const IndexEntry *before, *after;
        int r = next(left, &before, error);

        if (r >= 0)
                r = next(right, &after, error);
        while (r >= 0 && (before || after)) {
                int order = !before ? 1 : !after ? -1 : index_compare_paths(before->path, after->path);
                if (order == 0)
                        listener(before, after, compare_entries(before, after), userdata);
                else
                        listener(order < 0 ? before : NULL, order > 0 ? after : NULL, 0, userdata);
                if (order <= 0)
                        r = next(left, &before, error);
                if (r >= 0 && order >= 0)
                        r = next(right, &after, error);
        }
        return r < 0 ? r : 0;
}

int diff_walk(const Index *before, const Index *after, DiffListener listener, void *userdata, Error *error)
{
        _cleanup_index_reader_ IndexReader left = { 0 }, right = { 0 };
        int r = index_read(before, &left, error);

        if (r == 0)
                r = index_read(after, &right, error);
        return r < 0 ? r : walk(&left, &right, listener, userdata, error);
}
