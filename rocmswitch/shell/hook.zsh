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

# One function for all that is usual: zsh takes 9 µs to call any. At a prompt and where the folder changes there is no
# argument, and nothing is done where nothing changed; `now` decides anyway; `ask` only sets _rs_why and _rs_what, to
# nothing where nothing is asked for. A folder changed in a subshell is that subshell's own affair, as in bash. A pin is
# data: at most 257 bytes are read, and a FIFO that has taken its place meanwhile is not waited for. What says the same
# as the last one is not taken apart.
_rocmswitch_hook() {
    if [[ -n ${1-} || $PWD != "$_rocmswitch_folder" || ${ROCMSWITCH_STACK-} != "$_rocmswitch_stack" ]] &&
        [[ -n ${1-} || $ZSH_SUBSHELL == 0 ]]; then
        \emulate -L zsh
        [[ -n $_rocmswitch_entered && ${ROCMSWITCH_WHY-} != module ]] || _rocmswitch_adopt || \return 0
        _rs_above=$PWD _rocmswitch_folder=$PWD _rocmswitch_stack=${ROCMSWITCH_STACK-} _rs_why='' _rs_what=''
        if [[ -z $_rocmswitch_stack$_rocmswitch_chosen ]] || ! _rocmswitch_ask_shell; then
            until [[ -f $_rs_above/.rocm-version || $_rs_above != */* ]]; do
                _rs_above=${_rs_above%/*}
            done
            _rs_pin=$_rs_above/.rocm-version _rs_text=''
            if [[ -f $_rs_pin ]]; then
                if [[ -r $_rs_pin ]] && \sysopen -r -o nonblock -u _rs_file "$_rs_pin"; then
                    \sysread -s 257 -i $_rs_file _rs_text
                    \eval '\exec {_rs_file}<&-' # read here, where braces mean what they do in zsh
                fi
                _rs_why=pin:$_rs_pin _rs_what=$_rocmswitch_pin_what
                [[ -n $_rs_what && $_rs_text == "$_rocmswitch_pin_text" ]] || _rocmswitch_parse_pin || :
            fi
            [[ -n $_rs_why || ! -f ${_ROCMSWITCH_DATA[1]-}/activations/default.sh &&
                ! -f ${_ROCMSWITCH_DATA[2]-}/activations/default.sh ]] || _rocmswitch_ask_default || :
        fi
        [[ ${1-} == ask || $_rocmswitch_entered == "$_rs_why $_rs_what" && -z $_rocmswitch_muted ]] || _rocmswitch_enter || :
    fi
    # As an environment's own `activate` does, and with its way out. A theme that makes PROMPT anew has the last word.
    if [[ ${ROCMSWITCH_ACTIVE-} != "$_rocmswitch_shown" ]]; then
        PROMPT=${${PROMPT-}#"($_rocmswitch_shown) "} _rocmswitch_shown=${ROCMSWITCH_ACTIVE-}
        [[ -z $_rocmswitch_shown || -n ${VIRTUAL_ENV_DISABLE_PROMPT-} || $PROMPT == "($_rocmswitch_shown) "* ]] ||
            PROMPT="($_rocmswitch_shown) $PROMPT"
    fi
}

# Enters what _rs_why and _rs_what say, or nothing.
_rocmswitch_enter() {
    [[ -n $_rocmswitch_muted || $_rocmswitch_entered == *' ?' ]] && _rocmswitch_may_stay && \return
    _rocmswitch_entered="$_rs_why $_rs_what" _rocmswitch_why=$_rs_why
    [[ $_rs_why == use ]] && _rocmswitch_gpu=$_rocmswitch_chosen_gpu _rocmswitch_profile=$_rocmswitch_chosen_profile
    _rs_data=${_ROCMSWITCH_DATA[1]-} _rs_script=${_ROCMSWITCH_DATA[1]-}/activations/$_rs_what.sh _rs_good=()
    [[ -f $_rs_script && $_rs_what != system ]] && \eval "_rs_good=($_rocmswitch_ours)"
    if [[ -z $_rs_what ]]; then
        _rocmswitch_leave
    elif [[ ${#_rs_good} == 2 ]] || _rocmswitch_find "$_rs_what"; then
        \. "$_rs_script"
    else
        _rocmswitch_leave
        _rocmswitch_enter_nothing
    fi
}

_rocmswitch_ask_shell() {
    _rs_what=$_rocmswitch_stack _rs_why=stack
    _rocmswitch_is_name "$_rs_what" && \return
    [[ -n $_rs_what ]] && _rocmswitch_say_once "ignored: ROCMSWITCH_STACK is not the name of a stack"
    _rs_what=$_rocmswitch_chosen _rs_why=use
    [[ -n $_rs_what ]]
}

# Sets _rs_what to the environment that _rs_text names, or else the stack, and _rocmswitch_pin_command to what would
# install it.
_rocmswitch_parse_pin() {
    \local _rs_name=${_rs_text%%$'\n'*} _rs_venv=''
    [[ $_rs_text == *$'\n'* ]] && _rs_venv=${_rs_text#*$'\n'} && _rs_venv=${_rs_venv%%$'\n'*}
    _rs_name=${_rs_name%$'\r'} _rs_venv=${_rs_venv%$'\r'}
    if (( ${#_rs_text} <= 256 )) && _rocmswitch_is_name "$_rs_name" &&
        { [[ -z $_rs_venv ]] || _rocmswitch_is_name "$_rs_venv"; }; then
        _rs_what=${_rs_venv:-$_rs_name} _rocmswitch_pin_text=$_rs_text _rocmswitch_pin_what=$_rs_what
        _rocmswitch_pin_command="rocmswitch use $_rs_name${_rs_venv:+ --venv $_rs_venv}"
    else
        _rs_why=${_rs_why#pin:}
        _rocmswitch_say_once "ignored: ${_rs_why//[[:cntrl:]]/?} is not a valid pin"
        _rs_why='' _rs_what='' && \return 1
    fi
}

# No ranges: what is between a and z depends on the locale.
_rocmswitch_is_name() {
    [[ $1 != *[!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-]* ]] &&
        [[ -n $1 && $1 != [._+-]* && $1 != *..* && ${#1} -le 64 ]]
}

_rocmswitch_ask_default() {
    for _rs_above in "${_ROCMSWITCH_DATA[@]}"; do
        [[ -f $_rs_above/activations/default.sh ]] && _rocmswitch_find default &&
            _rs_why=default _rs_what=default && \return
    done
}

_rocmswitch_may_stay() {
    if [[ -n $_rocmswitch_muted ]]; then
        [[ $_rocmswitch_muted == "$_rs_why $_rs_what" || -z $_rs_why || $_rs_why == default ]] && \return
        _rocmswitch_muted=''
    fi
    [[ $_rocmswitch_entered == "$_rs_why ?" ]] && _rocmswitch_entered="$_rs_why $_rs_what"
    [[ $_rocmswitch_entered == "$_rs_why $_rs_what" ]]
}

_rocmswitch_enter_nothing() {
    case $_rs_what in
    system) _rocmswitch_set ROCMSWITCH_WHY "$_rs_why" ;;
    *) _rocmswitch_entered=' ' && _rocmswitch_tell_missing ;;
    esac
}

_rocmswitch_tell_missing() {
    \local _rs_asker="this shell" _rs_command="rocmswitch use $_rs_what"
    case $_rs_why in
    pin:*) _rs_asker=${_rs_why#pin:} _rs_command=$_rocmswitch_pin_command ;;
    stack) _rs_asker=ROCMSWITCH_STACK ;;
    esac
    _rs_asker=${_rs_asker//[[:cntrl:]]/?}
    _rocmswitch_say_once "$_rs_asker asks for $_rs_what, which is not installed; run: $_rs_command"
}

# Sets _rs_script to the script of $1 in the first data folder that has one. Only what belongs to the user, or outside of
# the user's own folder to root, is sourced, and from a folder that nobody else may write.
_rocmswitch_find() {
    [[ $1 != system ]] || \return
    for _rs_data in "${_ROCMSWITCH_DATA[@]}"; do
        _rs_script=$_rs_data/activations/$1.sh
        [[ -f $_rs_script ]] || \continue
        \eval "_rs_good=($_rocmswitch_ours)"
        [[ ${#_rs_good} == 2 ]] || _rocmswitch_is_of_system && \return
    done
    \return 1
}

# Owners and modes, as patterns of zsh. Text, because what reads this file may take other things for a pattern.
_rocmswitch_ours='"$_rs_script"(N-.U^W) "$_rs_data/activations"(N-/U^IW)'
_rocmswitch_systems='"$_rs_script"(N-.u0^W) "$_rs_data/activations"(N-/u0^IW)'

_rocmswitch_is_of_system() {
    if [[ $_rs_data != "${_ROCMSWITCH_DATA[1]}" ]]; then
        \eval "_rs_good=($_rocmswitch_systems)"
        [[ ${#_rs_good} == 2 ]] && \return
    fi
    _rocmswitch_say_once "ignored: $_rs_script does not belong to you alone"
    \return 1
}

# `use --off`: what was chosen ends, or else what a pin or the default has entered stays away for now.
_rocmswitch_after_off() {
    \emulate -L zsh
    \local _rs_chosen=$_rocmswitch_chosen
    _rocmswitch_chosen='' _rocmswitch_entered=' '
    if [[ -n $_rs_chosen ]]; then
        _rocmswitch_hook now
        \return 0
    fi
    _rocmswitch_hook ask
    [[ -z $_rs_why ]] || _rocmswitch_muted="$_rs_why $_rs_what"
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
        [[ $_rs_word == current || $_rs_word == which ]] && \local -x ROCMSWITCH_LEFT="${_rocmswitch_muted% *}"
        \command rocmswitch "$@"
        \return
        ;;
    esac
    {
        _rs_text=$(ROCMSWITCH_HOOK=zsh ROCMSWITCH_HOOK_FD=3 \command rocmswitch "$@" 3>&1 >&4 4>&-) || _rs_status=$?
    } 4>&1
    case $_rs_status in 0) ;; *) \return $_rs_status ;; esac
    \eval "$_rs_text"
    _rocmswitch_hook now
    case $_rocmswitch_entered/$_rocmswitch_chosen in
    stack\ */?*) _rocmswitch_say_once "ROCMSWITCH_STACK goes before \`use\`: unset it to have $_rocmswitch_chosen" ;;
    esac
}

# What `use` named in this shell no longer counts, and nothing is muted: whoever calls this has written a pin, and decides
# afterwards.
_rocmswitch_choose_nothing() {
    _rocmswitch_chosen='' _rocmswitch_muted='' _rocmswitch_entered=' '
}

# Before the first decision, and where the shell has read its rc file again. What a shell around this one has entered
# stays, unless /etc/zprofile or an rc file has thrown its folders out of PATH. Fails where others rule.
_rocmswitch_adopt() {
    case ${_ROCMSWITCH_DONE-} in *[!A-Za-z0-9_:\ ]*) \unset -v _ROCMSWITCH_DONE ;; esac
    \zmodload zsh/system 2>/dev/null || :
    case ${ROCMSWITCH_WHY-} in
    '') _rocmswitch_entered=' ' ;;
    use) _rocmswitch_chosen=${ROCMSWITCH_ACTIVE:-system} _rocmswitch_entered="use $_rocmswitch_chosen" ;;
    module) # Environment Modules
        _rocmswitch_entered='' _rocmswitch_folder=$PWD _rocmswitch_stack=${ROCMSWITCH_STACK-}
        \return 1
        ;;
    *) _rocmswitch_entered="$ROCMSWITCH_WHY ?" ;;
    esac
    case ${_ROCMSWITCH_DONE-} in
    *:PATH\ * | *env:*)
        _rs_above=${_ROCMSWITCH_NEW_PATH:-${_ROCMSWITCH_NEW_VIRTUAL_ENV-}/bin}
        case ":${PATH-}:" in *":${_rs_above%%:*}:"*) ;; *) _rocmswitch_entered=lost ;; esac
        ;;
    esac
    case ${_ROCMSWITCH_DONE-}/$_rocmswitch_ends in *:VIRTUAL_ENV\ */) _rocmswitch_own_deactivate ;; esac
}

_rocmswitch_usual='env:VIRTUAL_ENV who:ROCMSWITCH '
_rocmswitch_path=''

# The usual cases of what functions.sh does: a variable that is exported or not there, without further attributes, and
# changed for the first time. ${(P)x} is the value of the variable that x names, ${(tP)x} what kind it is.
_rocmswitch_set() {
    while [[ -n ${2+x} ]]; do
        case ${(tP)1-}/${_ROCMSWITCH_DONE-} in
        */*:$1\ *) _rocmswitch_set_one "$1" "$2" ;;
        /*) \unset -v "_ROCMSWITCH_OLD_$1" && \export "_ROCMSWITCH_NEW_$1=$2" "_ROCMSWITCH_DONE=set:$1 ${_ROCMSWITCH_DONE-}" "$1=$2" ;;
        *) _rocmswitch_set_one "$1" "$2" ;;
        esac
        \shift 2
    done
}

_rocmswitch_prepend() {
    case ${(tP)1-}/${(P)1-}/${_ROCMSWITCH_DONE-} in
    */*:$1\ *) _rocmswitch_prepend_one "$@" ;;
    scalar-export/?*/* | scalar-tied-export-special/?*/*)
        \export "_ROCMSWITCH_OLD_$1=was:${(P)1}" "_ROCMSWITCH_NEW_$1=$2" "_ROCMSWITCH_DONE=add:$1 ${_ROCMSWITCH_DONE-}" "$1=$2:${(P)1}"
        ;;
    *) _rocmswitch_prepend_one "$@" ;;
    esac
}

# The usual environment, where none of what it changes was there before, on a machine whose card needs nothing. A call of
# a function takes zsh 9 µs, so that there is none in it.
_rocmswitch_environment() {
    [[ -z ${_ROCMSWITCH_DONE-} ]] || _rocmswitch_leave
    if [[ -n ${ROCMSWITCH_ACTIVE+y}${ROCMSWITCH_WHY+y}${VIRTUAL_ENV+y}${UV_CONSTRAINT+y}${PYTHONHOME+y} ||
        -n ${LD_LIBRARY_PATH-}${LD_PRELOAD-} || ${PATH:+${(t)PATH}} != scalar-tied-export-special ]]; then
        _rocmswitch_begin "$1"
        _rocmswitch_unset PYTHONHOME
        _rocmswitch_set VIRTUAL_ENV "$2" UV_CONSTRAINT "$2/constraints.txt"
        _rocmswitch_prepend PATH "$2/bin"
    else
        [[ ${_rocmswitch_why:=use} == use ]] && _rocmswitch_choose "$1"
        \export ROCMSWITCH_ACTIVE="$1" ROCMSWITCH_WHY="$_rocmswitch_why" VIRTUAL_ENV="$2" \
            _ROCMSWITCH_NEW_VIRTUAL_ENV="$2" UV_CONSTRAINT="$2/constraints.txt" _ROCMSWITCH_DONE="$_rocmswitch_usual"
        _rocmswitch_path=$PATH PATH=$2/bin:$PATH
    fi
    [[ -n ${3+x} ]] || \return 0
    # What `has_card` says, where it is asked about the machine's own card and there is none of them.
    [[ -n $_rocmswitch_gpu$_rocmswitch_profile${ROCMSWITCH_GPU-}${ROCMSWITCH_PROFILE-} ||
        $_rocmswitch_machine != "${ROCMSWITCH_SYSROOT-}:"* || " $3 " == *" ${_rocmswitch_machine##*:} "* ]] &&
        _rocmswitch_has_card "$3" "$4" && \return
    _rocmswitch_why='' _rocmswitch_gpu='' _rocmswitch_profile=''
    if [[ -n ${aliases[deactivate]+x}${functions[deactivate]+x} ]]; then
        _rocmswitch_own_deactivate
    else
        functions[deactivate]=rocmswitch_off _rocmswitch_ends=yes
    fi
    \return 1
}

_rocmswitch_leave() {
    if [[ ${_ROCMSWITCH_DONE-} == "$_rocmswitch_usual" && -z $_rocmswitch_their_deactivate &&
        ${(t)ROCMSWITCH_ACTIVE-}${(t)ROCMSWITCH_WHY-} == scalar-exportscalar-export && $ROCMSWITCH_WHY != module &&
        ${(t)VIRTUAL_ENV-}${(t)UV_CONSTRAINT-}${(t)PATH-} == scalar-exportscalar-exportscalar-tied-export-special &&
        $VIRTUAL_ENV == "${_ROCMSWITCH_NEW_VIRTUAL_ENV-}" && $UV_CONSTRAINT == "$VIRTUAL_ENV/constraints.txt" &&
        $PATH == "$VIRTUAL_ENV/bin:$_rocmswitch_path" ]]; then
        [[ -z $_rocmswitch_ends ]] || \unset -f deactivate
        PATH=$_rocmswitch_path _rocmswitch_ends=''
        \unset -v ROCMSWITCH_ACTIVE ROCMSWITCH_WHY VIRTUAL_ENV UV_CONSTRAINT _ROCMSWITCH_DONE _ROCMSWITCH_NEW_VIRTUAL_ENV
    else
        _rocmswitch_leave_all
    fi
}

_rocmswitch_leave_all() {
    [[ -z $_rocmswitch_ends ]] || _rocmswitch_give_deactivate_back
    \local _rs_step _rs_name _rs_old _rs_new
    \local -a _rs_gone
    for _rs_step in "${(@s: :)_ROCMSWITCH_DONE-}"; do
        _rs_name=${_rs_step#*:} _rs_old=_ROCMSWITCH_OLD_${_rs_step#*:} _rs_new=_ROCMSWITCH_NEW_${_rs_step#*:}
        case $_rs_step/${(tP)_rs_name-} in
        set:*/scalar-export)
            if [[ -z ${(P)_rs_old+x} && ${(P)_rs_name} == "${(P)_rs_new-}" ]]; then
                _rs_gone+=("$_rs_name" "$_rs_old" "$_rs_new")
                \continue
            fi
            ;;
        add:*/scalar-export | add:*/scalar-tied-export-special)
            if [[ ${(P)_rs_old-} == was:?* && ${(P)_rs_name} == "${(P)_rs_new-}:${${(P)_rs_old}#was:}" ]]; then
                \export "$_rs_name=${${(P)_rs_old}#was:}"
                _rs_gone+=("$_rs_old" "$_rs_new")
                \continue
            fi
            ;;
        who:*) _rocmswitch_be_nobody && \continue ;;
        env:*) _rocmswitch_undo_environment && _rs_gone+=("$_rs_new") && \continue ;;
        /) \continue ;;
        esac
        _rocmswitch_undo "$_rs_step" "$_rs_name"
        _rs_gone+=("$_rs_old" "$_rs_new")
    done
    \unset -v _ROCMSWITCH_DONE "${_rs_gone[@]}"
}

# An rc file that is read again makes the prompt anew.
case ${PROMPT-} in "(${_rocmswitch_shown-}) "*) ;; *) _rocmswitch_shown='' ;; esac
_rocmswitch_hooked=$$ _rocmswitch_entered='' _rocmswitch_folder='' _rocmswitch_stack=''
_rocmswitch_muted=${_rocmswitch_muted-} _rocmswitch_pin_text='' _rocmswitch_pin_what='' _rocmswitch_pin_command=''
# What add-zsh-hook does, without loading it. In zsh a hook's status changes nothing for the user.
\typeset -ga precmd_functions chpwd_functions
case ${precmd_functions[*]-} in *_rocmswitch_hook*) ;; *) precmd_functions+=(_rocmswitch_hook) ;; esac
case ${chpwd_functions[*]-} in *_rocmswitch_hook*) ;; *) chpwd_functions+=(_rocmswitch_hook) ;; esac
