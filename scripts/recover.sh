#!/bin/sh
# Brings the amdgpu kernel module of a system back. Says what is wrong and what it would do; does it only with --apply.
#
#   sh recover.sh [--apply] [--yes] [--in-tree] [--package FILE]... [ROOT]
#
# ROOT is where the system is mounted: /mnt on a live system, /sysroot or /root at a dracut or initramfs prompt, / for
# the one that runs. --yes: do not ask about settings. --in-tree: the distribution's modules, also where a sound DKMS
# build stands before them. --package: a .deb, .rpm or .pkg.tar of exactly the installed version, from a stick.
# Needs sh, cp, mv, rm, mkdir, ls, cat, sed, chroot; md5sum, grep, sort, find, sync … are ROOT's own where there are none,
# depmod and the tool for boot images always are. It never loads or unloads a module, and does not build or download.
set -u
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
names='amdgpu|amdttm|amdkcl|amd-sched|amddrm_ttm_helper|amddrm_buddy|amddrm_exec|amdxcp|amddrm_suballoc_helper'
settings='^[[:space:]]*(options|blacklist|install|remove|softdep)[[:space:]]+('$names')([[:space:]]|$)'
tab=$(printf '\t') newline='
'
root='' apply='' yes='' in_tree='' packages='' mounted='' work='' quarantine='' refused=''

# --- words, and programs ---------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
fault() { faults=$((faults + 1)); say "    FAULT: $*"; }
lack() { fault "$1"; lacks="$lacks  $1${newline}    type: $2$newline"; }
give_up() { # exit code, what is wrong, the line to type
    say "recover.sh: $2"
    [ -z "${3:-}" ] || say "type: $3"
    exit "$1"
}
do_later() { plan="$plan$1$tab$2$tab${3:-}$tab${4:-}$newline"; } # action, subject, from where, hash
planned() { case "$newline$plan" in *"$newline$1$tab$2$tab"*) ;; *) return 1 ;; esac; }
each() { # function, lines: the function once for each line
    set -f; IFS=$newline
    # shellcheck disable=SC2086  # a list of lines
    set -- "$1" $2
    set +f; unset IFS
    while [ $# -gt 1 ]; do "$1" "$2"; called=$1; shift 2; set -- "$called" "$@"; done
}
in_root() { if [ -z "$root" ]; then "$@"; else chroot "$root" "$@"; fi; } # ROOT's own program; begins in its /
at_root() { (cd "$root/" && "$@"); }
hash_of() { if [ "$1" = 64 ]; then sha256sum; else md5sum; fi <"$2" 2>/dev/null | sed 's/ .*//'; } # digits, file
short() { printf '%.12s' "$1"; }
bytes_of() { # file: what is in it when it is unpacked
    case $1 in *.xz) xz -dc ;; *.zst) zstd -dcq ;; *.gz) gzip -dc ;; *) cat ;; esac <"$1" 2>/dev/null
}
plain_hash() { bytes_of "$1" | sha256sum | sed 's/ .*//'; }
kernel_of() { # module, below ROOT: the kernel that it says it is for; nothing where it is no module, or cut off
    { in_root modinfo -F vermagic "/$1" || modinfo -F vermagic "$root/$1"; } 2>/dev/null | sed 's/ .*//;q'
}
without_usr() { printf '%s' "${1#usr/}"; } # packages name one file lib/… or usr/lib/…, by their age
module_name() { name=${1##*/} name=${name%%.ko*}; }

# --- what has to be there ------------------------------------------------------------------------------------------

find_root() {
    if [ -z "$root" ] && [ -e /init ] && [ ! -e /boot/grub ]; then
        for root in /sysroot /root /new_root /; do [ ! -d "$root/lib/modules" ] || [ ! -d "$root/etc" ] || break; done
        say "no ROOT was given: taking $root"
    fi
    shown=$(cd "${root:-/}" 2>/dev/null && pwd -P) || give_up 3 "there is no folder $root"
    root=${shown%/}
    lib=lib
    [ ! -L "$root/lib" ] || lib=usr/lib
    [ -d "$root/$lib/modules" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    modules=$lib/modules driver=$root/var/lib/rocmswitch/driver before=${root:+chroot $root }
    for tool in grep sort find tr md5sum sha256sum xz zstd gzip sync df wc; do
        command -v $tool >/dev/null 2>&1 || eval "$tool() { in_root $tool \"\$@\"; }"
    done
    own=''
    if in_root sh -c : 2>/dev/null; then own=yes; fi
}

# The hash that a package states for each module: lines `HASH lib/modules/… PACKAGE`.
read_statements() {
    for list in "$root"/var/lib/dpkg/info/*.md5sums; do
        case ${list##*/} in linux-headers*) continue ;; linux-* | *amdgpu* | *kernel* | *-modules-*) ;; *) continue ;; esac
        package=${list##*/} package=${package%.md5sums}
        sed -nE "s,^([0-9a-f]{32})  (usr/)?(lib/modules/.*/($names)\.ko(\.xz|\.zst|\.gz)?)\$,\1 \3 ${package%%:*},p" "$list" 2>/dev/null
    done
    if [ -d "$root/var/lib/rpm" ] || [ -d "$root/usr/lib/sysimage/rpm" ]; then
        in_root rpm -qa --qf '[%{FILEDIGESTS} %{FILENAMES} %{=NAME}-%{=VERSION}-%{=RELEASE}\n]' '*kernel*' '*amdgpu*' '*kmod*' 2>/dev/null |
            sed -nE "s,^([0-9a-f]+) /(usr/)?(lib/modules/.*/($names)\.ko(\.xz|\.zst|\.gz)? .*),\1 \3,p"
    fi
    for list in "$root"/var/lib/pacman/local/*/mtree; do
        [ -e "$list" ] || continue
        package=${list%/mtree} package=${package##*/} package=${package%-*-*}
        gzip -dc <"$list" | sed -nE "s,^\./(usr/)?(lib/modules/.*/($names)\.ko(\.xz|\.zst|\.gz)?) .*sha256digest=([0-9a-f]{64}).*,\5 \2 $package,p"
    done
}
stated_for() { say "$statements" | grep -F " $(without_usr "$1") " | sed 's/ .*//;q'; }
package_for() { say "$statements" | grep -F " $(without_usr "$1") " | sed 's/.* //;q'; }
reinstall() { # package: the line that brings it again
    if [ -d "$root/var/lib/dpkg/info" ]; then
        version=$(sed -n "/^Package: $1\$/,/^\$/s/^Version: //p" "$root/var/lib/dpkg/status" | sed q)
        say "${before}apt-get install --reinstall $1${version:+=$version}   (or: recover.sh --package FILE.deb)"
    elif [ -d "$root/var/lib/pacman" ]; then say "${before}pacman -S $1"
    else say "${before}dnf reinstall ${1:-kernel-core}"; fi
}

# --- where good bytes are ------------------------------------------------------------------------------------------

private() { # folder: only root can write to it
    case $(ls -ldn "$1") in d????w* | d???????w*) return 1 ;; esac
    ls -ldn "$1" | sed -nE 's/^[^ ]+ +[0-9]+ +([0-9]+) .*/\1/p' | grep -qx "$(ls -ldn "$root/" | sed -E 's/^[^ ]+ +[0-9]+ +([0-9]+) .*/\1/')"
}
snapshot_refused() { # snapshot: why nothing of it may be used; nothing where it may
    for one in "$1" "${1%/*}"; do private "$one" || { say "others than root can write to $one"; return; }; done
    [ "$(hash_of 64 "$1/manifest")" = "$(sed 's/ .*//;q' "$1/manifest.sha256" 2>/dev/null)" ] || say "its manifest does not hold"
}
from_snapshots() { # path, stated hash, kernel
    for one in $(cd "$driver/snapshots" 2>/dev/null && ls | sort -rn) boot; do
        if [ "$one" = boot ]; then snapshot=$root/boot/rocmswitch/snapshot; else snapshot=$driver/snapshots/$one; fi
        file=$snapshot/files/$1
        [ -f "$file" ] || continue
        why=$(snapshot_refused "$snapshot")
        listed=$(sed -n "s,^\([0-9a-f]\{64\}\) [ *]files/$1\$,\1,p" "$snapshot/manifest")
        if [ -z "$why" ] && [ "$(hash_of 64 "$file")" != "$listed" ]; then why='it is damaged: not the hash of its manifest'; fi
        if [ -z "$why" ] && [ -n "$2" ] && [ "$(hash_of ${#2} "$file")" != "$2" ]; then why='the package states another hash'; fi
        if [ -z "$why" ] && [ "$(kernel_of "${file#"$root"/}")" != "$3" ]; then why='it is for another kernel'; fi
        [ -n "$why" ] || { source=$file; return 0; }
        say "      not from ${file#"$root"}: $why"
    done
    return 1
}
from_originals() { # path, stated hash, kernel: what DKMS put aside, what a person did; any folder of a shadow
    module_name "$1"
    [ -n "$2" ] || return 1
    for file in "$root"/var/lib/dkms/*/original_module/"$3"/*/"$name".ko* "$root"/var/lib/dkms/*/original_module/"$3"/*/collisions/*/"$name".ko* \
        "$root"/var/lib/dkms/*/*/original_module/"$3"/*/"$name".ko* "$root/$1".?* "$root/$modules/$3"/*/"$name".ko* "$root/$modules/$3"/*/*/"$name".ko*; do
        if [ -f "$file" ] && [ "$(hash_of ${#2} "$file")" = "$2" ]; then source=$file; return 0; fi
    done
    return 1
}
opened() { # program, option, package: the archive in it; by ROOT's own program, from a copy, where there is none here
    if command -v "$1" >/dev/null 2>&1; then "$@"; return; fi
    [ -n "$work" ] && cp "$3" "$work/package" && in_root "$1" ${2:+"$2"} "/${work#"$root"/}/package"
}
member() { # package, path: the file's bytes
    set -- "$1" "$(without_usr "$2")"
    case $1 in
    *.deb) { if command -v dpkg-deb >/dev/null 2>&1 || ! command -v ar >/dev/null 2>&1; then opened dpkg-deb --fsys-tarfile "$1"
        else for one in xz zst gz; do ar p "$1" "data.tar.$one" | bytes_of_name "$one"; done; fi; } | tar -xOf - "./$2" "./usr/$2" ;;
    *.rpm) opened rpm2cpio '' "$1" | cpio -i --quiet --to-stdout "./$2" "./usr/$2" ;;
    *) bytes_of "$1" | tar -xOf - "$2" "usr/$2" ;;
    esac 2>/dev/null
}
bytes_of_name() { case $1 in xz) xz -dc ;; zst) zstd -dcq ;; *) gzip -dc ;; esac 2>/dev/null; }
from_packages() { # path, stated hash
    for file in "$root/var/cache/apt/archives/$(package_for "$1")"_*.deb "$root/var/cache/pacman/pkg/$(package_for "$1")"-*.pkg.tar.*; do
        case $file in *.sig) continue ;; esac
        [ ! -f "$file" ] || candidates="${candidates:-$packages}$file$newline"
    done
    taken=''
    each try_package "${candidates:-$packages}"
    candidates=''
    [ -n "$taken" ] && source=$taken
}
try_package() {
    [ -z "$taken" ] || return 0
    actual=$(member "$1" "$path" | if [ ${#stated} = 64 ]; then sha256sum; else md5sum; fi | sed 's/ .*//')
    if [ -n "$stated" ] && [ "$actual" = "$stated" ]; then taken=$1; else say "      not from $1: its $path is not what the installed version has"; fi
}

# --- what is wrong -------------------------------------------------------------------------------------------------

vouched() { # NAME/VERSION of DKMS: a package owns its source, and it is as that package has it; else why not, in $why
    src=usr/src/${1%%/*}-${1#*/}
    list=$(cat "$root"/var/lib/dpkg/info/*.md5sums 2>/dev/null | grep -F "  $src/")
    if [ -n "$list" ]; then
        changed=$(say "$list" | at_root md5sum -c 2>/dev/null | sed -n '/: OK$/!s/: .*//p' | sed q)
    elif in_root rpm -qf "/$src/dkms.conf" >/dev/null 2>&1; then
        changed=$(in_root rpm -V --nomtime -f "/$src/dkms.conf" 2>/dev/null | sed -nE "s,^(..5|missing).* /,,p" | sed q)
    else
        why="DKMS built it of $1, a source that no package vouches for"
        return 1
    fi
    [ -z "$changed" ] || why="DKMS built it of $1, whose $changed is not what its package brought"
    [ -z "$changed" ]
}
verdict() { # module that no package states: why it must go, in $why, nothing where it may stay; who built it, in $built
    file=$root/$1 why='' built='' others=''
    module_name "$1"
    for stored in "$root"/var/lib/dkms/*/*/"$kernel"/*/module/"$name".ko*; do
        [ -f "$stored" ] || continue
        others=${stored#"$root"/var/lib/dkms/} others=${others%%/"$kernel"/*}
        do_later built "$kernel" "$others"
        if [ "$(plain_hash "$stored")" = "$(plain_hash "$file")" ]; then built=$others; fi
    done
    case $1 in "$folder"/kernel/*) place=in-tree ;; "$folder"/weak-updates/*) place=weak ;; *) place=shadow ;; esac
    if [ -L "$file" ]; then [ "$place" = weak ] || why='it is a link that somebody has made'
    elif [ ! -s "$file" ]; then why='the file is empty'
    elif [ -n "$looks" ] && [ "$(kernel_of "$1")" != "$kernel" ]; then why='it is no whole module, or one for another kernel'
    elif [ "$place" = in-tree ] && [ -z "$expected" ]; then say '    nothing here states what it has to be'
    elif [ -z "$built" ]; then why="no package owns it, and it is not what DKMS${others:+ ($others)} has built"
    elif ! vouched "$built"; then :
    elif [ -n "$in_tree" ]; then why='--in-tree was given'; fi
}
weigh() { # one file: one that no package states gets its verdict
    actual=$(hash_of 32 "$root/$1")
    say "  ${1#"$folder"/}  ($(wc -c <"$root/$1" 2>/dev/null | sed 's/ //g') bytes, md5 $actual)"
    stated=$(stated_for "$1")
    if [ -n "$stated" ]; then
        [ "$(hash_of ${#stated} "$root/$1")" != "$stated" ] || say "    as the kernel's package has it"
        return
    fi
    say "    belongs to no kernel package: from DKMS or put there by hand"
    verdict "$1"
    if [ -n "$why" ]; then fault "$why"; bad="$bad${1%/*}$newline"; else kept="$kept $name "; say "    it stays"; fi
}
compare() { # path as a package states it
    path=${lib%lib}$1 stated=$(stated_for "$1") package=$(package_for "$1") source=''
    module_name "$1"
    wanted=$name
    actual=$(hash_of ${#stated} "$root/$path")
    if [ "$actual" = "$stated" ] && [ ! -L "$root/$path" ]; then serves="$serves $name "; return; fi
    case $kept in *" $name "*) [ -e "$root/$path" ] || { say "  ${1##*/} itself is not there: DKMS has put its own in its place"; return; } ;; esac
    say "  ${path#"$folder"/}"
    if [ ! -e "$root/$path" ]; then fault "the file is gone; $package has it"
    elif [ ! -s "$root/$path" ]; then fault "the file is empty; the kernel's package has $(short "$stated")"
    else fault "the kernel's package has $(short "$stated"), this one is $(short "$actual")"; fi
    if find_source; then do_later restore "$path" "$source" "$stated"; serves="$serves $wanted "
    else blocked="$blocked $kernel "; lack "nothing here has the right $path of $package" "$(reinstall "$package")"; fi
}
find_source() { # for $path, $stated: sets $source
    from_snapshots "$path" "$stated" "$kernel" || from_originals "$path" "$stated" "$kernel" || from_packages "$path"
}
doubt() { # in-tree file of a kernel of which no package states anything: only what can be seen
    path=$1 stated='' source=''
    module_name "$1"
    if [ -s "$root/$1" ] && { [ -z "$looks" ] || [ "$(kernel_of "$1")" = "$kernel" ]; }; then serves="$serves $name "; return; fi
    if from_snapshots "$1" '' "$kernel"; then do_later restore "$1" "$source" "$(hash_of 64 "$source")"; serves="$serves $name "
    else blocked="$blocked $kernel "; lack "nothing here has the right $1, and no package owns it" "$(reinstall '')"; fi
}
aside() { # one file: away with it where its folder is bad
    case "$newline$bad" in *"$newline${1%/*}$newline"*) ;; *) return ;; esac
    [ -z "$(stated_for "$1")" ] || return 0
    ! planned restore "$1" || return 0
    case $serves in *' amdgpu '*) do_later aside "$1" ;; *) say "    left where it is, for nothing could stand in for it: $1" ;; esac
}
no_more_builds() { # line of the plan: what DKMS built of a module that goes
    case $1 in "built$tab$kernel$tab"*) one=${1#"built$tab$kernel$tab"}; planned switch "${one%%"$tab"*}" || do_later switch "${one%%"$tab"*}" ;; esac
}
winner() { # module: what modprobe would load, as a path below ROOT; by ROOT's index, also of what is gone
    { in_root modprobe -S "$kernel" -i -D "$1" || modprobe -d "${root:-/}" -S "$kernel" -i -D "$1"; } 2>/dev/null |
        sed -nE "s,^insmod $root,insmod ,;s,^insmod /*(usr/)?lib/modules/([^ ]*/$1\.ko[^ ]*).*,$modules/\2,p" | sed -n '$p'
}
look_at_index() {
    case $blocked in *" $kernel "*) return ;; esac
    case $newline$plan in *"${newline}restore$tab$folder/"* | *"${newline}aside$tab$folder/"*) do_later index "$kernel"; return ;; esac
    case " $(cat "$driver/unfinished" 2>/dev/null) " in *" $kernel "*) fault 'an earlier run was broken off'; do_later index "$kernel"; return ;; esac
    [ -n "$copies" ] || { fault 'no amdgpu.ko in it'; return; }
    preferred=$(say "$copies" | grep /amdgpu.ko | grep "^$folder/updates/" || say "$copies" | grep /amdgpu.ko)
    preferred=$(say "$preferred" | sed q) listed=$(sed -nE 's,^([^:]*amdgpu\.ko[.a-z]*):.*,\1,p' "$root/$folder/modules.dep" 2>/dev/null | sed q)
    say "  depmod prefers: ${preferred#"$folder"/}"
    loads=$(winner amdgpu)
    if [ -z "$listed" ]; then fault 'modules.dep does not name it: nothing loads it by itself'
    elif [ ! -e "$root/$folder/$listed" ] || { [ "${preferred#"$folder"/updates/}" != "$preferred" ] && [ "$folder/$listed" != "$preferred" ]; }; then
        fault "modules.dep still names $listed: depmod has not run since"
    elif [ -n "$looks" ] && [ "$loads" != "$folder/$listed" ]; then fault "modprobe finds ${loads:-nothing} by its index, and modules.dep names $listed"
    elif ! grep -qE '^alias pci:v00001002d.* amdgpu$' <"$root/$folder/modules.alias"; then fault 'the index leads from no card to amdgpu'
    else return 0; fi
    do_later index "$kernel"
}
unpack_image() { # image, below ROOT: into $work/image, by ROOT's own tool
    rm -rf "$work/image"; mkdir -p "$work/image" || return 1
    set -- "/$1" "/${work#"$root"/}/image"
    # shellcheck disable=SC2016  # for the shell inside
    in_root sh -c 'cd "$2" || exit 1
        if command -v unmkinitramfs; then unmkinitramfs "$1" "$2"
        elif command -v lsinitcpio; then lsinitcpio -x "$1"
        else lsinitrd --unpack "$1"; fi' sh "$@" >/dev/null 2>&1 && [ -n "$(ls "$work/image")" ]
}
look_at_images() {
    case $blocked in *" $kernel "*) return ;; esac
    images=$(cd "$root/" && ls "boot/initrd.img-$kernel" "boot/initramfs-$kernel.img" boot/*/"$kernel"/initrd boot/efi/*/"$kernel"/initrd 2>/dev/null)
    grown=$(cat "$root/$folder/pkgbase" 2>/dev/null) && images=$images$(cd "$root/" && ls "boot/initramfs-$grown.img" 2>/dev/null)
    if planned index "$kernel" || planned off settings; then [ -z "$images" ] || do_later image "$kernel"; return; fi
    if [ -z "$images" ]; then
        [ ! -e "$root/boot/vmlinuz-$kernel" ] || [ -z "$image_tool" ] || { fault 'it has no boot image'; do_later image "$kernel"; }
    elif [ -z "$work" ]; then say "  its boot image was not looked into: that takes root"
    else each look_into "$images"; fi
}
look_into() { # image: the same module as in lib/modules, no settings but those of the root
    if ! unpack_image "$1"; then fault "$1 cannot be unpacked"; do_later image "$kernel"; return; fi
    (cd "$work/image" && find . -name '*.ko*') | grep -E "/lib/modules/$kernel/.*/($names)\.ko(\.xz|\.zst|\.gz)?\$" >"$work/list"
    while read -r inside; do
        module_name "$inside"
        right=$(winner "$name")
        [ -n "$right" ] || right=$folder/${inside#*"/lib/modules/$kernel/"}
        if [ "$(plain_hash "$work/image/$inside")" != "$(plain_hash "$root/$right")" ]; then say "$name"; fi
    done <"$work/list" >"$work/wrong"
    lines_of "$root" | sort -u >"$work/lines"
    for one in "$work"/image "$work"/image/*; do [ ! -d "$one/etc" ] || lines_of "$one"; done | sort -u | grep -vxF -f "$work/lines" >"$work/strange"
    stale=$(sed q "$work/wrong" "$work/strange")
    [ -z "$stale" ] || { fault "$1 holds what the root does not: $stale"; do_later image "$kernel"; }
}
lines_of() { cat "$1"/etc/modprobe.d/*.conf "$1"/usr/lib/modprobe.d/*.conf "$1"/lib/modprobe.d/*.conf "$1"/run/modprobe.d/*.conf 2>/dev/null | grep -E "$settings"; }
package_owns() { # path below ROOT
    cat "$root"/var/lib/dpkg/info/*.list "$root"/var/lib/pacman/local/*/files 2>/dev/null | sed 's,^/,,' | grep -qxF "$1" || in_root rpm -qf "/$1" >/dev/null 2>&1
}
read_settings() {
    say "settings that name amdgpu"
    for file in "$root"/etc/modprobe.d/*.conf "$root"/run/modprobe.d/*.conf "$root"/usr/lib/modprobe.d/*.conf "$root"/etc/modules "$root"/etc/modules-load.d/*.conf \
        "$root"/etc/default/grub "$root"/etc/kernel/cmdline "$root"/etc/initramfs-tools/modules "$root"/boot/loader/entries/*.conf; do
        [ -f "$file" ] || continue
        path=${file#"$root"/}
        case $path in *modprobe.d/*) lines=$(grep -nE "$settings" <"$file") ;; *) lines=$(grep -nE "$names" <"$file" | grep -vE '^[0-9]+:[[:space:]]*#') ;; esac
        [ -n "$lines" ] || continue
        say "$lines" | sed "s,^,  $path:,"
        case $path in etc/modprobe.d/*) each judge_setting "$lines" ;; esac
        case $path:$lines in etc/*module_blacklist*) say "    WARNING: it keeps amdgpu from being loaded at every boot; take it out of $path and run update-grub" ;; esac
    done
    [ -n "$root" ] || ! grep -q 'blacklist=[^ ]*amdgpu' </proc/cmdline || say '  this boot has it on a blacklist: drop that for the next boot'
    for file in "$root/$lib"/firmware/updates/*amdgpu*/*; do
        [ ! -e "$file" ] || package_owns "${file#"$root"/}" || say "  WARNING: ${file#"$root"/} is loaded in place of the card's firmware, and no package owns it"
    done
    half=$(sed -nE '/^Package: /{s///;h};/^Status: .* (half-configured|half-installed|unpacked|triggers-[a-z]*)$/{g;p}' "$root/var/lib/dpkg/status" 2>/dev/null)
    [ -z "$half" ] || lack "dpkg has left half-configured: $(say "$half" | tr '\n' ' ')" "${before}dpkg --configure -a   (it runs the scripts of these packages)"
}
judge_setting() { # NUMBER:line of the file $path
    line=${1#*:} why=''
    words=$(say "$line" | tr '\t' ' ' | sed 's/^ *//;s/  */ /g')
    case $words in
    options*) why='amdgpu is loaded with it'; each judge_option "$(say "${words#options * }" | tr ' ' '\n')" ;;
    *) why='it decides whether amdgpu is loaded' ;;
    esac
    [ -n "$why" ] && ! planned off "$path" || return 0
    if [ "$path" = etc/modprobe.d/rocmswitch.conf ] && sed q "$file" | grep -q '^# Made by rocmswitch:'; then do_later off "$path" ours
    elif package_owns "$path"; then say '    note: a package has put it there'; return
    else say "    WARNING: $why, and somebody has set it"; do_later off "$path"; fi
    do_later off settings
}
judge_option() { # NAME=VALUE, by the module's own list of parameters
    [ -n "$parameters" ] || return 0
    kind=$(say "$parameters" | sed -nE "s/^${1%%=*}:(.*\()?([a-z ]+)\)?\$/\2/p" | sed q)
    case $kind in
    '') say "    note: no installed amdgpu has the parameter ${1%%=*}: the kernel ignores it"; why='' ;;
    *int | *short | *long | byte) say "${1#*=}" | grep -qE '^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)(,[+-]?[0-9a-fxA-FX]+)*$' || fault "amdgpu is not loaded with $1, which is no $kind" ;;
    bool) case $1 in *=[yYtT1nNfF0]* | *=[oO][nNfF]* | *[!=]) ;; *) fault "amdgpu is not loaded with $1, which is no $kind" ;; esac ;;
    esac
}
look_at_kernel() {
    kernel=$1 folder=$modules/$1 serves='' kept=' ' bad=''
    say "kernel $1"
    if [ ! -e "$root/boot/vmlinuz-$1" ] && [ ! -e "$root/$folder/vmlinuz" ]; then
        case $(ls "$root"/boot/vmlinuz* 2>/dev/null) in ?*) say "  left alone: no kernel in /boot belongs to it"; return ;; esac
        say "  note: no $root/boot/vmlinuz-$1; is /boot a file system of its own that is not mounted?"
    fi
    rm_stale "$folder"
    copies=$(at_root find "$folder" -name '*.ko*' 2>/dev/null | grep -E "/($names)\.ko(\.xz|\.zst|\.gz)?\$" | sort)
    expected=$(say "$statements" | grep -F " lib/modules/$1/" | sed 's/^[^ ]* \([^ ]*\) .*/\1/')
    each weigh "$copies"
    if [ -n "$expected" ]; then each compare "$expected"; else each doubt "$(say "$copies" | grep "^$folder/kernel/")"; fi
    each aside "$copies"
    case $plan in *"aside$tab$folder/"*) each no_more_builds "$plan" ;; esac
    each parameters_of "$copies"
    look_at_index
}
rm_stale() { [ -z "$apply" ] || at_root find "$1" boot -name '*.rocmswitch-new' 2>/dev/null | while read -r stale; do rm -f "$root/$stale"; done; }
parameters_of() { case $1 in */amdgpu.ko*) parameters="$parameters$newline$(in_root modinfo -F parm "/$1" 2>/dev/null)" ;; esac; }
diagnose() {
    faults=0 found=0 blocked='' plan='' lacks='' parameters='' looks=$own
    if command -v modinfo >/dev/null 2>&1; then looks=yes; fi
    say "amdgpu below ${root:-/}"
    statements=$(read_statements)
    kernels=''
    for one in "$root/$modules"/*/; do
        one=${one%/}
        if [ -L "$one" ] || { [ ! -d "$one/kernel" ] && [ ! -f "$one/modules.order" ]; }; then continue; fi
        found=$((found + 1)) kernels="$kernels${one##*/}$newline"
    done
    [ -n "$kernels" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    each look_at_kernel "$kernels"
    read_settings
    for kernel in $kernels; do folder=$modules/$kernel; look_at_images; done
    [ -z "$work" ] || rm -rf "$work/image"
}

# --- mending -------------------------------------------------------------------------------------------------------
keep() { # path below ROOT: a copy in the quarantine, before anything happens to it
    if [ -z "$quarantine" ]; then
        number=1
        while [ -e "$driver/quarantine/$number" ]; do number=$((number + 1)); done
        quarantine=$driver/quarantine/$number
        mkdir -p "$quarantine" && chmod 700 "$driver" "$driver/quarantine" "$quarantine" || give_up 1 "$quarantine cannot be made"
    fi
    [ -e "$root/$1" ] || [ -L "$root/$1" ] || return 0
    mkdir -p "$quarantine/${1%/*}" && cp -pP "$root/$1" "$quarantine/$1" || give_up 1 "$root/$1 cannot be copied to $quarantine"
    say "$(hash_of 64 "$root/$1")  $1" >>"$quarantine/manifest"
    sync
}
put() { # new file, path below ROOT, hash: the one beside the other, looked at, then by one rename
    new=$root/$2.rocmswitch-new
    mkdir -p "$root/${2%/*}" && cat "$1" >"$new" && chmod 644 "$new" && sync
    [ "$(hash_of ${#3} "$new")" = "$3" ] || { rm -f "$new"; give_up 1 "$2 could not be written whole: is the disk full?"; }
    mv -f "$new" "$root/$2" && sync
}
undo_line() { say "$1" >>"$quarantine/how-to-undo"; }
do_now() { # line of the plan
    action=${1%%"$tab"*} rest=${1#*"$tab"}
    path=${rest%%"$tab"*} rest=${rest#*"$tab"}
    from=${rest%%"$tab"*} stated=${rest#*"$tab"}
    case $action in
    restore)
        keep "$path"
        case $from in *.deb | *.rpm | *.pkg.tar.*) member "$from" "$path" >"$work/member"; from=$work/member ;; esac
        put "$from" "$path" "$stated"
        say "restored $path" ;;
    aside) keep "$path"; rm -f "$root/$path"; sync; say "set aside $path" ;;
    switch)
        # dkms before 3.2 reads -.conf in its place while it builds for a new kernel; there $m and $v say for which module.
        conf=etc/dkms/${path%%/*}-${path#*/}.conf
        for one in "$conf" etc/dkms/-.conf; do keep "$one"; done
        say "# Made by rocmswitch: keeps DKMS from building ${path%%/*} again; remove it to have that back.${newline}AUTOINSTALL=\"\"${newline}BUILD_EXCLUSIVE_KERNEL=\"^none\$\"" >"$work/conf"
        put "$work/conf" "$conf" "$(hash_of 64 "$work/conf")"
        say "# Made by rocmswitch: dkms before 3.2 reads it instead of NAME-VERSION.conf.${newline}if [ \"\$m/\$v\" = \"$path\" ]; then AUTOINSTALL=\"\"; fi" >"$work/conf"
        put "$work/conf" etc/dkms/-.conf "$(hash_of 64 "$work/conf")"
        undo_line "rm $root/$conf $root/etc/dkms/-.conf"
        say "keeps DKMS from building $path again" ;;
    off)
        [ "$path" != settings ] || return 0
        if [ -z "$from" ] && ! consents "$path"; then refused=yes; return; fi
        keep "$path"
        if [ -n "$from" ]; then rm -f "$root/$path"; else mv -f "$root/$path" "$root/$path.rocmswitch-disabled"; undo_line "rm $root/$path.rocmswitch-disabled"; fi
        sync; say "took $path out of use" ;;
    index)
        if in_root depmod --version 2>/dev/null | grep -q kmod; then in_root depmod "$path"; else lack "ROOT has no depmod of kmod" "depmod -b ${root:-/} $path"; fi ;;
    image) make_image "$path" ;;
    esac
}
consents() {
    [ -z "$yes" ] || return 0
    [ -t 0 ] || { say "left alone, for nobody could be asked (--yes answers): $1"; return 1; }
    printf 'Take %s out of use, by renaming it? [y/N] ' "$1"
    read -r answer && case $answer in [yY]*) ;; *) return 1 ;; esac
}
make_image() { # kernel
    kernel=$1
    old=$(cd "$root/" && ls "boot/initrd.img-$1" "boot/initramfs-$1.img" 2>/dev/null | sed q)
    rm -f "$root/boot/initrd.img-$1.new"
    need=$(($(wc -c <"$root/${old:-/dev/null}" 2>/dev/null || say 0) * 11 / 10240))
    free=$(df -Pk "$root/boot" 2>/dev/null | sed -nE '$s/.* ([0-9]+) +[0-9]+% .*/\1/p')
    if [ -n "$free" ] && [ "$free" -lt "$need" ]; then
        lack "/boot has $free KiB free, and the image needs $need" "${before}apt-get autoremove --purge   (or remove old kernels by hand; then run this again)"
        return
    fi
    if [ -n "$old" ] && [ "${free:-0}" -gt $((need * 3)) ]; then mkdir -p "$root/boot/rocmswitch" && cp -p "$root/$old" "$root/boot/rocmswitch/${old##*/}.before"; fi
    case $image_tool in
    update-initramfs) if [ -n "$old" ]; then in_root update-initramfs -u -k "$1"; else in_root update-initramfs -c -k "$1"; fi ;;
    dracut) in_root dracut --force "/${old:-boot/initramfs-$1.img}" "$1" ;;
    mkinitcpio) in_root mkinitcpio -k "$1" -g "/${old:-boot/initramfs-$(cat "$root/$modules/$1/pkgbase").img}" ;;
    *) lack "ROOT has no tool that makes boot images" "make the boot image of $1 by hand" ;;
    esac
    sync
}
leave() { # also after INT and TERM: nothing of ours stays mounted, no folder without a file
    for one in $mounted; do umount "$root/$one" 2>/dev/null || umount -l "$root/$one"; done
    mounted=''
    if [ -n "$work" ]; then rm -rf "$work"; rmdir "$driver" "${driver%/*}" 2>/dev/null; fi
}
prepare() { # a folder to look into images, and what programs in ROOT expect to be there
    image_tool=''
    for tool in mkinitcpio dracut update-initramfs; do
        for folder in usr/bin usr/sbin bin sbin; do [ ! -e "$root/$folder/$tool" ] || image_tool=$tool; done
    done
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    [ -n "$own" ] && [ "$(id -u 2>/dev/null || say 0)" = 0 ] || return 0
    if mkdir -p "$driver/work" 2>/dev/null; then work=$driver/work; chmod 700 "$driver" "$work"; fi
    [ -n "$root" ] || return 0
    for one in proc:self sys:kernel dev:null; do
        [ -e "$root/${one%:*}/${one#*:}" ] || ! mount --bind "/${one%:*}" "$root/${one%:*}" 2>/dev/null || mounted="${one%:*} $mounted"
    done
}
propose() { # line of the plan, in words
    action=${1%%"$tab"*} rest=${1#*"$tab"}
    subject=${rest%%"$tab"*} rest=${rest#*"$tab"}
    case $action in
    restore) say "  put $subject back, from ${rest%%"$tab"*}" ;;
    aside) say "  set $subject aside" ;;
    switch) say "  keep DKMS from building $subject again (etc/dkms)" ;;
    off) [ "$subject" = settings ] || say "  take $subject out of use, by renaming it" ;;
    index) say "  depmod $subject" ;;
    image) say "  a new boot image of $subject, by ${image_tool:-nothing that is here}" ;;
    esac
}
only() { case $1 in "$kind$tab"*) do_now "$1" ;; esac; }
may_apply() {
    again="sh $0 --apply${yes:+ --yes}${in_tree:+ --in-tree} ${root:-/}"
    [ "$(id -u 2>/dev/null || say 0)" = 0 ] || give_up 6 "this takes root" "sudo $again"
    [ -n "$own" ] || give_up 6 "the programs of ${root:-/} do not run on this machine: another architecture, or not whole"
    [ -n "$work" ] && : >"$root/$modules/.rocmswitch-new" || give_up 6 "$shown cannot be written to" "mount -o remount,rw $shown"
    rm -f "$root/$modules/.rocmswitch-new"
    if grep -qE '^[^#][^[:space:]]*[[:space:]]+/boot[[:space:]]' "$root/etc/fstab" 2>/dev/null && ! ls "$root"/boot/vmlinuz* >/dev/null 2>&1; then
        give_up 6 "/boot is a file system of its own that is not mounted" "${before}mount /boot"
    fi
}
apply() {
    may_apply
    [ -n "$plan" ] || return 0
    say "$kernels" | tr '\n' ' ' >"$driver/unfinished"
    for kind in restore switch aside off index image; do each only "$plan"; done
    sync
    sync -f "$root/" "$root/boot" 2>/dev/null
    rm -f "$driver/unfinished"
    earlier=$lacks
    diagnose >"$work/after"
    [ "$faults" = 0 ] || { say "still wrong:"; grep -E '^kernel|FAULT' "$work/after"; }
    [ -n "$lacks" ] || lacks=$earlier
}
end() {
    [ -z "$lacks" ] || say "what has to be done by hand:$newline${lacks%"$newline"}"
    if [ -n "$quarantine" ]; then
        undo_line "cp -pP $quarantine/PATH $root/PATH   (for each PATH in $quarantine/manifest; then depmod and the boot image)"
        say "What stood there before is in $quarantine; its how-to-undo says how to bring it back."
        say "A module of the distribution carries the distribution's signature: Secure Boot takes it. Nothing was signed anew."
    fi
    say "To boot once without the module: at the boot menu press e and add to the line that begins with linux:"
    say "  module_blacklist=amdgpu      (and drop it for the boot after)"
}

while [ $# -gt 0 ]; do
    case $1 in
    --apply) apply=yes ;;
    --yes) yes=yes ;;
    --in-tree) in_tree=yes ;;
    --package) [ -f "${2:-}" ] || give_up 2 "--package needs a file"; packages="$packages$2$newline"; shift ;;
    -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) give_up 2 "there is no option $1" "sh $0 --help" ;;
    *) [ -z "$root" ] || give_up 2 "one ROOT, not $root and $1"; root=$1 ;;
    esac
    shift
done
find_root
prepare
diagnose
say ""
say "$faults fault(s) in $found kernel(s)."
if [ -n "$plan" ]; then
    say "What is to be done:"
    each propose "$plan"
fi
if [ -n "$apply" ]; then
    apply
    end
    [ -z "$refused" ] || exit 5
    [ "$faults" = 0 ] && [ -z "$plan$lacks" ] || exit 4
    say "${shown} is as its packages have it. A second run finds nothing to do."
    exit 0
fi
end
[ -z "$plan" ] || say "Nothing was changed. To do it: sh $0 --apply${packages:+ --package FILE} ${root:-/}"
[ "$faults" = 0 ] && [ -z "$plan" ] || exit 4
