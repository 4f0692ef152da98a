# SPDX-License-Identifier: LGPL-2.1-or-later
# What is wrong with the use of locks and archives, each said before anything is built.
exec 2>&1
export TEMPLAR_CACHE="$PWD/cache"
fails() { "$@" && echo succeeded || echo "status $?"; }
umask 022
mkdir cache here
cp recipes/good.recipe recipes/keyring.gpg here/
cd here

fails templar lock
fails templar lock missing.recipe
fails templar lock --updaet good.recipe
fails templar lock --pool ../missing good.recipe
fails templar lock --pool ftp://mirror/debian good.recipe
echo '-- building'
fails templar build --locked good.recipe
fails templar build --lock other.lock good.recipe
fails templar build --lock a.lock good.recipe good.recipe
fails templar build --pool good.recipe good.recipe
echo '{}' >good.lock
fails templar build --locked good.recipe
echo '-- archives'
fails templar archive
fails templar archive good.recipe
fails templar archive good.recipe '' extra
fails templar archive good.recipe ''
fails templar archive good.recipe there
fails templar archive --key X --no-sign good.recipe there
fails templar archive --lock other.lock good.recipe there
ls
