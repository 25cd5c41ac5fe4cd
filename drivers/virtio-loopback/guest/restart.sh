# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The device of a virtio sound card is killed while it plays, `rounds` times; 20, if nobody says otherwise. What plays
# ends soon, the card comes back with the device, and then plays exactly as before: recordings of so many `recorded`
# seconds are judged on the host.

. /mnt/share/files/sound.sh

short=/tmp/short.wav
rounds=${rounds:-20}
recorded=${recorded:-1}

ended() { ! kill -0 "$1" 2>/dev/null; }
# What goes wrong in a round ends it, and the others.
round() {
	recorders=
	record A S32_LE 44100 2 $recorded /tmp/recorded.wav
	sleep 0.2
	aplay -q -D sysdefault:CARD=SoundCard $short 2>/tmp/short.log || { echo "round $1: it can't be played"; return 1; }
	wait $recorders || { echo "round $1: it can't be recorded"; return 1; }
	mv /tmp/recorded.wav /tmp/recorded-short-$1.wav
	xruns A /tmp/short.log >/tmp/xruns-short-$1.txt
	# Longer than all that comes.
	aplay -q -D sysdefault:CARD=SoundCard -f S16_LE -r 48000 -c 2 /dev/zero 2>/tmp/aplay.log &
	player=$!
	within 20 plays SoundCard S16_LE 48000 2 || { echo "round $1: it does not play"; return 1; }
	sleep 0.2
	kill -9 ${first% *}
	within 20 ended $player || { echo "round $1: aplay goes on"; return 1; }
	wait $player && { echo "round $1: aplay says nothing is wrong"; return 1; }
	within 10 gone SoundCard || { echo "round $1: the card stays"; return 1; }
	backend 0 a
	first="$! ${first#* }"
	within 30 there SoundCard || { echo "round $1: the card does not come back"; return 1; }
}
all_rounds() {
	local n=1
	while [ $n -le $rounds ]; do
		round $n || return 1
		n=$((n + 1))
	done
}

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
first_card
check 'the card comes' within 150 there SoundCard
cp $short /mnt/share/played-short.wav
check "$rounds times it dies, and comes back" all_rounds
check 'all of it was recorded' [ "$(ls /tmp/recorded-short-* | wc -l)" = $rounds ]
cat /tmp/sound.log
cat /tmp/xruns-short-* | sort | uniq -c
cp /tmp/recorded-short-* /tmp/xruns-short-* /mnt/share
kill $first
wait $first 2>/dev/null
check 'the module can be unloaded' within 20 rmmod virtio_loopback
tail -n 20 /tmp/adapter.log
exit $status
