# SPDX-License-Identifier: LGPL-2.1-or-later
# A key is made where GNUPGHOME says; gpg itself sees it, and reads what is exported.
export GNUPGHOME=$PWD/gnupg
mkdir -m 0700 gnupg
fingerprint=$(templar key new --no-passphrase --expires 1y 2>notes) || { cat notes >&2; exit 1; }
echo "$fingerprint" | grep -cxE '[0-9A-F]{40}'
grep -c "$fingerprint" notes
gpg --batch --with-colons --list-secret-keys 2>/dev/null | grep -c "^fpr:*$fingerprint:"
templar key list | sed -e "s/$fingerprint/FINGERPRINT/" -e 's/20[0-9-]* */DATE  /g' | tail -n 1
templar key list --json | sed -e "s/$fingerprint/FINGERPRINT/" -e 's/_sec":[0-9]*/_sec":TIME/g'
templar key export --output pubring.gpg 2>/dev/null
stat -c %a pubring.gpg
gpg --batch --with-colons --show-keys pubring.gpg 2>/dev/null | grep -c "$fingerprint"
templar key export "$fingerprint" | cmp - pubring.gpg
templar key export --armor | head -n 1
templar key export 0000000000000000000000000000000000000000
