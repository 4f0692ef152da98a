# SPDX-License-Identifier: LGPL-2.1-or-later
# Things that are no recipes. Whatever they hold, a terminal gets printable bytes.
try() {
        echo "\$ templar check $1"
        templar check "$1" >errors 2>&1
        echo "=> $?$(LC_ALL=C grep -q '[^ -~]' errors && echo ', with strange bytes')"
        grep ^error errors
}
: >empty.recipe
printf '[Image]\nName=a\0b\n' >nul.recipe
printf '[Image]\nName=a\377\376\n' >binary.recipe
printf '[Image]\nName=a\nDescription=\033[31mred\n' >escape.recipe
mkdir folder.recipe
mkfifo pipe.recipe
for name in empty nul binary escape folder pipe; do try $name.recipe; done
head -c 10000000 /dev/urandom >random.recipe
templar check random.recipe 2>errors
echo "random: $?, $(test "$(wc -c <errors)" -lt 100000 && echo short)"
head -c 10000000 /dev/zero | tr '\0' x >long.recipe
templar check long.recipe 2>errors
echo "long: $?, $(test "$(wc -c <errors)" -lt 100000 && echo short)"
