if {[file dirname [module-info name]] ne "."} { conflict [file dirname [module-info name]] }
proc rocmswitch_environment {name} {
    global env
    if {[info exists env($name)]} { return $env($name) }
    return ""
}
# The first node of the KFD topology that computes, unless ROCMSWITCH_GPU says which card: machines of a cluster differ.
proc rocmswitch_gpu {} {
    if {[rocmswitch_environment ROCMSWITCH_GPU] ne ""} { return [rocmswitch_environment ROCMSWITCH_GPU] }
    set nodes [rocmswitch_environment ROCMSWITCH_SYSROOT]/sys/class/kfd/kfd/topology/nodes
    foreach node [lsort -integer [glob -nocomplain -tails -directory $nodes -type d {[0-9]*}]] {
        if {[catch {open $nodes/$node/properties} stream]} { continue }
        set text ""
        catch {set text [read $stream 65536]}
        catch {close $stream}
        if {![regexp -line {^gfx_target_version +([1-9][0-9]{4,6})$} $text all version]} { continue }
        return [format gfx%d%x%x [expr {$version / 10000}] [expr {$version / 100 % 100}] [expr {$version % 100}]]
    }
    return ""
}
proc rocmswitch_card {gpus profile} {
    if {$profile ne "" && $profile ne [rocmswitch_environment ROCMSWITCH_PROFILE]} { return 0 }
    return [expr {[rocmswitch_gpu] in $gpus}]
}
# Another ROCm's libraries would shadow what the stack loads.
proc rocmswitch_is_foreign {entry} {
    set libraries {libamdhip64.so* libhsa-runtime64.so* librocblas.so* libMIOpen.so*}
    foreach library $libraries { if {[string match $library [file tail $entry]]} { return 1 } }
    if {[string match /opt/rocm* $entry] || [string match //opt/rocm* $entry]} { return 1 }
    return [expr {[llength [glob -nocomplain -directory $entry {*}$libraries]] > 0}]
}
if {[module-info mode load]} {
    foreach rocmswitch_list {LD_LIBRARY_PATH LD_PRELOAD} {
        set rocmswitch_value [rocmswitch_environment $rocmswitch_list]
        # Libraries to be loaded first may have blanks between them (ld.so(8)).
        set rocmswitch_by :
        if {$rocmswitch_list eq "LD_PRELOAD" && ![string match *:* $rocmswitch_value]} { set rocmswitch_by " " }
        foreach rocmswitch_entry [split $rocmswitch_value $rocmswitch_by] {
            if {$rocmswitch_entry ne "" && [rocmswitch_is_foreign $rocmswitch_entry]} {
                remove-path -d $rocmswitch_by $rocmswitch_list $rocmswitch_entry
            }
        }
    }
}
