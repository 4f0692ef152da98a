# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# systemd-nspawn boots the image, and root logs in on its console.

# boot_and_login TREE PASSWORD [OPTION...]
boot_and_login() {
        local tree=$1 password=$2
        shift 2
        command -v systemd-nspawn >/dev/null || skip 'needs systemd-container'
        command -v expect >/dev/null || skip 'needs expect'
        run 0 "$SOURCE/tests/integration/boot.exp" "$password" systemd-nspawn --boot --quiet --directory="$tree" \
                --private-users=pick --private-users-ownership=auto --register=no --keep-unit \
                --machine="templar-test-$$" --link-journal=no "$@"
        matches "$WORK/stdout" '^login prompt$' '^logged in$' '^state: (running|degraded)$' '^powered off$'
        grep '^failed unit' "$WORK/stdout" >"$WORK/failed" || true
        if grep -q '^state: degraded' "$WORK/stdout"; then
                [ -s "$WORK/failed" ] || fail 'degraded, but no failed unit'
                matches "$WORK/failed" '\.(service|mount|socket|timer|swap)'
        else
                [ ! -s "$WORK/failed" ] || fail "running, but: $(cat "$WORK/failed")"
        fi
}

test_bookworm() {
        need_bookworm
        unpack_release "$WORK/tree"
        boot_and_login "$WORK/tree" templar --private-network
        # a machine id of its own, made at the first boot
        [ -s "$WORK/tree/etc/machine-id" ] || fail 'no machine id after the boot'
}

test_wrong_password() {
        command -v expect >/dev/null || skip 'needs expect'
        need_bookworm
        unpack_release "$WORK/tree"
        run 92 timeout --signal=KILL 60 "$SOURCE/tests/integration/boot.exp" wrong systemd-nspawn --boot --quiet \
                --directory="$WORK/tree" --private-users=pick --private-users-ownership=auto --register=no --keep-unit \
                --machine="templar-test-$$" --link-journal=no --private-network
        matches "$WORK/stderr" 'Login incorrect'
}
