# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# [Debootstrap] Engine=native with a distribution of three files: what goes wrong is told with the package's name, and
# nothing is left behind. Takes no network.

# Busybox, and a dpkg that does what is asked of it here: run what is to be configured. SYSTEM is its .deb.
make_system() {
        local root=$WORK/system busybox
        busybox=$(command -v busybox) || skip 'needs busybox-static'
        mkdir -p "$root"/{DEBIAN,bin,usr/bin,etc,var/lib/dpkg}
        printf 'Package: system\nVersion: 1\nArchitecture: %s\nEssential: yes\nPriority: required\n' "$ARCH" >"$root/DEBIAN/control"
        printf 'Maintainer: Nobody <nobody@example.invalid>\nDescription: busybox\n' >>"$root/DEBIAN/control"
        cp "$busybox" "$root/bin/busybox"
        for name in sh rm mv sed env cat; do ln -s busybox "$root/bin/$name"; done
        printf 'ID=small\n' >"$root/etc/os-release"
        cat >"$root/usr/bin/dpkg" <<'END'
#!/bin/sh
for script in /var/lib/dpkg/info/*.postinst; do
        [ -e "$script" ] || continue
        name=${script##*/}
        name=${name%.postinst}
        echo "Setting up $name (1) ..."
        status=0
        "$script" configure || status=$?
        [ $status -ne 0 ] || continue
        echo "dpkg: error processing package $name (--configure):" >&2
        echo " installed $name package post-installation script subprocess returned error exit status $status" >&2
        exit 1
done
sed -i 's/^Status: install ok unpacked/Status: install ok installed/' /var/lib/dpkg/status
END
        chmod 0755 "$root/usr/bin/dpkg"
        mkdir -p "$POOL"
        dpkg-deb --root-owner-group -Znone -b "$root" "$POOL/system_1_$ARCH.deb" >/dev/null
}

# package NAME [option...]: see make-deb.sh
package() {
        "$SOURCE/tests/fixtures/make-deb.sh" "$POOL" "$1" 1 "${@:2}" >/dev/null
}

# start: ARCHIVE with the system in it
start() {
        ARCHIVE=$WORK/archive
        POOL=$ARCHIVE/pool/main
        export SOURCE_DATE_EPOCH=1700000000
        make_system
}

index() {
        "$SOURCE/tests/fixtures/make-archive.sh" "$ARCHIVE" bookworm
}

# recipe INCLUDE
recipe() {
        mkdir -p "$WORK/recipes"
        RECIPE=$WORK/recipes/small.recipe
        cat >"$RECIPE" <<END
[Image]
Name=small
Version=1
Formats=tar

[Debootstrap]
Suite=bookworm
Mirror=file://$ARCHIVE
Keyring=$ARCHIVE/keyring.gpg
Include=$1
END
}

# fails INCLUDE PATTERN...: the build does, with these words, and nothing is left
fails() {
        recipe "$1"
        shift
        BUILD_CACHE=$WORK/cache build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'stage 1 \[Debootstrap\]' "$@"
        nothing_published
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_tree() {
        local tree=$WORK/tree
        start
        package first --conffile /etc/first=setting --file /usr/share/first/data=x \
                --script 'preinst=env >/preinst-of-first; [ "$1" = install ]; [ $# -eq 1 ]; [ ! -e /usr/share/first/data ]; [ -e /var/lib/dpkg/tmp.ci/control ]; [ "$PWD" = / ]' \
                --script 'postinst=echo configured >/postinst-of-first' --field 'Depends: second'
        package second --file /lib/second=x
        index
        recipe first
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign --json
        cp "$WORK/stdout" "$WORK/events"
        find_release "$WORK/out" small
        unpack_release "$tree"
        same "$(readlink "$tree/lib")" usr/lib '/lib'
        same "$(cat "$tree/usr/lib/second")" x 'a file behind a link'
        [ ! -e "$tree/lib32" ] || fail '/lib32 is there'
        same "$(cat "$tree/postinst-of-first")" configured 'what the postinst wrote'
        matches "$tree/preinst-of-first" '^DPKG_MAINTSCRIPT_PACKAGE=first$' '^DPKG_MAINTSCRIPT_NAME=preinst$' \
                '^DPKG_MAINTSCRIPT_ARCH=all$' '^DPKG_ROOT=$' '^DPKG_ADMINDIR=/var/lib/dpkg$' '^DEBIAN_FRONTEND=noninteractive$'
        [ ! -e "$tree/var/lib/dpkg/tmp.ci" ] || fail 'tmp.ci is there'
        same "$(dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Package} ${db:Status-Status} ')" \
                'first installed second installed system installed ' packages
        same "$(dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Conffiles}' first)" \
                " /etc/first $(printf 'setting\n' | md5sum | cut -d' ' -f1)" 'configuration files'
        same "$(dpkg-query --admindir="$tree/var/lib/dpkg" -S /usr/share/first/data)" 'first: /usr/share/first/data' owner
        same "$(sed -n 's/^Package: //p' "$tree/var/lib/apt/extended_states" 2>/dev/null)" '' marks
        run 0 jq -r 'select(.event == "stage-ended" and .kind == "Debootstrap") | .phases | keys | join(" ")' "$WORK/events"
        same "$(cat "$WORK/stdout")" 'configure download preinst read resolve unpack' phases
}

# An ordinary user has the same tree.
test_user() {
        start
        package first --file /usr/share/first/data=x --script 'postinst=chown 7:8 /usr/share/first/data'
        index
        recipe first
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" small
        tar -tvf "$TAR" --numeric-owner >"$WORK/by-root"
        make_user tester
        chmod -R a+rX "$WORK/recipes" "$ARCHIVE"
        run 0 as_user "$TEMPLAR" build "$RECIPE" --out "$TEST_HOME/out" --no-sign
        find_release "$TEST_HOME/out" small
        tar -tvf "$TAR" --numeric-owner >"$WORK/by-user"
        run 0 diff "$WORK/by-root" "$WORK/by-user"
        matches "$WORK/by-user" '7/8 .*usr/share/first/data'
}

test_plan() {
        start
        package first --file /x=1
        index
        recipe first
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign
        run 0 "$TEMPLAR" plan "$RECIPE" --out "$WORK/out" --cache "$WORK/cache"
        matches "$WORK/stdout" 'Debootstrap bookworm.*cached'
        # another package that nobody wants, then another version of one
        package other --file /y=1
        index
        run 0 "$TEMPLAR" plan "$RECIPE" --out "$WORK/out" --cache "$WORK/cache"
        matches "$WORK/stdout" 'Debootstrap bookworm.*cached'
        "$SOURCE/tests/fixtures/make-deb.sh" "$POOL" first 2 --file /x=2 >/dev/null
        rm "$POOL/first_1_all.deb"
        index
        run 0 "$TEMPLAR" plan "$RECIPE" --out "$WORK/out" --cache "$WORK/cache"
        matches "$WORK/stdout" 'package first 1 -> 2'
}

test_link_and_directory() {
        local tree=$WORK/tree
        start
        package first --file /usr/share/doc/second/more=x
        package second --file /usr/share/second/data=x
        rm -rf "$WORK/again"
        dpkg-deb -R "$POOL/second_1_all.deb" "$WORK/again"
        rm -rf "$WORK/again/usr/share/doc/second" "$WORK/again/DEBIAN/md5sums"
        ln -s ../second "$WORK/again/usr/share/doc/second"
        dpkg-deb --root-owner-group -b "$WORK/again" "$POOL/second_1_all.deb" >/dev/null
        index
        recipe 'first second'
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" small
        unpack_release "$tree"
        # first comes first, so it is its directory
        [ ! -L "$tree/usr/share/doc/second" ] || fail 'it is a link'
        [ -e "$tree/usr/share/doc/second/more" ] || fail 'a file is missing'
}

# ------------------------------------------------------------------------------------------------ scripts that fail
test_failing_preinst() {
        start
        package bad --script 'preinst=for i in 1 2 3; do echo "line $i"; done; exit 3'
        index
        fails bad 'The pre-installation script of bad failed with status 3' 'line 1' 'line 3'
}

test_failing_postinst() {
        start
        package bad --script 'postinst=echo "why it fails"; exit 4'
        index
        fails bad 'The post-installation script of bad failed with status 4' 'why it fails'
}

test_no_network() {
        start
        package first --script 'postinst=sed -n "s/^ *\\([a-z0-9]*\\):.*/\\1/p" /proc/net/dev >/interfaces'
        index
        recipe first
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" small
        same "$(tar -xOf "$TAR" ./interfaces 2>/dev/null || tar -xOf "$TAR" interfaces)" lo interfaces
}

# ------------------------------------------------------------------------------------------------ packages that are bad
test_two_owners() {
        start
        package one --file /usr/share/thing=1
        package two --file /usr/share/thing=2
        index
        fails 'one two' '(one 1 .*/usr/share/thing, and so has two 1|two 1 .*/usr/share/thing, and so has one 1)'
}

test_unknown_package() {
        start
        index
        fails no-such-package 'no-such-package'
}

test_forbidden() {
        start
        package first --field 'Depends: second'
        package second
        index
        recipe first
        printf 'Exclude=second\n' >>"$RECIPE"
        BUILD_CACHE=$WORK/cache build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'first' 'second'
}

# repack NAME TAR-OPTION...: its files once more, with other names
repack() {
        local name=$1 work=$WORK/repack
        shift
        rm -rf "$work"
        mkdir -p "$work/files"
        (
                cd "$work"
                ar x "$POOL/${name}_1_all.deb"
                tar -C files -xf data.tar.gz
                tar -C files "$@" -czf data.tar.gz .
                ar rc "$POOL/${name}_1_all.deb" debian-binary control.tar.gz data.tar.gz
        )
}

test_leading_out() {
        start
        package bad --file /x=1
        repack bad --transform 's,^\./x$,../../x,'
        index
        fails bad 'bad 1 ' 'a file with a name that leads elsewhere: ../../x'
}

test_absolute() {
        start
        package bad --file /x=1
        repack bad -P --transform 's,^\./x$,/x,'
        index
        fails bad 'bad 1 ' 'a file with an absolute name: /x'
        [ ! -e /x ] || fail '/x of this machine'
}

test_through_link() {
        start
        package bad --file /d/x=1
        repack bad --transform 's,^\./d/x$,./usr/share/doc/bad/link/x,'
        mkdir "$WORK/repack/more"
        (
                cd "$WORK/repack"
                ln -s /tmp more/link
                gunzip data.tar.gz
                tar -C more --transform 's,^link,./usr/share/doc/bad/link,' -cf first.tar link
                tar -Af first.tar data.tar
                gzip <first.tar >data.tar.gz
                ar rc "$POOL/bad_1_all.deb" debian-binary control.tar.gz data.tar.gz
        )
        index
        fails bad 'bad 1 ' 'files behind a symbolic link of its own: /usr/share/doc/bad/link'
}

test_cut_off() {
        start
        package bad --file "/x=$(seq 20000)"
        truncate -s -10000 "$POOL/bad_1_all.deb"
        index 2>/dev/null
        fails bad 'bad 1 ' 'it is (cut off|damaged)'
}

test_wrong_hash() {
        start
        package bad --file /x=1
        index
        printf x | dd of="$POOL/bad_1_all.deb" bs=1 seek=200 conv=notrunc status=none
        fails bad 'bad_1_all.deb' 'not the file that its repository.s index names'
}

test_missing_file() {
        start
        package bad --file /x=1
        index
        rm "$POOL/bad_1_all.deb"
        fails bad "bad_1_all.deb"
}

# A disk that fills up while packages are unpacked; the same cache is good once there is room.
test_full_disk() {
        start
        package big --file /x=1
        dpkg-deb -R "$POOL/big_1_all.deb" "$WORK/again"
        truncate -s 40M "$WORK/again/x"
        printf '%1048576s' ' ' >"$WORK/again/y"
        for n in 1 2 3 4 5 6; do cat "$WORK/again/y" "$WORK/again/y" "$WORK/again/y" "$WORK/again/y" >>"$WORK/again/z"; done
        dpkg-deb --root-owner-group -b "$WORK/again" "$POOL/big_1_all.deb" >/dev/null
        index
        mkdir "$WORK/disk"
        mount -t tmpfs -o size=12m,mode=0755 templar-test "$WORK/disk"
        defer umount "$WORK/disk"
        recipe big
        BUILD_CACHE=$WORK/disk build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'big 1 ' 'No space left on device'
        nothing_published
        mount -o remount,size=200m "$WORK/disk"
        BUILD_CACHE=$WORK/disk build 0 "$RECIPE" --no-sign
}

test_foreign_architecture() {
        start
        index
        recipe ''
        sed -i 's/^Version=1/Version=1\nArchitecture=s390x/' "$RECIPE"
        [ ! -e /proc/sys/fs/binfmt_misc/qemu-s390x ] || skip 'this machine runs s390x'
        BUILD_CACHE=$WORK/cache build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 's390x'
}
