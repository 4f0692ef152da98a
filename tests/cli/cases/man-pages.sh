# SPDX-License-Identifier: LGPL-2.1-or-later
# The pages as the Makefile puts them together; what other pages are installed does not matter.
command -v mandoc >/dev/null || { echo "mandoc is not installed" >&2; exit 77; }
for part in verbs recipe cleaning; do templar help --mdoc $part >$part || exit; done
for page in templar.1 templar.recipe.5; do
        sed -e '/^@verbs@$/{' -e 'r verbs' -e 'd' -e '}' -e '/^@recipe@$/{' -e 'r recipe' -e 'd' -e '}' \
                -e '/^@cleaning@$/{' -e 'r cleaning' -e 'd' -e '}' "$TESTED_SOURCE/builder/man/$page.in" >$page
done
mandoc -T lint -W style templar.1 templar.recipe.5 2>/dev/null | grep -v 'referenced manual not found'
grep -c '^\.Ss templar build' templar.1
grep -c '^\.Ss \[Debootstrap\]' templar.recipe.5
grep -c '^\.It Cm machine-id' templar.recipe.5
grep '^@' templar.1 templar.recipe.5
true
