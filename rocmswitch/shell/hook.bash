# shellcheck shell=bash disable=SC2015,SC2154  # `A && B || C` that is meant; what functions.sh, _ROCMSWITCH_DATA and the environment set
# The hook for bash 3.2 and later: enters and leaves at a prompt, where the folder, $ROCMSWITCH_STACK or what was chosen
# explicitly has changed. Builtins alone, no command substitution: no process is started, not even a fork.
#
# Goes after functions.sh and an array _ROCMSWITCH_DATA: the user's data folder, then the system's.
# The order: $ROCMSWITCH_STACK, `use` in this shell, the nearest .rocm-version, the default, nothing.
# ROCMSWITCH_WHY says it: `stack`, `use`, `pin:FILE`, `default`.
#
# _rocmswitch_chosen   what `use` in this shell named (`system`: no stack), empty for nothing
# _rocmswitch_entered  why and what was last entered, `pin:/p/.rocm-version 6.2`; `… ?` where a shell around this one did
# _rocmswitch_muted    the reason that `use --off` was said against, until another pin governs

_rocmswitch_hook() {
    \local _rs_status=$?
    if \test "$PWD" != "$_rocmswitch_folder" || \test "${ROCMSWITCH_STACK-}" != "$_rocmswitch_stack"; then
        _rocmswitch_decide
    fi
    case $- in *e*) \return 0 ;; esac # under `set -e` the status of a function at a prompt would end the shell
    \return "$_rs_status"
}

_rocmswitch_decide() {
    \local _rs_why='' _rs_what='' _rs_command='' _rs_script=''
    case $_rocmswitch_entered in '') _rocmswitch_adopt ;; esac
    _rocmswitch_folder=$PWD _rocmswitch_stack=${ROCMSWITCH_STACK-}
    case ${ROCMSWITCH_WHY-} in module) _rocmswitch_entered=module && \return 0 ;; esac # Environment Modules rule here
    _rocmswitch_ask || :
    case $_rocmswitch_muted/$_rs_why in
    /*) ;;
    "$_rs_why $_rs_what/"* | */ | */default) \return 0 ;;
    *) _rocmswitch_muted='' ;;
    esac
    case $_rocmswitch_entered in
    "$_rs_why $_rs_what") ;;
    "$_rs_why ?") _rocmswitch_entered="$_rs_why $_rs_what" ;;
    *) _rocmswitch_enter ;;
    esac
}

_rocmswitch_ask() {
    _rocmswitch_ask_stack || _rocmswitch_ask_shell || _rocmswitch_ask_project || _rocmswitch_ask_default
}

_rocmswitch_ask_stack() {
    case $_rocmswitch_stack in '') \return 1 ;; esac
    if _rocmswitch_is_name "$_rocmswitch_stack"; then
        _rs_why=stack _rs_what=$_rocmswitch_stack
    else
        _rocmswitch_say_once "ignored: ROCMSWITCH_STACK is not the name of a stack" && \return 1
    fi
}

_rocmswitch_ask_shell() {
    case $_rocmswitch_chosen in '') \return 1 ;; esac
    _rs_why=use _rs_what=$_rocmswitch_chosen
}

_rocmswitch_ask_project() {
    \local _rs_above=$PWD _rs_pin
    case $PWD in /*) ;; *) \return 1 ;; esac
    while :; do
        _rs_pin=${_rs_above%/}/.rocm-version
        if \test -f "$_rs_pin"; then
            _rocmswitch_read_pin "$_rs_pin" && _rs_why=pin:$_rs_pin && \return
            _rocmswitch_say_once "ignored: ${_rs_pin//[[:cntrl:]]/?} is not a valid pin" && \return 1
        fi
        case $_rs_above in '' | /) \return 1 ;; esac
        _rs_above=${_rs_above%/*}
    done
}

_rocmswitch_ask_default() {
    _rocmswitch_find default || \return 1
    _rs_why=default _rs_what=default
}

# Sets _rs_what to the environment that the file names, or else the stack, and _rs_command to what installs it. The file
# is data: `read` ends well at a NUL or after so many characters, and only the end of the file is a good end here.
_rocmswitch_read_pin() {
    \local _rs_text='' _rs_stack _rs_venv=''
    { IFS='' \read -r -d '' -n 257 _rs_text <"$1"; } 2>/dev/null && \return 1
    case $_rs_text in *$'\n'*) _rs_venv=${_rs_text#*$'\n'} ;; esac
    _rs_stack=${_rs_text%%$'\n'*} _rs_venv=${_rs_venv%%$'\n'*}
    _rs_stack=${_rs_stack%$'\r'} _rs_venv=${_rs_venv%$'\r'}
    _rocmswitch_is_name "$_rs_stack" && _rocmswitch_is_name "${_rs_venv:-none}" || \return 1
    _rs_what=${_rs_venv:-$_rs_stack}
    _rs_command="rocmswitch use $_rs_stack${_rs_venv:+ --venv $_rs_venv}"
}

# No ranges: what is between a and z depends on the locale.
_rocmswitch_is_name() {
    case $1 in
    '' | [._+-]* | *..*) \return 1 ;;
    *[!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-]*) \return 1 ;;
    esac
    \test "${#1}" -le 64
}

# Enters what _rs_why and _rs_what say, or nothing.
_rocmswitch_enter() {
    _rocmswitch_entered="$_rs_why $_rs_what"
    if \test "$_rs_what" != system && _rocmswitch_find "$_rs_what"; then
        _rocmswitch_source "$_rs_script"
        \return 0
    fi
    _rocmswitch_leave
    case $_rs_what in
    '') ;;
    system) _rocmswitch_set ROCMSWITCH_WHY "$_rs_why" ;;
    *) _rocmswitch_entered=' ' && _rocmswitch_tell_missing ;;
    esac
}

_rocmswitch_source() {
    _rocmswitch_why=$_rs_why
    case $_rs_why in use) _rocmswitch_gpu=$_rocmswitch_chosen_gpu _rocmswitch_profile=$_rocmswitch_chosen_profile ;; esac
    # shellcheck disable=SC1090  # one of our scripts
    \. "$1" || _rocmswitch_why=''
}

_rocmswitch_tell_missing() {
    \local _rs_asker="this shell"
    case $_rs_why in pin:*) _rs_asker=${_rs_why#pin:} ;; stack) _rs_asker=ROCMSWITCH_STACK ;; esac
    _rs_asker=${_rs_asker//[[:cntrl:]]/?}
    _rs_command=${_rs_command:-rocmswitch use $_rs_what}
    _rocmswitch_say_once "$_rs_asker asks for $_rs_what, which is not installed; run: $_rs_command"
}

# Sets _rs_script to the script of $1 in the first data folder that has one. Only what belongs to the user is sourced,
# or lies where the user may not write: in the system's folder.
_rocmswitch_find() {
    \local _rs_data
    case $1 in '') \return 1 ;; esac
    for _rs_data in ${_ROCMSWITCH_DATA[@]+"${_ROCMSWITCH_DATA[@]}"}; do
        _rs_script=$_rs_data/activations/$1.sh
        \test -f "$_rs_script" || \continue
        if \test -O "$_rs_script" && \test -O "$_rs_data/activations"; then
            \return 0
        fi
        case $_rs_data in "${_ROCMSWITCH_DATA[0]}") ;; *)
            \test -w "$_rs_script" || \test -w "$_rs_data/activations" || \return 0
            ;;
        esac
        _rocmswitch_say_once "ignored: $_rs_script does not belong to you"
    done
    \return 1
}

# `use --off`: what was chosen ends, or else what a pin or the default has entered stays away for now.
_rocmswitch_after_off() {
    \local _rs_why='' _rs_what='' _rs_command='' _rs_script='' _rs_chosen=$_rocmswitch_chosen
    _rocmswitch_chosen='' _rocmswitch_entered=' '
    case $1/$_rs_chosen in /?*) _rocmswitch_decide && \return 0 ;; esac
    _rocmswitch_ask || :
    case $_rs_why in ?*) _rocmswitch_muted="$_rs_why $_rs_what" ;; esac
}

# Everything but `use` goes straight to the program. `use` writes what this shell has to evaluate to a descriptor of its
# own, so that it can still ask and show on the terminal.
function rocmswitch {
    \local _rs_text='' _rs_status=0 _rs_word _rs_skipped=''
    for _rs_word; do
        case $_rs_skipped/$_rs_word in /--wait) _rs_skipped=yes ;; /-*) ;; /*) \break ;; *) _rs_skipped='' ;; esac
    done
    case ${_rs_word-} in
    use) ;;
    *)
        \command rocmswitch "$@"
        \return
        ;;
    esac
    {
        _rs_text=$(ROCMSWITCH_HOOK=bash ROCMSWITCH_HOOK_FD=3 \command rocmswitch "$@" 3>&1 >&4 4>&-) || _rs_status=$?
    } 4>&1
    case $_rs_status in 0) ;; *) \return "$_rs_status" ;; esac
    \eval "$_rs_text"
    _rocmswitch_decide
    case $_rocmswitch_entered/$_rocmswitch_chosen in
    stack\ */?*) _rocmswitch_say_once "ROCMSWITCH_STACK goes before \`use\`: unset it to have $_rocmswitch_chosen" ;;
    esac
}

# Before the first decision, and where the shell has read its rc file again. What a shell around this one has entered
# stays, unless /etc/profile or an rc file has thrown its folders out of PATH.
_rocmswitch_adopt() {
    case ${ROCMSWITCH_WHY-} in
    '') _rocmswitch_entered=' ' ;;
    use) _rocmswitch_chosen=${ROCMSWITCH_ACTIVE:-system} _rocmswitch_entered="use $_rocmswitch_chosen" ;;
    *) _rocmswitch_entered="$ROCMSWITCH_WHY ?" ;;
    esac
    case ${_ROCMSWITCH_DONE-} in
    *add:PATH\ *)
        case ":${PATH-}:" in *":${_ROCMSWITCH_NEW_PATH%%:*}:"*) ;; *) _rocmswitch_entered=lost ;; esac
        ;;
    esac
    case ${_ROCMSWITCH_DONE-}/$_rocmswitch_ends in *set:VIRTUAL_ENV\ */) _rocmswitch_own_deactivate ;; esac
}

_rocmswitch_hooked=bash _rocmswitch_entered='' _rocmswitch_folder='' _rocmswitch_stack=''
_rocmswitch_muted=${_rocmswitch_muted-}
case ";${PROMPT_COMMAND[*]-};" in
*_rocmswitch_hook*) ;;
*)
    # Where it is an array, its first element is what is read and written here.
    # shellcheck disable=SC2128,SC2178
    \printf -v PROMPT_COMMAND '%s' "_rocmswitch_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}" 2>/dev/null ||
        _rocmswitch_say_once "PROMPT_COMMAND is read-only, so that projects are not followed"
    ;;
esac
