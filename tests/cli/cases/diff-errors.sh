# SPDX-License-Identifier: LGPL-2.1-or-later
try() {
        echo "\$ templar diff $*"
        templar diff "$@" 2>&1
        echo "=> $?"
}
mkdir empty
echo '{' >broken.json
echo '{}' >other.json
echo '{"manifest_version": 1}' >no-packages.json
echo '{"manifest_version": 1, "packages": [{"name": "x"}]}' >half.json
echo text >text.tar
head -c 10240 /dev/zero | gzip >zeros.tar.gz
head -c 20 zeros.tar.gz >short.tar.gz
try
try text.tar
try text.tar text.tar text.tar
try --json --markdown text.tar text.tar
try --summary --all text.tar text.tar
try missing.tar text.tar
try text.tar missing.tar
try empty text.tar
try text.tar text.tar
try short.tar.gz short.tar.gz
try broken.json broken.json
try other.json other.json
try no-packages.json no-packages.json
try half.json half.json
try /dev/null /dev/null
