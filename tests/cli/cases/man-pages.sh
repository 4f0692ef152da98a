# SPDX-License-Identifier: LGPL-2.1-or-later
# The pages as the Makefile puts them together; what other pages are installed does not matter.
command -v mandoc >/dev/null || { echo "mandoc is not installed" >&2; exit 77; }
for part in verbs recipe; do templar help --mdoc $part >$part || exit; done
sed -e '/^@VERBS@$/{' -e 'r verbs' -e 'd' -e '}' "$TESTED_SOURCE/builder/man/templar.1.in" >templar.1
sed -e '/^@SECTIONS@$/{' -e 'r recipe' -e 'd' -e '}' "$TESTED_SOURCE/builder/man/templar.recipe.5.in" >templar.recipe.5
mandoc -T lint -W style templar.1 templar.recipe.5 2>/dev/null | grep -v 'referenced manual not found'
grep -c '^\.Ss templar build' templar.1
grep -c '^\.Ss \[Debootstrap\]' templar.recipe.5
