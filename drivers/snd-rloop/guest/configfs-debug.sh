# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `configfs-debug`: cards are made and removed
# `cycles` times, while programs play, record, read and write on them, others
# make, remove and unplug the same card at the same time, and others yet make
# and remove its directory. Then cards go while programs write their ids. What
# counts is the kernel's log, and that it ends.
config=/sys/kernel/config/rloop
until_stop() { until [ -e /tmp/stop ]; do "$@"; done >/dev/null 2>&1; }
# put FILE VALUE: as `echo VALUE >FILE`, with no word about its failure
put() { { echo "$2" >"$1"; } 2>/dev/null; }

# Programs that use the card that comes and goes. They leave room for each other to find it idle.
sound() {
	aplay -q -D hw:Cycle -t raw -f S16_LE -r 48000 -c 1 -s 480 /dev/zero
	arecord -q -D hw:Cycle,1 -t raw -f S16_LE -r 48000 -c 1 -s 480
	sleep 0.5
}
mixer() {
	amixer -q -c Cycle sset Cable,1 5dB-
	cat $config/*/* /proc/asound/Cycle/cable*
	rmmod snd_rloop
	sleep 0.5
}
# One card with several masters, one of whom pulls the plug.
shared() {
	put $config/Shared/enable 1
	aplay -q -D hw:Shared -t raw -f S16_LE -r 48000 -c 1 -s 480 /dev/zero
	put $config/Shared/enable 0
}
unplug() {
	put $config/Shared/enable 1
	read -r number <$config/Shared/card
	grep -q "^ *$number \[Shared " /proc/asound/cards && put /sys/kernel/debug/snd_rloop/card$number/unplug 1
	put $config/Shared/enable 0
	sleep 0.1
}
# One directory with several masters.
common() {
	mkdir $config/Common
	put $config/Common/enable 1
	put $config/Common/enable 0
	rmdir $config/Common
}

modprobe snd-rloop enable=0 || exit 1
mkdir $config/Shared
jobs=
for job in sound mixer shared unplug common common; do
	until_stop $job &
	jobs="$jobs $!"
done

# cycle NUMBER: a card's life
cycle() {
	mkdir $config/Cycle && put $config/Cycle/topology crossed && put $config/Cycle/pcm_substreams 2 || return 1
	until put $config/Cycle/enable 1; do [ "$(cat $config/Cycle/enable)" = 0 ] || return 1; done
	[ -e "/proc/asound/card$(cat $config/Cycle/card)" ] || return 1
	sleep 0.$((($1 * 7) % 4))
	for _ in $(seq 500); do
		if put $config/Cycle/enable 0; then
			rmdir $config/Cycle
			return
		fi
		refused=$((refused + 1))
		sleep 0.05
	done
	return 1
}
done=0
refused=0
for number in $(seq $cycles); do
	cycle $number || break
	done=$((done + 1))
	[ $((done % 10)) != 0 ] || echo "$done cycles, refused $refused times while in use"
done
check "$cycles cards have come and gone" [ $done = $cycles ]
check 'some were in use' [ $refused -gt 0 ]
touch /tmp/stop
wait $jobs

gone() {
	put $config/$1/enable 0
	[ ! -e $config/$1 ] || rmdir $config/$1
}
for name in Shared Common Cycle; do
	check "the directory $name can be removed" gone $name
done
no_card() { [ "$(cat /proc/asound/cards)" = '--- no soundcards ---' ]; }
check 'no card is left' no_card

# A card's id in sysfs is written while the card is there and while it goes; by one program, since two at a time leave
# ALSA's link in /proc behind, and not while it comes, as ALSA then makes that link twice. (No line's end: that is no
# letter of an id.)
lock() { until mkdir /tmp/id 2>/dev/null; do :; done; }
unlock() { rmdir /tmp/id; }
rename() {
	until [ -e /tmp/stop ]; do
		for id in A B C D; do
			lock
			printf $id >/sys/class/sound/card0/id && echo $id >>/tmp/renamed
			unlock
		done
	done 2>/dev/null
}
registered() {
	lock
	put $config/$1/enable 1 && unlock
}
rm /tmp/stop
rename &
jobs=$!
mkdir $config/Named
named=0
while [ $named -lt $cycles ] && registered Named && put $config/Named/enable 0; do
	named=$((named + 1))
done
touch /tmp/stop
wait $jobs
check "$cycles cards have gone while their ids were written" [ $named = $cycles ]
echo "of which $(wc -l </tmp/renamed) were taken"
check 'some of them were taken' [ -s /tmp/renamed ]
check 'the directory Named can be removed' gone Named
check 'no card is left of those' no_card

mkdir $config/Last
put $config/Last/enable 1
rloop verify --format ptest --card Last --only 'start/*' --only 'cable/*' || status=1
check 'a last card can be removed' gone Last
check 'the module can be unloaded' rmmod snd_rloop
check 'the ALSA core can be unloaded after it' rmmod snd-pcm snd-timer snd
exit $status
