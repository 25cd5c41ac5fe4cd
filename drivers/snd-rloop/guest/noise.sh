# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `noise`: an ordinary user who may use the card
# opens it, again and again. The log must not grow with it.
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
rmdir /sys/kernel/config/rloop/Other
rmmod snd_rloop
exit $status
