# What can follow: asked of the program when somebody presses Tab, not before.
function _rocmswitch_complete
    set -l words (commandline -cp)
    set -l word (commandline -t)
    set -l answer (_ROCMSWITCH_COMPLETE=fish_complete COMP_WORDS="$words" COMP_CWORD="$word" command rocmswitch 2>/dev/null)
    for one in $answer
        set -l parts (string split -m 1 , -- $one)
        switch $parts[1]
            case plain
                echo $parts[2]
            case file
                __fish_complete_path "$word"
            case dir
                __fish_complete_directories "$word"
        end
    end
end
complete -c rocmswitch -f -a '(_rocmswitch_complete)'
