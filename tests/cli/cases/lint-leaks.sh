# SPDX-License-Identifier: LGPL-2.1-or-later
pack() { tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -C tree -cf "$1" .; }
try() {
        echo "\$ templar lint $*"
        templar lint "$@" 2>&1
        echo "=> $?"
}
umask 022
mkdir -p tree/etc/ssh tree/root/.ssh tree/usr/bin
echo 'root::19000::::::' >tree/etc/shadow
echo key >tree/etc/ssh/ssh_host_ed25519_key
echo 'ssh-ed25519 AAAA admin' >tree/root/.ssh/authorized_keys
: >tree/etc/x.conf.dpkg-dist
mkfifo tree/usr/bin/pipe
chmod 0622 tree/usr/bin/pipe
pack x.tar
try x.tar
try --json x.tar
try --allow ssh-host-key --allow 'authorized-keys:/root/*' --allow password-empty:/etc/shadow --allow world-writable x.tar
try --allow password-empty:/etc/passwd x.tar
# what the recipe allowed is in the manifest
mkdir release
pack release/x-amd64-1.tar
echo '{"allowed": [{"check": "ssh-host-key", "path": null, "reason": "a test"}, {"check": "authorized-keys", "path": "/root/*",
    "reason": "admins"}, {"check": "world-writable", "path": null, "reason": "a pipe"}, {"check": "password-empty",
    "path": null, "reason": "nobody minds"}, {"check": "gone", "path": null, "reason": "of another time"}]}' \
        >release/x-amd64-1.manifest.json
try release
# a folder around the tree, and two archives in one file
mkdir around
mv tree around/tree
mv around tree
cp x.tar two.tar
pack more.tar
cat more.tar >>two.tar
try more.tar
try two.tar
