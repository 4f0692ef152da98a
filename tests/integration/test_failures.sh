# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What goes wrong is told clearly, with status 1; no process, no mount and nothing under a final name is left.

# The one log of the build, as the message names it.
log_named() {
        LOG=$(grep -Eo "/[^ ]*\.log" "$WORK/stderr" | tail -n 1)
        [ -s "$LOG" ] || fail "the log '$LOG' is not there"
}

test_failing_script() {
        small_recipe failing <<'END'
[Script]
Script=
    for i in $(/bin/busybox seq 1 30); do echo "line $i of the script"; done
    echo "and to stderr" >&2
    exit 7
END
        BUILD_CACHE=$WORK/cache build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'failing.recipe:[0-9]+' '\[Script\]' 'status 7' 'line 30 of the script' 'line 12 of the script' \
                'and to stderr'
        no_match "$WORK/stderr" 'line 11 of the script'
        log_named
        matches "$LOG" '^line 1 of the script$' '^line 30 of the script$'
        nothing_published
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_killed_script() {
        small_recipe killed <<'END'
[Script]
Script=
    echo "before the end"
    kill -KILL $$
END
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'SIGKILL' 'before the end'
        nothing_published
}

test_missing_command() {
        small_recipe missing <<'END'
[Script]
Script=
    no-such-command --now
END
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'no-such-command' 'status 127'
}

# The failing build must not touch a release that is there.
test_release_survives() {
        small_recipe survivor </dev/null
        build 0 "$RECIPE" --no-sign
        find_release "$WORK/out" survivor
        (cd "$RELEASE" && sha256sum -- *) >"$WORK/before"
        printf '\n[Script]\nScript=\n    exit 1\n' >>"$RECIPE"
        build 1 "$RECIPE" --no-sign
        (cd "$RELEASE" && sha256sum -- *) >"$WORK/after"
        run 0 cmp "$WORK/before" "$WORK/after"
}

small_disk() {
        mkdir "$WORK/disk"
        mount -t tmpfs -o size="$1",mode=0755 templar-test "$WORK/disk"
        defer umount "$WORK/disk"
}

test_full_disk_in_script() {
        small_disk 8m
        small_recipe full <<'END'
[Script]
Script=
    /bin/busybox dd if=/dev/zero of=/filler bs=64k
END
        BUILD_CACHE=$WORK/disk build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'No space left on device'
        nothing_published
}

test_full_disk_in_file() {
        small_disk 1m
        small_recipe full </dev/null
        BUILD_CACHE=$WORK/disk build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'No space left on device'
        nothing_published
}

test_full_disk_in_debootstrap() {
        small_disk 48m
        BUILD_CACHE=$WORK/disk build 1 "$SOURCE/recipes/debian-makedev.recipe" --no-sign
        matches "$WORK/stderr" 'No space left on device'
        nothing_published
}

test_full_disk_for_release() {
        small_recipe full </dev/null
        small_disk 1m
        run 1 "$TEMPLAR" build "$RECIPE" --out "$WORK/disk/out" --cache "$CACHE" --no-sign
        matches "$WORK/stderr" 'No space left on device'
        same "$(find "$WORK/disk/out" -type f)" '' 'files of the release'
}

# ------------------------------------------------------------------------------------------------ repositories
# make_archive [OPTION...]: a signed archive with one package, in suite "test"; sets ARCHIVE
make_archive() {
        ARCHIVE=$WORK/archive
        "$SOURCE/tests/fixtures/make-deb.sh" "$ARCHIVE/pool/main" something 1 >/dev/null
        "$SOURCE/tests/fixtures/make-archive.sh" "$ARCHIVE" bookworm "$@"
}

# bootstrap_recipe MIRROR KEYRING
bootstrap_recipe() {
        mkdir -p "$WORK/recipes"
        RECIPE=$WORK/recipes/broken.recipe
        cat >"$RECIPE" <<END
[Image]
Name=broken

[Debootstrap]
Suite=bookworm
Mirror=$1
Keyring=$2
END
}

test_unreachable_mirror() {
        bootstrap_recipe http://127.0.0.1:1/debian /usr/share/keyrings/debian-archive-keyring.gpg
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'http://127.0.0.1:1/debian' '[Cc]onnection refused|[Cc]ould not connect|unreachable'
        nothing_published
}

test_unknown_host() {
        bootstrap_recipe http://no-such-host.invalid/debian /usr/share/keyrings/debian-archive-keyring.gpg
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'no-such-host.invalid'
        nothing_published
}

test_wrong_keyring() {
        make_archive
        bootstrap_recipe "file://$ARCHIVE" /usr/share/keyrings/debian-archive-keyring.gpg
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" "file://$ARCHIVE" 'key(ring)?'
        nothing_published
}

test_changed_release() {
        make_archive
        sed -i 's/^Origin: .*/Origin: Someone/' "$ARCHIVE/dists/bookworm/InRelease"
        bootstrap_recipe "file://$ARCHIVE" "$ARCHIVE/keyring.gpg"
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" "file://$ARCHIVE" 'sign'
        nothing_published
}

test_expired_release() {
        make_archive --date '2021-01-01' --valid-until '2021-02-01'
        bootstrap_recipe "file://$ARCHIVE" "$ARCHIVE/keyring.gpg"
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" 'expired' 'CheckValidUntil=no'
        nothing_published
}

test_unsigned_repository() {
        make_archive --unsigned
        bootstrap_recipe "file://$ARCHIVE" /usr/share/keyrings/debian-archive-keyring.gpg
        build 1 "$RECIPE" --no-sign
        matches "$WORK/stderr" "file://$ARCHIVE" 'not signed|unsigned'
        nothing_published
}

# ------------------------------------------------------------------------------------------------ signals
# interrupted SIGNAL STATUS: while a script runs that has children of its own
interrupted() {
        local signal=$1 expected=$2 status=0 waited=0
        small_recipe endless <<'END'
[Script]
Script=
    /bin/busybox setsid /bin/busybox sleep 86400 &
    /bin/busybox sleep 86400 &
    echo "the script runs"
    wait
END
        "$TEMPLAR" build "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --no-sign --verbose >"$WORK/stdout" 2>"$WORK/stderr" &
        PID=$!
        until grep -q 'the script runs' "$WORK/stderr"; do
                kill -0 "$PID" 2>/dev/null || fail "ended too early: $(cat "$WORK/stderr")"
                [ $((waited += 1)) -lt 300 ] || fail 'the script does not start'
                sleep 0.1
        done
        kill -"$signal" "$PID"
        wait "$PID" || status=$?
        cat "$WORK/stderr" >&2
        same "$status" "$expected" status
        nothing_published
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_sigint() {
        # a background job of a shell ignores SIGINT unless it is told otherwise
        set -m
        interrupted INT 130
}

test_sigterm() {
        interrupted TERM 143
}

# A killed build can't tidy up; the next one does, and is not disturbed.
test_sigkill() {
        local child
        small_recipe endless <<'END'
[Script]
Script=
    echo "the script runs"
    /bin/busybox sleep 86400
END
        "$TEMPLAR" build "$RECIPE" --out "$WORK/out" --cache "$WORK/cache" --no-sign --verbose 2>"$WORK/stderr" &
        PID=$!
        for _ in $(seq 300); do
                ! grep -q 'the script runs' "$WORK/stderr" || break
                sleep 0.1
        done
        kill -KILL "$PID"
        wait "$PID" || true
        nothing_published
        small_recipe endless </dev/null
        BUILD_CACHE=$WORK/cache build 0 "$RECIPE" --no-sign
        same "$(ls -A "$WORK/cache/work")" '' 'work folders'
}

test_keep_failed() {
        local tree
        small_recipe kept <<'END'
[Script]
Script=
    echo evidence >/evidence
    exit 1
END
        BUILD_CACHE=$WORK/cache build 1 "$RECIPE" --no-sign --keep-failed
        tree=$(grep -Eo '/[^ ]*/tree' "$WORK/stderr" | tail -n 1)
        same "$(cat "$tree/evidence")" evidence 'the kept tree'
}
