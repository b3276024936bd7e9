# Completion of stormctl for fish; in ~/.config/fish/config.fish: stormctl completions fish | source
function __stormctl_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l last (commandline --current-token --cut-at-cursor)
    # An open quote is none of ours.
    set last (string replace --regex '^[\'"]' '' -- $last | string unescape)
    $words[1] __complete fish -- $words "$last" 2>/dev/null
end
complete --command stormctl --erase
complete --command stormctl --no-files --keep-order --arguments '(__stormctl_complete)'
