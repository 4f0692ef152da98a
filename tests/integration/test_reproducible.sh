# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The same recipe gives the same bytes, whoever builds it, where and when.
#
# Eight variations: path (recipes, output, working directory and program lie elsewhere), time (400 days later), locale (and
# time zone), umask, threads (other processors, and another kernel), user (an ordinary one), host (its name) and disk (the
# cache lies on another file system); and a ninth one, layers (there are none). By default they are tried in two builds of
# every recipe, and one by one when these differ, to say which one it is; TEMPLAR_TEST_MATRIX=yes (make check-reproducible)
# tries them one by one anyway, with all shipped recipes and more packages; or TEMPLAR_TEST_MATRIX="user host" those.

DAYS=400
MATRIX=${TEMPLAR_TEST_MATRIX:-no}
[ "$MATRIX" != yes ] || MATRIX='path time locale umask threads user host disk layers'

# ------------------------------------------------------------------------------------------------ recipes
# What is known to write times, orders and secrets. The second set takes minutes.
demanding_packages='ca-certificates fontconfig fonts-dejavu-core man-db openssh-server python3 python3-yaml ssl-cert texinfo'
more_packages='apache2 bind9 ca-certificates-java dbus desktop-file-utils dovecot-core emacs-nox exim4-daemon-light gcc
        initramfs-tools libglib2.0-bin libgtk-3-bin locales mdadm munge nginx-light nvme-cli open-iscsi openjdk-17-jre-headless
        php-cli popularity-contest ruby samba shared-mime-info sgml-base docbook-xml tor vim zsh fish'

# demanding NAME PACKAGES >RECIPE
demanding() {
        cat <<END
[Image]
Name=$1
Formats=tar
Base=debian-bookworm.recipe

[Install]
Packages=$(tr -s ' \n' ' ' <<<"$2")
Recommends=no

[Script]
Script=
    mkdir -p /opt/app
    echo 'LETTERS = {"a", "b", "c"}' >/opt/app/one.py
    cp /opt/app/one.py /opt/app/two.py
    cd /opt/app && python3 -m py_compile one.py && python3 -c 'import two; print("x" in two.LETTERS)'
    id -un; date >/var/log/built
END
}

# prepare: sets NAMES and fills $WORK/recipes
prepare() {
        NAMES=(debian-bookworm web demanding)
        cp -r "$SOURCE/recipes" "$WORK/recipes"
        demanding demanding "$demanding_packages" >"$WORK/recipes/demanding.recipe"
        if [ "$MATRIX" != no ]; then
                NAMES+=(debian-bullseye debian-trixie debian-makedev more)
                demanding more "$demanding_packages $more_packages" >"$WORK/recipes/more.recipe"
        fi
        chmod -R go+rX "$WORK/recipes"
        make_elsewhere
}

# Another time and other processors, see there.
make_elsewhere() {
        local compiler=
        for compiler in "${CC:-cc}" gcc clang; do
                ! command -v "$compiler" >/dev/null || break
        done
        mkdir -p "$WORK/library"
        run 0 "$compiler" -O2 -shared -fPIC -fno-stack-protector -U_FORTIFY_SOURCE -o "$WORK/library/elsewhere.so" \
                "$SOURCE/tests/fixtures/elsewhere.c"
}

# recipes DIRECTORY: their paths
recipes() {
        local name
        for name in "${NAMES[@]}"; do
                printf '%s/%s.recipe\n' "$1" "$name"
        done
}

# ------------------------------------------------------------------------------------------------ builds
# What each build starts from: the same archive, as of the first one.
reference() {
        local list
        mapfile -t list < <(recipes "$WORK/recipes")
        run 0 "$TEMPLAR" build "${list[@]}" --jobs 1 --out "$WORK/reference" --cache "$CACHE" --no-sign --formats tar.zst
}

# seed_cache TARGET: package lists and packages of the first build, but no layer and nothing that was worked out from them
seed_cache() {
        local part
        mkdir -p "$1"
        for part in "$CACHE"/lists "$CACHE"/archives "$CACHE"/packages "$CACHE"/debootstrap-*; do
                [ ! -e "$part" ] || cp -a "$part" "$1/"
        done
}

# vary NAME VARIATION...: builds all recipes with these variations into $WORK/NAME, from an empty store of layers
vary() {
        local name=$1 recipes=$WORK/recipes out=$WORK/$1 program=$TEMPLAR cache=$WORK/cache-$1 variation mask=022
        local -a list options=() variables=() by=(env) in_host=()
        shift
        for variation in "$@"; do
                case $variation in
                path)
                        mkdir -p "$WORK/other $name/a/b"
                        recipes="$WORK/other $name/a/b/templates"
                        out="$WORK/other $name/releases"
                        cp -r "$WORK/recipes" "$recipes"
                        cp "$TEMPLAR" "$WORK/other $name/program"
                        program="$WORK/other $name/program"
                        ;;
                time) variables+=("ELSEWHERE_SECONDS=$((DAYS * 86400))") ;;
                locale)
                        variables+=("LC_ALL=$(locale -a | grep -im1 '^tr_TR\.utf' || echo C.UTF-8)" LANG=tr_TR.UTF-8
                                LANGUAGE=tr:de TZ=Pacific/Kiritimati)
                        ;;
                umask) mask=077 ;;
                threads) variables+=("ELSEWHERE_CPUS=${CPUS:-1}" ELSEWHERE_KERNEL=9.8.7-elsewhere) ;;
                user) by=(as_user env) ;;
                layers) options+=(--no-cache) ;;
                host) in_host=(unshare --uts sh -c 'hostname elsewhere.example && exec "$@"' sh) ;;
                disk)
                        # where the other caches are
                        [ "$(stat -f -c %T "$CACHE")" != tmpfs ] || skip 'the cache of the tests is on a tmpfs'
                        mkdir -p "$cache"
                        mount -t tmpfs -o mode=0755 templar-test "$cache"
                        defer umount "$cache"
                        ;;
                *) fail "no variation $variation" ;;
                esac
        done
        # An ordinary user has other ids for the same files: what is there is fetched again. So there must be a network, and
        # a time at which the archive is valid.
        if [ "${by[0]}" = as_user ]; then
                cache=$TEST_HOME/cache-$name
                out=$TEST_HOME/$name
        else
                seed_cache "$cache"
                options+=(--offline)
        fi
        mapfile -t list < <(recipes "$recipes")
        run 0 in_mask "$mask" "$recipes" "${in_host[@]}" "${by[@]}" "${variables[@]}" LD_PRELOAD="$WORK/library/elsewhere.so" \
                "$program" build "${list[@]}" --jobs 1 --out "$out" --cache "$cache" --no-sign --formats tar.zst "${options[@]}"
        rm -rf "${cache:?}"/*
        [ "$out" = "$WORK/$name" ] || ln -s "$out" "$WORK/$name"
}

# in_mask UMASK DIRECTORY COMMAND...
in_mask() (
        umask "$1"
        cd "$2"
        shift 2
        "$@"
)

# ------------------------------------------------------------------------------------------------ comparison
# report_difference REFERENCE OTHER: for people; the report stays in $SOURCE/out/tests
report_difference() {
        local report
        report=$SOURCE/out/tests/difference-$(basename "$1").txt
        if command -v diffoscope >/dev/null; then
                diffoscope --text "$report" "$1" "$2" || true
        else
                {
                        diff <(tar --full-time -tvf "$1") <(tar --full-time -tvf "$2") | head -n 100
                        mkdir -p "$WORK/unpacked/1" "$WORK/unpacked/2"
                        tar -C "$WORK/unpacked/1" --no-same-owner -xf "$1"
                        tar -C "$WORK/unpacked/2" --no-same-owner -xf "$2"
                        (cd "$WORK/unpacked" && diff -r --no-dereference 1 2 | head -n 200)
                        rm -rf "$WORK/unpacked"
                } >"$report"
        fi
        head -n 30 "$report" >&2
        echo "the whole report: $report" >&2
}

# compare NAME: every file of every release; sets DIFFERENT to the paths of those that differ
compare() {
        local name directory file
        DIFFERENT=()
        for name in "${NAMES[@]}"; do
                directory=$name/$ARCH
                archive_is_the_same "$WORK/reference/$directory" "$WORK/$1/$directory"
                same "$(ls "$WORK/$1/$directory")" "$(ls "$WORK/reference/$directory")" "files of $name"
                for file in "$WORK/reference/$directory"/*; do
                        cmp "$file" "$WORK/$1/$directory/${file##*/}" >&2 || DIFFERENT+=("$directory/${file##*/}")
                done
        done
}

archive_is_the_same() {
        local one other
        one=$(jq -c .repositories "$1"/*.manifest.json)
        other=$(jq -c .repositories "$2"/*.manifest.json)
        [ "$one" = "$other" ] || skip 'the archive has changed between two builds'
}

# differs NAME VARIATION...: says which one it is, and ends the test
differs() {
        local name=$1 file variation found='' different=("${DIFFERENT[@]}")
        shift
        for file in "${different[@]}"; do
                case $file in
                *.tar.zst) report_difference "$WORK/reference/$file" "$WORK/$name/$file" ;;
                *.json) diff "$WORK/reference/$file" "$WORK/$name/$file" >&2 || true ;;
                esac
        done
        for variation in "$@"; do
                [ $# -gt 1 ] || break
                vary "alone-$variation" "$variation"
                compare "alone-$variation"
                [ "${#DIFFERENT[@]}" -eq 0 ] || found="$found $variation"
                rm -rf "$WORK/alone-$variation"
        done
        fail "${different[*]} differ with $*; one by one with:${found:- none of them}"
}

try() {
        local name=$1
        vary "$@"
        compare "$name"
        [ "${#DIFFERENT[@]}" -eq 0 ] || differs "$@"
}

# ------------------------------------------------------------------------------------------------ tests
# Of no use, were the programs of a build not fooled.
test_elsewhere() {
        local stderr=$WORK/stderr
        make_elsewhere
        small_recipe fooled <<'END'
[Script]
Script=
    echo "at $(/bin/busybox date +%s), $(/bin/busybox nproc) on $(/bin/busybox uname -r) $(/bin/busybox uname -n)"
END
        # busybox is static: it sees what is true
        build 0 "$RECIPE" --no-sign --verbose --no-cache
        matches "$stderr" "on $(uname -r) localhost\$"
        cat >"$WORK/recipes/fooled.recipe" <<'END'
[Image]
Name=fooled
Formats=tar

[Debootstrap]
Suite=bookworm
Variant=minbase

[Script]
Cache=no
Script=
    echo "at $(date +%s), $(perl -e 'print time'), $(nproc) on $(uname -r) $(uname -n)"
END
        build 0 "$RECIPE" --no-sign --verbose
        matches "$stderr" " on $(uname -r) localhost\$"
        LD_PRELOAD=$WORK/library/elsewhere.so ELSEWHERE_SECONDS=1000000000 ELSEWHERE_CPUS=33 ELSEWHERE_KERNEL=9.8.7 \
                build 0 "$RECIPE" --no-sign --verbose --offline
        matches "$stderr" 'at 2[0-9]{9}, 2[0-9]{9}, 33 on 9.8.7 localhost$'
}

test_elsewhere_and_later() {
        prepare
        reference
        try elsewhere path time locale umask threads host disk
}

test_as_user() {
        prepare
        reference
        make_user tester
        CPUS=4 try as-user user threads umask path layers
}

test_one_by_one() {
        local variation
        [ "$MATRIX" != no ] || skip 'takes long; make check-reproducible runs it'
        prepare
        reference
        make_user tester
        for variation in $MATRIX; do
                try "alone-$variation" "$variation"
                rm -rf "$WORK/alone-$variation"
        done
}
