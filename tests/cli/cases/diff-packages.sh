# SPDX-License-Identifier: LGPL-2.1-or-later
# Manifests, locks and an image, one against the other: packages alone.
sha=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
cat >old.manifest.json <<'END'
{"manifest_version": 1, "packages": [
 {"architecture": "amd64", "name": "bash", "version": "5.1"},
 {"architecture": "all", "name": "doc", "version": "1"}]}
END
cat >new.manifest.json <<'END'
{"manifest_version": 1, "packages": [
 {"architecture": "amd64", "name": "bash", "version": "5.2"},
 {"architecture": "amd64", "name": "zlib", "version": "1"}]}
END
umask 022
mkdir -p tree/var/lib/dpkg
printf 'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.1\n' >tree/var/lib/dpkg/status
tar --format=ustar -C tree -cf image.tar .
templar diff old.manifest.json new.manifest.json
templar diff --markdown old.manifest.json new.manifest.json
templar diff --json old.manifest.json new.manifest.json
templar diff --exit-code old.manifest.json old.manifest.json
echo "=> $?"
templar diff --exit-code image.tar old.manifest.json
echo "=> $?"
