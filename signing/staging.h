/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signing/release.h"

/* The inside of a Release, shared by release.c (opening, staging) and publish.c. */

struct Release {
        char *directory;
        char *base_name;
        char *staging;   /* path of the staging folder */
        char **suffixes; /* of the version's staged files, in the order of their making */
        int directory_fd, staging_fd, lock_fd;
};

/* A growing list of files. */
typedef struct FileList {
        ReleaseFile *items;
        size_t n;
} FileList;

#define FILE_LIST_INIT ((FileList){ 0 })

int file_list_add(FileList *list, const char *name, const char *sha256, uint64_t size_bytes,
                  Error *error) _must_check_;
const ReleaseFile *file_list_find(const FileList *list, const char *name);
/* By byte value of the names. */
void file_list_sort(FileList *list);
void file_list_done(FileList *list);
#define _cleanup_file_list_ _cleanup_(file_list_done)

/* BASE.suffix; caller frees; NULL when memory is short. */
char *staging_name(const Release *release, const char *suffix);
/* A file of any name in the staging folder, 0644. Replaces nothing. */
int staging_write(const Release *release, const char *name, const void *data, size_t size_bytes,
                  Error *error) _must_check_;
