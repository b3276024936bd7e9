# Completion of stormctl for bash; in ~/.bashrc: source <(stormctl completions bash)
_stormctl() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <("$1" __complete bash -- "$COMP_LINE" "$COMP_POINT" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o nospace -F _stormctl stormctl
if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o nospace -o nosort -F _stormctl stormctl
fi
