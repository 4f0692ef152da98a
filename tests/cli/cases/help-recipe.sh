# SPDX-License-Identifier: LGPL-2.1-or-later
# Every section is there, and each has a page of its own.
templar help recipe >all || exit
sed -n 's/^\[\(.*\)\]$/\1/p' all | while read -r section; do
        echo "$section"
        templar help recipe "$section" | grep -q '^  [A-Za-z]*=$' || [ "$section" = Upgrade ] || echo "no keys?"
done
