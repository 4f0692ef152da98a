# SPDX-License-Identifier: LGPL-2.1-or-later
try() {
        echo "\$ templar lint $*"
        templar lint "$@" 2>&1
        echo "=> $?"
}
mkdir empty release
echo '{}' >release/x-amd64-1.manifest.json
echo text >x.tar
head -c 100 /dev/zero >zeros.tar
try
try missing.tar
try empty
try release
try x.tar
try zeros.tar
try missing.tar x.tar
try --allow
try --allow private-kei x.tar
try --allow tar-paths x.tar
try --allow private-key:etc x.tar
# in a recipe
sed -i 's/^Name=.*/&\nAllow=private-kei why not\nAllow=history\nAllow=tar-paths no\nAllow=hostname:\/etc\/hostname it is one machine/' \
        recipes/good.recipe
templar check recipes/good.recipe 2>&1 | grep -v '^warning:'
