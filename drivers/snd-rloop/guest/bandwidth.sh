# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `bandwidth`: streams of 192 kB/s on cards
# that may have 1 MB/s.
stream='-f S16_LE -c 2 -r 48000 /dev/null'
record() { arecord -q -d 1 -D "$1" $stream 2>/tmp/error; }
refused() { ! record "$1" && grep -q 'Unable to install hw params' /tmp/error; }
told() { dmesg | grep -c "\] snd_rloop: card $1: a stream of 192 kB/s is refused, since all of the card's together would take more than bandwidth=1 (MB/s) allows"; }
runs() { grep -qs '^state: RUNNING' "/proc/asound/card0/pcm0c/sub$1/status"; }

recorders=
modprobe snd-rloop enable=1,1 bandwidth=1 || exit 1
for number in 0 1 2 3 4; do
	arecord -q -D hw:0,0,$number $stream &
	recorders="$recorders $!"
done
sleep 1
check 'five streams record' eval 'for number in 0 1 2 3 4; do runs $number || exit 1; done'
check 'another is refused' refused hw:0,0,5
check 'and again, on whichever cable' refused hw:0,0,6
check 'the log says so once' [ "$(told 0)" = 1 ]
check "the streams of another card are not counted" record hw:1,0,0
check 'of which the log has nothing to say' [ "$(told 1)" = 0 ]
kill $!
wait $!
check 'one that has ended makes room' record hw:0,0,6
check 'one that has been refused has taken nothing' record hw:0,0,5
kill $recorders 2>/dev/null
wait
check 'the module can be unloaded' modprobe -r snd-rloop
exit $status
