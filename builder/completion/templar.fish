# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of templar(1) for fish. What there is to complete is told by the program itself.

function __templar_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l current (string replace -r '^--[a-z-]*=' '' -- $words[-1])
    set -l start (string match -r '^--[a-z-]*=' -- $words[-1])
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':recipe'
                __fish_complete_suffix $current .recipe
            case ':directory'
                __fish_complete_directories $current | string replace -r '^' -- "$start"
            case ':file'
                __fish_complete_path $current | string replace -r '^' -- "$start"
            case '*'
                echo $line
        end
    end
end

complete -c templar -f -a '(__templar_complete)'
