# shellcheck shell=sh disable=SC2154,SC3043  # variables of functions.sh; `local`
# The part of functions.sh that knows cards: which one this machine has, and whether something is meant for it.

_rocmswitch_card() {
    _rocmswitch_has_card "$1" || return 0
    case $2 in '' | "${_rocmswitch_profile:-${ROCMSWITCH_PROFILE-}}") ;; *) return 0 ;; esac
    \shift 2
    _rocmswitch_set "$@"
}

_rocmswitch_has_card() {
    _rs_gpu=${_rocmswitch_gpu:-${ROCMSWITCH_GPU:-$_rocmswitch_machine}}
    case $_rs_gpu in '' | *:*) _rocmswitch_ask_machine ;; esac
    case " $1 ${_rocmswitch_profile:+${2-}}${ROCMSWITCH_PROFILE:+ ${2-}} " in *" $_rs_gpu "*) ;; *) return 1 ;; esac
}

# Sets _rs_gpu to the first card, and _rocmswitch_machine to `SYSROOT:gfx1010`: the topology is read once in each shell.
_rocmswitch_ask_machine() {
    case $_rocmswitch_machine in "${ROCMSWITCH_SYSROOT-}:"*) ;; *) _rocmswitch_read_topology ;; esac
    _rs_gpu=${_rocmswitch_machine##*:}
}

_rocmswitch_read_topology() {
    \local _rs_node=0 _rs_key _rs_value _rs_rest _rs_file
    _rocmswitch_machine=${ROCMSWITCH_SYSROOT-}:
    while :; do
        _rs_file=${ROCMSWITCH_SYSROOT-}/sys/class/kfd/kfd/topology/nodes/$_rs_node/properties
        \test -f "$_rs_file" || break
        # What may not be read is passed over: in a container the kernel hides cards.
        while IFS=' ' \read -r _rs_key _rs_value _rs_rest; do
            case $_rs_key/$_rs_value in
            gfx_target_version/*[!0-9]* | gfx_target_version/0* | gfx_target_version/????????*) ;;
            gfx_target_version/?????*) _rocmswitch_name_target "$_rs_value" && return ;;
            esac
        done 2>/dev/null <"$_rs_file"
        _rs_node=$((_rs_node + 1))
    done
    _rocmswitch_machine=${_rocmswitch_machine}none
}

# 90010 is gfx90a: major, minor and stepping, the last two as hexadecimal digits.
_rocmswitch_name_target() {
    \local _rs_digit _rs_name="gfx$(($1 / 10000))"
    for _rs_digit in "$(($1 / 100 % 100))" "$(($1 % 100))"; do
        case $_rs_digit in 10) _rs_digit=a ;; 11) _rs_digit=b ;; 12) _rs_digit=c ;; esac
        case $_rs_digit in 13) _rs_digit=d ;; 14) _rs_digit=e ;; 15) _rs_digit=f ;; esac
        _rs_name=$_rs_name$_rs_digit
    done
    _rocmswitch_machine=$_rocmswitch_machine$_rs_name
}
