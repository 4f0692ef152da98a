# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The shipped recipe ubuntu-xenial, against an archive that looks like Ubuntu's.

# Sets ARCHIVE, and SETTINGS: the options that turn the recipe to it.
need_archive() {
        local n
        ARCHIVE=$SHARED/xenial
        if [ ! -e "$ARCHIVE.done" ]; then
                mkdir -p "$CACHE/xenial-download" "$ARCHIVE"
                ln -sfn "$CACHE/xenial-download" "$ARCHIVE/download"
                "$SOURCE/tests/fixtures/make-xenial.sh" "$ARCHIVE"
                touch "$ARCHIVE.done"
        fi
        SETTINGS=(--set "Debootstrap.Mirror=file://$ARCHIVE" --set "Debootstrap.Keyring=$ARCHIVE/keyring.gpg")
        for n in 1 2; do
                SETTINGS+=(--set "Repositories[$n].URIs=" --set "Repositories[$n].URIs=file://$ARCHIVE"
                        --set "Repositories[$n].SignedBy=$ARCHIVE/keyring.gpg")
        done
}

test_recipe() {
        local tree=$WORK/tree lists
        need_archive
        build 0 "$SOURCE/recipes/ubuntu-xenial.recipe" --no-sign --formats tar "${SETTINGS[@]}"
        find_release "$WORK/out" ubuntu-xenial
        unpack_release "$tree"
        same "$(find "$tree/dev" -mindepth 1)" '' 'device nodes'
        dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Package} ${Version} ${db:Status-Status}\n' >"$WORK/packages"
        matches "$WORK/packages" '^makedev 2\.3\.1-93ubuntu2~ubuntu16\.04\.1\+templar1 installed$' '^dbus .* installed$' \
                '^ubuntu-minimal .* installed$' '^systemd-sysv .* installed$' '^hostname .*ubuntu0\.16\.04\.1 installed$'
        same "$(grep -cv ' installed$' "$WORK/packages")" 0 'packages that are not installed'
        run 0 dpkg --root="$tree" --audit
        run 0 chroot "$tree" apt-get check
        matches "$tree/var/lib/dpkg/info/makedev.postinst" 'lxc\|systemd-nspawn'

        # one-line sources for apt of that time, with everything from main to multiverse
        lists=$WORK/lists
        cat "$tree/etc/apt/sources.list" "$tree"/etc/apt/sources.list.d/*.list 2>/dev/null | grep '^deb ' >"$lists"
        for suite in xenial xenial-updates xenial-security; do
                matches "$lists" " $suite main restricted universe multiverse\$"
        done
        same "$(find "$tree/etc/apt/sources.list.d" -name '*.sources')" '' 'deb822 files'

        matches "$tree/etc/shadow" '^root:\$6\$'
        same "$(grep -cx pts/0 "$tree/etc/securetty")" 1 'pts/0 in securetty'
        [ ! -e "$tree/etc/hostname" ] || fail '/etc/hostname is there'
        boot 0 "$tree" templar
        matches "$WORK/stdout" '^logged in$' '^state: (running|degraded)$' '^powered off$'
}

# xenial's own makedev does not know systemd-nspawn.
test_makedev_unpatched() {
        need_archive
        mkdir "$WORK/recipes"
        sed -e 's/^\[PatchDeb\]/[Install]/; s/^Package=/Packages=/; /^Patch=/d; /^Suffix=/d; /^Base=/d' \
                "$SOURCE/recipes/ubuntu-xenial.recipe" >"$WORK/recipes/ubuntu-xenial.recipe"
        build 1 "$WORK/recipes/ubuntu-xenial.recipe" --no-sign --formats tar "${SETTINGS[@]}"
        matches "$WORK/stderr" 'mknod: .*Operation not permitted' makedev
        nothing_published
}
