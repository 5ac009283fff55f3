# What can follow: asked of the program when somebody presses Tab, not before.
_rocmswitch_complete() {
    emulate -L zsh
    local -a answer plain described
    local kind value help
    answer=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) _ROCMSWITCH_COMPLETE=zsh_complete \
        command rocmswitch 2>/dev/null)}")
    for kind value help in "${answer[@]}"; do
        case $kind in
        plain) [[ $help == _ ]] && plain+=("$value") || described+=("$value:$help") ;;
        file) _path_files -f ;;
        dir) _path_files -/ ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
    return 0
}
# The system of completions may be started after this file: then the next prompt is soon enough.
_rocmswitch_offer_completions() {
    emulate -L zsh
    (( ${+functions[compdef]} )) && compdef _rocmswitch_complete rocmswitch
    precmd_functions=(${precmd_functions:#_rocmswitch_offer_completions})
    (( ${+functions[_rocmswitch_offer_completions]} )) && unfunction _rocmswitch_offer_completions
    return 0
}
if (( ${+functions[compdef]} )); then
    _rocmswitch_offer_completions
else
    typeset -ga precmd_functions
    precmd_functions+=(_rocmswitch_offer_completions)
fi
