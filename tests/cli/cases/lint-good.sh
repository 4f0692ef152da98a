# SPDX-License-Identifier: LGPL-2.1-or-later
# A clean tree as a file, as a release directory, as a version of it; the newest version and the fastest format are read.
pack() { tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -C tree -cf - .; }
umask 022
mkdir -p tree/etc tree/usr release
echo 'root:x:0:0:root:/root:/bin/sh' >tree/etc/passwd
echo 'root:!*:19000::::::' >tree/etc/shadow
: >tree/etc/machine-id
pack | xz >release/x-amd64-9.tar.xz
pack >release/x-amd64-10.tar
pack | gzip >release/x-amd64-10.tar.gz
pack | zstd -q >x.tar.zst
echo >release/README
templar lint x.tar.zst
templar lint release
templar lint release/
templar lint release/x-amd64-9
(cd release && templar lint x-amd64-9)
templar lint --json release x.tar.zst
