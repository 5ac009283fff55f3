# What an activation script is made of, for fish 3.1 and later. Builtins alone: no process is started.
#
# _rocmswitch_begin NAME              leaves what is active, cleans LD_LIBRARY_PATH and LD_PRELOAD, says who is active
# _rocmswitch_set NAME VALUE          sets a variable and remembers what it held, if it was there at all
# _rocmswitch_unset NAME
# _rocmswitch_prepend NAME DIRS       puts folders, with colons between them, first in a path variable
# _rocmswitch_card GPU PROFILE NAME VALUE    as set, where the machine's first card is GPU
# _rocmswitch_end                     defines `deactivate` inside an environment
# rocmswitch_off                      takes all of it back: what the user has changed since keeps the user's value
#
# What is to be taken back is exported and the same in every shell, so that a shell inside this one can leave too:
# _ROCMSWITCH_DONE lists the steps, the last first; _ROCMSWITCH_OLD_NAME is `was:VALUE`, `unset`, or `own:VALUE` of a
# variable that was not exported; _ROCMSWITCH_NEW_NAME is what was set (not there: the variable was unset) or which
# folders were added. No name has two steps.
#
# Values may hold newlines, so none goes through a command substitution: "$$name" is a variable's one value, and a
# local `--path` variable is what takes it apart at colons.

function _rocmswitch_begin
    _rocmswitch_leave
    set -l why use
    set -q _rocmswitch_why; and test -n "$_rocmswitch_why"; and set why "$_rocmswitch_why"
    if test "$why" = use
        set -g _rocmswitch_chosen $argv[1]
        set -g _rocmswitch_chosen_card "$_rocmswitch_gpu" "$_rocmswitch_profile"
    end
    _rocmswitch_clean LD_LIBRARY_PATH
    _rocmswitch_clean LD_PRELOAD
    _rocmswitch_set ROCMSWITCH_ACTIVE $argv[1]
    _rocmswitch_set ROCMSWITCH_WHY "$why"
end

function _rocmswitch_end
    set -e _rocmswitch_why
    set -e _rocmswitch_gpu
    set -e _rocmswitch_profile
    set -e _rocmswitch_card_here
    string match -q "*set:VIRTUAL_ENV *" -- "$_ROCMSWITCH_DONE"; and _rocmswitch_define_deactivate
    return 0
end

function _rocmswitch_set
    _rocmswitch_remember set $argv[1]
    set -gx _ROCMSWITCH_NEW_$argv[1] "$argv[2]"
    set -gx $argv[1] "$argv[2]"
end

function _rocmswitch_unset
    set -q $argv[1]; or return 0
    _rocmswitch_remember set $argv[1]
    set -e _ROCMSWITCH_NEW_$argv[1]
    set -e -g $argv[1]
    return 0
end

function _rocmswitch_prepend
    _rocmswitch_remember add $argv[1]
    set -gx _ROCMSWITCH_NEW_$argv[1] "$argv[2]"
    if test -n "$$argv[1]"
        set -gx $argv[1] "$argv[2]:$$argv[1]"
    else
        set -gx $argv[1] "$argv[2]"
    end
end

function _rocmswitch_card
    set -q _rocmswitch_card_here; or _rocmswitch_find_card
    test -n "$argv[1]"; and test "x$argv[1]" = "x$_rocmswitch_card_here"; or return 0
    set -l profile "$ROCMSWITCH_PROFILE"
    set -q _rocmswitch_profile; and test -n "$_rocmswitch_profile"; and set profile "$_rocmswitch_profile"
    test -z "$argv[2]"; or test "x$argv[2]" = "x$profile"; or return 0
    _rocmswitch_set $argv[3] "$argv[4]"
end

# Leaves for good: with the hook, what the shell was told explicitly ends, and a project or the default counts again.
function rocmswitch_off
    _rocmswitch_leave
    functions -q _rocmswitch_look; and _rocmswitch_look
    return 0
end

function _rocmswitch_leave
    for step in (string split --no-empty ' ' -- "$_ROCMSWITCH_DONE")
        set -l name (string replace -r '^[a-z]+:' '' -- $step)
        string match -qr '^[A-Za-z_][A-Za-z0-9_]*$' -- $name; or continue
        switch $step
            case 'add:*'
                _rocmswitch_take_out $name
            case 'set:*'
                _rocmswitch_is_ours $name; and _rocmswitch_restore $name
        end
        _rocmswitch_drop_state $name
    end
    set -e _ROCMSWITCH_DONE
    _rocmswitch_undefine_deactivate
end

# Inside a stack that no project and no default may change: there is none.
function _rocmswitch_enter_system
    _rocmswitch_leave
    set -g _rocmswitch_chosen system
    _rocmswitch_set ROCMSWITCH_WHY use
end

# remember KIND NAME: once for each name, however often it is changed in one activation.
function _rocmswitch_remember
    string match -q "*:$argv[2] *" -- "$_ROCMSWITCH_DONE"; and return 0
    set -l old unset
    if set -q $argv[2]
        set old "own:$$argv[2]"
        set -qx $argv[2]; and set old "was:$$argv[2]"
        # The same in this shell's own terms: a list stays a list.
        set -g _rocmswitch_was_$argv[2] $$argv[2]
        set -qg $argv[2]; or set -g -a _rocmswitch_universal $argv[2]
    end
    set -gx _ROCMSWITCH_OLD_$argv[2] "$old"
    set -gx _ROCMSWITCH_DONE "$argv[1]:$argv[2] $_ROCMSWITCH_DONE"
end

function _rocmswitch_drop_state
    set -e _ROCMSWITCH_OLD_$argv[1]
    set -e _ROCMSWITCH_NEW_$argv[1]
    set -e _rocmswitch_was_$argv[1]
    set -l at (contains -i -- $argv[1] $_rocmswitch_universal); and set -e _rocmswitch_universal[$at]
    test (count $_rocmswitch_universal) -gt 0; or set -e _rocmswitch_universal
    return 0
end

# Whether NAME is as we left it.
function _rocmswitch_is_ours
    set -l new _ROCMSWITCH_NEW_$argv[1]
    if set -q $new
        set -q $argv[1]; and test "x$$argv[1]" = "x$$new"
    else
        not set -q $argv[1]
    end
end

function _rocmswitch_restore
    set -l old _ROCMSWITCH_OLD_$argv[1]
    set -l own _rocmswitch_was_$argv[1]
    if contains -- $argv[1] $_rocmswitch_universal; or test "x$$old" = xunset
        set -e -g $argv[1]
        return 0
    end
    set -l export -u
    string match -q 'was:*' -- "$$old"; and set export -x
    if set -q $own; and contains -- "$$old" "was:$$own" "own:$$own"
        set -g $export $argv[1] $$own
    else
        set -l --path parts "$$old"
        set -l --path value $parts[2..-1]
        set -g $export $argv[1] "$value"
    end
end

# Takes the folders that were added out of a path variable, wherever they stand in it now.
function _rocmswitch_take_out
    set -q $argv[1]; or return 0
    set -l old _ROCMSWITCH_OLD_$argv[1]
    set -l new _ROCMSWITCH_NEW_$argv[1]
    set -l --path kept "$$argv[1]"
    set -l --path ours "$$new"
    for folder in $ours
        set -l at (contains -i -- $folder $kept); and set -e kept[$at]
    end
    if contains -- "$$old" "was:$kept" "own:$kept"; or test "x$kept$$old" = xunset
        _rocmswitch_restore $argv[1]
    else
        set -gx $argv[1] "$kept"
    end
end

# Takes other ROCms out of LD_LIBRARY_PATH or LD_PRELOAD: they would shadow what the stack loads.
function _rocmswitch_clean
    set -q $argv[1]; or return 0
    set -l --path kept
    set -l --path entries "$$argv[1]"
    # ld.so(8): libraries to be loaded first may have blanks between them too.
    test $argv[1] = LD_PRELOAD; and set -l --path entries (string replace -a ' ' : -- "$$argv[1]")
    for entry in $entries
        _rocmswitch_is_foreign "$entry"; or set -a kept "$entry"
    end
    test (count $kept) -lt (count $entries); or return 0
    if test -n "$kept"
        _rocmswitch_set $argv[1] "$kept"
    else
        _rocmswitch_unset $argv[1]
    end
end

# A folder below /opt/rocm, or with one of ROCm's libraries; such a library itself, or one beside such.
function _rocmswitch_is_foreign
    test -n "$argv[1]"; or return 1
    set -l library 'lib(amdhip64|hsa-runtime64|rocblas|MIOpen)\.so[^/]*$'
    string match -qr "^/+opt/+rocm|(^|/)$library" -- $argv[1]; and return 0
    # Of a library, its folder: another one of ROCm beside those.
    set -l folder (string replace -r '/[^/]*\.so(\.[^/]*)?$' '' -- $argv[1])
    set -l found "$folder"/lib{amdhip64,hsa-runtime64,rocblas,MIOpen}.so*
    test (count $found) -gt 0
end

# The first node of the KFD topology that computes; what the user has said goes before it.
function _rocmswitch_find_card
    set -g _rocmswitch_card_here "$ROCMSWITCH_GPU"
    set -q _rocmswitch_gpu; and test -n "$_rocmswitch_gpu"; and set _rocmswitch_card_here "$_rocmswitch_gpu"
    test -z "$_rocmswitch_card_here"; or return 0
    # fish sorts what a glob finds by number: node 10 comes after node 9.
    for file in $ROCMSWITCH_SYSROOT/sys/class/kfd/kfd/topology/nodes/*/properties
        test -f $file -a -r $file; or continue
        while read -l key value rest
            test "x$key" = xgfx_target_version; and string match -qr '^[0-9]{5,7}$' -- "$value"; or continue
            set -l hex 0 1 2 3 4 5 6 7 8 9 a b c d e f
            set -l minor (math -s0 "$value / 100 % 100 + 1")
            set -l stepping (math -s0 "$value % 100 + 1")
            set _rocmswitch_card_here gfx(math -s0 "$value / 10000")$hex[$minor]$hex[$stepping]
            return 0
        end <$file 2>/dev/null
    end
end

# `deactivate` belongs to whoever had it before: another environment's, under ours.
function _rocmswitch_define_deactivate
    if functions -q deactivate
        functions -e _rocmswitch_other_deactivate
        functions -c deactivate _rocmswitch_other_deactivate
        functions -e deactivate
    end
    function deactivate -d 'Leave this environment, as `rocmswitch use --off` does'
        rocmswitch_off
    end
    set -g _rocmswitch_deactivates
end

function _rocmswitch_undefine_deactivate
    set -q _rocmswitch_deactivates; or return 0
    set -e _rocmswitch_deactivates
    functions -e deactivate
    functions -q _rocmswitch_other_deactivate; or return 0
    functions -c _rocmswitch_other_deactivate deactivate
    functions -e _rocmswitch_other_deactivate
end
