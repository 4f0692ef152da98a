#compdef templar
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of templar(1) for zsh. What there is to complete is told by the program itself.

_templar() {
    local line name help
    local -a typed plain open
    typed=("${(@Q)words[2,CURRENT]}")
    for line in "${(@f)$(_call_program templar "${(q)words[1]}" complete -- "${(@q)typed}")}"; do
        case $line in
            '') ;;
            :recipe) _files -g '*.recipe(-.)' ;;
            :directory) compset -P '--*='; _files -/ ;;
            :file) compset -P '--*='; _files ;;
            *)
                name=${line%%$'\t'*}
                help=${line#*$'\t'}
                if [[ $name == *= ]]; then
                    open+=("${name//:/\\:}:$help")
                else
                    plain+=("${name//:/\\:}:$help")
                fi
                ;;
        esac
    done
    (( $#plain )) && _describe -t values templar plain
    (( $#open )) && _describe -t values templar open -S ''
    return 0
}

_templar "$@"
