# SPDX-License-Identifier: LGPL-2.1-or-later
try() {
        echo "\$ templar verify $*"
        templar verify "$@" 2>&1
        echo "=> $?"
}
mkdir empty
: >empty-keyring
echo image >x-amd64-1.tar
try missing --keyring recipes/keyring.gpg
try empty --keyring missing.gpg
try empty --keyring empty-keyring
try empty --keyring recipes/keyring.gpg
try x-amd64-1.tar --keyring recipes/keyring.gpg
