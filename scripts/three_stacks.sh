# shellcheck shell=sh
# Sourced by scripts/demo --all: three of Debian's ROCm side by side, each with its own compiler, and one wheel that
# speaks to all of them. Two are made for a newer C library than many machines have: they bring theirs along.

# The archive's index of sid is good for a week. A mirror that has not been updated for longer is refused; here, and
# only here, we know why.
accept_a_late_mirror() {
    late=
    refused=$(rocmswitch install debian-7.2.4 --dry-run 2>&1 >/dev/null) && return
    printf '\n$ rocmswitch install debian-7.2.4 --dry-run\n%s\n' "$refused"
    case $refused in *--allow-expired*) ;; *) exit 1 ;; esac
    printf '\nThis mirror is late, and that is all: what it has is what Debian signed.\n'
    late=--allow-expired
}

# STACK HIP [OPTION]: installs, compiles, runs, asks from Python, and adds a line to the table.
show_stack() {
    program=$folder/saxpy-$1
    show rocmswitch install "$1" --set compiler --yes ${3:+"$3"}
    show rocmswitch run "$1" -- hipcc --offload-arch=gfx1010 scripts/saxpy.hip -o "$program"
    show python scripts/code_object.py "$program" gfx1010
    show rocmswitch run "$1" -- "$program"
    # hipcc of 5.2 looks for a card first, and says a lot where there is none.
    compiler=$(rocmswitch run "$1" -- hipcc --version 2>/dev/null | sed -n 's/.*clang version \([0-9.]*\).*/\1/p')
    compiled=$("$program" | sed -n 's/^HIP runtime //p')
    # shellcheck disable=SC2016  # shown, not run
    printf '\n$ eval "$(rocmswitch use %s --venv %s --yes)"\n' "$1" "on-$1"
    entering=$(rocmswitch use "$1" --venv "on-$1" --yes ${3:+"$3"})
    eval "$entering"
    printf '\n$ python -c "%s"\n' "$question"
    asked=$(python -c "$question")
    echo "$asked"
    wheel=$(cd "$VIRTUAL_ENV" && cat lib/python3*/site-packages/hip/hip.*.so | sha256sum | cut -c1-12)
    show rocmswitch_off
    if [ "$compiled" != "$2" ] || [ "$asked" != "$2" ]; then
        say "error: HIP $2 of $1 was expected, not $compiled of the program and $asked of hip-python"
        exit 1
    fi
    table="$table$(printf '%-14s %-16s %-10s %-14s %-16s %s' "$1" "clang $compiler" gfx1010 "$compiled" "$asked" "$wheel")
"
}

# FOLDER QUESTION: where programs go, and what hip-python is asked.
show_three_stacks() {
    folder=$1 question=$2 table=
    printf '\nThree ROCm of Debian side by side, on a machine with %s:\n' "$(getconf GNU_LIBC_VERSION)"
    accept_a_late_mirror
    show_stack debian-5.2.3 50221153
    show_stack debian-6.4.3 60443484 "$late"
    show_stack debian-7.2.4 70253211 "$late"
    show rocmswitch list
}

show_table() {
    printf '\nOne demo, one wheel, three runtime versions:\n\n'
    printf '%-14s %-16s %-10s %-14s %-16s %s\n' stack compiler kernel 'program says' 'hip-python says' 'sha256 of hip-python'
    printf '%s' "$table"
}
