# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# [Debootstrap] Engine=native: its trees beside those of mmdebstrap and debootstrap, path by path; what is expected to
# differ stands in bootstrap.table. By default a part that sees every suite; all of it with BOOTSTRAP=full
# (make check-bootstrap).
# shellcheck source=trees.sh
. "$SOURCE/tests/integration/trees.sh"

TABLE=$SOURCE/tests/integration/bootstrap.table
MIRROR=${MIRROR:-http://deb.debian.org/debian}

# What is demanding in each: users, services and D-Bus; conffiles; debconf; a database that is made; file capabilities;
# hard links; diversions; dpkg-statoverride (dbus, screen); byte code; triggers and alternatives.
SETS=(
        'systemd-sysv libpam-systemd polkitd dbus'
        'nginx'
        'openssh-server'
        'postgresql'
        'iputils-ping'
        'git perl'
        'molly-guard zutils'
        'screen'
        'python3'
        'default-jre-headless'
)

# all_sets SUITE
all_sets() {
        local names="${SETS[*]}"
        [ "$1" != bullseye ] || names=${names/polkitd/policykit-1}
        printf '%s\n' "$names"
}

need_full() {
        [ "${BOOTSTRAP:-}" = full ] || skip 'a part of make check-bootstrap'
}

# ------------------------------------------------------------------------------------------------ trees
# native SUITE VARIANT INCLUDE: sets TREE
native() {
        local name=native-$1-$2
        command -v getfattr >/dev/null || skip 'needs attr'
        mkdir -p "$WORK/recipes"
        cat >"$WORK/recipes/$name.recipe" <<END
[Image]
Name=$name
Formats=tar

[Debootstrap]
Suite=$1
Mirror=$MIRROR
Variant=$2
CheckValidUntil=no
Include=$3
END
        build 0 "$WORK/recipes/$name.recipe" --no-sign
        find_release "$WORK/out" "$name"
        TREE=$WORK/native
        rm -rf "$TREE"
        unpack_release "$TREE"
        rm -rf "$WORK/out"
}

# Links as debootstrap makes them; mmdebstrap would leave bullseye unmerged and convert bookworm with a package.
merge_hook() {
        # shellcheck disable=SC2016
        case $1-$2 in
        bullseye-buildd) ;;
        bullseye-*) HOOKS=(--setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done') ;;
        bookworm-buildd) HOOKS=(--hook-dir=/usr/share/mmdebstrap/hooks/no-merged-usr) ;;
        bookworm-*) HOOKS=(--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr) ;;
        esac
}

# with_mmdebstrap SUITE VARIANT INCLUDE: sets REFERENCE. Packages are kept for the next one.
with_mmdebstrap() {
        local debs=$CACHE/mmdebstrap include=() HOOKS=()
        command -v mmdebstrap >/dev/null || skip 'needs mmdebstrap'
        mkdir -p "$debs"
        REFERENCE=$WORK/mmdebstrap
        rm -rf --one-file-system "$REFERENCE"
        [ -z "$3" ] || include=(--include="${3// /,}")
        merge_hook "$1" "$2"
        # shellcheck disable=SC2016
        run 0 mmdebstrap --quiet --mode=root --variant="$2" "${include[@]}" "${HOOKS[@]}" \
                --aptopt='Acquire::Check-Valid-Until "false"' --skip=essential/unlink,cleanup/apt/cache \
                --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
                --setup-hook="find $debs -name '*.deb' -exec ln -t \"\$1/var/cache/apt/archives/\" {} + 2>/dev/null || cp $debs/*.deb \"\$1/var/cache/apt/archives/\" || true" \
                --customize-hook="cp -n \"\$1\"/var/cache/apt/archives/*.deb $debs/; rm -f \"\$1\"/var/cache/apt/archives/*.deb" \
                "$1" "$REFERENCE" "$MIRROR"
}

# with_debootstrap SUITE VARIANT INCLUDE: sets REFERENCE
with_debootstrap() {
        local debs=$CACHE/debootstrap include=()
        command -v debootstrap >/dev/null || skip 'needs debootstrap'
        mkdir -p "$debs"
        REFERENCE=$WORK/debootstrap
        rm -rf --one-file-system "$REFERENCE"
        [ -z "$3" ] || include=(--include="${3// /,}")
        # a namespace of its own for what it mounts and does not unmount
        run 0 unshare --mount debootstrap --variant="$2" "${include[@]}" --cache-dir="$debs" "$1" "$REFERENCE" "$MIRROR"
}

# same_as TOOL SUITE VARIANT INCLUDE
same_as() {
        native "$2" "$3" "$4"
        "with_$1" "$2" "$3" "$4"
        compare_trees "$1 $2 $3" "$REFERENCE" "$TREE" "$TABLE"
}

# What the tools of Debian say of a tree.
healthy() {
        run 0 dpkg --root="$1" --audit
        [ ! -s "$WORK/stdout" ] || fail 'dpkg --audit is not content'
        # the cleaning takes the lists with the directory of those that are under way
        run 0 chroot "$1" dpkg --verify
        ! grep -v '^missing .* /var/lib/apt/lists/partial$' "$WORK/stdout" || fail 'dpkg --verify is not content'
        run 0 chroot "$1" apt-get check
}

# ------------------------------------------------------------------------------------------------ a part
test_sets() {
        same_as mmdebstrap bookworm minbase "$(all_sets bookworm)"
        healthy "$TREE"
        getcap "$TREE/usr/bin/ping" >"$WORK/stdout"
        matches "$WORK/stdout" 'cap_net_raw'
        # dpkg and apt can work with it
        reinstall base-files bash coreutils dash dbus git libc6 nginx perl-base systemd
        healthy "$TREE"
}

# reinstall PACKAGE...: in TREE, from the files that mmdebstrap took
reinstall() {
        local package file
        mkdir "$TREE/debs"
        for package; do
                file=$(dpkg-query --admindir="$TREE/var/lib/dpkg" -W -f '${Package}_${Version}_${Architecture}.deb' "$package" | sed 's/:/%3a/g')
                cp "$CACHE/mmdebstrap/$file" "$TREE/debs/"
        done
        # what follows from an installation shall not start services of the machine
        printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d"
        chmod 0755 "$TREE/usr/sbin/policy-rc.d"
        run 0 chroot "$TREE" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall /debs/*.deb'
        matches "$WORK/stdout" '^0 upgraded, 0 newly installed, 10 reinstalled'
        rm -rf "$TREE/debs" "$TREE/usr/sbin/policy-rc.d"
}

test_debootstrap() {
        same_as debootstrap bookworm minbase ''
}

test_bullseye() {
        same_as mmdebstrap bullseye minbase ''
        healthy "$TREE"
}

test_trixie() {
        same_as mmdebstrap trixie minbase ''
        healthy "$TREE"
}

test_sid() {
        same_as mmdebstrap sid minbase ''
        healthy "$TREE"
}

# ------------------------------------------------------------------------------------------------ all of it
# matrix TOOL SUITE
matrix() {
        local variant
        need_full
        for variant in minbase buildd; do
                same_as "$1" "$2" "$variant" ''
                healthy "$TREE"
        done
}

test_matrix_mmdebstrap_bullseye() {
        matrix mmdebstrap bullseye
}

test_matrix_mmdebstrap_bookworm() {
        matrix mmdebstrap bookworm
}

test_matrix_mmdebstrap_trixie() {
        matrix mmdebstrap trixie
}

test_matrix_mmdebstrap_sid() {
        matrix mmdebstrap sid
}

test_matrix_debootstrap_bullseye() {
        matrix debootstrap bullseye
}

test_matrix_debootstrap_bookworm() {
        matrix debootstrap bookworm
}

test_matrix_debootstrap_trixie() {
        matrix debootstrap trixie
}

test_matrix_debootstrap_sid() {
        matrix debootstrap sid
}

test_matrix_standard() {
        need_full
        same_as mmdebstrap bookworm standard ''
        same_as mmdebstrap bookworm essential ''
}

# matrix_sets TOOL: each set on bookworm, and all of them together on the other suites
matrix_sets() {
        local set suite
        need_full
        for set in "${SETS[@]}"; do
                same_as "$1" bookworm minbase "$set"
                healthy "$TREE"
        done
        for suite in bullseye trixie sid; do
                same_as "$1" "$suite" minbase "$(all_sets "$suite")"
                healthy "$TREE"
        done
}

test_matrix_sets_mmdebstrap() {
        matrix_sets mmdebstrap
}

test_matrix_sets_debootstrap() {
        matrix_sets debootstrap
}
