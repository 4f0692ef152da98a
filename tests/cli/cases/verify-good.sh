# SPDX-License-Identifier: LGPL-2.1-or-later
# A release directory that gpg and sha256sum made.
umask 022
fingerprint=$(templar key new --no-passphrase --user-id 'Test key <test@example.com>' 2>/dev/null) || exit
mkdir release
echo image >release/x-amd64-1.tar
(cd release && sha256sum x-amd64-1.tar >SHA256SUMS && gpg --batch --quiet --detach-sign --output SHA256SUMS.gpg SHA256SUMS)
gpg --batch --quiet --export "$fingerprint" >keyring.gpg
templar verify release --keyring keyring.gpg | sed -e "s/$fingerprint/FINGERPRINT/" -e 's/20[-0-9: ]*UTC/DATE/'
templar verify --json release --keyring keyring.gpg |
        sed -e "s/$fingerprint/FINGERPRINT/" -e 's/"signed_sec":[0-9]*/"signed_sec":DATE/'
echo changed >release/x-amd64-1.tar
templar verify release --keyring keyring.gpg
