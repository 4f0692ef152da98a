# SPDX-License-Identifier: LGPL-2.1-or-later
# What stands in the way of a rebuild, each said before anything is built.
exec 2>&1
export TEMPLAR_CACHE="$PWD/cache"
fails() { "$@" && echo succeeded || echo "status $?"; }
manifest() {
    printf '{"name":"%s","architecture":"amd64","version":"1","recipe_sha256":"%s","tool":{"version":"9"},"files":[%s]}\n' \
        "$1" "$2" '{"name":"x-amd64-1.tar","format":"tar"}'
}
umask 022
mkdir release here here/recipes cache
: >release/x-amd64-1.tar
cd here

fails templar rebuild
fails templar rebuild ../release ../release
fails templar rebuild --lock ../release
fails templar rebuild ../missing.tar
echo '-- no manifest'
fails templar rebuild ../release
echo '-- broken manifests'
echo '{' >../release/x-amd64-1.manifest.json
fails templar rebuild ../release
echo '{}' >../release/x-amd64-1.manifest.json
fails templar rebuild ../release
manifest y 0 >../release/x-amd64-1.manifest.json
fails templar rebuild ../release
manifest x 0 | sed 's/"format":"tar"/"format":"zip"/' >../release/x-amd64-1.manifest.json
fails templar rebuild ../release
echo '-- recipes'
manifest x 0 >../release/x-amd64-1.manifest.json
fails templar rebuild ../release/x-amd64-1.tar
printf '[Image]\nName=y\nArchitecture=amd64\n\n[File]\nPath=/x\nContent=\n' >recipes/x.recipe
fails templar rebuild ../release/x-amd64-1
sed -i s/y/x/ recipes/x.recipe
fails templar rebuild ../release/x-amd64-1
echo '[Image' >x.recipe
fails templar rebuild ../release/x-amd64-1 --recipe x.recipe
fails templar rebuild ../release/x-amd64-1 --recipe none.recipe
echo '-- locks'
digest=$(templar check --json recipes/x.recipe | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/')
manifest x "$digest" >../release/x-amd64-1.manifest.json
fails templar rebuild ../release
echo '[]' >../release/x-amd64-1.lock
fails templar rebuild ../release
fails templar rebuild ../release --lock none.lock
echo '-- a directory for the result'
mkdir full
: >full/x
fails templar rebuild ../release --keep full
