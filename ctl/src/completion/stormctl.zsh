#compdef stormctl
# Completion of stormctl for zsh; in ~/.zshrc, after compinit: source <(stormctl completions zsh)
_stormctl() {
    local line value help
    local -a whole begun
    for line in "${(@f)$("${(@Q)words[1]}" __complete zsh -- "${(@Q)words[1,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        help=${line#*$'\t'}
        [[ -n $value ]] || continue
        value=${value//\\/\\\\}
        value=${value//:/\\:}
        if [[ $value == *[=/] ]]; then
            begun+=("$value:$help")
        else
            whole+=("$value:$help")
        fi
    done
    (( $#whole )) && _describe -V stormctl whole
    (( $#begun )) && _describe -V stormctl begun -S ''
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _stormctl "$@"
else
    compdef _stormctl stormctl
fi
