# shellcheck shell=sh disable=SC2015,SC3043,SC3044  # `A && B || C` where C cannot run after A; what only bash and zsh reach
# What an activation script is made of, for bash 3.2 and later, zsh and POSIX shells that know `local` (dash, busybox).
# Builtins alone: no process is started, no command substitution (bash forks for one).
#
# _rocmswitch_begin NAME           leaves what is active, cleans LD_LIBRARY_PATH and LD_PRELOAD, says who is active
# _rocmswitch_set NAME VALUE […]   sets variables and remembers what they held, if they were there at all
# _rocmswitch_unset NAME
# _rocmswitch_prepend NAME DIRS    puts folders, with colons between them, first in a path variable
# _rocmswitch_environment NAME FOLDER [GPUS [GPUS]]    begins, unsets PYTHONHOME, sets VIRTUAL_ENV to FOLDER and UV_CONSTRAINT
#                                  to its constraints.txt, puts its bin first in PATH. Fails, after `end`, if the first card
#                                  is not one of GPUS, or of the second ones, which count where a profile is chosen
# _rocmswitch_card GPUS PROFILE NAME VALUE […]    as set, where the first card is one of GPUS and PROFILE is chosen or empty
# _rocmswitch_end                  defines `deactivate` inside an environment
# rocmswitch_off                   takes all of it back: what the user has changed since keeps the user's value
#
# What is to be taken back is exported and the same in every shell, so that a shell inside this one can leave too:
# _ROCMSWITCH_DONE lists the steps, the last first; _ROCMSWITCH_OLD_NAME is `was:VALUE`, `unset`, or `own:VALUE` of a
# variable that was not exported (not there: the variable was not either); _ROCMSWITCH_NEW_NAME is what was set (not
# there: the variable was unset) or which folders were added. No name has two steps. Two steps stand for what most have,
# as each variable takes its time: `who:ROCMSWITCH` has set ROCMSWITCH_ACTIVE and ROCMSWITCH_WHY, which were not there, and
# `env:VIRTUAL_ENV` is all of `environment`, where PATH held something and the rest was not there.
#
# A backslash before a command keeps the user's aliases away. Nothing that a file can say reaches `eval` but names,
# and those are looked at first where they come from the environment.

case ${ZSH_VERSION+zsh}${BASH_VERSION-} in
zsh*) _rocmswitch_dialect=zsh ;;
'' | [0-3].* | 4.[0-3].*) _rocmswitch_dialect='sh' ;;
*) _rocmswitch_dialect=bash ;; # 4.4 and later can say what a variable's attributes are
esac
# Of this shell: under `set -a` another one inside would inherit the variable, but not the functions.
# The number changes with what a script may call: a shell that is open while rocmswitch is upgraded reads these anew.
_rocmswitch_loaded=$$.1
_rocmswitch_said=${_rocmswitch_said-} _rocmswitch_entered=${_rocmswitch_entered-} _rocmswitch_machine='' _rs_gpu=''
_rocmswitch_chosen=${_rocmswitch_chosen-} _rocmswitch_chosen_gpu='' _rocmswitch_chosen_profile=''
_rocmswitch_why=${_rocmswitch_why-} _rocmswitch_gpu=${_rocmswitch_gpu-} _rocmswitch_profile=${_rocmswitch_profile-}
_rocmswitch_ends=${_rocmswitch_ends-} _rocmswitch_their_deactivate=${_rocmswitch_their_deactivate-}

_rocmswitch_begin() {
    case ${_ROCMSWITCH_DONE-} in ?*) _rocmswitch_leave ;; esac
    case ${LD_LIBRARY_PATH-}${LD_PRELOAD-} in ?*) _rocmswitch_clean_all ;; esac
    case ${_rocmswitch_why:=use} in use) _rocmswitch_choose "$1" ;; esac
    case ${ROCMSWITCH_ACTIVE+x}${ROCMSWITCH_WHY+x} in
    ?*) _rocmswitch_set ROCMSWITCH_ACTIVE "$1" ROCMSWITCH_WHY "$_rocmswitch_why" ;;
    *) \export "ROCMSWITCH_ACTIVE=$1" "ROCMSWITCH_WHY=$_rocmswitch_why" "_ROCMSWITCH_DONE=who:ROCMSWITCH ${_ROCMSWITCH_DONE-}" ;;
    esac
}

_rocmswitch_choose() {
    _rocmswitch_chosen=$1 _rocmswitch_entered="use $1"
    _rocmswitch_chosen_gpu=$_rocmswitch_gpu _rocmswitch_chosen_profile=$_rocmswitch_profile
}

# PATH needs no rehashing: every shell forgets where programs are when it changes.
_rocmswitch_end() {
    case ${_ROCMSWITCH_DONE-} in *:VIRTUAL_ENV\ *) _rocmswitch_own_deactivate ;; esac
    _rocmswitch_why='' _rocmswitch_gpu='' _rocmswitch_profile=''
}

# This, `prepend` and `leave` have quicker forms in the hooks of bash and zsh, which leave to these what is unusual.
_rocmswitch_set() {
    while \test $# -gt 1; do _rocmswitch_set_one "$1" "$2" || :; \shift 2; done
}

_rocmswitch_set_one() {
    \local _rs_old
    case ${_ROCMSWITCH_DONE-} in *:$1\ *) _rocmswitch_set_again "$1" "$2" && return ;; esac
    _rocmswitch_look "$1" && _rocmswitch_put "$1" "$2" || { _rocmswitch_refuse "$1" && return; }
    _rocmswitch_remember "$1" "$_rs_old"
    \export "_ROCMSWITCH_NEW_$1=$2" "_ROCMSWITCH_DONE=set:$1 ${_ROCMSWITCH_DONE-}"
}

_rocmswitch_unset() { \eval "case \${$1+x} in x) _rocmswitch_unset_one $1 ;; esac"; }

_rocmswitch_unset_one() {
    \local _rs_old
    _rocmswitch_look "$1" || { _rocmswitch_refuse "$1" && return; }
    case ${_ROCMSWITCH_DONE-} in *:$1\ *) _rocmswitch_forget_step "$1" && \eval "_rs_old=\${_ROCMSWITCH_OLD_$1-unset}" ;; esac
    _rocmswitch_drop "$1" "_ROCMSWITCH_NEW_$1" || { _rocmswitch_refuse "$1" && return; }
    _rocmswitch_remember "$1" "$_rs_old"
    \export "_ROCMSWITCH_DONE=set:$1 ${_ROCMSWITCH_DONE-}"
}

_rocmswitch_remember() {
    case $2 in unset) \unset -v "_ROCMSWITCH_OLD_$1" ;; *) \export "_ROCMSWITCH_OLD_$1=$2" ;; esac
}

_rocmswitch_prepend() { _rocmswitch_prepend_one "$@"; }

_rocmswitch_prepend_one() {
    \local _rs_old _rs_now
    \eval "_rs_now=\$2\${$1:+:}\${$1-}"
    case " ${_ROCMSWITCH_DONE-}" in
    *\ set:$1\ *) _rocmswitch_set_one "$1" "$_rs_now" && return ;;
    *\ add:$1\ *)
        _rocmswitch_put "$1" "$_rs_now" && \eval "_ROCMSWITCH_NEW_$1=\$2:\$_ROCMSWITCH_NEW_$1"
        return 0
        ;;
    esac
    _rocmswitch_look "$1" && _rocmswitch_put "$1" "$_rs_now" || { _rocmswitch_refuse "$1" && return; }
    _rocmswitch_remember "$1" "$_rs_old"
    \export "_ROCMSWITCH_NEW_$1=$2" "_ROCMSWITCH_DONE=add:$1 ${_ROCMSWITCH_DONE-}"
}

_rocmswitch_environment() {
    _rocmswitch_begin "$1"
    _rocmswitch_unset PYTHONHOME
    _rocmswitch_set VIRTUAL_ENV "$2" UV_CONSTRAINT "$2/constraints.txt"
    _rocmswitch_prepend PATH "$2/bin"
    case ${3+x} in '') return 0 ;; esac
    _rocmswitch_has_card "$3" "${4-}" && return
    _rocmswitch_end
    return 1
}

# Leaves for good: with a hook, what the shell was told explicitly ends, and a project or the default counts again.
rocmswitch_off() {
    _rocmswitch_leave
    case ${_rocmswitch_hooked-} in "$$") _rocmswitch_after_off ;; *) _rocmswitch_chosen='' _rocmswitch_entered='' ;; esac
}

# Inside a stack that no project and no default may change: there is none.
_rocmswitch_enter_system() {
    _rocmswitch_leave
    _rocmswitch_chosen=system _rocmswitch_entered='use system'
    _rocmswitch_set ROCMSWITCH_WHY use
}

_rocmswitch_leave() {
    \local _rs_step _rs_state=''
    case $_rocmswitch_ends in ?*) _rocmswitch_give_deactivate_back ;; esac
    while :; do
        case ${_ROCMSWITCH_DONE-} in *\ *) ;; *) break ;; esac
        _rs_step=${_ROCMSWITCH_DONE%%\ *}
        _ROCMSWITCH_DONE=${_ROCMSWITCH_DONE#*\ }
        case ${_rs_step#*:} in '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
        case $_rs_step in
        who:*) _rocmswitch_be_nobody ;;
        env:*) _rocmswitch_undo_environment ;;
        *) _rocmswitch_undo "$_rs_step" "${_rs_step#*:}" ;;
        esac
        _rs_state="$_rs_state _ROCMSWITCH_OLD_${_rs_step#*:} _ROCMSWITCH_NEW_${_rs_step#*:}"
    done
    \eval "\\unset -v _ROCMSWITCH_DONE$_rs_state"
}

# Environment Modules, loaded meanwhile, keep what they have put in the place of ours.
_rocmswitch_be_nobody() {
    case ${ROCMSWITCH_WHY-} in module) return 0 ;; esac
    _rocmswitch_drop ROCMSWITCH_ACTIVE || _rocmswitch_refuse ROCMSWITCH_ACTIVE
    _rocmswitch_drop ROCMSWITCH_WHY || _rocmswitch_refuse ROCMSWITCH_WHY
}

_rocmswitch_undo_environment() {
    \local _ROCMSWITCH_OLD_PATH=was: _ROCMSWITCH_NEW_PATH="${_ROCMSWITCH_NEW_VIRTUAL_ENV-}/bin"
    \local _ROCMSWITCH_NEW_UV_CONSTRAINT="${_ROCMSWITCH_NEW_VIRTUAL_ENV-}/constraints.txt"
    \local _ROCMSWITCH_OLD_UV_CONSTRAINT=unset _ROCMSWITCH_OLD_VIRTUAL_ENV=unset
    _rocmswitch_undo add:PATH PATH
    _rocmswitch_undo set:UV_CONSTRAINT UV_CONSTRAINT
    _rocmswitch_undo set:VIRTUAL_ENV VIRTUAL_ENV
}

# undo STEP NAME: where the variable still holds what was set, it gets back what it had.
_rocmswitch_undo() {
    \local _rs_now _rs_new _rs_old
    \eval "_rs_now=\${$2+:}\${$2-} _rs_old=\${_ROCMSWITCH_OLD_$2-unset}
        _rs_new=\${_ROCMSWITCH_NEW_$2+:}\${_ROCMSWITCH_NEW_$2-}"
    case $1/$_rs_old in add:*/was:?* | add:*/own:?*) _rs_new=$_rs_new:${_rs_old#????} ;; esac
    if \test "$_rs_now" = "$_rs_new"; then
        _rocmswitch_restore "$2" "$_rs_old"
        return
    fi
    case $1/$_rs_now in add:*/:*) _rocmswitch_take_out "$2" "${_rs_now#:}" "$_rs_old" ;; esac
}

_rocmswitch_restore() {
    case $2 in
    was:*) _rocmswitch_put "$1" "${2#was:}" ;;
    own:*) _rocmswitch_drop "$1" && \eval "$1=\${2#own:}" ;;
    *) _rocmswitch_drop "$1" ;;
    esac || _rocmswitch_refuse "$1"
}

# take_out NAME VALUE OLD: without each folder that was added, wherever it stands in VALUE now.
_rocmswitch_take_out() {
    \local _rs_now=":$2:" _rs_rest _rs_folder
    \eval "_rs_rest=\${_ROCMSWITCH_NEW_$1-}:"
    while \test -n "$_rs_rest"; do
        _rs_folder=${_rs_rest%%:*}
        _rs_rest=${_rs_rest#*:}
        case $_rs_now in
        *":$_rs_folder:"*) _rs_now=${_rs_now%%":$_rs_folder:"*}:${_rs_now#*":$_rs_folder:"} ;;
        esac
    done
    _rs_now=${_rs_now#:}
    _rs_now=${_rs_now%:}
    case $_rs_now/$3 in /unset) _rocmswitch_drop "$1" ;; *) _rocmswitch_put "$1" "$_rs_now" ;; esac || _rocmswitch_refuse "$1"
}

# A second change of one variable: what it held before the first stays remembered.
_rocmswitch_set_again() {
    _rocmswitch_put "$1" "$2" || return 0
    _rocmswitch_forget_step "$1"
    \export "_ROCMSWITCH_NEW_$1=$2" "_ROCMSWITCH_DONE=set:$1 $_ROCMSWITCH_DONE"
}

_rocmswitch_forget_step() {
    \local _rs_steps=" $_ROCMSWITCH_DONE"
    _rs_steps=${_rs_steps%%\ [as][de][dt]:"$1"\ *}\ ${_rs_steps#*\ [as][de][dt]:"$1"\ }
    _ROCMSWITCH_DONE=${_rs_steps#\ }
}

_rocmswitch_clean_all() {
    _rocmswitch_clean LD_LIBRARY_PATH : "${LD_LIBRARY_PATH-}"
    _rocmswitch_clean LD_PRELOAD '[: ]' "${LD_PRELOAD-}"
}

# clean NAME SEPARATORS VALUE: takes other ROCms out: they would shadow what the stack loads.
_rocmswitch_clean() {
    \local _rs_rest="$3" _rs_entry _rs_kept='' _rs_found=''
    while :; do
        # shellcheck disable=SC2295  # a pattern
        case $2 in :) _rs_entry=${_rs_rest%%:*} ;; *) _rs_entry=${_rs_rest%%[:\ ]*} ;; esac
        if _rocmswitch_is_foreign "$_rs_entry"; then
            _rs_found=yes
        else
            _rs_kept=$_rs_kept:$_rs_entry
        fi
        case $_rs_rest in "$_rs_entry") break ;; esac
        _rs_rest=${_rs_rest#"$_rs_entry"?}
    done
    case $_rs_found$_rs_kept in yes:*[!:]*) _rocmswitch_set "$1" "${_rs_kept#:}" ;; yes*) _rocmswitch_unset "$1" ;; esac
}

# A folder below /opt/rocm, or with one of ROCm's libraries; such a library itself, not one that lies beside it.
_rocmswitch_is_foreign() {
    case $1 in '') return 1 ;; /opt/rocm* | //opt/rocm*) return 0 ;; esac
    case ${1##*/} in libamdhip64.so* | libhsa-runtime64.so* | librocblas.so* | libMIOpen.so*) return 0 ;; esac
    _rocmswitch_holds_rocm "$1"
}

# The only place that looks for files by a pattern: whatever the user has set about patterns.
_rocmswitch_holds_rocm() {
    case ${ZSH_VERSION+zsh}$- in
    zsh*) \emulate -L sh ;;
    *f*)
        \set +f
        _rocmswitch_holds_rocm "$1" && \set -f && return
        \set -f
        return 1
        ;;
    esac
    if \test -n "${BASH_VERSION-}" && \shopt -q failglob; then
        \shopt -u failglob
        _rocmswitch_holds_rocm "$1" && \shopt -s failglob && return
        \shopt -s failglob
        return 1
    fi
    \local _rs_file
    for _rs_file in "$1"/libamdhip64.so* "$1"/libhsa-runtime64.so* "$1"/librocblas.so* "$1"/libMIOpen.so*; do
        \test -e "$_rs_file" && return
    done
    return 1
}

# look NAME: sets _rs_old to what is to be remembered. Fails for what a plain value cannot be put into: a variable that
# is read-only, an array, a number.
_rocmswitch_look() {
    \local _rs_is
    case $_rocmswitch_dialect in
    zsh) \eval "_rs_old=\${$1+was:}\${$1-unset} _rs_is=\${(t)$1-}" ;;
    bash) \eval "_rs_old=\${$1+was:}\${$1-unset} _rs_is=\${$1+\${$1@a}}" ;;
    *) \eval "_rs_old=\${$1+was:}\${$1-unset} _rs_is=x" ;;
    esac
    case $_rs_old/$_rs_is in
    unset/ | unset/x | was:*/x) ;;
    was:*/ | was:*/scalar) _rs_old=own:${_rs_old#was:} ;;
    */*readonly* | */array* | */integer* | */float* | */association*) return 1 ;;
    */scalar*) ;;
    *) return 1 ;;
    esac
}

# put NAME VALUE, drop NAME…: fail for a read-only variable. zsh would end all that runs, other shells a script.
_rocmswitch_put() {
    case $_rocmswitch_dialect in
    zsh) _rocmswitch_is_free "$1" && \export "$1=$2" ;;
    bash) \command export "$1=$2" ;;
    *) \command export "$1=$2" 2>/dev/null ;;
    esac
}

_rocmswitch_drop() {
    case $_rocmswitch_dialect in
    zsh) _rocmswitch_is_free "$1" && \unset -v "$@" ;;
    *) \command unset -v "$@" 2>/dev/null ;;
    esac
}

_rocmswitch_is_free() { \eval "case \${(t)$1-} in *readonly*) \\return 1 ;; esac"; }

_rocmswitch_refuse() { _rocmswitch_say_once "$1 cannot be changed in this shell and stays as it is"; }

_rocmswitch_say_once() {
    case $_rocmswitch_said in *"|$1|"*) return 0 ;; esac
    _rocmswitch_said="$_rocmswitch_said|$1|"
    \printf 'rocmswitch: %s\n' "$1" >&2 || :
}

# `deactivate` belongs to whoever had it before: another environment's, under ours. An alias of that name stays.
_rocmswitch_own_deactivate() {
    case $_rocmswitch_dialect in
    bash)
        \eval 'case ${BASH_ALIASES[deactivate]+x} in x) \return ;; esac'
        # Takes away a mark that the function does not have, and says by its status whether it is there.
        \typeset -f +t deactivate && _rocmswitch_their_deactivate=$(\typeset -f deactivate)
        ;;
    zsh)
        \eval 'case ${+aliases[deactivate]}${+functions[deactivate]} in
            1?) \return ;;
            01) _rocmswitch_their_deactivate="deactivate() {
                $functions[deactivate]
            }" ;;
        esac'
        ;;
    *) { \alias deactivate || \command -v deactivate; } >/dev/null 2>&1 && return ;;
    esac
    \eval 'deactivate() { rocmswitch_off; }'
    _rocmswitch_ends=yes
}

_rocmswitch_give_deactivate_back() {
    _rocmswitch_ends=''
    # Another environment was entered meanwhile, and the function is its own by now.
    case ${VIRTUAL_ENV-} in "${_ROCMSWITCH_NEW_VIRTUAL_ENV-}") ;; *) return 0 ;; esac
    \unset -f deactivate
    case $_rocmswitch_their_deactivate in ?*) \eval "$_rocmswitch_their_deactivate" ;; esac
    _rocmswitch_their_deactivate=''
}
