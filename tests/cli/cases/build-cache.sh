# SPDX-License-Identifier: LGPL-2.1-or-later
# The cache must be the user's own: what lies there becomes part of images.
mkdir open -m 0777
templar build --cache open recipes/no-image.recipe 2>&1 | sed "s|$PWD|PWD|g"
: >file
templar build --cache file recipes/no-image.recipe 2>&1 | sed "s|$PWD|PWD|g"
TEMPLAR_CACHE=$PWD/own/cache templar build recipes/no-image.recipe >/dev/null 2>&1
stat -c '%a %n' own/cache
if [ "$(id -u)" = 0 ]; then
        mkdir foreign
        chown 12345 foreign
        templar build --cache foreign recipes/no-image.recipe 2>&1 | sed "s|$PWD|PWD|g"
else
        echo "error: The cache directory PWD/foreign belongs to another user (12345)"
        echo "What lies there becomes part of images. Give another one with --cache."
fi
