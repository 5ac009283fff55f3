# shellcheck shell=sh
# What an activation script needs: three functions for bash, zsh and any POSIX shell.
#
# _rocmswitch_set NAME VALUE     sets a variable and remembers what it held, if it was there at all
# _rocmswitch_prepend NAME DIR   puts a folder first in a path variable
# rocmswitch_off                 takes back what the two have done and nothing else: a variable that the
#                                user has changed since keeps the user's value
#
# Every NAME is a plain upper-case word: nothing that a file can say reaches eval but such a name.

rocmswitch_off() {
    while [ -n "${_ROCMSWITCH_DONE-}" ]; do
        _rocmswitch_step=${_ROCMSWITCH_DONE%% *}
        _ROCMSWITCH_DONE=${_ROCMSWITCH_DONE#* }
        _rocmswitch_name=${_rocmswitch_step#*:}
        case $_rocmswitch_step in
        set:*)
            eval "[ \"\${$_rocmswitch_name-}\" = \"\${_ROCMSWITCH_NEW_$_rocmswitch_name-}\" ]" && {
                _rocmswitch_old=
                eval "_rocmswitch_old=\${_ROCMSWITCH_OLD_$_rocmswitch_name-}"
                case $_rocmswitch_old in
                was:*) eval "$_rocmswitch_name=\${_rocmswitch_old#was:}" ;;
                *) unset "$_rocmswitch_name" ;;
                esac
            }
            unset "_ROCMSWITCH_NEW_$_rocmswitch_name" "_ROCMSWITCH_OLD_$_rocmswitch_name"
            ;;
        add:*)
            _rocmswitch_drop "$_rocmswitch_name"
            unset "_ROCMSWITCH_NEW_$_rocmswitch_name" "_ROCMSWITCH_OLD_$_rocmswitch_name"
            ;;
        esac
    done
    unset _ROCMSWITCH_DONE _rocmswitch_step _rocmswitch_name _rocmswitch_old
    hash -r 2>/dev/null || :
}

_rocmswitch_set() {
    eval "if [ \"\${$1+set}\" ]; then _ROCMSWITCH_OLD_$1=was:\$$1; else _ROCMSWITCH_OLD_$1=unset; fi"
    eval "_ROCMSWITCH_NEW_$1=\$2; $1=\$2; export $1"
    _ROCMSWITCH_DONE="set:$1 ${_ROCMSWITCH_DONE-}"
}

_rocmswitch_prepend() {
    eval "if [ \"\${$1+set}\" ]; then _ROCMSWITCH_OLD_$1=was:\$$1; else _ROCMSWITCH_OLD_$1=unset; fi"
    eval "_ROCMSWITCH_NEW_$1=\$2; $1=\$2\${$1:+:\$$1}; export $1"
    _ROCMSWITCH_DONE="add:$1 ${_ROCMSWITCH_DONE-}"
}

# Takes the folders that were added out of a path variable, wherever they stand in it now.
_rocmswitch_drop() {
    _rocmswitch_now='' _rocmswitch_new='' _rocmswitch_old=''
    eval "_rocmswitch_now=:\${$1-}: _rocmswitch_new=\${_ROCMSWITCH_NEW_$1-} _rocmswitch_old=\${_ROCMSWITCH_OLD_$1-}"
    case $_rocmswitch_now in
    *":$_rocmswitch_new:"*)
        _rocmswitch_now=${_rocmswitch_now%%":$_rocmswitch_new:"*}:${_rocmswitch_now#*":$_rocmswitch_new:"}
        ;;
    esac
    _rocmswitch_now=${_rocmswitch_now#:}
    _rocmswitch_now=${_rocmswitch_now%:}
    if [ -z "$_rocmswitch_now" ] && [ "$_rocmswitch_old" = unset ]; then
        unset "$1"
    else
        eval "$1=\$_rocmswitch_now"
    fi
    unset _rocmswitch_now _rocmswitch_new _rocmswitch_old
}
