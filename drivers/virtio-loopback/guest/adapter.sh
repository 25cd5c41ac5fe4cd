# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The adapter is killed, `rounds` times, in each phase of its device; 24, if nobody says otherwise. Each time the device
# goes, and the node is free at once; so it is while a program still holds a sound card of the device before. A sound
# card's backend closes what it plays to, and serves the next adapter.

. /mnt/share/files/sound.sh

rounds=${rounds:-24}
drivers=/sys/bus/virtio/drivers/virtio_rng
parent=/sys/devices/platform/virtio-loopback.1

# A source of random numbers, at the other node.
numbers() { virtio-loopback-test --socket /tmp/rng.sock >>/tmp/rng.log 2>&1 & numbers=$!; }
adapter() {
	# Not by what begins: until it does, the log would be the last one's.
	: >/tmp/adapter.log
	virtio-loopback-adapter -s /tmp/rng.sock -d vhurng -l 1 >>/tmp/adapter.log 2>&1 &
	adapter=$!
}
said() { grep -q "$1" /tmp/adapter.log; }
name() { basename $parent/virtio*; }
no_device() { [ ! -e $parent/virtio* ] 2>/dev/null; }
end() { kill -9 $adapter; wait $adapter 2>/dev/null; }

# How many sound cards have gone.
removed() { dmesg | grep -c '(sound): removed'; }

# In each of them the adapter ends, so that the next round is the test of the one before.
phase_any() { adapter; }
phase_idle() {
	echo 0 >/sys/bus/virtio/drivers_autoprobe
	adapter
	within 50 said 'device [0-9]* for' && ! said 'serves driver'
	local result=$?
	echo 1 >/sys/bus/virtio/drivers_autoprobe
	return $result
}
phase_live() { adapter; within 50 said 'serves driver'; }
phase_read() {
	phase_live || return 1
	within 50 grep -q virtio_rng /sys/class/misc/hw_random/rng_available || return 1
	tr ' ' '\n' </sys/class/misc/hw_random/rng_available | grep virtio_rng | tail -n 1 >/sys/class/misc/hw_random/rng_current
	dd if=/dev/hwrng of=/dev/null bs=64 2>/dev/null &
	reader=$!
	sleep 0.05
}
# A backend that is stopped answers no more, and so the adapter waits for it in the midst of what it does.
phase_stopping() {
	phase_live || return 1
	halt $numbers || return 1
	name >$drivers/unbind
	sleep 0.05
	! said 'has let go'
}
phase_ready() {
	phase_live || return 1
	local name=$(name)
	echo $name >$drivers/unbind
	within 50 said 'has let go' || return 1
	halt $numbers || return 1
	echo $name >$drivers/bind
	sleep 0.05
	! said 'serves driver 2'
}
all_rounds() {
	local n=0 phase
	while [ $n -lt $rounds ]; do
		for phase in any idle live read stopping ready; do
			reader=
			phase_$phase || { echo "round $n: not $phase: $(cat /tmp/adapter.log)"; kill -CONT $numbers; end; return 1; }
			end
			kill -CONT $numbers
			within 50 no_device || { echo "round $n: the device stays after $phase"; return 1; }
			[ -z "$reader" ] || wait $reader
			n=$((n + 1))
		done
	done
}

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
numbers
check "$rounds times the adapter is killed, and its device goes" all_rounds
check 'then there is one as ever' phase_live
check 'and the module stays' eval '! rmmod virtio_loopback 2>/dev/null'
end
kill $numbers
wait $numbers 2>/dev/null

# The adapter of a sound card whose backend is there.
sound_adapter() {
	virtio-loopback-adapter -s /tmp/sound0.sock -d vhusnd -l 0 >>/tmp/adapter.log 2>&1 &
	sound=$!
}
end_sound() { kill -9 $sound; wait $sound 2>/dev/null; }
# A child that has ended has a process still, without a state of these.
lives() { grep -q '^State:.[RSD]' /proc/$backend/status; }
# While it plays.
round() {
	aplay -q -D sysdefault:CARD=SoundCard -f S16_LE -r 48000 -c 2 /dev/zero 2>/tmp/aplay.log &
	player=$!
	within 20 plays OutA S16_LE 48000 2 || { echo "round $1: it does not play"; return 1; }
	sleep 0.3
	end_sound
	wait $player && { echo "round $1: aplay says nothing is wrong"; return 1; }
	within 50 gone SoundCard || { echo "round $1: the card stays"; return 1; }
	sound_adapter
	within 50 there SoundCard || { echo "round $1: the card does not come back"; return 1; }
	lives || { echo "round $1: the backend is gone"; return 1; }
}
sound_rounds() { for n in 1 2 3 4 5; do round $n || return 1; done; }

backend 0 a
backend=$!
sound_adapter
check 'a sound card comes' within 150 there SoundCard
check '5 times its adapter is killed while it plays, and the backend serves the next' sound_rounds
check 'the devices before have gone' within 50 eval '[ "$(removed)" = 5 ]'
card=$(readlink /proc/asound/SoundCard)
sleep 1000 </dev/snd/controlC${card#card} &
holder=$!
check 'a program holds the card' within 20 eval 'ls -l /proc/$holder/fd | grep -q controlC'
end_sound
check 'without its adapter it is gone' within 50 gone SoundCard
sound_adapter
check 'with another it is there again, under its name' within 50 there SoundCard
check 'although a program still holds the other' [ "$(removed)" = 5 ]
short=/tmp/short.wav
record A S32_LE 44100 2 ${recorded:-1} /tmp/recorded-short.wav
sleep 0.2
check 'it plays' eval 'aplay -q -D sysdefault:CARD=SoundCard $short 2>/tmp/short.log'
wait $recorders
xruns A /tmp/short.log >/mnt/share/xruns-short.txt
cp /tmp/recorded-short.wav /mnt/share
cp $short /mnt/share/played-short.wav
check 'by the backend that was there first' lives
kill $backend $sound
wait $backend $sound 2>/dev/null
check 'and goes' within 50 gone SoundCard
sleep 0.5
check 'the module can not be unloaded while the first is held' eval '! rmmod virtio_loopback 2>/dev/null'
kill $holder
wait $holder 2>/dev/null
check 'else it can' within 50 rmmod virtio_loopback
check 'as both have gone' [ "$(removed)" = 7 ]
cat /tmp/rng.log /tmp/sound.log
tail -n 20 /tmp/adapter.log
exit $status
