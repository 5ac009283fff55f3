# The hook for zsh: enters and leaves at a prompt and where the folder changes, if the folder, $ROCMSWITCH_STACK or what
# was chosen explicitly has changed. Builtins alone, no command substitution: no process is started, not even a fork.
#
# Goes after functions.sh and an array _ROCMSWITCH_DATA: the user's data folder, then the system's.
# The order: $ROCMSWITCH_STACK, `use` in this shell, the nearest .rocm-version, the default, nothing.
# ROCMSWITCH_WHY says it: `stack`, `use`, `pin:FILE`, `default`.
#
# _rocmswitch_chosen   what `use` in this shell named (`system`: no stack), empty for nothing
# _rocmswitch_entered  why and what was last entered, `pin:/p/.rocm-version 6.2`; `… ?` where a shell around this one did
# _rocmswitch_muted    the reason that `use --off` was said against, until another pin governs
#
# `emulate -L zsh` makes whatever the user has set about words and patterns not matter below.

_rocmswitch_hook() {
    [[ $PWD == "$_rocmswitch_folder" && ${ROCMSWITCH_STACK-} == "$_rocmswitch_stack" ]] && \return 0
    # A folder changed in a subshell is that subshell's own affair, as in bash.
    [[ $ZSH_SUBSHELL != 0 ]] || _rocmswitch_decide
}

_rocmswitch_decide() {
    \emulate -L zsh
    \local _rs_why='' _rs_what='' _rs_command='' _rs_script=''
    case $_rocmswitch_entered in '') _rocmswitch_adopt ;; esac
    _rocmswitch_folder=$PWD _rocmswitch_stack=${ROCMSWITCH_STACK-}
    case ${ROCMSWITCH_WHY-} in module) _rocmswitch_entered=module && \return 0 ;; esac # Environment Modules rule here
    _rocmswitch_ask
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
    _rocmswitch_ask_stack || _rocmswitch_ask_shell || _rocmswitch_ask_project || _rocmswitch_ask_default || :
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
        if [[ -f $_rs_pin ]]; then
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
# is data: at most 257 bytes are read, and a FIFO that has taken its place meanwhile is not waited for.
_rocmswitch_read_pin() {
    \local _rs_text='' _rs_stack _rs_venv='' _rs_file
    \zmodload zsh/system && \sysopen -r -o nonblock -u _rs_file "$1" 2>/dev/null || \return 1
    \sysread -s 257 -i $_rs_file _rs_text
    \eval '\exec {_rs_file}<&-' # read here, where braces mean what they do in zsh
    \test ${#_rs_text} -le 256 || \return 1
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
    if [[ $_rs_what != system ]] && _rocmswitch_find "$_rs_what"; then
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
    \. "$1" || _rocmswitch_why=''
}

_rocmswitch_tell_missing() {
    \local _rs_asker="this shell"
    case $_rs_why in pin:*) _rs_asker=${_rs_why#pin:} ;; stack) _rs_asker=ROCMSWITCH_STACK ;; esac
    _rs_asker=${_rs_asker//[[:cntrl:]]/?}
    _rs_command=${_rs_command:-rocmswitch use $_rs_what}
    _rocmswitch_say_once "$_rs_asker asks for $_rs_what, which is not installed; run: $_rs_command"
}

# Sets _rs_script to the script of $1 in the first data folder that has one. Only what belongs to the user, or outside of
# the user's own folder to root, is sourced, and from a folder that nobody else may write.
_rocmswitch_find() {
    \local _rs_data
    \local -a _rs_good
    case $1 in '') \return 1 ;; esac
    for _rs_data in "${_ROCMSWITCH_DATA[@]}"; do
        _rs_script=$_rs_data/activations/$1.sh
        [[ -f $_rs_script ]] || \continue
        _rs_good=("$_rs_script"(N-.U^W) "$_rs_data/activations"(N-/U^IW))
        if [[ $_rs_data != "${_ROCMSWITCH_DATA[1]}" && ${#_rs_good} != 2 ]]; then
            _rs_good=("$_rs_script"(N-.u0^W) "$_rs_data/activations"(N-/u0^IW))
        fi
        (( ${#_rs_good} == 2 )) && \return 0
        _rocmswitch_say_once "ignored: $_rs_script does not belong to you alone"
    done
    \return 1
}

# `use --off`: what was chosen ends, or else what a pin or the default has entered stays away for now.
_rocmswitch_after_off() {
    \emulate -L zsh
    \local _rs_why='' _rs_what='' _rs_command='' _rs_script='' _rs_chosen=$_rocmswitch_chosen
    _rocmswitch_chosen='' _rocmswitch_entered=' '
    case $1/$_rs_chosen in /?*) _rocmswitch_decide && \return 0 ;; esac
    _rocmswitch_ask
    case $_rs_why in ?*) _rocmswitch_muted="$_rs_why $_rs_what" ;; esac
}

# Everything but `use` goes straight to the program. `use` writes what this shell has to evaluate to a descriptor of its
# own, so that it can still ask and show on the terminal.
function rocmswitch {
    \emulate -L zsh
    \local _rs_text='' _rs_status=0 _rs_word='' _rs_skipped=''
    for _rs_word in "$@"; do
        case $_rs_skipped/$_rs_word in /--wait) _rs_skipped=yes ;; /-*) ;; /*) \break ;; *) _rs_skipped='' ;; esac
    done
    case $_rs_word in
    use) ;;
    *)
        \command rocmswitch "$@"
        \return
        ;;
    esac
    {
        _rs_text=$(ROCMSWITCH_HOOK=zsh ROCMSWITCH_HOOK_FD=3 \command rocmswitch "$@" 3>&1 >&4 4>&-) || _rs_status=$?
    } 4>&1
    case $_rs_status in 0) ;; *) \return $_rs_status ;; esac
    \eval "$_rs_text"
    _rocmswitch_decide
    case $_rocmswitch_entered/$_rocmswitch_chosen in
    stack\ */?*) _rocmswitch_say_once "ROCMSWITCH_STACK goes before \`use\`: unset it to have $_rocmswitch_chosen" ;;
    esac
}

# Before the first decision, and where the shell has read its rc file again. What a shell around this one has entered
# stays, unless /etc/zprofile or an rc file has thrown its folders out of PATH.
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

_rocmswitch_hooked=zsh _rocmswitch_entered='' _rocmswitch_folder='' _rocmswitch_stack=''
_rocmswitch_muted=${_rocmswitch_muted-}
# What add-zsh-hook does, without loading it. In zsh a hook's status changes nothing for the user.
\typeset -ga precmd_functions chpwd_functions
case ${precmd_functions[*]-} in *_rocmswitch_hook*) ;; *) precmd_functions+=(_rocmswitch_hook) ;; esac
case ${chpwd_functions[*]-} in *_rocmswitch_hook*) ;; *) chpwd_functions+=(_rocmswitch_hook) ;; esac
