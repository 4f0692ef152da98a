# SPDX-License-Identifier: LGPL-2.1-or-later
# Level= of [Image]: each word has a caret of its own.
cat >x.recipe <<'END'
[Image]
Name=x
Level=tar.xz:10 zst:9 tar:1 fast tar.gz:6

[Script]
Script=true
END
templar check x.recipe
