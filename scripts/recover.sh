#!/bin/sh
# What is wrong with the amdgpu kernel module of a system, and what to type. Reads only; this edition changes nothing.
#   recover.sh [ROOT]      ROOT is where the damaged system is mounted; without it, the running one
# Needs no Python, no network and no earlier snapshot: sh, ls, sed, grep, md5sum (busybox has them all).
set -u
root=${1:-}
root=${root%/}
found=0
faults=0

say() { printf '%s\n' "$*"; }
fault() { faults=$((faults + 1)); say "    FAULT: $*"; }

# Every amdgpu.ko of kernel $1, in depmod's order of preference (depmod.d(5); Fedora's DKMS uses extra).
modules_of() {
    for folder in updates extra weak-updates kernel; do
        find "$root/lib/modules/$1/$folder" -name 'amdgpu.ko' -o -name 'amdgpu.ko.[xgz]*' 2>/dev/null | sort
    done
}

# The md5 that the kernel's package states for a file. Debian 12 packages own /lib/modules, Debian 13's /usr/lib/modules.
stated_md5() {
    for list in "$root/var/lib/dpkg/info/linux-image-$1.md5sums" "$root/var/lib/dpkg/info/linux-image-$1:"*.md5sums \
        "$root/var/lib/dpkg/info/linux-modules-$1.md5sums" "$root/var/lib/dpkg/info/linux-modules-extra-$1.md5sums"; do
        [ -f "$list" ] && sed -n -e "s,^\([0-9a-f]*\)  lib/modules/$1/$2\$,\1,p" -e "s,^\([0-9a-f]*\)  usr/lib/modules/$1/$2\$,\1,p" "$list"
    done | head -n 1
}

judge() { # kernel, file
    inside=${2#"$root/lib/modules/$1/"}
    actual=$(md5sum <"$2" | sed 's/ .*//')
    stated=$(stated_md5 "$1" "$inside")
    say "  $inside  ($(wc -c <"$2" | tr -d ' ') bytes, md5 $actual)"
    if [ ! -s "$2" ]; then
        fault "the file is empty"
    elif [ "$stated" = "$actual" ]; then
        say "    as the kernel's package has it"
    elif [ -n "$stated" ]; then
        fault "the kernel's package has md5 $stated"
    else
        say "    belongs to no kernel package: from DKMS or put there by hand"
    fi
}

look_at_kernel() {
    say "kernel $1"
    [ -e "$root/boot/vmlinuz-$1" ] || say "  note: no $root/boot/vmlinuz-$1; is /boot a file system of its own that is not mounted?"
    files=$(modules_of "$1")
    [ -n "$files" ] || { fault "no amdgpu.ko in it"; return; }
    first=
    IFS_before=$IFS
    IFS='
'
    for file in $files; do
        IFS=$IFS_before
        [ -n "$first" ] || first=$file
        judge "$1" "$file"
    done
    IFS=$IFS_before
    preferred=${first#"$root/lib/modules/$1/"}
    say "  depmod prefers: $preferred"
    listed=$(sed -n 's,^\([^:]*\):.*,\1,p' "$root/lib/modules/$1/modules.dep" 2>/dev/null | grep -E '(^|/)amdgpu\.ko[.a-z]*$' | head -n 1)
    [ -z "$listed" ] || [ "$listed" = "$preferred" ] || fault "modules.dep still names $listed: depmod has not run since"
    [ -n "$listed" ] || fault "modules.dep does not name it: nothing loads it by itself"
    case $first in
    */kernel/*) ;;
    *) say "    it stands before the kernel's own, which loads again without it, after depmod and a new initramfs" ;;
    esac
}

say "amdgpu below ${root:-/}"
for folder in "$root"/lib/modules/*/; do
    if [ -d "$folder/kernel" ] || [ -f "$folder/modules.order" ]; then
        found=$((found + 1))
        look_at_kernel "$(basename "$folder")"
    fi
done
[ "$found" -gt 0 ] || { say "no kernel in $root/lib/modules: is this the root of a system?"; exit 3; }

say "settings that name amdgpu"
for folder in etc run usr/lib lib; do
    [ "$folder" = lib ] && [ -L "$root/lib" ] && continue
    grep -HnE '^[[:space:]]*(options|blacklist|install|remove|softdep)[[:space:]]+amdgpu([[:space:]]|$)' \
        "$root/$folder"/modprobe.d/*.conf 2>/dev/null
done | sed 's/^/  /'
grep -HnE 'amdgpu' "$root"/etc/default/grub "$root"/etc/modules-load.d/*.conf "$root"/etc/modules "$root"/etc/initramfs-tools/modules \
    2>/dev/null | grep -vE '^[^:]*:[0-9]*:[[:space:]]*#' | sed 's/^/  /'

say ""
say "This edition changed nothing. $faults fault(s) in $found kernel(s)."
say "To boot once without the module: at the boot menu press e and add to the line that begins with linux:"
say "  module_blacklist=amdgpu"
say "To get a kernel's own module back, where $root/lib/modules has KERNEL (it needs the network, and rebuilds the initramfs):"
say "  ${root:+chroot $root }apt-get install --reinstall linux-image-KERNEL"
say "  (Fedora: ${root:+chroot $root }dnf reinstall kernel-core-KERNEL kernel-modules-KERNEL)"
say "A module that DKMS built comes back at the next build; take it away first: ${root:+chroot $root }dkms remove NAME/VERSION --all"
[ "$faults" -eq 0 ] || exit 4
