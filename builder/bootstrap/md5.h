/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "bootstrap/package.h"

#include <openssl/evp.h>

/* MD5 is what dpkg's database has for files; nothing here is verified by it. */

static inline void md5_free(EVP_MD_CTX **context)
{
        EVP_MD_CTX_free(*context);
}
#define _cleanup_md5_ _cleanup_(md5_free)

/* NULL when memory is short. */
EVP_MD_CTX *md5_new(void);
int md5_finish(EVP_MD_CTX *context, char ret_hex[static MD5_HEX_SIZE]) _must_check_;
