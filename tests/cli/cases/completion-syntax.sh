# SPDX-License-Identifier: LGPL-2.1-or-later
for shell in zsh fish; do
        command -v $shell >/dev/null || { echo "$shell is not installed" >&2; exit 77; }
        $shell -n "$TESTED_SOURCE/builder/completion/templar.$shell" || exit
done
