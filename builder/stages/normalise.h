/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"

#include <stdint.h>

/* Contents of files that packages make while they are configured, without what depends on when and on which file system
 * that was. Each function reads `content` (NUL behind it) and appends the same file to *ret. Returns 0, -ENOMEM, or
 * -EBADMSG for a content that it does not know: that is better left alone. */

typedef struct NormaliseDates {
        int64_t epoch_sec; /* of the image, SOURCE_DATE_EPOCH */
        int64_t since_sec; /* when the first stage of the build ran, by the clock of that machine */
} NormaliseDates;

typedef int (*Normaliser)(const Buffer *content, const NormaliseDates *dates, Buffer *ret);

/* shadow(5): days of password changes during the build. */
int normalise_shadow(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* shells(5): comments first, then the shells, sorted and each once. */
int normalise_shells(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* The menu of info(1), which install-info(1) fills in the order in which it finds the files: sections sorted by title,
 * entries by name. */
int normalise_info_menu(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* A Java keystore with the usual password "changeit": when each certificate came into it. Format:
 * sun.security.provider. JavaKeyStore of OpenJDK. */
int normalise_keystore(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* The hash table that newaliases(1) of Postfix makes: its time, and the identity of the file, of which the inode
 * number is a part. Format: db_page.h of Berkeley DB 5.3. */
int normalise_aliases(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* mdadm.conf: when mkconf made it. */
int normalise_mdadm(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
/* iscsi's name of this machine: each clone makes one at its first start. */
int normalise_initiator(const Buffer *content, const NormaliseDates *dates, Buffer *ret) _must_check_;
