# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Two versions of one image as builds publish them, told apart by root and by an ordinary user.

test_versions() {
        use_key
        small_recipe changing <<'END'
[File]
Path=/usr/bin/tool
Mode=0711
Content=
    one
END
        build 0 "$RECIPE" --key "$KEY" --formats tar.xz,tar.zst
        find_release "$WORK/out" changing
        sed -i -e 's/^Mode=0711$/Mode=4711/;$s/.*/    another/' "$RECIPE"
        build 0 "$RECIPE" --key "$KEY" --formats tar.xz,tar.zst

        run 0 "$TEMPLAR" diff "$RELEASE/changing-$ARCH-1" "$RELEASE"
        matches "$WORK/stdout" "^- $RELEASE/changing-$ARCH-1.tar.zst" "^\+ $RELEASE/changing-$ARCH-1.1.tar.zst" \
                '^  \+ /usr/bin/tool  \(mode 4711, was 0711\)' '^Files: 0 added, 0 removed, 1 changed' \
                '^  ~ /usr/bin/tool  \(4 B -> 8 B, mode 0711 -> 4711\)'
        run 0 "$TEMPLAR" diff --exit-code "$RELEASE/changing-$ARCH-1.tar.xz" "$RELEASE/changing-$ARCH-1.tar.zst"
        matches "$WORK/stdout" '^Nothing differs'
        run 1 "$TEMPLAR" diff --exit-code --summary "$RELEASE/changing-$ARCH-1.tar.xz" "$RELEASE"
        run 0 "$TEMPLAR" diff "$RELEASE/changing-$ARCH-1.manifest.json" "$RELEASE/changing-$ARCH-1.1.manifest.json"
        matches "$WORK/stdout" '^Nothing differs'

        make_user tester
        chmod -R go+rX "$WORK/out"
        chmod 0711 "$WORK"
        run 0 as_user "$TEMPLAR" diff --json "$RELEASE/changing-$ARCH-1" "$RELEASE"
        same "$(jq -c 'select(.event == "gained") | [.kind, .name]' "$WORK/stdout")" '["setuid","/usr/bin/tool"]'
        same "$(jq -c 'select(.event == "compared") | .same' "$WORK/stdout")" 'false'
}

# A whole system against itself and its lock; the temporary file is gone, whatever becomes of the program.
test_system() {
        need_bookworm
        run 0 "$TEMPLAR" diff --exit-code "$RELEASE/$BASE.tar.xz" "$RELEASE/$BASE.tar.gz"
        run 0 "$TEMPLAR" diff --json "$RELEASE/$BASE.lock" "$RELEASE/$BASE.lock"
        same "$(jq -c '[.same, .files]' "$WORK/stdout")" '[true,null]'
        # what is locked is installed, in that version; what debootstrap brought need not be locked
        run 0 "$TEMPLAR" diff --json "$RELEASE/$BASE.tar.xz" "$RELEASE/$BASE.lock"
        same "$(jq -c 'select(.event == "compared") | [.packages.added, .packages.changed]' "$WORK/stdout")" '[0,0]'
        run 0 "$TEMPLAR" lint "$RELEASE"
        same "$(find "$TMPDIR" -mindepth 1 | wc -l)" 0 'files in the temporary folder'
}
