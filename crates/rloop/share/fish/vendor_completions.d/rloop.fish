# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_rloop_global_optspecs
    string join \n h/help V/version
end

function __fish_rloop_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_rloop_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_rloop_using_subcommand
    set -l cmd (__fish_rloop_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c rloop -n "__fish_rloop_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rloop -n "__fish_rloop_needs_command" -s V -l version -d 'Print version'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "verify" -d 'Check that drivers do what they promise'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "merge" -d 'Put reports of several machines together, and see that each check was run once'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "bench" -d 'Measure how exact, how prompt and how costly drivers are'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "status" -d 'Show what every card and device is doing'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "generate" -d 'Write manual pages and the shells\' completions below a directory such as /usr/local/share'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "stress-child" -d 'One process of the stress test (started by it)'
complete -c rloop -n "__fish_rloop_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l card -d 'Loopback card to check, by id or index [default: the first of snd-rloop, else the first of snd-aloop]' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l stress -d 'Do random legal things to all loopback cards, or a driver\'s devices, for so long, then check that they work' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l seed -d 'Seed of the stress test, to repeat one [default: a new one each time; it is printed]' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l only -d 'Only checks whose name contains this, or matches it if it has a * (can be given more than once)' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l shard -d 'Only one of N shares of them all, the K-th; `rloop merge` puts the reports of all N together' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l format -d 'Format of the results on standard output (progress goes to standard error)' -r -f -a "human\t'For people: progress, failures, a summary'
ptest\t'PASS: name, FAIL: name, SKIP: name (as ptest-runner reads it)'
tap\t'Test Anything Protocol, version 14'
json\t'One JSON object'
junit\t'JUnit XML'"
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l byte-rate -d 'Matrix cases that move more than this many MiB per second in one direction are left out [default: 16]' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l case-bytes -d 'Matrix cases move at most this many KiB in one direction [default: 512]' -r
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l full -d 'Of sound: every combination of format, rate, channels and both accesses, not only every pair'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l faults -d 'Make cards and devices do wrong on purpose, and see that it is noticed'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l failing-allocations -d 'Let each allocation fail once that the kernel makes for a card or device, and see that it does no harm'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l interrupts -d 'Measure for how long the card keeps a processor from its interrupts, under the heaviest loads'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l suspend -d 'Suspend the machine for a moment while streams run, and see that they go on'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l powercut -d 'Take the power away from a disk, again and again, and see that what was flushed is there afterwards'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -l list -d 'List the checks and what each proves, and run none'
complete -c rloop -n "__fish_rloop_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rloop -n "__fish_rloop_using_subcommand merge" -l list -d 'What `rloop verify --list` has said with the same options, without --shard: each check has to have a result' -r -F
complete -c rloop -n "__fish_rloop_using_subcommand merge" -l format -d 'Format of the results on standard output' -r -f -a "human\t'For people: progress, failures, a summary'
ptest\t'PASS: name, FAIL: name, SKIP: name (as ptest-runner reads it)'
tap\t'Test Anything Protocol, version 14'
json\t'One JSON object'
junit\t'JUnit XML'"
complete -c rloop -n "__fish_rloop_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l card -d 'Card to measure, by id or index; may be given repeatedly, as 64 cables of snd-aloop are several cards\' [default: all loopback cards]' -r
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l seconds -d 'How long each long measurement takes; the shorter ones take a third of it [default: 60]' -r
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l starts -d 'How often a loop is started to see its delay [default: 1000]' -r
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l only -d 'Only this part; may be given repeatedly' -r -f -a "noise\t'The machine\'s own scheduling noise'
position\t'In what steps the position moves'
jitter\t'How late a program is woken'
buffer\t'The smallest buffer that is served'
delay\t'The delay from player to recorder'
load\t'Processor time and timer interrupts'
pitch\t'Exactness of the pitch, and time to its effect'
throughput\t'How fast a cable without a clock is'"
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l title -d 'What the run is called in the report; runs of one title are repeats of each other [default: the kernel\'s name]' -r
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l from -d 'Measure nothing, and report what an earlier run has left with --format json; may be given repeatedly' -r -F
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l report -d 'Write a page with all tables and plots, which needs no other file' -r -F
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l format -d 'Format of the figures on standard output (progress goes to standard error)' -r -f -a "human\t'Tables'
markdown\t'The same for a document'
json\t'All figures as one JSON object'"
complete -c rloop -n "__fish_rloop_using_subcommand bench" -l kernel-log -d 'Say in the kernel\'s log, by /dev/kmsg, when each measurement of the load begins and ends'
complete -c rloop -n "__fish_rloop_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rloop -n "__fish_rloop_using_subcommand status" -l card -d 'Only this card, by id or index' -r
complete -c rloop -n "__fish_rloop_using_subcommand status" -l json -d 'As JSON, with all that is known'
complete -c rloop -n "__fish_rloop_using_subcommand status" -s h -l help -d 'Print help'
complete -c rloop -n "__fish_rloop_using_subcommand generate" -s h -l help -d 'Print help'
complete -c rloop -n "__fish_rloop_using_subcommand stress-child" -l seed -d 'Seed of its random numbers' -r
complete -c rloop -n "__fish_rloop_using_subcommand stress-child" -l driver -d 'Driver to work on' -r
complete -c rloop -n "__fish_rloop_using_subcommand stress-child" -l cards -d 'Cards to work on' -r
complete -c rloop -n "__fish_rloop_using_subcommand stress-child" -l failing-allocations -d 'Whether allocations may fail'
complete -c rloop -n "__fish_rloop_using_subcommand stress-child" -s h -l help -d 'Print help'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "verify" -d 'Check that drivers do what they promise'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "merge" -d 'Put reports of several machines together, and see that each check was run once'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "bench" -d 'Measure how exact, how prompt and how costly drivers are'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "status" -d 'Show what every card and device is doing'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "generate" -d 'Write manual pages and the shells\' completions below a directory such as /usr/local/share'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "stress-child" -d 'One process of the stress test (started by it)'
complete -c rloop -n "__fish_rloop_using_subcommand help; and not __fish_seen_subcommand_from verify merge bench status generate stress-child help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
