# SPDX-License-Identifier: LGPL-2.1-or-later
# The script for bash, with words as bash hands them over ("=" is a word of its own).
cat >try.bash <<'END'
source "$TESTED_SOURCE/builder/completion/templar.bash"
compopt() { :; }
try() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _templar
    printf '%s |' "$*"
    printf ' <%s>' "${COMPREPLY[@]}"
    echo
}
try templar ver
try templar build recipes/g
try templar build --fo
try templar build --formats = tar.x
try templar build --formats tar.xz,tar.z
try templar build --set = Image.Na
try templar build --set Image.Na
try templar build --out = rec
try templar key ''
END
bash try.bash
