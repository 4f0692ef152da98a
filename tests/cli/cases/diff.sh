# SPDX-License-Identifier: LGPL-2.1-or-later
# Two versions of an image, in all ways of showing what differs; and an image that holds the same.
pack() { tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@"${2:-0}" -C tree -cf "$1" .; }
umask 022
mkdir -p tree/etc/systemd/system/sockets.target.wants tree/usr/bin tree/usr/lib/systemd/system tree/usr/share/old tree/var/lib/dpkg release
echo root >tree/etc/passwd
echo one >tree/etc/same
echo x >tree/usr/share/old/a
printf 'ListenStream=22\n' >tree/usr/lib/systemd/system/ssh.socket
ln -s passwd tree/etc/link
cat >tree/var/lib/dpkg/status <<'END'
Package: base
Status: install ok installed
Installed-Size: 10
Architecture: all
Version: 1.0

Package: gone
Status: install ok installed
Architecture: amd64
Version: 2

Package: lib
Status: install ok installed
Installed-Size: 100
Architecture: amd64
Version: 1:1-1
END
pack release/x-amd64-1.tar
pack later.tar 1000000000
gzip later.tar
rm -r tree/usr/share/old
mkdir -p tree/usr/share/new/deep
echo more >tree/usr/share/new/a
head -c 5000 /dev/zero >tree/usr/share/new/deep/b
head -c 2000 /dev/zero >tree/usr/bin/su
chmod 4755 tree/usr/bin/su
chmod 0666 tree/etc/passwd
echo two >>tree/etc/passwd
ln -sfn same tree/etc/link
ln -s /usr/lib/systemd/system/ssh.socket tree/etc/systemd/system/sockets.target.wants/ssh.socket
cat >tree/var/lib/dpkg/status <<'END'
Package: base
Status: install ok installed
Installed-Size: 30
Architecture: all
Version: 1.1

Package: lib
Status: install ok installed
Installed-Size: 90
Architecture: amd64
Version: 1:1-0

Package: tool
Status: install ok installed
Installed-Size: 5
Architecture: amd64
Version: 3
END
pack release/x-amd64-2.tar
echo "== text"
templar diff release/x-amd64-1 release
echo "== all"
templar diff --all release/x-amd64-1 release | sed -n '/^Files/,$p'
echo "== summary"
templar diff --summary release/x-amd64-1.tar release/x-amd64-2.tar | tail -n 2
echo "== markdown"
templar diff --markdown release/x-amd64-1 release
echo "== json"
templar diff --json release/x-amd64-1 release
echo "== the same"
templar diff release/x-amd64-1 later.tar.gz
templar diff --markdown release/x-amd64-1 later.tar.gz
templar diff --exit-code --json release/x-amd64-1 later.tar.gz
echo "=> $?"
templar diff --exit-code release later.tar.gz >out
echo "=> $?"
