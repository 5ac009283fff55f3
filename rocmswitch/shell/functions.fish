# What an activation script is made of, for fish 3.1 and later. Builtins alone: no process is started.
#
# _rocmswitch_begin NAME              leaves what is active, cleans LD_LIBRARY_PATH and LD_PRELOAD, says who is active
# _rocmswitch_set NAME VALUE […]      sets variables and remembers what they held, if they were there at all
# _rocmswitch_unset NAME
# _rocmswitch_prepend NAME DIRS       puts folders, with colons between them, first in a path variable
# _rocmswitch_environment NAME FOLDER    begins, unsets PYTHONHOME, sets VIRTUAL_ENV to FOLDER and UV_CONSTRAINT to its
#                                     constraints.txt, puts its bin first in PATH
# _rocmswitch_card GPUS PROFILE NAME VALUE […]    as set, where the machine's first card is one of GPUS, with blanks between
#                                     them, and PROFILE is the chosen one or empty
# _rocmswitch_end                     defines `deactivate` inside an environment
# rocmswitch_off                      takes all of it back: what the user has changed since keeps the user's value
#
# What is to be taken back is exported and the same in every shell, so that a shell inside this one can leave too:
# _ROCMSWITCH_DONE lists the steps, the last first; _ROCMSWITCH_OLD_NAME is `was:VALUE`, `unset`, or `own:VALUE` of a
# variable that was not exported (not there: the variable was not either); _ROCMSWITCH_NEW_NAME is what was set (not
# there: the variable was unset) or which folders were added. No name has two steps. Two steps stand for what most have:
# `who:ROCMSWITCH` has set ROCMSWITCH_ACTIVE and ROCMSWITCH_WHY, which were not there, and `env:VIRTUAL_ENV`, of other
# shells, is all of `environment`, where PATH held something and the rest was not there.
#
# Values may hold newlines, so none goes through a command substitution: "$$name" is a variable's one value, and a
# local `--path` variable is what takes it apart at colons. Local names must be nobody else's.

# Its number changes with what a script may call: a shell that is open while rocmswitch is upgraded reads these anew.
function _rocmswitch_calls_1
end

function _rocmswitch_begin
    _rocmswitch_leave
    set -l _rs_why use
    set -q _rocmswitch_why; and test -n "$_rocmswitch_why"; and set _rs_why "$_rocmswitch_why"
    if test "$_rs_why" = use
        set -g _rocmswitch_chosen $argv[1]
        set -g _rocmswitch_chosen_card "$_rocmswitch_gpu" "$_rocmswitch_profile"
    end
    _rocmswitch_clean LD_LIBRARY_PATH
    _rocmswitch_clean LD_PRELOAD
    if set -q ROCMSWITCH_ACTIVE; or set -q ROCMSWITCH_WHY
        _rocmswitch_set ROCMSWITCH_ACTIVE $argv[1] ROCMSWITCH_WHY "$_rs_why"
    else
        set -gx ROCMSWITCH_ACTIVE $argv[1]
        set -gx ROCMSWITCH_WHY "$_rs_why"
        set -gx _ROCMSWITCH_DONE "who:ROCMSWITCH $_ROCMSWITCH_DONE"
    end
end

function _rocmswitch_environment
    _rocmswitch_begin $argv[1]
    _rocmswitch_unset PYTHONHOME
    _rocmswitch_set VIRTUAL_ENV "$argv[2]" UV_CONSTRAINT "$argv[2]/constraints.txt"
    _rocmswitch_prepend PATH "$argv[2]/bin"
end

function _rocmswitch_end
    set -e _rocmswitch_why
    set -e _rocmswitch_gpu
    set -e _rocmswitch_profile
    set -e _rocmswitch_card_here
    string match -q "*:VIRTUAL_ENV *" -- "$_ROCMSWITCH_DONE"; and _rocmswitch_define_deactivate
    return 0
end

function _rocmswitch_set
    while set -q argv[2]
        _rocmswitch_remember set $argv[1]
        set -gx _ROCMSWITCH_NEW_$argv[1] "$argv[2]"
        set -gx $argv[1] "$argv[2]"
        set -e argv[1..2]
    end
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
    test -n "$_rocmswitch_card_here"; and string match -q "* $_rocmswitch_card_here *" -- " $argv[1] "; or return 0
    set -l _rs_profile "$ROCMSWITCH_PROFILE"
    set -q _rocmswitch_profile; and test -n "$_rocmswitch_profile"; and set _rs_profile "$_rocmswitch_profile"
    test -z "$argv[2]"; or test "x$argv[2]" = "x$_rs_profile"; or return 0
    _rocmswitch_set $argv[3..-1]
end

# Leaves for good: with the hook, what the shell was told explicitly ends, and a project or the default counts again.
function rocmswitch_off
    _rocmswitch_leave
    functions -q _rocmswitch_look; and _rocmswitch_look
    return 0
end

function _rocmswitch_leave
    if test -n "$_ROCMSWITCH_DONE"
        string match -q '*who:*' -- "$_ROCMSWITCH_DONE"; and test "$ROCMSWITCH_WHY" != module
        and set -e ROCMSWITCH_ACTIVE; and set -e ROCMSWITCH_WHY
        string match -q '*env:*' -- "$_ROCMSWITCH_DONE"; and _rocmswitch_spell_out
        # One substitution in all: it takes 50 µs, twenty times as long as a builtin without it.
        for _rs_name in (string match -ra '(?<=:)[A-Za-z_][A-Za-z0-9_]*(?= )' -- "$_ROCMSWITCH_DONE")
            if string match -q "*add:$_rs_name *" -- "$_ROCMSWITCH_DONE"
                _rocmswitch_take_out $_rs_name
            else
                _rocmswitch_is_ours $_rs_name; and _rocmswitch_restore $_rs_name
            end
            _rocmswitch_drop_state $_rs_name
        end
    end
    set -e _ROCMSWITCH_DONE
    _rocmswitch_undefine_deactivate
end

function _rocmswitch_spell_out
    set -gx _ROCMSWITCH_DONE "add:PATH set:UV_CONSTRAINT $_ROCMSWITCH_DONE"
    set -gx _ROCMSWITCH_NEW_PATH "$_ROCMSWITCH_NEW_VIRTUAL_ENV/bin"
    set -gx _ROCMSWITCH_OLD_PATH was:
    set -gx _ROCMSWITCH_NEW_UV_CONSTRAINT "$_ROCMSWITCH_NEW_VIRTUAL_ENV/constraints.txt"
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
    if set -q $argv[2]
        set -l _rs_old "own:$$argv[2]"
        set -qx $argv[2]; and set _rs_old "was:$$argv[2]"
        set -gx _ROCMSWITCH_OLD_$argv[2] "$_rs_old"
        # The same in this shell's own terms: a list stays a list.
        set -g _rocmswitch_was_$argv[2] $$argv[2]
        set -qg $argv[2]; or set -g -a _rocmswitch_universal $argv[2]
    else
        set -e _ROCMSWITCH_OLD_$argv[2]
    end
    set -gx _ROCMSWITCH_DONE "$argv[1]:$argv[2] $_ROCMSWITCH_DONE"
end

function _rocmswitch_drop_state
    set -e _ROCMSWITCH_OLD_$argv[1]
    set -e _ROCMSWITCH_NEW_$argv[1]
    set -e _rocmswitch_was_$argv[1]
    contains -- $argv[1] $_rocmswitch_universal; or return 0
    set -e _rocmswitch_universal[(contains -i -- $argv[1] $_rocmswitch_universal)]
    set -q _rocmswitch_universal[1]; or set -e _rocmswitch_universal
    return 0
end

# Whether NAME is as we left it.
function _rocmswitch_is_ours
    set -l _rs_new _ROCMSWITCH_NEW_$argv[1]
    if set -q $_rs_new
        set -q $argv[1]; and test "x$$argv[1]" = "x$$_rs_new"
    else
        not set -q $argv[1]
    end
end

function _rocmswitch_restore
    set -l _rs_old _ROCMSWITCH_OLD_$argv[1]
    set -l _rs_own _rocmswitch_was_$argv[1]
    if contains -- $argv[1] $_rocmswitch_universal; or not set -q $_rs_old
        set -e -g $argv[1]
        return 0
    end
    set -l _rs_export -u
    string match -q 'was:*' -- "$$_rs_old"; and set _rs_export -x
    if set -q $_rs_own; and contains -- "$$_rs_old" "was:$$_rs_own" "own:$$_rs_own"
        set -g $_rs_export $argv[1] $$_rs_own
    else
        set -l --path _rs_parts "$$_rs_old"
        set -l --path _rs_value $_rs_parts[2..-1]
        set -g $_rs_export $argv[1] "$_rs_value"
    end
end

# Takes the folders that were added out of a path variable, wherever they stand in it now.
function _rocmswitch_take_out
    set -q $argv[1]; or return 0
    set -l _rs_old _ROCMSWITCH_OLD_$argv[1]
    set -l _rs_new _ROCMSWITCH_NEW_$argv[1]
    set -l --path _rs_kept "$$argv[1]"
    set -l --path _rs_ours "$$_rs_new"
    for _rs_folder in $_rs_ours
        if test "x$_rs_folder" = "x$_rs_kept[1]"
            set -e _rs_kept[1]
        else
            set -l _rs_at (contains -i -- $_rs_folder $_rs_kept); and set -e _rs_kept[$_rs_at]
        end
    end
    if contains -- "$$_rs_old" "was:$_rs_kept" "own:$_rs_kept"; or test -z "$_rs_kept"; and not set -q $_rs_old
        _rocmswitch_restore $argv[1]
    else
        set -gx $argv[1] "$_rs_kept"
    end
end

# Takes other ROCms out of LD_LIBRARY_PATH or LD_PRELOAD: they would shadow what the stack loads.
function _rocmswitch_clean
    set -q $argv[1]; or return 0
    set -l --path _rs_kept
    set -l --path _rs_entries "$$argv[1]"
    # ld.so(8): libraries to be loaded first may have blanks between them too.
    test $argv[1] = LD_PRELOAD; and set -l --path _rs_entries (string replace -a ' ' : -- "$$argv[1]")
    for _rs_entry in $_rs_entries
        _rocmswitch_is_foreign "$_rs_entry"; or set -a _rs_kept "$_rs_entry"
    end
    test (count $_rs_kept) -lt (count $_rs_entries); or return 0
    if test -n "$_rs_kept"
        _rocmswitch_set $argv[1] "$_rs_kept"
    else
        _rocmswitch_unset $argv[1]
    end
end

# A folder below /opt/rocm, or with one of ROCm's libraries; such a library itself, not one that lies beside it.
function _rocmswitch_is_foreign
    test -n "$argv[1]"; or return 1
    set -l _rs_library 'lib(amdhip64|hsa-runtime64|rocblas|MIOpen)\.so[^/]*$'
    string match -qr "^//?opt/rocm|(^|/)$_rs_library" -- $argv[1]; and return 0
    set -l _rs_found "$argv[1]"/lib{amdhip64,hsa-runtime64,rocblas,MIOpen}.so*
    test (count $_rs_found) -gt 0
end

# What the user has said, else the machine's card; empty for what cannot be one.
function _rocmswitch_find_card
    set -g _rocmswitch_card_here "$ROCMSWITCH_GPU"
    set -q _rocmswitch_gpu; and test -n "$_rocmswitch_gpu"; and set _rocmswitch_card_here "$_rocmswitch_gpu"
    if test -z "$_rocmswitch_card_here"
        test "x$_rocmswitch_machine[1]" = "x$ROCMSWITCH_SYSROOT/"; or _rocmswitch_read_topology
        set _rocmswitch_card_here "$_rocmswitch_machine[2]"
    end
    string match -qr '^[A-Za-z0-9-]+$' -- "$_rocmswitch_card_here"; or set _rocmswitch_card_here ''
end

# Read once in each shell: where it was looked, and the first node of the KFD topology that computes.
function _rocmswitch_read_topology
    set -g _rocmswitch_machine "$ROCMSWITCH_SYSROOT/" ''
    # fish sorts what a glob finds by number: node 10 comes after node 9.
    for _rs_file in "$ROCMSWITCH_SYSROOT"/sys/class/kfd/kfd/topology/nodes/*/properties
        test -f "$_rs_file"; and test -r "$_rs_file"; or continue
        while read -l _rs_key _rs_value _rs_rest
            test "x$_rs_key" = xgfx_target_version; and string match -qr '^[0-9]{5,7}$' -- "$_rs_value"; or continue
            set -l _rs_hex 0 1 2 3 4 5 6 7 8 9 a b c d e f
            set -l _rs_minor (math -s0 "$_rs_value / 100 % 100 + 1")
            set -l _rs_stepping (math -s0 "$_rs_value % 100 + 1")
            set _rocmswitch_machine[2] gfx(math -s0 "$_rs_value / 10000")$_rs_hex[$_rs_minor]$_rs_hex[$_rs_stepping]
            return 0
        end <$_rs_file 2>/dev/null
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
