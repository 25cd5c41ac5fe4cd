# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `noise`: an ordinary user who may use the card
# does what is refused, again and again. The log must not grow with it.
remark() { dmesg | tail -n 3 | tr '\n' ';'; }
lines() { dmesg | grep -c '\] snd_rloop: '; }
as_user() { su -s /bin/sh nobody -c "$1"; }
# open NAME: of a stream, by the user
open() { as_user "aplay -q -D $1 -d 1 -f S16_LE -r 48000 -c 2 /dev/zero"; }
made() { echo "$1" >/sys/kernel/config/rloop/Other/enable; }

modprobe snd-rloop pcm_substreams=2 timer_source=Other.0.0 index=0 || exit 1
mkdir /sys/kernel/config/rloop/Other || exit 1
echo 1 >/sys/kernel/config/rloop/Other/index
chmod 666 /dev/snd/*

# A timer that comes and goes, as one that is driven by a user does.
before=$(lines)
open hw:0,0,0
check 'a timer that is missing is in the log' [ $(lines) = $((before + 1)) ]
while_made=0
for _ in $(seq 3); do
	made 1
	before=$(lines)
	open hw:0,0,0
	made 0
	while_made=$((while_made + $(lines) - before - 1))
	before=$(lines)
	open hw:0,0,0
	while_made=$((while_made + $(lines) - before))
done
check 'once, however often it comes and goes' [ $while_made = 0 ]
open hw:0,0,1
before=$(lines)

# All that is refused: parameters, a second player, states, values of elements and elements that are not there.
tries='
for _ in $(seq 20); do
	aplay -q -D hw:0,0,0 -d 1 -f S16_LE -r 48000 -c 2 /dev/zero &
	arecord -q -D hw:0,0,0 -d 1 -f S32_LE -r 44100 -c 1 /dev/null
	aplay -q -D hw:0,0,0 -d 1 -f U8 -r 8000 -c 1 /dev/zero
	arecord -q -D hw:0,0,1 -d 1 -f S16_LE -r 1000 -c 200 /dev/null
	aplay -q -D hw:0,0,9 -d 1 /dev/zero
	arecord -q -D hw:0,1 -d 1 /dev/null
	for name in "Cable Delay" "Cable Clock" "Capture Pitch 1000000" "PCM Notify" "Nothing"; do
		amixer -q -c 0 cset "iface=PCM,name=$name" 999999999
	done
	for file in /proc/asound/card0/* /proc/asound/card0/pcm*/sub*/*; do
		cat "$file" >/dev/null
		echo 1 >"$file"
	done
	echo hw:9.x >/proc/asound/card0/timer_source
	echo 1 >/sys/kernel/config/rloop/Other/enable
	mkdir /sys/kernel/config/rloop/Mine
	cat /sys/module/snd_rloop/parameters/*
	wait
done'
as_user "$tries" >/tmp/tries 2>&1
check 'what is refused to a user is not in the log' [ $(lines) = $before ]
as_user 'rloop verify --stress 10 --card 0' >/tmp/stress 2>&1
check 'nor is what is refused in stress' [ $(lines) = $before ]
check 'and there was some' grep -q '[1-9]' /tmp/stress
rmdir /sys/kernel/config/rloop/Other
rmmod snd_rloop
exit $status
