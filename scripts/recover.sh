#!/bin/sh
# Brings the amdgpu kernel module of a system back. Says what is wrong and what it would do; does it only with --apply.
#
#   sh recover.sh [--apply] [--yes] [--in-tree] [--package FILE]... [ROOT]
#
# ROOT: where the system is mounted: /mnt, or /sysroot or /root at a dracut or initramfs prompt, / for the running one.
# --yes: do not ask about settings. --in-tree: the distribution's modules, also where a sound DKMS build stands before
# them. --package: a .deb, .rpm or .pkg.tar of exactly the installed version, from a stick.
# Needs sh, cp, mv, rm, mkdir, ls, cat, sed, chroot; md5sum, grep, sort, find, sync and the like are ROOT's own where
# there are none, depmod and the tool for boot images always. It loads no module, builds none, and downloads nothing.
set -u
export PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C
names='amdgpu|amdttm|amdkcl|amd-sched|amddrm_ttm_helper|amddrm_buddy|amddrm_exec|amdxcp|amddrm_suballoc_helper'
ending='\.ko(\.xz|\.zst|\.gz)?'
settings='^[[:space:]]*(options|blacklist|install|remove|softdep)[[:space:]]+('$names')([[:space:]]|$)'
newline='
' tab=$(printf '\t')
root='' again='' apply='' yes='' in_tree='' packages='' mounted='' work='' quarantine='' refused='' doing=''
# --- words, and programs
say() { printf '%s\n' "$*"; }
fault() { faults=$((faults + 1)); say "    FAULT: $*"; }
lack() { fault "$1"; lacks="$lacks  $1$newline    type: $2$newline"; }
give_up() { say "recover.sh: $2${3:+${newline}type: $3}"; exit "$1"; } # exit code, what is wrong, the line to type
quoted() { case $1 in *[!A-Za-z0-9_./:+=-]*) say "'$1'" ;; *) say "$1" ;; esac; }
do_later() { plan="$plan$1$tab$2$tab${3:-}$tab${4:-}$newline"; } # action, subject, from where, hash
planned() { case "$newline$plan" in *"$newline$1$tab$2"*) ;; *) return 1 ;; esac; } # action, how the subject begins
# shellcheck disable=SC2086  # a list of lines
each() { # function, lines: the function once for each line
    set -f; IFS=$newline; set -- "$1" $2; set +f; unset IFS
    while [ $# -gt 1 ]; do "$1" "$2"; called=$1; shift 2; set -- "$called" "$@"; done
}
in_root() { if [ -z "$root" ]; then "$@"; else chroot "$root" "$@"; fi; } # ROOT's own program; it starts in ROOT's /
at_root() { (cd "$root/" && "$@"); }
first() { sed q; }
settle() { sync "$@" 2>/dev/null || sync; }
hash_of() { [ ! -f "$2" ] || digest "$1" <"$2"; } # how many digits, file
digest() { if [ "$1" = 64 ]; then sha256sum; else md5sum; fi | sed 's/ .*//'; }
unpacked() { case $1 in *.xz) xz -dc ;; *.zst) zstd -dcq ;; *.gz) gzip -dc ;; *) cat ;; esac <"$1" 2>/dev/null; }
plain_hash() { [ ! -f "$1" ] || unpacked "$1" | digest 64; } # the same for amdgpu.ko and amdgpu.ko.xz
fits() { # module, below ROOT: it says that it is for $kernel; what is no module or cut off says nothing
    [ -z "$can_look" ] || [ "$({ in_root modinfo -F vermagic "/$1" || modinfo -F vermagic "$root/$1"; } 2>/dev/null | sed 's/ .*//;q')" = "$kernel" ]
}
name_of() { name=${1##*/} name=${name%%.ko*}; }
# --- what has to be there
find_root() {
    if [ -z "$root" ] && [ -e /init ]; then # only an initramfs has one
        for root in /sysroot /root /new_root /; do [ ! -d "$root/lib/modules" ] || break; done
        say "no ROOT was given: taking $root"
    fi
    shown=$(cd "${root:-/}" 2>/dev/null && pwd -P) || give_up 3 "there is no folder $root"
    root=${shown%/} usr='' before='' own='' can_look='' image_tool='' user=$(id -u 2>/dev/null || say 0)
    [ -z "$root" ] || before="chroot $(quoted "$root") "; [ ! -L "$root/lib" ] || usr=usr/
    modules=${usr}lib/modules driver=$root/var/lib/rocmswitch/driver
    [ -d "$root/$modules" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    for tool in grep sort find tr md5sum sha256sum xz zstd gzip sync df wc cpio tar; do command -v $tool >/dev/null 2>&1 || eval "$tool() { in_root $tool \"\$@\"; }"; done
    ! in_root sh -c : 2>/dev/null || own=yes; [ -z "$own" ] && ! command -v modinfo >/dev/null 2>&1 || can_look=yes
    for tool in bin/mkinitcpio bin/dracut sbin/dracut sbin/update-initramfs; do [ ! -e "$root/usr/$tool" ] && [ ! -e "$root/$tool" ] || image_tool=${tool#*/}; done
}
prepare() { # a folder to unpack images in, and what programs in ROOT expect
    trap leave EXIT; trap 'exit 130' INT; trap 'exit 143' TERM
    if [ -z "$own" ] || [ "$user" != 0 ]; then return; fi
    if mkdir -p "$driver/work" 2>/dev/null; then work=$driver/work; chmod 700 "$driver" "$work"; fi
    [ -n "$root" ] || return 0
    for one in proc:self sys:kernel dev:null; do
        [ -e "$root/${one%:*}/${one#*:}" ] || ! mount --bind "/${one%:*}" "$root/${one%:*}" 2>/dev/null || mounted="${one%:*} $mounted"
    done
}
leave() { # nothing of ours stays mounted, no folder without a file
    for one in $mounted; do umount "$root/$one" 2>/dev/null || umount -l "$root/$one"; done
    [ -z "$work" ] || { rm -rf "$work"; rmdir "$driver" "${driver%/*}" 2>/dev/null; }
}
read_statements() { # what packages state of the modules: lines `HASH lib/modules/… PACKAGE`
    for list in "$root"/var/lib/dpkg/info/linux-*.md5sums "$root"/var/lib/dpkg/info/*amdgpu*.md5sums; do
        package=${list##*/} package=${package%.md5sums}
        sed -nE "s,^([0-9a-f]{32})  (usr/)?(lib/modules/.*/($names)$ending)\$,\1 \3 ${package%%:*},p" "$list" 2>/dev/null
    done
    for list in "$root"/var/lib/pacman/local/*/mtree; do
        package=${list%/mtree} package=${package##*/} package=${package%-*-*}
        [ ! -e "$list" ] || gzip -dc <"$list" | sed -nE "s,^\./(usr/)?(lib/modules/.*/($names)$ending) .*sha256digest=([0-9a-f]{64}).*,\5 \2 $package,p"
    done
    ! in_root rpm --version >/dev/null 2>&1 || in_root rpm -qa --qf '[%{FILEDIGESTS} %{FILENAMES} %{=NAME}-%{=VERSION}-%{=RELEASE}\n]' \
        '*kernel*' '*amdgpu*' '*kmod*' 2>/dev/null | sed -nE "s,^([0-9a-f]+) /(usr/)?(lib/modules/.*/($names)$ending .*),\1 \3,p"
}
# Packages name one file lib/… or usr/lib/…, by their age.
stated_for() { say "$statements" | grep -F " ${1#usr/} " | sed 's/ .*//;q'; }
package_for() { say "$statements" | grep -F " ${1#usr/} " | sed 's/.* //;q'; }
owned() { # path below ROOT
    cat "$root"/var/lib/dpkg/info/*.list "$root"/var/lib/pacman/local/*/files 2>/dev/null | sed 's,^/,,' | grep -qxF "$1" || in_root rpm -qf "/$1" >/dev/null 2>&1
}
reinstall() { # package: the line that brings it again
    version=$(sed -n "/^Package: $1\$/,/^\$/s/^Version: //p" "$root/var/lib/dpkg/status" 2>/dev/null | first)
    if [ -d "$root/var/lib/dpkg/info" ]; then set -- "apt-get install --reinstall ${1:-linux-image-$kernel}${version:+=$version}"
    elif [ -d "$root/var/lib/pacman" ]; then set -- "pacman -S ${1:-linux}"; else set -- "dnf reinstall ${1:-kernel-core-$kernel}"; fi
    say "$before$1   (or, with that very package on a stick: $again --package FILE)"
}
# --- where good bytes are
find_source() { # for $path, $stated: sets $source
    source=''; from_snapshots || { [ -n "$stated" ] && { from_originals || { each try_package "$packages"; [ -n "$source" ]; }; }; }
}
# shellcheck disable=SC2010,SC2012  # find may be ROOT's, and tells no modes
private() { ls -ldn "$1" | grep -qE '^d.{4}[^w]..[^w].[^ ]* +[0-9]+ +0 '; } # only root can write to the folder
from_snapshots() { # also the copy in /boot
    for snapshot in $(cd "$driver/snapshots" 2>/dev/null && printf '%s\n' [1-9]* | sort -rn) ''; do
        if [ -n "$snapshot" ]; then snapshot=$driver/snapshots/$snapshot; else snapshot=$root/boot/rocmswitch/snapshot; fi
        file=$snapshot/files/$path seal=$snapshot/manifest.sha256
        [ -f "$file" ] || continue
        listed=$(sed -n "s,^\([0-9a-f]\{64\}\) [ *]files/$path\$,\1,p" "$snapshot/manifest")
        if ! private "$snapshot" || ! private "${snapshot%/*}"; then why='others than root can write to its folder'
        elif [ "$(hash_of 64 "$snapshot/manifest")" != "$(sed 's/ .*//;q' "$seal" 2>/dev/null)" ]; then why='its manifest does not hold'
        elif [ "$(hash_of 64 "$file")" != "$listed" ]; then why='it is damaged: not the hash of its manifest'
        elif [ -n "$stated" ] && [ "$(hash_of ${#stated} "$file")" != "$stated" ]; then why='the package states another hash'
        elif ! fits "${file#"$root"/}"; then why='it is for another kernel'
        else source=$file; return 0; fi
        say "      not from snapshot ${file#"$root"}: $why"
    done
    return 1
}
from_originals() { # what DKMS has put aside or given back, what a person has; only to the byte what the package states
    name_of "$path"
    for file in "$root"/var/lib/dkms/*/original_module/"$kernel"/*/"$name".ko* "$root"/var/lib/dkms/*/*/original_module/"$kernel"/*/"$name".ko* \
        "$root"/var/lib/dkms/*/original_module/"$kernel"/*/collisions/*/"$name".ko* "$root/$path".?* "$root/$folder"/[!k]*/"$name".ko* "$root/$folder"/[!k]*/*/"$name".ko*; do if [ "$(hash_of ${#stated} "$file")" = "$stated" ]; then source=$file; return 0; fi; done
    return 1
}
try_package() {
    if [ -z "$source" ] && [ "$(member "$1" | digest ${#stated})" = "$stated" ]; then source=$1
    elif [ -z "$source" ]; then say "      not from $1: its $path is not what the installed $package has"; fi
}
member() { # package: the bytes of $path in it
    case $1 in
    *.deb) opened "$1" dpkg-deb --fsys-tarfile | tar -xOf - "./${path#usr/}" "./usr/${path#usr/}" ;;
    *.rpm) opened "$1" rpm2cpio | cpio -i --quiet --to-stdout "./${path#usr/}" "./usr/${path#usr/}" ;;
    *) unpacked "$1" | tar -xOf - "${path#usr/}" "usr/${path#usr/}" ;;
    esac 2>/dev/null
}
opened() { # package, program with an option: what it says of the package; ROOT's own of a copy, where there is none here
    archive=$1; shift
    if command -v "$1" >/dev/null 2>&1; then "$@" "$archive"
    elif [ -n "$work" ]; then cp "$archive" "$work/package" && in_root "$@" "/${work#"$root"/}/package"; fi
}
# --- what is wrong
vouched() { # NAME/VERSION of DKMS: a package owns its source, which is as that package has it; else why not, in $why
    src=usr/src/${1%%/*}-${1#*/} changed=''
    list=$(cat "$root"/var/lib/dpkg/info/*.md5sums 2>/dev/null | grep -F "  $src/")
    if [ -n "$list" ]; then changed=$(say "$list" | at_root md5sum -c 2>/dev/null | sed -n '/: OK$/!s/: .*//p' | first)
    elif in_root rpm -qf "/$src/dkms.conf" >/dev/null 2>&1; then changed=$(in_root rpm -Vf "/$src/dkms.conf" 2>/dev/null | sed -nE 's,^(..5|missing).* /,,p' | first)
    else why="DKMS built it of $1, a source that no package vouches for"; fi
    [ -z "$changed" ] || why="DKMS built it of $1, whose $changed is not what its package brought"
}
builds_of() { # module: what DKMS has built of that name for $kernel, in $builds; the one that is just this file in $built
    name_of "$1"; builds='' built=''
    for stored in "$root"/var/lib/dkms/*/*/"$kernel"/*/module/"$name".ko*; do
        [ -f "$stored" ] || continue
        one=${stored#"$root"/var/lib/dkms/} one=${one%%/"$kernel"/*} builds="$builds$one$newline"
        if [ "$(plain_hash "$stored")" = "$(plain_hash "$root/$1")" ]; then built=$one; fi
    done
}
verdict() { # module that no package states: why it must go, in $why; nothing where it may stay
    builds_of "$1"; why=''
    case $expected:$1 in :"$folder"/kernel/*) return ;; *:"$folder"/weak-updates/*) [ ! -L "$root/$1" ] || return 0 ;; esac
    if [ -L "$root/$1" ]; then why='it is a link that somebody has made'
    elif [ ! -s "$root/$1" ]; then why='the file is empty'
    elif ! fits "$1"; then why='it is no whole module, or one for another kernel'
    elif [ -z "$built" ]; then why="no package owns it, and it is not what DKMS${builds:+ (${builds%"$newline"})} has built"
    else vouched "$built"; [ -n "$why" ] || [ -z "$in_tree" ] || why='--in-tree was given'; fi
}
weigh() { # one file that is there
    say "  ${1#"$folder"/}  (md5 $(hash_of 32 "$root/$1"))"
    stated=$(stated_for "$1")
    if [ "$(hash_of ${#stated} "$root/$1")" = "$stated" ]; then say "    as the kernel's package has it"; fi
    if [ -n "$stated" ]; then return; fi
    say "    belongs to no kernel package: from DKMS or put there by hand"; verdict "$1"
    if [ -n "$why" ]; then fault "$why"; bad="$bad${1%/*}$newline"; else kept="$kept$name "; fi
}
compare() { # path as a package states it, or a file in kernel/ of which none states anything
    path=$usr${1#usr/} stated=$(stated_for "$1") package=$(package_for "$1")
    name_of "$1"; module=$name actual=$(hash_of ${#stated} "$root/$path")
    if [ -z "$stated" ] && [ -s "$root/$path" ] && fits "$path"; then actual=''; fi
    if [ "$actual" = "$stated" ] && [ -e "$root/$path" ] && [ ! -L "$root/$path" ]; then serves="$serves$module "; return; fi
    case $kept in *" $module "*) [ -e "$root/$path" ] || { say "  ${1##*/} itself is not there: DKMS has put its own in its place"; return; } ;; esac
    say "  ${path#"$folder"/}"
    if [ ! -e "$root/$path" ]; then fault "the file is gone; $package has it"
    elif [ ! -s "$root/$path" ]; then fault "the file is empty; the kernel's package has md5 $stated"
    elif [ -n "$stated" ]; then fault "the kernel's package has $stated, this one is $actual"
    else fault 'it is no whole module, or one for another kernel'; fi
    if find_source; then do_later restore "$path" "$source" "${stated:-$(hash_of 64 "$source")}"; serves="$serves$module "
    else blocked="$blocked$kernel "; lack "nothing here has the right $path" "$(reinstall "$package")"; fi
}
aside() { # one file: away with it where its folder is bad, and all modules of that folder with it; DKMS is told
    case "$newline$bad" in *"$newline${1%/*}$newline"*) ;; *) return ;; esac
    if [ -n "$(stated_for "$1")" ] || planned restore "$1$tab"; then return; fi
    case $serves in *' amdgpu '*) ;; *) say "  left where it is, for nothing could stand in for it: $1"; return ;; esac
    do_later set_aside "$1"; builds_of "$1"
    for one in $builds; do planned no_more_DKMS_builds_of "$one$tab" || do_later no_more_DKMS_builds_of "$one"; done
}
winner() { # module: what modprobe would load, as a path below ROOT; by its index, so also what is gone
    { in_root modprobe -S "$kernel" -i -D "$1" || modprobe -d "${root:-/}" -S "$kernel" -i -D "$1"; } 2>/dev/null |
        sed -nE "s,^insmod .*/lib/modules/([^ ]*/$1\.ko[^ ]*).*,$modules/\1,p" | sed -n '$p'
}
look_at_index() {
    case $blocked in *" $kernel "*) return ;; esac
    if planned restore "$folder/" || planned set_aside "$folder/"; then do_later depmod "$kernel"; return; fi
    case " $(cat "$driver/unfinished" 2>/dev/null) " in *" $kernel "*) fault 'an earlier run was broken off'; do_later depmod "$kernel"; return ;; esac
    updates=$(say "$copies" | grep "^$folder/updates/.*amdgpu.ko" | first) preferred=${updates:-$(say "$copies" | grep /amdgpu.ko | first)}
    [ -n "$preferred" ] || return 0
    listed=$(sed -nE 's,^([^:]*/amdgpu\.ko[.a-z]*):.*,\1,p' "$root/$folder/modules.dep" 2>/dev/null | first) loads=$(winner amdgpu)
    say "  depmod prefers: ${preferred#"$folder"/}"
    if [ -z "$listed" ]; then fault 'modules.dep does not name it: nothing loads it by itself'
    elif [ ! -e "$root/$folder/$listed" ] || [ "${updates:-$folder/$listed}" != "$folder/$listed" ]; then fault "modules.dep still names $listed: depmod has not run since"
    elif [ -n "$can_look" ] && [ "$loads" != "$folder/$listed" ]; then fault "modprobe finds ${loads:-nothing}, and modules.dep names $listed"
    elif ! grep -qE '^alias pci:v00001002d.* amdgpu$' <"$root/$folder/modules.alias"; then fault 'the index leads from no card to amdgpu'
    else return 0; fi
    do_later depmod "$kernel"
}
look_at_images() { # of the kernel: after everything else, for they hold modules and settings
    kernel=$1 folder=$modules/$1 preset=$(cat "$root/$modules/$1/pkgbase" 2>/dev/null)
    case $blocked$left in *" $kernel "*) return ;; esac
    images=$(cd "$root/" && ls "boot/initrd.img-$1" "boot/initramfs-$1.img" "boot/initramfs-${preset:-none}.img" boot/*/"$1"/initrd 2>/dev/null)
    if [ "$plan" != "${plan#*firmware/updates/}" ] || planned depmod "$1$tab" || planned disable ''; then do_later new_boot_image_of "$1"
    elif [ -n "$images" ] && [ -n "$work" ]; then each look_into "$images"
    elif [ -n "$images" ]; then say "the boot image of $1 was not looked into: that takes root"
    elif [ -e "$root/boot/vmlinuz-$1" ] && [ -n "$image_tool" ]; then fault "kernel $1 has no boot image"; do_later new_boot_image_of "$1"; fi
}
# shellcheck disable=SC2016  # for the shell inside
unpack() { # image, folder, as ROOT sees them
    in_root sh -c 'cd "$2" || exit 1; if command -v unmkinitramfs; then unmkinitramfs "$1" "$2"
        elif command -v lsinitcpio; then lsinitcpio -x "$1"; else lsinitrd --unpack "$1"; fi' sh "$@" >/dev/null 2>&1
}
look_into() { # image: no module but what would be loaded from lib/modules too, no setting but those of ROOT
    rm -rf "$work/image"; mkdir "$work/image"
    if ! unpack "/$1" "/${work#"$root"/}/image" || [ -z "$(ls "$work/image")" ]; then say "it cannot be unpacked" >"$work/strange"
    else
        { say '#'; lines_of "$root"; } >"$work/lines"
        for one in "$work"/image "$work"/image/*; do [ ! -d "$one/etc" ] || lines_of "$one"; done | grep -vxF -f "$work/lines" >"$work/strange"
        find "$work/image" -name '*.ko*' | grep -E "/lib/modules/$kernel/.*/($names)$ending\$" >"$work/inside" || : >"$work/strange" # its settings count for what is loaded out of it
        while read -r packed; do name_of "$packed"
            [ "$(plain_hash "$packed")" = "$(plain_hash "$root/$(winner "$name")")" ] || say "another $name"
        done <"$work/inside" >>"$work/strange"
    fi
    [ ! -s "$work/strange" ] || { fault "$1 is not what ROOT has: $(first <"$work/strange")"; do_later new_boot_image_of "$kernel"; }
}
lines_of() { cat "$1"/etc/modprobe.d/*.conf "$1"/usr/lib/modprobe.d/*.conf "$1"/lib/modprobe.d/*.conf 2>/dev/null | grep -E "$settings"; }
look_at_settings() {
    say "settings that name amdgpu"
    for file in "$root"/etc/modprobe.d/*.conf "$root"/usr/lib/modprobe.d/*.conf "$root"/etc/modules "$root"/etc/modules-load.d/*.conf \
        "$root"/etc/default/grub "$root"/etc/kernel/cmdline "$root"/etc/initramfs-tools/modules "$root"/boot/loader/entries/*.conf; do
        case $file in *modprobe.d/*) pattern=$settings ;; *) pattern="^[^#]*($names)" ;; esac
        lines=$({ grep -nE "$pattern" <"$file"; } 2>/dev/null) path=${file#"$root"/}
        [ -n "$lines" ] || continue
        say "$lines" | sed "s,^,  $path:,"
        case $path:$lines in etc/modprobe.d/*) each judge_setting "$lines" ;; *blacklist=*) say "    WARNING: with it amdgpu is never loaded; take it out by hand" ;; esac
    done
    [ -n "$root" ] || ! grep -q 'blacklist=[^ ]*amdgpu' </proc/cmdline || say '  this boot keeps amdgpu from being loaded: drop that for the next boot'
    for file in "$root/${usr}lib"/firmware/updates/*amdgpu*/*; do path=${file#"$root"/}
        [ ! -e "$file" ] || owned "$path" || { say "  WARNING: $path is loaded in place of the card's firmware, and no package owns it"; do_later set_aside "$path"; }; done
    half=$(sed -nE '/^Package: /{s///;h;};/^Status: .* (half-configured|half-installed|unpacked|triggers-[a-z]*)$/{g;s/^/ /p;}' "$root/var/lib/dpkg/status" 2>/dev/null)
    [ -z "$half" ] || for file in "$root"/var/lib/dkms/*/*/source; do path=${file#"$root"/var/lib/dkms/} path=${path%/source} # what is not built breaks it off again
        ! grep -qsE "^BUILT_MODULE_NAME[^=]*=[\"']?($names)[\"']?\$" "$root/usr/src/${path%%/*}-${path#*/}/dkms.conf" || do_later no_more_DKMS_builds_of "$path"; done
    [ -z "$half" ] || lack "dpkg has left half-configured:$(say "$half" | tr -d '\n')" "${before}dpkg --configure -a   (it runs the scripts of these packages)"
}
judge_setting() { # NUMBER:line of the file $path
    words=$(say "${1#*:}" | tr '\t' ' ' | sed 's/^ *//;s/  */ /g') why='it decides whether amdgpu is loaded'
    case $words in options*) why=''; each judge_option "$(say "${words#options * }" | tr ' ' '\n')" ;; esac
    if [ -z "$why" ] || planned disable "$path$tab"; then return; fi
    if owned "$path"; then say '    note: a package has put it there'
    elif first <"$file" | grep -q '^# Made by rocmswitch:'; then do_later disable "$path" ours
    else say "    WARNING: $why, and somebody has set it"; do_later disable "$path"; fi
}
judge_option() { # NAME=VALUE, by amdgpu's own list of parameters
    kind=$(say "$parameters" | sed -nE "s/^${1%%=*}:(.*\()?([a-z ]+)\)?\$/\2/p" | first)
    if [ -n "$parameters" ] && [ -z "$kind" ]; then say "    note: no installed amdgpu has the parameter ${1%%=*}: the kernel ignores it"; return; fi
    why='amdgpu is loaded with it'
    case $kind in *int | *short | *long | byte) ;; *) return ;; esac
    say "${1#*=}" | grep -qE '^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)(,.*)?$' || fault "amdgpu is not loaded with $1, which is no $kind"
}
look_at_kernel() {
    kernel=$1 folder=$modules/$1 serves=' ' kept=' ' bad=''; say "kernel $1"
    if [ ! -e "$root/boot/vmlinuz-$1" ] && [ ! -e "$root/$folder/vmlinuz" ]; then
        if ls "$root"/boot/vmlinuz* >/dev/null 2>&1; then say "  left alone: no kernel in /boot belongs to it"; left="$left$1 "; return; fi
        say "  note: no $root/boot/vmlinuz-$1; is /boot a file system of its own that is not mounted?"
    fi
    copies=$(at_root find "$folder" -name '*.ko*' 2>/dev/null | grep -E "/($names)$ending\$" | sort)
    expected=$(say "$statements" | grep -F " lib/modules/$1/" | sed 's/^[^ ]* \([^ ]*\) .*/\1/')
    [ -n "$copies$expected" ] || say "  no amdgpu in it, and no package says there should be"
    each weigh "$copies"; each compare "${expected:-$(say "$copies" | grep "^$folder/kernel/")}"
    each aside "$copies"
    for file in "$root/$folder"/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko* "$root/$folder"/updates/*/amdgpu.ko*; do parameters=$parameters$newline$(in_root modinfo -F parm "${file#"$root"}" 2>/dev/null); done
    look_at_index
}
diagnose() {
    faults=0 found=0 blocked=' ' left=' ' plan='' lacks='' parameters='' kernels='' statements=$(read_statements)
    say "amdgpu below ${root:-/}"
    for one in "$root/$modules"/*/; do one=${one%/}
        if [ ! -L "$one" ] && { [ -d "$one/kernel" ] || [ -f "$one/modules.order" ]; }; then found=$((found + 1)) kernels="$kernels${one##*/}$newline"; fi
    done
    [ -n "$kernels" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    each look_at_kernel "$kernels"; look_at_settings; each look_at_images "$kernels"
}
# --- mending
may_apply() {
    [ "$user" = 0 ] || give_up 6 "this takes root" "sudo $again"
    [ -n "$own" ] || give_up 6 "the programs of $shown do not run on this machine: another architecture, or no whole system"
    if [ -z "$work" ] || ! : >"$root/$modules/.rocmswitch-new" || ! rm "$root/$modules/.rocmswitch-new"; then give_up 6 "$shown cannot be written to" "mount -o remount,rw $(quoted "$shown")"; fi 2>/dev/null
    ls "$root"/boot/vmlinuz* >/dev/null 2>&1 || ! sed 's/#.*//' "$root/etc/fstab" 2>/dev/null | grep -qE '[[:space:]]/boot[[:space:]]' ||
        give_up 6 "/boot is a file system of its own that is not mounted" "${before}mount /boot"
    mkdir -p "$driver/locks"
    ! command -v flock >/dev/null 2>&1 || { exec 9>"$driver/locks/changes.lock"; flock -n 9 || give_up 75 "another rocmswitch changes this system"; }
    at_root find "$modules" etc boot -name '*.rocmswitch-new' | while read -r stale; do rm -f "$root/$stale"; done
}
keep() { # path below ROOT: a copy in the quarantine, and a line that brings it back, before anything happens to it
    number=1; while [ -z "$quarantine" ] && [ -e "$driver/quarantine/$number" ]; do number=$((number + 1)); done
    quarantine=${quarantine:-$driver/quarantine/$number} there=$(quoted "$root/$1")
    { mkdir -p "$quarantine/${1%/*}" && chmod 700 "$driver/quarantine" "$quarantine"; } || give_up 1 "$quarantine cannot be made"
    if grep -qF " $there" <"$quarantine/how-to-undo"; then return; fi 2>/dev/null
    if [ ! -e "$root/$1" ] && [ ! -L "$root/$1" ]; then say "rm $there" >>"$quarantine/how-to-undo"; return; fi
    cp -pP "$root/$1" "$quarantine/$1" || give_up 1 "$root/$1 cannot be copied to $quarantine"
    say "$(hash_of 64 "$quarantine/$1")  $1" >>"$quarantine/manifest"; say "cp -pP $(quoted "$quarantine/$1") $there" >>"$quarantine/how-to-undo"
    settle "$quarantine/$1" "$quarantine/manifest" "$quarantine/how-to-undo" "$quarantine"
}
put() { # path below ROOT, hash, from stdin: beside it, looked at, then there by one rename
    new=$root/$1.rocmswitch-new; mkdir -p "${new%/*}" && cat >"$new" && chmod 644 "$new" && settle "$new"
    [ "$(hash_of ${#2} "$new")" = "$2" ] || { rm -f "$new"; give_up 1 "$root/$1 could not be written whole: is the disk full?"; }
    mv -f "$new" "$root/$1" && settle "${new%/*}"
}
write() { keep "$1"; say "$2" | put "$1" "$(say "$2" | digest 64)" || exit 1; }
carry_out() { # line of the plan, where it is of this $kind: says what is done and, with $doing, does it
    case $1 in "$kind$tab"*) ;; *) return ;; esac
    path=${1#*"$tab"} path=${path%%"$tab"*} from=${1#*"$tab"*"$tab"} from=${from%"$tab"*} stated=${1##*"$tab"}
    say "  $(say "$kind" | tr _ ' ') $path${from:+, from $from}"
    [ -z "$doing" ] || "do_$kind"
}
do_restore() { keep "$path"; case $from in *.deb | *.rpm | *.pkg.tar*) member "$from" ;; *) cat "$from" ;; esac | put "$path" "$stated" || exit 1; }
do_set_aside() { keep "$path"; rm -f "$root/$path"; settle "$root/${path%/*}"; }
do_no_more_DKMS_builds_of() { # dkms before 3.2 reads -.conf while it builds for a new kernel: there $m and $v say for which module
    made='# Made by rocmswitch: keeps DKMS from building a module again; remove it to have that back.'
    others=$(grep -s "^if " "$root/etc/dkms/-.conf" | grep -vF "\"$path\"")
    write "etc/dkms/${path%%/*}-${path#*/}.conf" "$made${newline}AUTOINSTALL=\"\"${newline}BUILD_EXCLUSIVE_KERNEL=\"^none\$\""
    write etc/dkms/-.conf "$made$newline${others:+$others$newline}if [ \"\$m/\$v\" = \"$path\" ]; then AUTOINSTALL=\"\"; fi"
}
do_disable() {
    answer=${from:-$yes}; [ -n "$answer" ] || [ ! -t 0 ] || { printf '    Really? It is renamed. [y/N] '; read -r answer; }
    case $answer in [yY]* | ours) ;; *) say "    left alone; --yes takes it out of use"; refused=yes; return ;; esac
    keep "$path"; if [ -n "$from" ]; then rm -f "$root/$path"; else mv -f "$root/$path" "$root/$path.rocmswitch-disabled"; fi
    settle "$root/${path%/*}"
}
do_depmod() { # kmod's: busybox's writes an index that kmod does not read
    if in_root depmod --version 2>/dev/null | grep -q kmod; then in_root depmod "$path"; else lack "ROOT has no depmod of kmod" "depmod -b $(quoted "$shown") $path"; fi
}
do_new_boot_image_of() {
    preset=$(cat "$root/$modules/$path/pkgbase" 2>/dev/null) old=''
    for one in "initramfs-${preset:-none}.img" "initramfs-$path.img" "initrd.img-$path"; do [ ! -e "$root/boot/$one" ] || old=$one; done
    rm -f "$root/boot/initrd.img-$path.new"
    need=$(($(wc -c <"$root/boot/${old:-vmlinuz-$path}" 2>/dev/null || say 0) * 11 / 10240 + 1))
    free=$(df -Pk "$root/boot" 2>/dev/null | sed -nE '$s/.* ([0-9]+) +[0-9]+% .*/\1/p')
    [ "${free:-$need}" -ge $need ] || { lack "/boot has $free KiB free, the boot image of $path needs $need" "${before}apt-get autoremove --purge   (or remove old kernels by hand), then $again"; return; }
    if [ -n "$old" ] && [ "${free:-0}" -gt $((need * 3)) ]; then mkdir -p "$root/boot/rocmswitch" && cp -p "$root/boot/$old" "$root/boot/rocmswitch/$old.before"; fi
    case $image_tool in
    update-initramfs) mode=-u; [ -n "$old" ] || mode=-c; in_root update-initramfs $mode -k "$path" ;;
    dracut) in_root dracut --force "/boot/${old:-initramfs-$path.img}" "$path" ;;
    mkinitcpio) in_root mkinitcpio -k "$path" -g "/boot/${old:-initramfs-${preset:-linux}.img}" ;;
    *) lack "ROOT has no tool that makes boot images" "make the boot image of $path by hand" ;;
    esac
    sync
}
end() {
    [ -z "$lacks" ] || say "What has to be done by hand:$newline${lacks%"$newline"}"
    [ -z "$quarantine" ] || say "What stood there before is in $quarantine. To have it back: sh how-to-undo there, depmod, a new boot image.
The distribution's modules carry its signature, which Secure Boot takes. Nothing was signed anew."
    say "To boot once without the module: at the boot menu press e and add to the line that begins with linux:
  module_blacklist=amdgpu      (and drop it for the boot after)"
}

while [ $# -gt 0 ]; do
    again="$again $(quoted "$1")"
    case $1 in
    --apply) apply=yes ;; --yes) yes=yes ;; --in-tree) in_tree=yes ;;
    --package) [ -f "${2:-}" ] || give_up 2 "--package needs a file"; packages="$packages$2$newline" again="$again $(quoted "$2")"; shift ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;; -*) give_up 2 "there is no option $1" "sh $0 --help" ;;
    *) [ -z "$root" ] || give_up 2 "one ROOT, not $root and $1"; root=$1 ;;
    esac; shift
done
again="sh $(quoted "$0")$([ -n "$apply" ] || say ' --apply')${again:- /}"
find_root; prepare; diagnose
say "$newline$faults fault(s) in $found kernel(s)."
[ -z "$apply" ] || may_apply
if [ -n "$plan" ]; then
    if [ -n "$apply" ]; then doing=yes; say "What is done:"; say "$kernels" | tr '\n' ' ' >"$driver/unfinished"; else say "What would be done:"; fi
    for kind in restore no_more_DKMS_builds_of set_aside disable depmod new_boot_image_of; do each carry_out "$plan"; done # safe to stop at any
fi
if [ -n "$doing" ]; then
    sync; sync -f "$root/" "$root/boot" 2>/dev/null
    rm -f "$driver/unfinished"; earlier=$lacks
    diagnose >"$work/after"; lacks=${lacks:-$earlier}
    [ "$faults" = 0 ] || { say "Still wrong:"; grep -E '^kernel|FAULT' "$work/after"; }
fi
end
[ -n "$apply" ] || [ -z "$plan" ] || say "Nothing was changed. To do it: $again"
[ -z "$refused" ] || exit 5
[ "$faults" = 0 ] && [ -z "$plan$lacks" ] || exit 4
say "$shown loads what its packages have brought${apply:+. A second run finds nothing to do}."
