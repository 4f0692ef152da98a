# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing but the examples' commands is wider than a terminal.
for topic in '' recipe build check verify key 'key new' 'key list' 'key export' help; do
        templar help $topic | grep -v '^  templar ' | grep -v '^  [A-Z]*=.* templar ' | awk 'length > 80'
done
for section in $(templar help recipe | sed -n 's/^\[\(.*\)\]$/\1/p'); do
        templar help recipe "$section" | awk 'length > 80'
done
