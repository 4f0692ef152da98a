# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of templar(1) for bash. What there is to complete is told by the program itself.

_templar() {
    local words=() word line i start
    # bash takes "--out=x" and "Image.Name=x" apart at "=": put them together again
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 1)) && [[ $word == =* || ${COMP_WORDS[i - 1]} == *= ]] && [[ $COMP_WORDBREAKS == *=* ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    word=${words[-1]}
    start=
    [[ $word == *=* && $COMP_WORDBREAKS == *=* ]] && start=${word%=*}=

    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :recipe)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.recipe' -- "${word#"$start"}"
                    compgen -d -- "${word#"$start"}")
                ;;
            :directory)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${word#"$start"}")
                ;;
            :file)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${word#"$start"}")
                ;;
            *)
                line=${line%%$'\t'*}
                [[ $line == *= ]] && compopt -o nospace
                COMPREPLY+=("${line#"$start"}")
                ;;
        esac
    done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _templar templar
