# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The device as a shell has it: redirection is enough, the three ways to close, intervals, what is refused.

# took COMMAND…: runs it, and sets `took` to how many hundredths of a second that took
took() { read -r begin _ </proc/uptime; "$@"; read -r end _ </proc/uptime; took=$(echo "$end $begin" | awk '{ printf "%d", ($1 - $2) * 100 + 0.5 }'); }
play() { cat /tmp/sound >"$1"; }
value() { sed -n "s/^$1: //p" /proc/asound/sad/converter; }

head -c 4000 /dev/urandom | tr '\177' a >/tmp/sound
modprobe sad || exit 1
check 'arecord lists it' eval 'arecord -l | grep -qF "card 0: sad [Simple Audio Device], device 0:"'
check 'aplay does not list it' eval '! aplay -l 2>&1 | grep -q "card 0"'
check 'there are three nodes' [ -c /dev/sad -a -c /dev/sadnb -a -c /dev/sadbg ]
arecord -q -D hw:sad -f MU_LAW -t raw -d 2 /tmp/heard &
sleep 0.3
took play /dev/sad
check 'cat returns when half a second of sound has left' [ "$took" -ge 49 -a "$took" -le 52 ]
wait $!
check 'what was written is recorded' eval 'tr -d "\177" </tmp/heard | cmp - /tmp/sound'
took play /dev/sadnb
check 'cat to sadnb returns at once' [ "$took" -le 5 ]
check 'and what has not left is dropped' [ "$(value waiting)" = '0 of 8192' -a "$(value dropped)" -gt 3000 ]
took play /dev/sadbg
check 'cat to sadbg returns at once' [ "$took" -le 5 ]
check 'the rest has not left yet' [ "$(value waiting)" != '0 of 8192' ]
sleep 0.6
check 'but does' [ "$(value waiting)" = '0 of 8192' ]
check 'an interval is a line of 16 bytes' eval 'read -r us </dev/sad && [ "$us" -ge 100 -a "$us" -le 150 ]'
check 'two are 32' [ "$(head -c 32 /dev/sad | wc -l)" = 2 ]
exec 3>/dev/sad
check 'the module stays while a node is open' eval '! rmmod sad 2>/dev/null'
exec 3>&-
check 'a device is made in configfs' mkdir /sys/kernel/config/sad/mic
check 'at a rate of its own' eval 'echo 48000 >/sys/kernel/config/sad/mic/rate && echo s16_le >/sys/kernel/config/sad/mic/format'
check 'and enabled' eval 'echo 1 >/sys/kernel/config/sad/mic/enable'
check 'its nodes are there' [ -c /dev/sad-mic -a -c /dev/sadnb-mic -a -c /dev/sadbg-mic ]
check 'it can be written' eval 'head -c 9600 /dev/zero >/dev/sad-mic'
check 'and disabled' eval 'echo 0 >/sys/kernel/config/sad/mic/enable'
check 'and removed' rmdir /sys/kernel/config/sad/mic
check 'sound that is left does not keep the module' eval 'play /dev/sadbg && modprobe -r sad'
for parameter in rate=7999 rate=192001 format=S17 format=FLOAT64_LE buffer=100 parport=256 parport=250 strobe=maybe; do
	check "$parameter is refused" eval "! modprobe sad $parameter 2>/dev/null"
done
check 'a second device has nodes with its number' eval 'modprobe sad enable=1,1 && [ -c /dev/sad1 -a -c /dev/sadnb1 -a -c /dev/sadbg1 ]'
check 'the module can be unloaded' modprobe -r sad
