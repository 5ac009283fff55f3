#!/bin/sh
# Brings the amdgpu kernel module of a system back. Says what is wrong and what it would do; does it only with --apply.
#
#   sh recover.sh [--apply] [--yes] [--in-tree] [--package FILE]... ROOT
# ROOT: where the system is mounted: /mnt, or /sysroot or /root at a dracut or initramfs prompt, / for the running one.
# --yes: do not ask about settings. --in-tree: the distribution's modules, also where a sound DKMS build stands before
# them. --package: a .deb, .rpm or .pkg.tar of exactly the installed version, from a stick.
# Needs sh, cp, mv, rm, rmdir, mkdir, ls, cat, sed and chroot; md5sum, grep, find, sync and the like are ROOT's where
# there are none, depmod and the tool for boot images always. It loads no module, builds none, and downloads nothing.
# shellcheck disable=SC2010,SC2012,SC2016,SC2046,SC2086  # ls tells modes and sorts; texts for other shells; lists
set -u; umask 022; unset CDPATH
export PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C
names='amdgpu|amdttm|amdkcl|amd-sched|amddrm_ttm_helper|amddrm_buddy|amddrm_exec|amdxcp|amddrm_suballoc_helper'
ending='\.ko(\.xz|\.zst|\.gz)?'
settings='^[[:space:]]*(options|blacklist|install|remove|softdep)[[:space:]]+('$names')([[:space:]]|$)'
newline='
' tab=$(printf '\t')
root='' words='' apply='' yes='' in_tree='' packages='' mounted='' work='' quarantine='' saved='' refused='' doing=''
say() { printf '%s\n' "$*"; }
fault() { faults=$((faults + 1)); say "    FAULT: $*"; }
lack() { fault "$1"; lacks="$lacks  $1$newline    type: $2$newline"; }
give_up() { say "recover.sh: $2${3:+${newline}type: $3}"; exit "$1"; } # exit code, what is wrong, the line to type
quoted() { case $1 in *[!A-Za-z0-9_./:+=-]*) say "$1" | sed "s/'/'\\\\''/g; s/.*/'&'/" ;; *) say "$1" ;; esac; }
do_later() { plan="$plan$1$tab$2$tab${3:-}$tab${4:-}$newline"; } # action, subject, from where, hash
planned() { case "$newline$plan" in *"$newline$1$tab$2"*) ;; *) return 1 ;; esac; } # action, how the subject begins
each() { # function, lines: the function once for each line
    set -f; IFS=$newline; set -- "$1" $2; set +f; unset IFS
    while [ $# -gt 1 ]; do "$1" "$2"; called=$1; shift 2; set -- "$called" "$@"; done; }
in_root() { if [ -z "$root" ]; then "$@"; else chroot "$root" "$@"; fi; } # ROOT's own program; it starts in ROOT's /
at_root() { (cd "$root/" && "$@"); } # any program, on paths below ROOT
settle() { sync "$@" 2>/dev/null || sync; }
digest() { if [ "$1" = 64 ]; then sha256sum; else md5sum; fi | sed 's/ .*//'; }
hash_of() { [ ! -f "$2" ] || digest "$1" <"$2"; } # how many digits, file
unpacked() { case $1 in *.xz) xz -d ;; *.zst) zstd -d ;; *.gz) gzip -d ;; *) cat; esac <"$1" || cat "$1"; } 2>/dev/null
plain_hash() { [ ! -f "$1" ] || unpacked "$1" | digest 64; } # the same for amdgpu.ko and amdgpu.ko.xz
told() { { in_root modinfo -F "$1" "/$2" || modinfo -F "$1" "$root/$2"; } 2>/dev/null; } # field, module below ROOT
fits() { [ -z "$can_look" ] || [ "$(told vermagic "$1" | sed 's/ .*//;q')" = "$kernel" ]; } # not what is cut off
name_of() { name=${1##*/} name=${name%%.ko*}; }
find_root() {
    [ -n "$root" ] || give_up 2 "name the system: / is the running one" "sh $(quoted "$0") /mnt   (or /)"
    shown=$(cd "$root" 2>/dev/null && pwd -P) || give_up 3 "there is no folder $root"
    again="sh $(quoted "$0") --apply$words $(quoted "$shown")"
    root=${shown%/} usr='' before='' own='' can_look='' user=$(id -u 2>/dev/null || say 0)
    [ -z "$root" ] || before="chroot $(quoted "$root") "; [ ! -L "$root/lib" ] || usr=usr/
    modules=${usr}lib/modules driver=$root/var/lib/rocmswitch/driver
    [ -d "$root/$modules" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    for tool in grep sort find tr od head tail md5sum sha256sum xz zstd gzip sync df wc cpio tar; do
        [ -z "$root" ] || command -v $tool >/dev/null 2>&1 || eval "$tool() { in_root $tool \"\$@\"; }"; done
    ! in_root sh -c : 2>/dev/null || own=yes; [ -z "$own" ] && ! command -v modinfo >/dev/null 2>&1 || can_look=yes
    image_tool=$(cd "$root/usr" && ls bin/mkinitcpio bin/dracut sbin/update-initramfs 2>/dev/null | sed -n '$s,.*/,,p')
}
confine() { # path below ROOT: no link of its folders leads out of there
    above=${1%/*}; while [ ! -e "$root/$above" ] && [ ! -L "$root/$above" ]; do above=${above%/*}; done
    above=$(cd "$root/$above" 2>/dev/null && pwd -P)/
    case $above in "$root"/*) ;; *) give_up 6 "a link leads out of $shown, or nowhere: $1" ;; esac; }
prepare() { # a folder to unpack images in, and what programs in ROOT expect
    trap leave EXIT; trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
    if [ -z "$own" ] || [ "$user" != 0 ]; then return; fi
    for one in scratch locks quarantine snapshots; do confine "var/lib/rocmswitch/driver/$one/any"; done
    lock 8 "$root/$modules"
    ! (mkdir -p "${driver%/*}"; umask 077; mkdir -p "$driver/scratch/sh") 2>/dev/null || work=$driver/scratch/sh
    [ -n "$root" ] || return 0; mounted=$(cat "$work/mounted" 2>/dev/null) # by a run that was killed
    for one in proc/version sys/kernel dev/null; do
        if (: <"$root/$one") 2>/dev/null; then continue; fi
        one=${one%/*} mounted="${one%/*} $mounted"; [ -z "$work" ] || say "$mounted" >"$work/mounted"
        mount --bind "/$one" "$root/$one" 2>/dev/null; done
}
lock() { # descriptor, file or folder
    if ! command -v flock >/dev/null 2>&1; then return; fi
    eval "exec $1<\"\$2\""; flock -n "$1" || give_up 75 "another rocmswitch is at work here"; }
leave() { # nothing of ours stays mounted, no folder without a file
    for one in $mounted; do umount "$root/$one" 2>/dev/null || umount -l "$root/$one" 2>/dev/null; done
    [ -z "$work" ] || { rm -rf "$work"; rmdir "${work%/*}" "$driver" "${driver%/*}" 2>/dev/null; }; }
read_statements() { # what packages state of the modules: lines `HASH lib/modules/… PACKAGE`
    file="(usr/)?(lib/modules/.*/($names)$ending)"
    for list in "$root"/var/lib/dpkg/info/linux-*.md5sums "$root"/var/lib/dpkg/info/*amdgpu*.md5sums; do
        package=${list##*/} package=${package%.md5sums}
        sed -nE "s,^([0-9a-f]{32})  $file\$,\1 \3 ${package%%:*},p" "$list" 2>/dev/null; done
    for list in "$root"/var/lib/pacman/local/*/mtree; do
        package=${list%/mtree} package=${package##*/} package=${package%-*-*}
        [ ! -e "$list" ] || gzip -dc <"$list" | sed -nE "s,^\./$file .*sha256digest=([0-9a-f]{64}).*,\5 \2 $package,p"
    done
    in_root rpm -qa --qf '[%{FILEDIGESTS} %{FILENAMES} %{=NAME}-%{=VERSION}-%{=RELEASE}\n]' \
        '*kernel*' '*amdgpu*' '*kmod*' 2>/dev/null | sed -nE "s,^([0-9a-f]+) /$file ,\1 \3 ,p"
}
stated_for() { say "$statements" | grep -F " ${1#usr/} " | sed 's/ .*//;q'; }
package_for() { say "$statements" | grep -F " ${1#usr/} " | sed 's/.* //;q'; }
owned() { # path below ROOT
    cat "$root"/var/lib/dpkg/info/*.list "$root"/var/lib/pacman/local/*/files 2>/dev/null |
        grep -qxF -e "/$1" -e "/${1#usr/}" -e "$1" || in_root rpm -qf "/$1" >/dev/null 2>&1; }
reinstall() { # package: the line that brings it again
    version=$(sed -n "/^Package: $1\$/,/^\$/s/^Version: //p" "$root/var/lib/dpkg/status" 2>/dev/null | sed q)
    line="dnf reinstall ${1:-kernel-core-$kernel}"; [ ! -d "$root/var/lib/pacman" ] || line="pacman -S ${1:-linux}"
    [ ! -d "$root/var/lib/dpkg" ] || line="apt-get install --reinstall ${1:-linux-image-$kernel}${version:+=}$version"
    say "$before$line   (or, with that very package on a stick: $again --package FILE)"; }
find_source() { # for $path, $stated: sets $source
    source=''; name_of "$path"; if from_snapshots; then return; fi; [ -n "$stated" ] || return 1
    each try_original "$(at_root find var/lib/dkms "$folder" -name "$name.ko*" 2>/dev/null)"
    each try_package "$packages"; [ -n "$source" ]; }
private() { ls -ldn "$1" | grep -qE '^d.{4}[^w]..[^w].[^ ]* +[0-9]+ +0 '; } # only root can write to the folder
from_snapshots() { # also the copy in /boot
    for snapshot in $(cd "$driver/snapshots" 2>/dev/null && printf '%s\n' [1-9]* | sort -rn) ''; do
        snapshot=${snapshot:+$driver/snapshots/$snapshot} snapshot=${snapshot:-$root/boot/rocmswitch/snapshot}
        file=$snapshot/files/$path; [ -f "$file" ] || continue
        listed=$(sed -n "s,^\([0-9a-f]\{64\}\) [ *]files/$path\$,\1,p" "$snapshot/manifest")
        seal=$(sed 's/ .*//;q' "$snapshot/manifest.sha256" 2>/dev/null) sum=$(hash_of 64 "$snapshot/manifest")
        if ! private "$snapshot" || ! private "${snapshot%/*}"; then why='others than root can write to its folder'
        elif [ -z "$seal" ] || [ "$sum" != "$seal" ]; then why='its manifest does not hold'
        elif [ "$(hash_of 64 "$file")" != "$listed" ]; then why='it is damaged: not the hash of its manifest'
        elif [ -n "$stated" ] && [ "$(hash_of ${#stated} "$file")" != "$stated" ]; then why='its package has another'
        elif ! fits "${file#"$root"/}"; then why='it is for another kernel'
        else source=$file; return 0; fi
        say "      not from snapshot ${file#"$root"}: $why"
    done; return 1
}
# What DKMS has put aside or given back, what a person has; only to the byte what the package states.
try_original() { [ -n "$source" ] || [ "$(hash_of ${#stated} "$root/$1")" != "$stated" ] || source=$root/$1; }
try_package() {
    if [ -z "$source" ] && [ "$(member "$1" | digest ${#stated})" = "$stated" ]; then source=$1; fi
    [ -n "$source" ] || say "      not from $1: its $path is not what the installed $package has"; }
member() { # package: the bytes of $path in it
    case $1 in
    *.deb) opened "$1" dpkg-deb --fsys-tarfile | tar -xOf - "./${path#usr/}" "./usr/${path#usr/}" ;;
    *.rpm) opened "$1" rpm2cpio | cpio -i --quiet --to-stdout "./${path#usr/}" "./usr/${path#usr/}" ;;
    *) unpacked "$1" | tar -xOf - "${path#usr/}" "usr/${path#usr/}" ;;
    esac 2>/dev/null; }
opened() { # package, program with an option: what it says of it; ROOT's own of a copy, where there is none here
    archive=$1; shift; if command -v "$1" >/dev/null 2>&1; then "$@" "$archive"; return; fi
    [ -z "$work" ] || { cp "$archive" "$work/package" && in_root "$@" "${work#"$root"}/package"; }; }
vouched() { # NAME/VERSION of DKMS: a package owns its source, which is as that package has it; else why not, in $why
    src=usr/src/${1%%/*}-${1#*/} changed=''
    list=$(cat "$root"/var/lib/dpkg/info/*.md5sums 2>/dev/null | grep -F "  $src/")
    if [ -n "$list" ]; then changed=$(say "$list" | at_root md5sum -c 2>/dev/null | sed -n '/: OK$/!s/: .*//p' | sed q)
    elif in_root rpm -qf "/$src/dkms.conf" >/dev/null 2>&1; then
        changed=$(in_root rpm -Vf "/$src/dkms.conf" 2>/dev/null | sed -nE 's,^(..5|missing).* /,,p' | sed q)
    else why="DKMS built it from $1, a source that no package vouches for"; fi
    [ -z "$changed" ] || why="DKMS built it from $1, whose $changed is not what its package brought"
}
builds_of() { # module: what DKMS has built of that name for $kernel, in $builds; that which is just this file in $built
    name_of "$1"; builds='' built=''
    for stored in "$root"/var/lib/dkms/*/*/"$kernel"/*/module/"$name".ko*; do
        [ -f "$stored" ] || continue
        one=${stored#"$root"/var/lib/dkms/} one=${one%%/"$kernel"/*} builds="$builds$one$newline"
        [ "$(plain_hash "$stored")" != "$(plain_hash "$root/$1")" ] || built=$one; done; }
verdict() { # module that no package states: why it must go, in $why; nothing where it may stay
    builds_of "$1"; why=''
    case $expected:$1 in :"$folder"/kernel/*) return ;; */weak-updates/*) [ ! -L "$root/$1" ] || return ;; esac
    if [ -L "$root/$1" ]; then why='it is a link that somebody has made'
    elif [ ! -s "$root/$1" ]; then why='the file is empty'
    elif ! fits "$1"; then why='it is no whole module, or one for another kernel'
    elif [ -n "$built" ]; then vouched "$built"; [ -n "$why" ] || [ -z "$in_tree" ] || why='--in-tree was given'
    else why="no package owns it, and it is not what DKMS${builds:+ (${builds%"$newline"})} has built"; fi
}
weigh() { # one file that is there
    stated=$(stated_for "$1"); say "  ${1#"$folder"/}  (md5 $(hash_of 32 "$root/$1"))"
    if [ "$(hash_of ${#stated} "$root/$1")" = "$stated" ]; then say "    as the kernel's package has it"; return; fi
    [ -z "$stated" ] || return; say "    belongs to no kernel package: from DKMS or put there by hand"; verdict "$1"
    if [ -n "$why" ]; then fault "$why"; bad="$bad${1%/*}$newline"; else kept="$kept$name "; fi; }
compare() { # path as a package states it, or a file in kernel/ of which none states anything
    path=$usr${1#usr/} stated=$(stated_for "$1") package=$(package_for "$1"); name_of "$1"
    is_there=$([ ! -e "$root/$path" ] || say yes) actual=$(hash_of ${#stated} "$root/$path")
    if [ -z "$stated" ] && [ -s "$root/$path" ] && fits "$path"; then actual=''; fi
    if [ "$actual$is_there" = "${stated}yes" ] && [ ! -L "$root/$path" ]; then serves="$serves$name "; return; fi
    say "  ${path#"$folder"/}"
    case $is_there:$kept in :*" $name "*) say "    not there: DKMS has put its own in its place"; return ;; esac
    if [ -z "$is_there" ]; then fault "the file is gone; $package has it"
    elif [ ! -s "$root/$path" ]; then fault "the file is empty; the kernel's package has $stated"
    elif [ -n "$stated" ]; then fault "the kernel's package has $stated, this one is $actual"
    else fault 'it is no whole module, or one for another kernel'; fi
    if find_source; then do_later restore "$path" "$source" "${stated:-$(hash_of 64 "$source")}"; serves="$serves$name "
    else lack "nothing here has the right $path" "$(reinstall "$package")"; blocked="$blocked$kernel "; fi
}
aside() { # one file: away with it where its folder is bad, and all modules of that folder with it; DKMS is told
    case "$newline$bad" in *"$newline${1%/*}$newline"*) ;; *) return ;; esac
    if [ -n "$(stated_for "$1")" ] || planned restore "$1$tab"; then return; fi
    case $serves in *' amdgpu '*) ;; *) say "  left where it is, for nothing stands in for it: $1"; return ;; esac
    do_later set_aside "$1"; builds_of "$1"; each no_more "$builds"; }
no_more() { planned no_more_DKMS_builds_of "$1$tab" || do_later no_more_DKMS_builds_of "$1"; }
winner() { # module: what modprobe would load, as a path below ROOT; by its index, so also what is gone
    { in_root modprobe -S "$kernel" -i -D "$1" || modprobe -d "${root:-/}" -S "$kernel" -i -D "$1"; } 2>/dev/null |
        sed -nE "s,^insmod .*/lib/modules/([^ ]*/$1\.ko[^ ]*).*,$modules/\1,p" | sed -n '$p'
}
look_at_index() {
    case $blocked in *" $kernel "*) return ;; esac
    if planned restore "$folder/" || planned set_aside "$folder/"; then do_later depmod "$kernel"; return; fi
    updates=$(say "$copies" | grep "^$folder/updates/.*amdgpu\.ko" | sed q) loads=$(winner amdgpu)
    listed=$(sed -nE 's,^([^:]*/amdgpu\.ko[.a-z]*):.*,\1,p' "$root/$folder/modules.dep" 2>/dev/null | sed q)
    case " $(cat "$driver/unfinished" 2>/dev/null)" in *" $kernel "*) say '  a run was broken off'; listed='' ;; esac
    case $copies in */amdgpu.ko*) ;; *) return ;; esac
    say "  modules.dep names ${listed:-no amdgpu}"
    if [ -n "$listed" ] && [ -e "$root/$folder/$listed" ] && [ "${updates:-$folder/$listed}" = "$folder/$listed" ] &&
        { [ -z "$can_look" ] || [ "$loads" = "$folder/$listed" ]; } &&
        grep -qE '^alias pci:v00001002d.* amdgpu$' <"$root/$folder/modules.alias"; then return; fi
    fault "depmod has not run since: modprobe does not find the right amdgpu for a card"; do_later depmod "$kernel"
}
images_of() { # kernel: as paths below ROOT
    base=$(cat "$root/$modules/$1/pkgbase" 2>/dev/null)
    (cd "$root/" && ls boot/*/"$1"/initrd boot/init*-"$1" boot/init*-"$1.img" boot/init*-"${base:-/}.img") 2>/dev/null
}
look_at_images() { # of the kernel: after everything else, for they hold modules and settings
    kernel=$1 folder=$modules/$1 images=$(images_of "$1") unified=$(unified_of "$1") changing=''
    case $blocked$left in *" $kernel "*) return ;; esac
    if planned depmod "$1$tab" || planned disable '' || planned set_aside "${usr}lib/firmware/"; then changing=yes; fi
    each look_into "$unified"
    if [ -n "$changing" ]; then [ -n "$images" ] || [ -z "$unified" ] || return 0
    elif [ -n "$images" ]; then each look_into "$images"; return
    elif [ ! -e "$root/boot/vmlinuz-$1" ] || [ -z "$image_tool" ] || [ -n "$unified" ]; then return 0
    else fault "kernel $1 has no boot image"; fi
    do_later new_boot_image_of "$1"
}
unified_of() { # kernel: the programs for EFI that have it and a boot image inside, as paths below ROOT
    base=$(cat "$root/$modules/$1/pkgbase" 2>/dev/null)
    at_root find boot efi -path '*/EFI/*/*.[eE][fF][iI]' 2>/dev/null | while read -r path; do
        says=$(section '1634628910 25965' "$root/$path") it=-${path##*/}
        [ -n "$says" ] && [ -d "$root/$modules/$says" ] || says=$1+
        case $says:${it%.*}- in "$1":* | *+:*-"$1"[-+]* | *+:*-"${base:-/}"[-+]*) say "$path" ;; esac; done; }
section() { # two numbers, which spell a name; program for EFI: the bytes of it; fails where no kernel is inside
    wanted=$1 program=$2 linux='' found='' at=$(numbers 4 60 4 <"$2"); set -- $(numbers 2 $((at)) 24 <"$2")
    if [ "${4:-0}" = 0 ]; then return 1; fi; set -- $(numbers 4 $((at + 24 + ${11:-0})) $(($4 * 40)) <"$program")
    while [ $# -ge 10 ]; do
        case "$1 $2" in '1852402734 30837') linux=yes ;; "$wanted") found="$found $6 $5 $3" ;; esac; shift 10; done
    set -- $found; [ -n "$linux" ] && [ $# -le 3 ] || return 1 # of several the boot takes one
    [ $# = 0 ] || tail -c +$(($1 + 1)) <"$program" | head -c $(($3 && $3 < $2 ? $3 : $2)); }
numbers() { od -An -v -tu"$1" -j"$2" -N"$3" 2>/dev/null; } # bytes of each, from where, how many
unpack() { # image, folder, as ROOT sees them
    in_root sh -c 'cd "$2" || exit 1; if command -v unmkinitramfs; then unmkinitramfs "$1" "$2"
        elif command -v lsinitcpio; then lsinitcpio -x "$1"; else lsinitrd --unpack "$1"; fi' sh "$@" >/dev/null 2>&1; }
look_into() { # image: no module but what would be loaded from lib/modules; where there is one, no setting but ROOT's
    [ -n "$work" ] || { say "$1 was not looked into: that takes root, and a ROOT that can be written to"; return; }
    rm -rf "$work/image" "$work/initrd"; mkdir "$work/image"; strange='' image=/$1
    case $1 in *.[eE][fF][iI]) say "kernel $kernel boots by $1, a unified image"; image=${work#"$root"}/initrd
        section '1768843566 6582900' "$root/$1" >"$work/initrd" || strange='it cannot be opened'
        ! section '1684890414 1701734764' "$root/$1" | grep -q 'blacklist=[^ ]*amdgpu' ||
            say "  WARNING: with the command line in $1 amdgpu is not loaded; take it out by hand" ;; esac
    if [ ! -f "$work/initrd" ] || [ -s "$work/initrd" ]; then
        unpack "$image" "${work#"$root"}/image" && [ -n "$(ls "$work/image")" ] || strange='it cannot be unpacked'; fi
    inside=$(at_root find "${work#"$root"/}/image" -name '*.ko*' | grep -E "/lib/modules/$kernel/.*/($names)$ending\$")
    if [ -n "$changing" ]; then strange=${inside:+it has copies of what is to be changed} inside=''; fi
    [ -z "$inside" ] || each odd_setting "$(for one in "$work"/image "$work"/image/*; do lines_of "$one"; done)"
    each odd_module "$inside"; [ -n "$strange" ] || return 0; fault "$1 is not what ROOT has: $strange"
    if [ ! -f "$work/initrd" ]; then do_later new_boot_image_of "$kernel"; return; fi
    sealed="$sealed  kernel $kernel boots by $1: make it anew$newline    type: $before$(remake "$1")$newline"
}
remake() { # unified image: the line that makes it anew
    linux=/boot/vmlinuz-$kernel; [ -e "$root$linux" ] || linux=/$folder/vmlinuz
    case $(cat "$root/etc/kernel/install.conf" "$root/usr/lib/kernel/install.conf" 2>/dev/null)$image_tool in
    *layout=uki*) say "kernel-install add $kernel $linux" ;; *mkinitcpio) say "mkinitcpio -P" ;;
    *dracut) say "dracut --force --uefi --kver $kernel /$1" ;; *) say "ukify build --cmdline=@/etc/kernel/cmdline" \
        "--linux=$linux --initrd=/boot/initrd.img-$kernel --uname=$kernel --output=/$1" ;; esac; }
odd_module() { [ "$(plain_hash "$root/$1")" = "$(name_of "$1"; plain_hash "$root/$(winner "$name")")" ] || strange=$1; }
odd_setting() { lines_of "$root" | grep -qxF -e "$1" || strange=$1; }
lines_of() { sed -nE "/$settings/p" "$1"/etc/modprobe.d/*.conf "$1"/usr/lib/modprobe.d/*.conf 2>/dev/null; }
look_at_settings() {
    say "settings that name amdgpu"; [ -n "$root" ] || running=/proc/cmdline # for the next boot it has to go
    for file in "$root"/etc/modprobe.d/*.conf "$root"/usr/lib/modprobe.d/*.conf; do
        path=${file#"$root"/}; [ -f "$file" ] || continue
        each look_at_setting "$(grep -nE "$settings" <"$file" | tr -d '\000-\010\013-\037\177')"; done
    for file in "$root"/etc/default/grub "$root"/etc/kernel/cmdline "$root"/boot/loader/entries/*.conf ${running-}; do
        ! sed '/^#/d' "$file" 2>/dev/null | grep -q 'blacklist=[^ ]*amdgpu' ||
            say "  WARNING: with ${file#"$root"/} amdgpu is not loaded; take it out by hand"
    done
    for file in "$root/${usr}lib"/firmware/updates/*amdgpu*/*; do
        path=${file#"$root"/}; if [ ! -e "$file" ] || owned "$path"; then continue; fi; do_later set_aside "$path"
        say "  WARNING: $path is loaded in place of the card's firmware, and no package owns it"; done
    half=$(sed -nE '/^Package: /{s///;h;};/^Status: .* (half-[a-z]*|unpacked|triggers-[a-z]*)$/{g;p;}' \
        "$root/var/lib/dpkg/status" 2>/dev/null | tr '\n' ' ')
    [ -n "$half" ] || return 0
    lack "dpkg has left half-configured: $half" "${before}dpkg --configure -a   (it runs the scripts of these packages)"
    for file in "$root"/var/lib/dkms/*/*/source; do # what cannot be built breaks it off again
        path=${file#"$root"/var/lib/dkms/} path=${path%/source}
        ! sed -n "s/^BUILT_MODULE_NAME[^=]*=//p" "$root/usr/src/${path%%/*}-${path#*/}/dkms.conf" 2>/dev/null |
            tr -d "\"'" | grep -qxE "$names" || no_more "$path"; done
}
look_at_setting() { # NUMBER:line of the file $path
    say "  $path:$1"; line=$(say "${1#*:}" | tr '\t' ' ' | sed 's/^ *//;s/  */ /g') why='it decides what is loaded'
    case $line in options*) why=''; each judge_option "$(say "${line#options * }" | tr ' ' '\n')" ;; esac
    if [ -z "$why" ] || [ "${path#usr/}" != "$path" ] || planned disable "$path$tab"; then :
    elif owned "$path"; then say '    note: a package has put it there'
    elif [ "$(sed -n '1s/^# Made by rocms.*/y/p;1d;/^options /!p' "$file")" = y ]; then do_later disable "$path" ours
    else say "    WARNING: $why, and somebody has set it"; do_later disable "$path"; fi; }
judge_option() { # NAME=VALUE, by amdgpu's own list of parameters: lines `NAME:what it does (TYPE)`
    case $parameters in *"$newline${1%%=*}:"*) ;; *:*) say "    note: no amdgpu here knows ${1%%=*}"; return ;; esac
    why='amdgpu gets it when it is loaded'
}
look_at_kernel() {
    kernel=$1 folder=$modules/$1 serves=' ' kept=' ' bad=''; say "kernel $1"
    if [ ! -e "$root/boot/vmlinuz-$1" ] && [ ! -e "$root/$folder/vmlinuz" ] && [ -n "$vmlinuz" ]; then
        left="$left$1 "; say "  left alone: no kernel in /boot belongs to it"; return; fi
    copies=$(at_root find "$folder" -name '*.ko*' 2>/dev/null | grep -E "/($names)$ending\$" | sort)
    expected=$(say "$statements" | grep -F " lib/modules/$1/" | sed 's/^[^ ]* \([^ ]*\) .*/\1/')
    each weigh "$copies"; each compare "${expected:-$(say "$copies" | grep "^$folder/kernel/")}"; each aside "$copies"
    each parameters_of "$(say "$copies" | grep '/amdgpu\.ko')"; look_at_index
}
parameters_of() { parameters=$parameters$newline$(told parm "$1"); }
diagnose() {
    faults=0 found=0 blocked=' ' left=' ' plan='' lacks='' sealed='' parameters='' kernels=''
    statements=$(read_statements); say "amdgpu below ${root:-/}"; vmlinuz=$(ls "$root"/boot/vmlinuz* 2>/dev/null)
    for at in "$root/$modules"/*/; do
        at=${at%/}; if [ -L "$at" ] || { [ ! -d "$at/kernel" ] && [ ! -f "$at/modules.order" ]; }; then continue; fi
        found=$((found + 1)) kernels="$kernels${at##*/}$newline"
    done
    [ -n "$kernels" ] || give_up 3 "no kernel in $root/lib/modules: is this the root of a system?"
    each look_at_kernel "$kernels"; look_at_settings; each look_at_images "$kernels"
}
may_apply() {
    [ "$user" = 0 ] || give_up 6 "this takes root" "sudo $again"; confine ./boot/any
    [ -n "$own" ] || give_up 6 "the programs of $shown do not run on this machine: of another architecture, or lost"
    new=$root/$modules/.rocmswitch-new; { [ -n "$work" ] && (: >"$new" && rm "$new") 2>/dev/null; } ||
        give_up 6 "$shown cannot be written to" "mount -o remount,rw $(quoted "$shown")"
    [ -n "$vmlinuz" ] || ! grep -qE '^[^#]+[[:space:]]/boot[[:space:]]' <"$root/etc/fstab" ||
        give_up 6 "/boot is a file system of its own that is not mounted" "${before}mount /boot"
    (mkdir -p "$driver/locks" && : >>"$driver/locks/changes.lock" && : >>"$driver/locks/programs.lock")
    lock 9 "$driver/locks/changes.lock"; lock 7 "$driver/locks/programs.lock" # what is started here keeps both
    at_root find "$modules" etc boot -name '*.rocmswitch-*new' | while read -r stale; do rm -f "$root/$stale"; done
}
how_to_undo='# Puts back what recover.sh has replaced; then: depmod, and a new boot image.
case $0 in */*) cd "${0%/*}" || exit 1 ;; esac; here=$(pwd -P); root=${here%/var/lib/rocmswitch/driver/quarantine/*}'
keep() { # path below ROOT: a copy in the quarantine, and a line that brings it back, before anything happens to it
    case "$newline$saved" in *"$newline$1$newline"*) return ;; esac
    confine "$1"; saved="$saved$1$newline"
    if [ -z "$quarantine" ]; then quarantine=$driver/quarantine # behind the newest: older ones may be gone
        nth=$(ls "$quarantine" 2>/dev/null | sort -n | sed -n '$p') quarantine=$quarantine/$((${nth:-0} + 1))
        { (umask 077; mkdir -p "$quarantine") && say "$how_to_undo" >"$quarantine/how-to-undo"; } || exit 1; fi
    if [ -e "$root/$1" ] || [ -L "$root/$1" ]; then
        { mkdir -p "$quarantine/${1%/*}" && cp -pP "$root/$1" "$quarantine/$1"; } || give_up 1 "$root/$1 cannot be kept"
        say "$(hash_of 64 "$quarantine/$1")  $1" >>"$quarantine/manifest"; settle "$quarantine/$1"
        say "cp -pP \"\$here\"/$(quoted "$1") \"\$root\"/$(quoted "$1")" >>"$quarantine/how-to-undo"
    else say "rm -f \"\$root\"/$(quoted "$1")" >>"$quarantine/how-to-undo"; fi
    settle "$quarantine/how-to-undo" "$quarantine"
}
put() { # path below ROOT, hash, from stdin: beside it, looked at, then there by one rename
    new=$root/$1.rocmswitch-new; mkdir -p "${new%/*}" && cat >"$new" && settle "$new"
    [ "$(hash_of ${#2} "$new")" = "$2" ] || { rm "$new"; give_up 1 "$new cannot be written whole: is the disk full?"; }
    mv -f "$new" "$root/$1" && settle "${new%/*}"; }
write() { keep "$1"; say "$2" | put "$1" "$(say "$2" | digest 64)" || exit 1; }
carry() { # line of the plan, where it is of this $kind: says what is done and, with $doing, does it
    case $1 in "$kind$tab"*) ;; *) return ;; esac
    path=${1#*"$tab"} path=${path%%"$tab"*} from=${1#*"$tab"*"$tab"} from=${from%"$tab"*} stated=${1##*"$tab"}
    say "  $(say "$kind" | tr _ ' ') $path${from:+, from $from}"; [ -z "$doing" ] || "do_$kind"; }
do_restore() {
    keep "$path"
    case $from in *.deb | *.rpm | *.pkg.tar*) member "$from" ;; *) cat "$from" ;; esac | put "$path" "$stated" || exit 1
}
do_set_aside() { keep "$path"; rm -f "$root/$path"; settle "$root/${path%/*}"; }
do_no_more_DKMS_builds_of() { # dkms before 3.2 reads -.conf while it builds: there $m and $v say which module
    made="# Made by rocmswitch: keeps DKMS from building a module again; remove it to have that back.$newline"
    others=$(sed '/^# Made by rocmswitch/d' "$root/etc/dkms/-.conf" 2>/dev/null | grep -vF "\"$path\"")
    write etc/dkms/-.conf "$made${others:+$others$newline}if [ \"\$m/\$v\" = \"$path\" ]; then AUTOINSTALL=\"\"; fi"
    write "etc/dkms/${path%/*}-${path#*/}.conf" "${made}AUTOINSTALL=\"\"${newline}BUILD_EXCLUSIVE_KERNEL=\"^none\$\""; }
do_disable() {
    answer=${from:-$yes}; [ -n "$answer" ] || [ ! -t 0 ] || { printf '    Rename it? [y/N] '; read -r answer; }
    case $answer in [yY]* | ours) ;; *) say "    left alone; --yes takes it out of use"; refused=yes; return ;; esac
    keep "$path"; if [ -n "$from" ]; then do_set_aside; return; fi
    keep "$path.rocmswitch-disabled"; mv -f "$root/$path" "$root/$path.rocmswitch-disabled"; settle "$root/${path%/*}"
}
do_depmod() { # kmod's: busybox's writes an index that kmod does not read
    if in_root depmod --version 2>/dev/null | grep -q kmod; then in_root depmod "$path"
    else lack "ROOT has no depmod of kmod" "depmod -b $(quoted "$shown") $path"; fi; }
do_new_boot_image_of() {
    old=$(images_of "$path" | sed q) mode=-u; [ -n "$old" ] || mode=-c; rm -f "$root/boot/initrd.img-$path.new"
    need=$(wc -c 2>/dev/null <"$root/${old:-boot/vmlinuz-$path}") need=$((${need:-0} * 11 / 10240 + 1))
    free=$(at_root df -Pk boot 2>/dev/null | sed -nE '$s/.* ([0-9]+) +[0-9]+% .*/\1/p')
    [ "${free:-$need}" -ge $need ] || { lack "/boot has $free KiB free, the boot image of $path needs $need" \
        "${before}apt-get autoremove --purge   (or remove old kernels by hand), then $again"; return; }
    if [ -n "$old" ] && [ "${free:-0}" -gt $((need * 3)) ]; then confine boot/rocmswitch/any
        mkdir -p "$root/boot/rocmswitch" && cp -p "$root/$old" "$root/boot/rocmswitch/${old##*/}.before"; fi
    case $image_tool in
    update-initramfs) in_root update-initramfs $mode -k "$path" ;;
    dracut) in_root dracut --force "/${old:-boot/initramfs-$path.img}" "$path" ;;
    mkinitcpio) in_root mkinitcpio -k "$path" -g "/${old:-boot/initramfs-$(cat "$root/$modules/$path/pkgbase").img}" ;;
    *) lack "ROOT has no tool that makes boot images" "make the boot image of $path by hand" ;; esac
}
while [ $# -gt 0 ]; do
    case $1 in
    --apply) apply=yes ;; --yes) yes=yes words="$words $1" ;; --in-tree) in_tree=yes words="$words $1" ;;
    --package) [ -f "${2:-}" ] || give_up 2 "--package needs a file"
        packages="$packages$2$newline" words="$words $1 $(quoted "$2")"; shift ;;
    -h | --help) sed -n '2,/^# there/s/^# *//p' "$0"; exit 0 ;; -*) give_up 2 "there is no option $1: see --help" ;;
    *) [ -z "$root" ] || give_up 2 "one ROOT, not $root and $1"; root=$1 ;;
    esac; shift; done
find_root; prepare; diagnose; say "$newline$faults fault(s) in $found kernel(s)."; [ -z "$apply" ] || may_apply
if [ -n "$plan" ]; then
    if [ -n "$apply" ]; then doing=yes; say "What is done:"; say "$kernels" | tr '\n' ' ' >"$driver/unfinished"
    else say "What would be done:"; fi
    for kind in restore no_more_DKMS_builds_of set_aside disable depmod new_boot_image_of; do each carry "$plan"; done
fi
if [ -n "$doing" ]; then
    sync; sync -f "$root/" "$root/boot" 2>/dev/null; rm -f "$driver/unfinished"; earlier=$lacks
    diagnose >"$work/after"; lacks=${lacks:-$earlier}
    [ "$faults" = 0 ] || { say "Still wrong:"; grep -E '^kernel|FAULT' <"$work/after"; }; fi
lacks=$lacks$sealed; [ -z "$lacks" ] || say "What has to be done by hand:$newline${lacks%"$newline"}"
[ -z "$quarantine" ] || say "What stood there before is in $quarantine. To have it back:
  sh $(quoted "$quarantine/how-to-undo")      (then depmod, and a new boot image)
The distribution's modules carry its signature, which Secure Boot takes. Nothing was signed anew."
say "To boot once without the module: at the boot menu press e and add to the line that begins with linux:
  module_blacklist=amdgpu      (and drop it for the boot after)"
[ -n "$apply" ] || [ -z "$plan" ] || say "Nothing was changed. To do it: $again"
[ -z "$refused" ] || exit 5; [ "$faults" = 0 ] && [ -z "$plan$lacks" ] || exit 4
say "$shown loads what its packages have brought${apply:+. A second run finds nothing to do}."
