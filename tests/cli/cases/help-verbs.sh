# SPDX-License-Identifier: LGPL-2.1-or-later
for verb in build check verify key 'key new' 'key list' 'key export' help version; do
        echo "--- $verb"
        templar help $verb
done
