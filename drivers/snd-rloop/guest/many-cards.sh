# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `many-cards`: cards until the kernel has no more
# room for them. Of 256 device numbers (minors) 10 are not for cards, and a card takes
# three of the others, or five.
not() { ! "$@"; }
remark() { echo "$(cards) cards; $(last_line)"; }
cards() { grep -c '\]: ' /proc/asound/cards; }
# each COUNT VALUE
each() { for _ in $(seq "$1"); do printf '%s,' "$2"; done | sed 's/,$//'; }
log() { dmesg | sed "1,/\] room $1\$/d"; }
# room TOPOLOGY CARDS MINORS
room() {
	echo "room $1" >/dev/kmsg
	check "$1: the module loads" modprobe snd-rloop enable=$(each 128 1) pcm_substreams=$(each 128 1) topology=$1
	check "$1: $2 cards are there" [ $(cards) = $2 ]
	check "$1: and the last of them" [ -d /proc/asound/rloop_$(printf %X $(($2 - 1))) ]
	why="card $2 can't be made: it takes $3 of the 256 device numbers (minors) that all sound cards share, and no more are free"
	check "$1: the log says why there is no other" [ "$(log $1 | grep -cF "] snd_rloop: $why")" = 1 ]
	check "$1: and how many there are" eval "log $1 | grep -q '\] snd_rloop: module loaded, $2 card(s) of 128$'"
	check "$1: the module goes" rmmod snd_rloop
}
room cable 82 3
room fanout 82 3
room crossed 49 5

# One at a time.
modprobe snd-rloop enable=0
config=/sys/kernel/config/rloop
# make NAME
make() {
	mkdir -p $config/$1
	echo 1 >$config/$1/pcm_substreams
	bash -c 'echo 1 >"$1"' make $config/$1/enable 2>/tmp/error
}
# why NUMBER MINORS: the last line of the log says why there is no card with that number
why() {
	[ "$(last_line | sed 's/^.*\] snd_rloop: //')" = \
		"card $1 can't be made: it takes $2 of the 256 device numbers (minors) that all sound cards share, and no more are free" ]
}
made=0
while make C$made; do made=$((made + 1)); done
check 'in configfs there is room for 82' [ "$(cards) $made" = '82 82' ]
check 'the next is refused' grep -q ': Device or resource busy$' /tmp/error
check 'the log says why, last of all' why 82 3
check 'it is not there' [ "$(cat $config/C82/card) $(cat $config/C82/enable)" = '-1 0' ]
echo 0 >$config/C40/enable
check 'once another has gone there is room for it' eval "echo 1 >$config/C82/enable"
check 'and it has the number of that one' [ "$(cat $config/C82/card)" = 40 ]
for directory in $config/*; do
	echo 0 >$directory/enable
	rmdir $directory
done
check 'all can be removed' [ "$(cards)" = 0 ]

# With 49 of snd-aloop there is one device number left: a PCM device gets its playback half and no more. (With 50
# ALSA would wait for ever for that half, as it does for every driver's.)
modprobe snd-aloop enable=$(each 49 1) pcm_substreams=$(each 49 1)
check 'snd-aloop has room for 49' [ "$(cards)" = 49 ]
for topology in cable crossed; do
	mkdir $config/$topology
	echo $topology >$config/$topology/topology
	check "$topology: one beside them is refused" not make $topology
	check "$topology: with the reason in the log" why 49 $([ $topology = cable ] && echo 3 || echo 5)
	check "$topology: nothing is left of it" not eval 'ls /dev/snd | grep -q C49'
	rmdir $config/$topology
done
check 'snd-aloop goes' rmmod snd_aloop
check 'the module goes' rmmod snd_rloop
check 'the ALSA core can be unloaded after it' rmmod snd-pcm snd-timer snd
exit $status
