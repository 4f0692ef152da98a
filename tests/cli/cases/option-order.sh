# SPDX-License-Identifier: LGPL-2.1-or-later
# Options stand before or after arguments, may be shortened, and end with "--".
for order in 'verify --keyring k missing' 'verify missing --keyring k' 'verify missing --keyring=k' 'verify missing -k k' \
        'verify missing -kk' 'verify --keyr k missing' 'verify --keyring k -- missing'; do
        templar $order 2>&1
done
templar verify --keyring k -- --missing
