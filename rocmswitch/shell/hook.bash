# shellcheck shell=bash disable=SC2015,SC2154  # `A && B || C` that is meant; variables of others
# The hook for bash 3.2 and later: enters and leaves at a prompt, where the folder, $ROCMSWITCH_STACK or what was chosen
# explicitly has changed. Builtins alone: no process is started. One fork where another environment's `deactivate` has to
# be kept, because bash copies a function no other way.
#
# Goes after functions.sh and an array _ROCMSWITCH_DATA: the user's data folder, then the system's.
# The order: $ROCMSWITCH_STACK, `use` in this shell, the nearest .rocm-version, the default, nothing.
# ROCMSWITCH_WHY says it: `stack`, `use`, `pin:FILE`, `default`.
#
# _rocmswitch_chosen   what `use` in this shell named (`system`: no stack), empty for nothing
# _rocmswitch_entered  why and what was last entered, `pin:/p/.rocm-version 6.2`; `… ?` where a shell around this one did
# _rocmswitch_muted    the reason that `use --off` was said against, until another pin governs

_rocmswitch_hook() {
    _rs_status=$?
    [[ $PWD == "$_rocmswitch_folder" && ${ROCMSWITCH_STACK-} == "$_rocmswitch_stack" ]] || _rocmswitch_decide || :
    [[ $- == *e* ]] || \return "$_rs_status" # under `set -e` the status of a function at a prompt would end the shell
}

# bash copies a function whenever it is called, so that these are small and what is rare has a function of its own. They
# have no local variables either, which take longer than all else here.
#
# `ask` only sets _rs_why and _rs_what, to nothing where nothing is asked for. A pin is data: `read` ends well at a NUL or
# after so many characters, and only the end of the file is a good end here. What says the same as the last one is not
# taken apart.
_rocmswitch_decide() {
    [[ $_rocmswitch_entered && ${ROCMSWITCH_WHY-} != module ]] || _rocmswitch_adopt || \return 0
    _rs_above=$PWD _rocmswitch_folder=$PWD _rocmswitch_stack=${ROCMSWITCH_STACK-} _rs_why='' _rs_what=''
    if [[ ! $_rocmswitch_stack$_rocmswitch_chosen ]] || ! _rocmswitch_ask_shell; then
        until [[ -f $_rs_above/.rocm-version || $_rs_above != */* ]]; do
            _rs_above=${_rs_above%/*}
        done
        _rs_pin=$_rs_above/.rocm-version _rs_text=''
        if [[ -f $_rs_pin ]]; then
            [[ -r $_rs_pin ]] && IFS='' \read -r -d '' -n 257 _rs_text <"$_rs_pin" && _rs_text=/
            _rs_why=pin:$_rs_pin _rs_what=$_rocmswitch_pin_what
            [[ $_rs_what && $_rs_text == "$_rocmswitch_pin_text" ]] || _rocmswitch_parse_pin
        fi
        [[ $_rs_why ]] ||
            [[ ! -f ${_ROCMSWITCH_DATA-}/activations/default.sh && ! -f ${_ROCMSWITCH_DATA[1]-}/activations/default.sh ]] ||
            _rocmswitch_ask_default
    fi
    [[ ${1-} == ask ]] && \return
    [[ $_rocmswitch_entered == "$_rs_why $_rs_what" && ! $_rocmswitch_muted ]] && \return
    [[ $_rocmswitch_muted || $_rocmswitch_entered == *' ?' ]] && _rocmswitch_may_stay && \return
    _rocmswitch_entered="$_rs_why $_rs_what" _rocmswitch_why=$_rs_why
    [[ $_rs_why == use ]] && _rocmswitch_gpu=$_rocmswitch_chosen_gpu _rocmswitch_profile=$_rocmswitch_chosen_profile
    _rs_data=${_ROCMSWITCH_DATA-}/activations _rs_script=$_rs_data/$_rs_what.sh
    if [[ ! $_rs_what ]]; then
        _rocmswitch_leave
    elif [[ $_rs_what != system && -f $_rs_script && -O $_rs_script && -O $_rs_data ]] || _rocmswitch_find "$_rs_what"; then
        # shellcheck disable=SC1090  # one of our scripts
        \. "$_rs_script"
    else
        _rocmswitch_leave
        _rocmswitch_enter_nothing
    fi
}

_rocmswitch_ask_shell() {
    _rs_what=$_rocmswitch_stack _rs_why=stack
    _rocmswitch_is_name "$_rs_what" && \return
    [[ $_rs_what ]] && _rocmswitch_say_once "ignored: ROCMSWITCH_STACK is not the name of a stack"
    _rs_what=$_rocmswitch_chosen _rs_why=use
    [[ $_rs_what ]]
}

# Sets _rs_what to the environment that _rs_text names, or else the stack, and _rocmswitch_pin_command to what would
# install it.
_rocmswitch_parse_pin() {
    _rs_name=${_rs_text%%$'\n'*} _rs_venv=''
    [[ $_rs_text == *$'\n'* ]] && _rs_venv=${_rs_text#*$'\n'} && _rs_venv=${_rs_venv%%$'\n'*}
    _rs_name=${_rs_name%$'\r'} _rs_venv=${_rs_venv%$'\r'}
    if _rocmswitch_is_name "$_rs_name" && { [[ ! $_rs_venv ]] || _rocmswitch_is_name "$_rs_venv"; }; then
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
        [[ $1 && $1 != [._+-]* && $1 != *..* && ${#1} -le 64 ]]
}

_rocmswitch_ask_default() {
    for _rs_above in ${_ROCMSWITCH_DATA[@]+"${_ROCMSWITCH_DATA[@]}"}; do
        [[ -f $_rs_above/activations/default.sh ]] && _rocmswitch_find default &&
            _rs_why=default _rs_what=default && \return
    done
}

_rocmswitch_may_stay() {
    if [[ $_rocmswitch_muted ]]; then
        [[ $_rocmswitch_muted == "$_rs_why $_rs_what" || ! $_rs_why || $_rs_why == default ]] && \return
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

# Sets _rs_script to the script of $1 in the first data folder that has one. Only what belongs to the user is sourced,
# or lies where the user may not write: in the system's folder.
_rocmswitch_find() {
    [[ $1 != system ]] || \return
    for _rs_data in ${_ROCMSWITCH_DATA[@]+"${_ROCMSWITCH_DATA[@]}"}; do
        _rs_script=$_rs_data/activations/$1.sh
        [[ -f $_rs_script ]] || \continue
        [[ -O $_rs_script && -O $_rs_data/activations ]] || _rocmswitch_is_of_system && \return
    done
    \return 1
}

_rocmswitch_is_of_system() {
    [[ $_rs_data != "${_ROCMSWITCH_DATA[0]}" && ! -w $_rs_script && ! -w $_rs_data/activations ]] && \return
    _rocmswitch_say_once "ignored: $_rs_script does not belong to you"
    \return 1
}

# `use --off`: what was chosen ends, or else what a pin or the default has entered stays away for now.
_rocmswitch_after_off() {
    \local _rs_chosen=$_rocmswitch_chosen
    _rocmswitch_chosen='' _rocmswitch_entered=' '
    if [[ -n $_rs_chosen ]]; then
        _rocmswitch_decide || :
        \return 0
    fi
    _rocmswitch_decide ask || :
    [[ ! $_rs_why ]] || _rocmswitch_muted="$_rs_why $_rs_what"
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
        [[ ${_rs_word-} == current || ${_rs_word-} == which ]] && \local -x ROCMSWITCH_LEFT="${_rocmswitch_muted% *}"
        \command rocmswitch "$@"
        \return
        ;;
    esac
    {
        _rs_text=$(ROCMSWITCH_HOOK=bash ROCMSWITCH_HOOK_FD=3 \command rocmswitch "$@" 3>&1 >&4 4>&-) || _rs_status=$?
    } 4>&1
    case $_rs_status in 0) ;; *) \return "$_rs_status" ;; esac
    \eval "$_rs_text"
    _rocmswitch_decide || :
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
# stays, unless /etc/profile or an rc file has thrown its folders out of PATH. Fails where others rule.
_rocmswitch_adopt() {
    case ${_ROCMSWITCH_DONE-} in *[!A-Za-z0-9_:\ ]*) \unset -v _ROCMSWITCH_DONE ;; esac
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

# The usual cases of what functions.sh does, for a bash that can say what a variable is (4.4): one that is exported or not
# there, without further attributes, and changed for the first time.
case $_rocmswitch_dialect in
bash)
    _rocmswitch_set() {
        while [[ ${2+x} ]]; do
            if [[ ${_ROCMSWITCH_DONE-} != *:$1\ * && ${!1+${!1@a}} == "${!1+x}" ]]; then
                [[ ${!1+x} ]] && \export "_ROCMSWITCH_OLD_$1=was:${!1}" || \unset -v "_ROCMSWITCH_OLD_$1"
                \export "_ROCMSWITCH_NEW_$1=$2" "$1=$2"
                _ROCMSWITCH_DONE="set:$1 ${_ROCMSWITCH_DONE-}"
            else
                _rocmswitch_set_one "$1" "$2"
            fi
            \shift 2
        done
        \export _ROCMSWITCH_DONE
    }

    _rocmswitch_unset() {
        [[ ! ${!1+x} ]] || _rocmswitch_unset_one "$1"
    }

    _rocmswitch_prepend() {
        if [[ ${_ROCMSWITCH_DONE-} == *:$1\ * || ${!1+${!1@a}} != x || ! ${!1} ]]; then
            _rocmswitch_prepend_one "$@"
        else
            \export "_ROCMSWITCH_OLD_$1=was:${!1}" "_ROCMSWITCH_NEW_$1=$2" "$1=$2:${!1}"
            _ROCMSWITCH_DONE="add:$1 ${_ROCMSWITCH_DONE-}"
        fi
    }

    # The usual environment, where none of what it changes was there before, on a machine without a card of its own rules.
    _rocmswitch_environment() {
        [[ ${_ROCMSWITCH_DONE-} ]] && _rocmswitch_leave
        _rs_was=${ROCMSWITCH_ACTIVE+y}${ROCMSWITCH_WHY+y}${VIRTUAL_ENV+y}${UV_CONSTRAINT+y}${PYTHONHOME+y}
        if [[ $_rs_was${LD_LIBRARY_PATH:+y}${LD_PRELOAD:+y}${PATH:+${PATH@a}} != x ]]; then
            _rocmswitch_unusual "$@"
            \return
        fi
        [[ ${_rocmswitch_why:=use} == use ]] && _rocmswitch_choose "$1"
        ROCMSWITCH_ACTIVE=$1 ROCMSWITCH_WHY=$_rocmswitch_why VIRTUAL_ENV=$2 UV_CONSTRAINT=$2/constraints.txt
        _ROCMSWITCH_NEW_VIRTUAL_ENV=$2 _ROCMSWITCH_DONE=$_rocmswitch_usual _rocmswitch_path=$PATH PATH=$2/bin:$PATH
        \export ROCMSWITCH_ACTIVE ROCMSWITCH_WHY VIRTUAL_ENV UV_CONSTRAINT _ROCMSWITCH_NEW_VIRTUAL_ENV _ROCMSWITCH_DONE
        [[ ${3+x} ]] || \return 0
        # What `has_card` says, where it is asked about the machine's own card and there is none of them.
        [[ $_rocmswitch_gpu$_rocmswitch_profile${ROCMSWITCH_GPU-}${ROCMSWITCH_PROFILE-} ||
            $_rocmswitch_machine != "${ROCMSWITCH_SYSROOT-}:"* || " $3 " == *" ${_rocmswitch_machine##*:} "* ]] &&
            _rocmswitch_has_card "$3" "$4" && \return
        _rocmswitch_why='' _rocmswitch_gpu='' _rocmswitch_profile=''
        if \typeset -f +t deactivate || [[ ${BASH_ALIASES[deactivate]+x} ]]; then
            _rocmswitch_own_deactivate
        else
            # shellcheck disable=SC2317  # for the user
            function deactivate { rocmswitch_off; }
            _rocmswitch_ends=yes
        fi
        \return 1
    }

    _rocmswitch_unusual() {
        _rocmswitch_begin "$1"
        _rocmswitch_unset PYTHONHOME
        _rocmswitch_set VIRTUAL_ENV "$2" UV_CONSTRAINT "$2/constraints.txt"
        _rocmswitch_prepend PATH "$2/bin"
        [[ ! ${3+x} ]] && \return
        _rocmswitch_has_card "$3" "$4" && \return
        _rocmswitch_end
        \return 1
    }

    _rocmswitch_leave() {
        _rs_are=${ROCMSWITCH_ACTIVE+${ROCMSWITCH_ACTIVE@a}}${ROCMSWITCH_WHY+${ROCMSWITCH_WHY@a}}${PATH+${PATH@a}}
        _rs_are+=${VIRTUAL_ENV+${VIRTUAL_ENV@a}}${UV_CONSTRAINT+${UV_CONSTRAINT@a}}$_rocmswitch_their_deactivate
        if [[ $_rs_are${_ROCMSWITCH_DONE-} == "xxxxx$_rocmswitch_usual" && $ROCMSWITCH_WHY != module &&
            $VIRTUAL_ENV == "${_ROCMSWITCH_NEW_VIRTUAL_ENV-}" && $UV_CONSTRAINT == "$VIRTUAL_ENV/constraints.txt" &&
            $PATH == "$VIRTUAL_ENV/bin:$_rocmswitch_path" ]]; then
            [[ $_rocmswitch_ends ]] && _rocmswitch_ends='' && \unset -f deactivate
            PATH=$_rocmswitch_path
            \unset -v ROCMSWITCH_ACTIVE ROCMSWITCH_WHY VIRTUAL_ENV UV_CONSTRAINT _ROCMSWITCH_DONE _ROCMSWITCH_NEW_VIRTUAL_ENV
        else
            _rocmswitch_leave_all
        fi
    }

    _rocmswitch_leave_all() {
        [[ $_rocmswitch_ends ]] && _rocmswitch_give_deactivate_back
        \local IFS=' '
        _rs_gone=_ROCMSWITCH_DONE
        for _rs_step in ${_ROCMSWITCH_DONE-}; do
            _rs_name=${_rs_step#*:} _rs_old=_ROCMSWITCH_OLD_$_rs_name _rs_new=_ROCMSWITCH_NEW_$_rs_name
            _rs_gone+=" $_rs_old $_rs_new"
            if [[ $_rs_step == set:* && ! ${!_rs_old+x} && ${!_rs_new+${!_rs_name@a}} == x &&
                ${!_rs_name} == "${!_rs_new}" ]]; then
                _rs_gone+=" $_rs_name"
            elif [[ $_rs_step == who:* && ${ROCMSWITCH_WHY-} != module &&
                ${ROCMSWITCH_ACTIVE+${ROCMSWITCH_ACTIVE@a}}${ROCMSWITCH_WHY+${ROCMSWITCH_WHY@a}} == xx ]]; then
                _rs_gone+=" ROCMSWITCH_ACTIVE ROCMSWITCH_WHY"
            else
                _rocmswitch_leave_one
            fi
        done
        # shellcheck disable=SC2086  # names, at blanks
        \unset -v $_rs_gone
    }

    _rocmswitch_leave_one() {
        if [[ $_rs_step == add:* && ${!_rs_old-} == was:* && ${!_rs_name+${!_rs_name@a}} == x &&
            ${!_rs_name} == "${!_rs_new}:${!_rs_old#was:}" ]]; then
            \export "$_rs_name=${!_rs_old#was:}"
        else
            case $_rs_step in
            who:*) _rocmswitch_be_nobody ;;
            env:*) _rocmswitch_undo_environment ;;
            *) _rocmswitch_undo "$_rs_step" "$_rs_name" ;;
            esac
        fi
    }
    ;;
esac

_rocmswitch_hooked=$$ _rocmswitch_entered='' _rocmswitch_folder='' _rocmswitch_stack=''
_rocmswitch_muted=${_rocmswitch_muted-} _rocmswitch_pin_text='' _rocmswitch_pin_what='' _rocmswitch_pin_command=''
# As an environment's own `activate` does, and with its way out: VIRTUAL_ENV_DISABLE_PROMPT.
case ${VIRTUAL_ENV_DISABLE_PROMPT-}/${PS1-} in
?*/* | */*ROCMSWITCH_ACTIVE* | /) ;;
*)
    # shellcheck disable=SC2016  # the prompt's own
    \shopt -q promptvars && \printf -v PS1 '%s' '${ROCMSWITCH_ACTIVE:+($ROCMSWITCH_ACTIVE) }'"$PS1" 2>/dev/null || :
    ;;
esac
case ";${PROMPT_COMMAND[*]-};" in
*_rocmswitch_hook*) ;;
*)
    # Where it is an array, its first element is what is read and written here.
    # shellcheck disable=SC2128,SC2178
    \printf -v PROMPT_COMMAND '%s' "_rocmswitch_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}" 2>/dev/null ||
        _rocmswitch_say_once "PROMPT_COMMAND is read-only, so that projects are not followed"
    ;;
esac
