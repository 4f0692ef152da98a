# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the tests in test_*.sh work with. Each function test_* there is a test: it runs alone, as root, in a mount and a
# PID namespace of its own (so every process and every mount that it leaves behind can be told), with an empty folder
# $WORK. It passes when it returns; `fail` and `skip` end it.
#
#   $SOURCE   the source tree          $TEMPLAR   the program under test
#   $WORK     this test's folder       $SHARED    what the tests of one run build once
#   $CACHE    templar's cache, kept between runs

# ------------------------------------------------------------------------------------------------ verdicts
fail() {
        printf 'FAILED: %s\n' "$*" >&2
        exit 1
}

skip() {
        printf '%s\n' "$*" >"$WORK/.skip"
        exit 77
}

# defer COMMAND...: when the test ends, last one first
defer() {
        DEFERRED=("$(printf '%q ' "$@")" "${DEFERRED[@]}")
}

run_deferred() {
        local command
        for command in "${DEFERRED[@]}"; do
                eval "$command" >&2 || true
        done
        DEFERRED=()
}

# run STATUS COMMAND...: what it prints is in $WORK/stdout and $WORK/stderr afterwards
run() {
        local expected=$1 status=0
        shift
        printf '+ %s\n' "$*" >&2
        "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null || status=$?
        cat "$WORK/stdout" "$WORK/stderr" >&2
        [ "$status" -eq "$expected" ] || fail "status $status in place of $expected: $*"
}

# matches FILE EXTENDED-REGEX...: each is found in some line
matches() {
        local file=$1 pattern
        shift
        for pattern in "$@"; do
                grep -Eq -e "$pattern" "$file" || fail "nothing like '$pattern' in $file"
        done
}

no_match() {
        local file=$1 pattern
        shift
        for pattern in "$@"; do
                ! grep -Eq -e "$pattern" "$file" || fail "'$pattern' is in $file: $(grep -Em1 -e "$pattern" "$file")"
        done
}

same() {
        [ "$1" = "$2" ] || fail "${3:-value}: '$1' in place of '$2'"
}

# only_files DIRECTORY NAME...: exactly these names are there, but hidden ones
only_files() {
        local directory=$1 names
        shift
        names=$(find "$directory" -mindepth 1 -maxdepth 1 ! -name '.*' -printf '%f\n' | sort | tr '\n' ' ')
        same "$names" "$([ $# -eq 0 ] || printf '%s\n' "$@" | sort | tr '\n' ' ')" "files in $directory"
}

# ------------------------------------------------------------------------------------------------ templar
# A signing key of this run, in a GnuPG home of its own.
use_key() {
        export GNUPGHOME=$SHARED/gnupg
        if [ ! -d "$GNUPGHOME" ]; then
                mkdir -m 0700 "$GNUPGHOME"
                gpg --batch --quiet --passphrase '' --quick-generate-key 'Key of the tests <tests@example.invalid>' \
                        ed25519 sign never
        fi
        KEY=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
        [ -n "$KEY" ] || fail 'no signing key'
        defer gpgconf --kill all
}

# build STATUS RECIPE [OPTION...]: into $WORK/out, with the cache of the tests
build() {
        local status=$1 recipe=$2
        shift 2
        run "$status" "$TEMPLAR" build "$recipe" --out "$WORK/out" --cache "${BUILD_CACHE:-$CACHE}" "$@"
}

# A failed build leaves nothing behind under a final name.
nothing_published() {
        local found
        [ -d "$WORK/out" ] || return 0
        found=$(find "$WORK/out" -type f ! -name .lock -printf '%P ')
        [ -z "$found" ] || fail "left behind by a failed build: $found"
}

# shared_image NAME COMMAND...: runs COMMAND once a run, with the folder to fill as last argument; sets IMAGE to it
shared_image() {
        local name=$1
        shift
        IMAGE=$SHARED/$name
        if [ ! -e "$IMAGE.done" ]; then
                [ ! -e "$IMAGE" ] || fail "the image $name could not be built; see the first test that needed it"
                mkdir -p "$IMAGE"
                "$@" "$IMAGE"
                touch "$IMAGE.done"
        fi
}

build_shared_bookworm() {
        use_key
        run 0 "$TEMPLAR" build "$SOURCE/recipes/debian-bookworm.recipe" --out "$1" --cache "$CACHE" --key "$KEY" \
                --formats tar.xz,tar.gz --json
        cp "$WORK/stdout" "$1/events.json"
}

# The shipped recipe debian-bookworm, as tar.xz and tar.gz.
need_bookworm() {
        shared_image bookworm build_shared_bookworm
        find_release "$IMAGE" debian-bookworm
}

# find_release OUT NAME: sets RELEASE, BASE (the name without suffix), VERSION and TAR (an image of it)
find_release() {
        RELEASE=$1/$2/$ARCH
        TAR=$(find "$RELEASE" -maxdepth 1 -name "$2-$ARCH-*.tar*" ! -name '*.sha256*' ! -name '*.nspawn' | sort | tail -n 1)
        [ -n "$TAR" ] || fail "no image below $1/$2/$ARCH"
        BASE=${TAR##*/}
        BASE=${BASE%.tar*}
        VERSION=${BASE#"$2-$ARCH-"}
}

# unpack_release TARGET: the tree, as a host unpacks it
unpack_release() {
        mkdir -p "$1"
        tar -C "$1" --numeric-owner --xattrs --xattrs-include='*' -xpf "$TAR"
}

# A recipe folder with a system that is one static program: builds of it take no second and no network.
# small_recipe NAME <<sections: the stages after it; sets RECIPE
small_recipe() {
        local busybox
        busybox=$(command -v busybox) || skip 'needs busybox-static'
        RECIPE=$WORK/recipes/$1.recipe
        export SOURCE_DATE_EPOCH=1700000000
        mkdir -p "$WORK/recipes"
        chmod 0755 "$WORK/recipes"
        cp "$busybox" "$WORK/recipes/busybox"
        {
                printf '[Image]\nName=%s\nVersion=1\nFormats=tar\n\n' "$1"
                printf '[File]\nPath=/bin/busybox\nSource=busybox\nMode=0755\nOwner=0:0\n\n[File]\nPath=/bin/sh\nLink=busybox\nOwner=0:0\n\n'
                printf '[File]\nPath=/usr/lib/os-release\nOwner=0:0\nContent=\n    ID=small\n    NAME=small\n\n'
                cat
        } >"$RECIPE"
}

# ------------------------------------------------------------------------------------------------ users
# An ordinary user with subordinate ids, for this test alone: passwd, shadow and the like are copies, bound over.
# make_user NAME: sets TEST_HOME
make_user() {
        local file
        for file in passwd group shadow gshadow subuid subgid; do
                [ -e "/etc/$file" ] || continue
                cp -p "/etc/$file" "$WORK/.$file"
        done
        printf '%s:x:61234:61234::%s:/bin/sh\n' "$1" "$WORK/home" >>"$WORK/.passwd"
        printf '%s:x:61234:\n' "$1" >>"$WORK/.group"
        printf '%s:*:19000::::::\n' "$1" >>"$WORK/.shadow"
        touch "$WORK/.subuid" "$WORK/.subgid"
        [ "${2:-}" = without-ids ] || printf '%s:1500000000:65536\n' "$1" | tee -a "$WORK/.subuid" >>"$WORK/.subgid"
        for file in passwd group shadow subuid subgid; do
                [ -e "/etc/$file" ] || fail "/etc/$file is missing; install uidmap"
                mount --bind "$WORK/.$file" "/etc/$file"
                defer umount "/etc/$file"
        done
        TEST_HOME=$WORK/home
        mkdir -p "$TEST_HOME"
        chown 61234:61234 "$TEST_HOME"
        # the checkout may be closed to others
        if ! as_user test -x "$TEMPLAR"; then
                cp "$TEMPLAR" "$WORK/templar"
                TEMPLAR=$WORK/templar
        fi
}

# as_user COMMAND...: as the user of make_user, with nothing of root's environment
as_user() {
        setpriv --reuid=61234 --regid=61234 --clear-groups env -i HOME="$TEST_HOME" USER=tester LOGNAME=tester \
                PATH=/usr/local/bin:/usr/bin:/bin ${SOURCE_DATE_EPOCH:+SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH"} \
                ${http_proxy:+http_proxy="$http_proxy"} "$@"
}

# ------------------------------------------------------------------------------------------------ other programs
# start_nginx ROOT: Debian's nginx, as a process of the test; sets PORT and URL
start_nginx() {
        local root=$1 attempt
        command -v nginx >/dev/null || skip 'needs nginx'
        mkdir -p "$WORK/nginx"
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
                PORT=$((20000 + (RANDOM * 32768 + RANDOM + attempt) % 40000))
                cat >"$WORK/nginx/nginx.conf" <<END
daemon off;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log;
user root;
worker_processes 1;
events {}
http {
        access_log $WORK/nginx/access.log;
        client_body_temp_path $WORK/nginx/body;
        proxy_temp_path $WORK/nginx/proxy;
        fastcgi_temp_path $WORK/nginx/fastcgi;
        uwsgi_temp_path $WORK/nginx/uwsgi;
        scgi_temp_path $WORK/nginx/scgi;
        server {
                listen 127.0.0.1:$PORT;
                root $root;
        }
}
END
                nginx -p "$WORK/nginx" -c "$WORK/nginx/nginx.conf" &
                NGINX=$!
                if wait_for_port "$NGINX" "$PORT"; then
                        defer wait_ended "$NGINX"
                        defer kill "$NGINX"
                        URL=http://127.0.0.1:$PORT
                        return 0
                fi
        done
        cat "$WORK/nginx/error.log" >&2
        fail 'nginx does not start'
}

# Open, and by this process (another one that holds the port makes nginx give up).
wait_for_port() {
        local _
        for _ in $(seq 100); do
                kill -0 "$1" 2>/dev/null || return 1
                [ -s "$WORK/nginx/pid" ] && (: <"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return 0
                sleep 0.05
        done
        return 1
}

wait_ended() {
        wait "$1" 2>/dev/null || true
}

# systemd-nspawn leaves control groups behind, which belong to the machine that was started: it gets a group of this
# test to put them into.
own_cgroup() {
        local line path mounted group name
        name=templar-test-$RANDOM$RANDOM
        while read -r line; do
                path=${line#*:*:}
                case $line in
                *:name=systemd:*) mounted=$(findmnt -n -t cgroup -o TARGET,OPTIONS | awk '/name=systemd/ { print $1; exit }') ;;
                0::*) mounted=$(findmnt -n -t cgroup2 -o TARGET | head -n 1) ;;
                *) continue ;;
                esac
                group=$mounted${path%/}/$name
                [ -n "$mounted" ] && mkdir "$group" 2>/dev/null || continue
                defer find "$group" -depth -type d -exec rmdir {} +
                defer eval "echo $BASHPID >'${group%/*}/cgroup.procs'"
                echo "$BASHPID" >"$group/cgroup.procs"
        done </proc/self/cgroup
}

# boot STATUS TREE PASSWORD: systemd-nspawn starts it, root logs in on the console; see boot.exp
boot() {
        local expected=$1 tree=$2 password=$3
        command -v systemd-nspawn >/dev/null || skip 'needs systemd-container'
        command -v expect >/dev/null || skip 'needs expect'
        own_cgroup
        run "$expected" timeout --signal=KILL 300 "$SOURCE/tests/integration/boot.exp" "$password" \
                systemd-nspawn --boot --directory="$tree" "${NSPAWN_OPTIONS[@]}"
}

NSPAWN_OPTIONS=(--quiet --private-users=pick --private-users-ownership=auto --private-network --register=no --keep-unit
        --link-journal=no --machine="templar-test-$RANDOM")

# find_systemd PROGRAM: prints its path
find_systemd() {
        local directory
        for directory in /usr/lib/systemd /lib/systemd; do
                [ ! -x "$directory/$1" ] || { echo "$directory/$1" && return 0; }
        done
        return 1
}

# use_host_keyring FILE: what hosts have in /etc/systemd; in this test's mount namespace alone
use_host_keyring() {
        rm -rf "$WORK/.etc-systemd"
        cp -a /etc/systemd "$WORK/.etc-systemd"
        cp "$1" "$WORK/.etc-systemd/import-pubring.gpg"
        mount --bind "$WORK/.etc-systemd" /etc/systemd
        defer umount /etc/systemd
}

# What a pull leaves as its own copy can't be removed until it may be changed.
release_machines() {
        find "$WORK/machines" -mindepth 1 -maxdepth 1 -type d -exec chattr -i {} +
}

# pull STATUS URL NAME: a stock systemd-pull into $WORK/machines. Some versions spin for ever over what they don't like.
pull() {
        local expected=$1 program status attempt
        program=$(find_systemd systemd-pull) || skip 'needs systemd-container'
        [ -d "$WORK/machines" ] || defer release_machines
        mkdir -p "$WORK/machines"
        # systemd-pull can miss the end of a small download, and waits for ever then: that is no answer, so it is asked again
        for attempt in 1 2 3; do
                status=0
                printf '+ %s (attempt %s)\n' "systemd-pull tar $2 $3" "$attempt" >&2
                timeout --signal=KILL 90 "$program" tar --verify=signature --image-root="$WORK/machines" "$2" "$3" \
                        >"$WORK/stdout" 2>"$WORK/stderr" </dev/null || status=$?
                cat "$WORK/stdout" "$WORK/stderr" >&2
                [ "$status" -eq 137 ] || break
        done
        [ "$status" -eq "$expected" ] || fail "status $status in place of $expected: systemd-pull tar $2 $3"
}
