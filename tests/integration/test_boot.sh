# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# systemd-nspawn boots the image, and root logs in on its console.

test_bookworm() {
        need_bookworm
        unpack_release "$WORK/tree"
        boot 0 "$WORK/tree" templar
        matches "$WORK/stdout" '^login prompt$' '^logged in$' '^state: (running|degraded)$' '^powered off$'
        if grep -q '^state: degraded' "$WORK/stdout"; then
                matches "$WORK/stdout" '^failed unit: .*\.(service|mount|socket|timer|swap)'
        else
                no_match "$WORK/stdout" '^failed unit'
        fi
        # a machine id of its own, made at the first boot
        [ -s "$WORK/tree/etc/machine-id" ] || fail 'no machine id after the boot'
}

test_wrong_password() {
        need_bookworm
        unpack_release "$WORK/tree"
        boot 92 "$WORK/tree" wrong
        matches "$WORK/stderr" 'Login incorrect'
}
