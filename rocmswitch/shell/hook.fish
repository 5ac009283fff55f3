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
        command rocmswitch $argv
        return
    end
    set -l text ''
    ROCMSWITCH_HOOK=fish ROCMSWITCH_HOOK_FD=3 command rocmswitch $argv 3>| read -z text
    set -l code $pipestatus[1]
    eval "$text"
    _rocmswitch_look
    return $code
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
        case use module
            set -g _rocmswitch_chosen "$ROCMSWITCH_ACTIVE"
            set -e _rocmswitch_left
        case ''
            switch "$_rocmswitch_seen_why"
                case use module stack
                    set -e _rocmswitch_chosen
                case '?*'
                    set -g _rocmswitch_left "$_rocmswitch_seen_why"
            end
    end
end

function _rocmswitch_decide
    if test -n "$ROCMSWITCH_STACK"
        _rocmswitch_find "$ROCMSWITCH_STACK"; and _rocmswitch_go stack; and return 0
        _rocmswitch_tell ROCMSWITCH_STACK "$ROCMSWITCH_STACK" ''
        _rocmswitch_go ''
    else if set -q _rocmswitch_chosen
        contains -- "$ROCMSWITCH_WHY" use module; and return 0
        if _rocmswitch_find "$_rocmswitch_chosen"
            _rocmswitch_go use
        else
            _rocmswitch_enter_system
        end
    else
        _rocmswitch_follow_pin
    end
end

function _rocmswitch_follow_pin
    set -l why ''
    set -l found ''
    if _rocmswitch_find_pin; and _rocmswitch_read_pin "$_rocmswitch_pin"
        set why "pin:$_rocmswitch_pin"
        set -l script $_rocmswitch_asked[1]
        set -q _rocmswitch_asked[2]; and set script $_rocmswitch_asked[2]
        _rocmswitch_find "$script"; or _rocmswitch_tell "$_rocmswitch_pin" $_rocmswitch_asked
    else if _rocmswitch_find default
        set why default
    end
    set -q _rocmswitch_left; and test "x$why" != "x$_rocmswitch_left"; and string match -q 'pin:*' -- "$why"
    and set -e _rocmswitch_left
    set -q _rocmswitch_left; and set _rocmswitch_found
    _rocmswitch_go "$why"
end

# Enters by the script that was found, because of WHY; without one, leaves.
function _rocmswitch_go
    if test -z "$_rocmswitch_found"
        set -e _rocmswitch_entered
        test -z "$ROCMSWITCH_WHY$_ROCMSWITCH_DONE"; or _rocmswitch_leave
        return 0
    end
    # What an outer shell has entered because of the same file is entered.
    if not set -q _rocmswitch_entered; and test "x$argv[1]" = "x$ROCMSWITCH_WHY" -a "x$argv[1]" != xstack
        set -g _rocmswitch_entered "$argv[1] $_rocmswitch_found"
    end
    test "x$_rocmswitch_entered" = "x$argv[1] $_rocmswitch_found"; and test "x$argv[1]" = "x$ROCMSWITCH_WHY"
    and return 0
    set -g _rocmswitch_why "$argv[1]"
    source "$_rocmswitch_found"
    set -g _rocmswitch_entered "$argv[1] $_rocmswitch_found"
end

# The script of NAME, a stack's, a shorter name's or an environment's: of the user's own, or of the machine's.
function _rocmswitch_find
    set -g _rocmswitch_found
    _rocmswitch_is_name "$argv[1]"; or return 1
    test "x$argv[1]" != xsystem; or return 0
    for data in $_ROCMSWITCH_DATA
        set -l file "$data/activations/$argv[1].fish"
        test -f "$file"; or continue
        test "$data" = "$_ROCMSWITCH_DATA[1]"; and not test -O "$file"; and continue
        set _rocmswitch_found "$file"
        return 0
    end
    return 1
end

function _rocmswitch_is_name
    string match -qr '^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\z' -- "$argv[1]"; and not string match -q '*..*' -- "$argv[1]"
end

# The nearest .rocm-version; what is no regular file (a FIFO, a device, a folder) is passed over.
function _rocmswitch_find_pin
    set -l folder "$PWD"
    # A newline in a path would not survive what follows: only this folder counts there.
    string match -q '*'\n'*' -- "$folder"; and set folder
    test -f "$PWD/.rocm-version"; and set -g _rocmswitch_pin "$PWD/.rocm-version"; and return 0
    while string match -q '*/*' -- "$folder"
        set folder (string replace -r '/[^/]*$' '' -- "$folder")
        test -f "$folder/.rocm-version"; and set -g _rocmswitch_pin "$folder/.rocm-version"; and return 0
    end
    return 1
end

# Reads at most 257 characters: the stack and perhaps an environment into _rocmswitch_asked.
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
    set -l lines (string replace -r '\r$' '' -- (string split \n -- "$content"))
    if test -n "$more" -o (string length -- "$content") -gt 256; or not _rocmswitch_is_name "$lines[1]"
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
    set -l line rocmswitch use $argv[2]
    set -l what $argv[2]
    test -n "$argv[3]"; and set -a line --venv $argv[3]; and set what $argv[3]
    _rocmswitch_is_name "$argv[2]"; or set what 'something that is no name'; and set -e line[2..-1]; and set -a line list
    _rocmswitch_say "$argv[1]" (_rocmswitch_printable "$argv[1]")" asks for $what, which is not installed; run: $line"
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

string match -q '*set:VIRTUAL_ENV *' -- "$_ROCMSWITCH_DONE"; and _rocmswitch_define_deactivate
if status is-interactive
    function _rocmswitch_on_change --on-variable PWD --on-event fish_prompt
        _rocmswitch_look
    end
end
