# shellcheck shell=bash
# What can follow: asked of the program when somebody presses Tab, not before.
_rocmswitch_complete() {
    local line kind value
    COMPREPLY=()
    while IFS= read -r line; do
        kind=${line%%,*} value=${line#*,}
        case $kind in
        plain) COMPREPLY+=("$value") ;;
        file) compopt -o default ;;
        dir) compopt -o dirnames ;;
        esac
    done < <(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _ROCMSWITCH_COMPLETE=bash_complete \
        command rocmswitch 2>/dev/null)
}
complete -F _rocmswitch_complete rocmswitch
