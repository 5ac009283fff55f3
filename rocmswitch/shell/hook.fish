# The hook for fish 3.1 and later: which stack a folder asks for, decided with builtins alone, when something changed.
# _ROCMSWITCH_DATA lists the folders in whose `activations` scripts lie: the user's own, then the machine's.
#
# In this order: ROCMSWITCH_STACK, what was chosen with `use` in this shell, the nearest .rocm-version upwards, the
# default, nothing. What an outer shell has entered counts as entered here.

# `use` changes this shell: what is to be evaluated comes on descriptor 3, and all else stays the terminal's.
function rocmswitch -d 'Switch between ROCm stacks'
    set -l command ''
    set -l skip no
    for word in $argv
        switch "$skip$word"
            case 'yes*'
                set skip no
            case 'no--wait'
                set skip yes
            case 'no-*'
                continue
            case '*'
                set command "$word"
                break
        end
    end
    if test "x$command" != xuse
        contains -- "$command" current which; and set -lx ROCMSWITCH_LEFT $_rocmswitch_left
        command rocmswitch $argv
        return
    end
    set -l text ''
    ROCMSWITCH_HOOK=fish ROCMSWITCH_HOOK_FD=3 command rocmswitch $argv 3>| read -z text
    set -l code $pipestatus[1]
    test $code -eq 0; or return $code
    eval "$text"
    _rocmswitch_look
    set -q _rocmswitch_chosen; and test "$ROCMSWITCH_WHY" = stack
    and _rocmswitch_say '' "ROCMSWITCH_STACK goes before `use`: unset it to have $_rocmswitch_chosen"
    return 0
end

function _rocmswitch_look
    status is-command-substitution; and return 0
    # The very case of nearly every prompt: nothing changed.
    test "$PWD $ROCMSWITCH_STACK $ROCMSWITCH_ACTIVE $ROCMSWITCH_WHY" = "$_rocmswitch_seen"; and return 0
    _rocmswitch_notice
    _rocmswitch_decide
    set -g _rocmswitch_seen "$PWD $ROCMSWITCH_STACK $ROCMSWITCH_ACTIVE $ROCMSWITCH_WHY"
    set -g _rocmswitch_seen_why "$ROCMSWITCH_WHY"
    return 0
end

# What somebody else has done since: `use`, `use --off`, `deactivate`, `module load`.
function _rocmswitch_notice
    switch "$ROCMSWITCH_WHY"
        case use
            # `use system` has entered nothing.
            set -g _rocmswitch_chosen system
            test -n "$ROCMSWITCH_ACTIVE"; and set _rocmswitch_chosen "$ROCMSWITCH_ACTIVE"
            set -e _rocmswitch_left
        case ''
            # Not by `?*`: since fish 4.0 a question mark stands for itself.
            switch "$_rocmswitch_seen_why"
                case ''
                case use stack
                    set -e _rocmswitch_chosen
                case '*'
                    set -g _rocmswitch_left "$_rocmswitch_seen_why"
            end
    end
end

function _rocmswitch_decide
    # Environment Modules rule here.
    test "$ROCMSWITCH_WHY" = module; and return 0
    set -g _rocmswitch_found
    if test -n "$ROCMSWITCH_STACK"; and not _rocmswitch_is_name "$ROCMSWITCH_STACK"
        _rocmswitch_say '' 'ignored: ROCMSWITCH_STACK is not the name of a stack'
    else if test -n "$ROCMSWITCH_STACK"
        _rocmswitch_find "$ROCMSWITCH_STACK"; or _rocmswitch_tell ROCMSWITCH_STACK "$ROCMSWITCH_STACK"
        _rocmswitch_go stack "$ROCMSWITCH_STACK"
        return
    end
    if set -q _rocmswitch_chosen
        _rocmswitch_find "$_rocmswitch_chosen"; or _rocmswitch_tell 'this shell' "$_rocmswitch_chosen"
        _rocmswitch_go use "$_rocmswitch_chosen"
    else
        _rocmswitch_follow
    end
end

# What the project asks for, else the default, else nothing: unless its owner has left just that.
function _rocmswitch_follow
    set -l why ''
    set -l what ''
    if _rocmswitch_find_pin; and _rocmswitch_read_pin "$_rocmswitch_pin"
        set why "pin:$_rocmswitch_pin"
        set what $_rocmswitch_asked[-1]
        _rocmswitch_find "$what"; or _rocmswitch_tell "$_rocmswitch_pin" $_rocmswitch_asked
    else if _rocmswitch_find default
        set why default
        set what default
    end
    set -q _rocmswitch_left; and test "x$why" != "x$_rocmswitch_left"; and string match -q 'pin:*' -- "$why"
    and set -e _rocmswitch_left
    set -q _rocmswitch_left; and set why ''; and set what ''; and set _rocmswitch_found
    _rocmswitch_go "$why" "$what"
end

# go WHY WHAT: enters by the script that was found; without one, leaves.
function _rocmswitch_go
    set -l entering "$argv[1] $argv[2]"
    if not set -q _rocmswitch_entered; and _rocmswitch_is_inherited "$argv[1]"
        set -g _rocmswitch_entered $entering
    end
    test "x$_rocmswitch_entered" = "x$entering"; and test "x$argv[1]" = "x$ROCMSWITCH_WHY"; and return 0
    set -g _rocmswitch_entered $entering
    if test -n "$_rocmswitch_found"
        set -g _rocmswitch_why "$argv[1]"
        if test "$argv[1]" = use; and set -q _rocmswitch_chosen_card[2]
            set -g _rocmswitch_gpu $_rocmswitch_chosen_card[1]
            set -g _rocmswitch_profile $_rocmswitch_chosen_card[2]
        end
        source "$_rocmswitch_found"
        return
    end
    test -z "$ROCMSWITCH_WHY$_ROCMSWITCH_DONE"; or _rocmswitch_leave
    test "x$argv[2]" = xsystem; and _rocmswitch_set ROCMSWITCH_WHY "$argv[1]"
    return 0
end

# Whether a shell around this one has entered something because of WHY, and it is still in PATH.
function _rocmswitch_is_inherited
    test -n "$argv[1]"; and test "x$argv[1]" = "x$ROCMSWITCH_WHY"; and test "$argv[1]" != stack; or return 1
    set -l added "$_ROCMSWITCH_NEW_PATH"
    string match -q '*env:*' -- "$_ROCMSWITCH_DONE"; and set added "$_ROCMSWITCH_NEW_VIRTUAL_ENV/bin"
    test -z "$added"; or contains -- (string split -m 1 : -- "$added")[1] $PATH
end

# What `use` named in this shell no longer counts, and nothing is left alone: whoever calls this has written a pin, and
# looks afterwards.
function _rocmswitch_choose_nothing
    _rocmswitch_leave
    set -e _rocmswitch_chosen
    set -e _rocmswitch_left
    set -g _rocmswitch_entered ''
    set -g _rocmswitch_seen ''
    set -g _rocmswitch_seen_why ''
end

# The script of NAME, a stack's, a shorter name's or an environment's. Only what belongs to the user is sourced, or
# lies where the user may not write: in the machine's folder. `system` needs no script.
function _rocmswitch_find
    set -g _rocmswitch_found
    _rocmswitch_is_name "$argv[1]"; or return 1
    test "x$argv[1]" != xsystem; or return 0
    for data in $_ROCMSWITCH_DATA
        set -l file "$data/activations/$argv[1].fish"
        test -f "$file"; or continue
        if test -O "$file"; and test -O "$data/activations"
            set _rocmswitch_found "$file"
            return 0
        else if test "$data" != "$_ROCMSWITCH_DATA[1]"; and not test -w "$file"; and not test -w "$data/activations"
            set _rocmswitch_found "$file"
            return 0
        end
        _rocmswitch_say '' "ignored: $file does not belong to you"
    end
    return 1
end

function _rocmswitch_is_name
    string match -qr '^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\z' -- "$argv[1]"; and not string match -q '*..*' -- "$argv[1]"
end

# The nearest .rocm-version; what is no regular file (a FIFO, a device, a folder) is passed over.
function _rocmswitch_find_pin
    set -l above
    set -l parts
    # A newline in a path would not survive the substitution: only this folder counts there.
    if not string match -q '*'\n'*' -- "$PWD"
        set above ''
        set parts (string split / -- "$PWD")
        set -e parts[1]
    end
    set -l folder ''
    for part in $parts
        set folder "$folder/$part"
        set above "$folder" $above
    end
    for folder in "$PWD" $above
        test -f "$folder/.rocm-version"; and set -g _rocmswitch_pin "$folder/.rocm-version"; and return 0
    end
    return 1
end

# Reads at most 257 characters: the stack and perhaps an environment into _rocmswitch_asked. `read` passes over bytes
# that are not UTF-8.
function _rocmswitch_read_pin
    set -g _rocmswitch_asked
    set -l content ''
    set -l more ''
    if test -r "$argv[1]"
        # The second read finds what is behind a NUL.
        begin
            read -z -n 257 content
            read -z -n 1 more
        end <"$argv[1]" 2>/dev/null
    end
    set -l lines (string split \n -- "$content")
    string match -q '*'\r'*' -- "$content"; and set lines (string replace -r '\r$' '' -- $lines)
    if test -n "$more"; or string match -qr '(?s)^.{257}' -- "$content"; or not _rocmswitch_is_name "$lines[1]"
        or begin; test -n "$lines[2]"; and not _rocmswitch_is_name "$lines[2]"; end
        _rocmswitch_say "$argv[1]" "ignored: "(_rocmswitch_printable "$argv[1]")" is not a valid pin"
        return 1
    end
    set _rocmswitch_asked $lines[1]
    test -n "$lines[2]"; and set _rocmswitch_asked $lines[1] $lines[2]
    return 0
end

# tell WHO STACK VENV: what WHO asks for is not installed.
function _rocmswitch_tell
    set -l line "rocmswitch use $argv[2]"
    test -n "$argv[3]"; and set line "$line --venv $argv[3]"
    set -l who (_rocmswitch_printable "$argv[1]")
    _rocmswitch_say "$argv[1]" "$who asks for $argv[-1], which is not installed; run: $line"
end

# Says a line once in this shell for each FILE.
function _rocmswitch_say
    contains -- "$argv" $_rocmswitch_said; and return 0
    set -g -a _rocmswitch_said "$argv"
    echo "rocmswitch: $argv[2]" >&2
end

# A path, fit to be shown: a terminal's control characters are not.
function _rocmswitch_printable
    string replace -ra '[[:cntrl:]]' '?' -- "$argv[1]"
end

string match -q '*:VIRTUAL_ENV *' -- "$_ROCMSWITCH_DONE"; and _rocmswitch_define_deactivate
if status is-interactive
    # As an environment's own `activate` does, and with its way out: VIRTUAL_ENV_DISABLE_PROMPT.
    if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and not functions -q _rocmswitch_their_prompt; and functions -q fish_prompt
        functions --copy fish_prompt _rocmswitch_their_prompt
        function _rocmswitch_status
            return $argv[1]
        end
        function fish_prompt
            set -l code $status
            set -q ROCMSWITCH_ACTIVE; and echo -n "($ROCMSWITCH_ACTIVE) "
            _rocmswitch_status $code
            _rocmswitch_their_prompt
        end
    end
    function _rocmswitch_on_change --on-variable PWD --on-event fish_prompt
        _rocmswitch_look
    end
end
