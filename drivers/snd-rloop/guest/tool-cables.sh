# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `tool-cables`: cables of one card that differ.
remark() { diff /tmp/before /tmp/after | tr '\n' ' '; }
set_of() { amixer -q -c rloop cset "$@"; }
# Not the ranges, which depend on the rate of the last player.
settings() { amixer -c rloop contents | grep -v type=; cat /proc/asound/rloop/timer_source; }
as_before() {
	settings >/tmp/after
	cmp -s /tmp/before /tmp/after
}

modprobe snd-rloop || exit 1
set_of iface=PCM,name='Cable Clock' Free
set_of iface=PCM,name='Cable Delay',subdevice=1 4800
set_of iface=PCM,name='Cable Pitch',subdevice=1 1010000
set_of iface=PCM,name='Cable Clock',subdevice=2 Free
set_of iface=PCM,name='Cable Pitch',subdevice=3 800000
set_of iface=MIXER,name='Cable Playback Volume',index=1 57
set_of iface=MIXER,name='Cable Playback Switch',index=4 off
echo jiffies >/proc/asound/rloop/timer_source
settings >/tmp/before

arecord -q -D hw:rloop,0,1 -t raw -f S16_LE -r 48000 -c 2 /dev/null &
delayed=$!
arecord -q -D hw:rloop,0,2 -t raw -f S16_LE -r 48000 -c 2 /dev/null &
sleep 1
rloop status >/tmp/status
check 'status shows the delay of a cable' grep -q 'delay of play 0,1: 4800 frames' /tmp/status
check 'and its pitch' grep -q 'pitch of play 0,1: 1010000 millionths' /tmp/status
check 'and the pitch of one that nobody uses' grep -q 'pitch of play 0,3: 800000 millionths' /tmp/status
check 'and the clock of each' grep -q 'clock of play 0,2: none (free)' /tmp/status
kill -9 $delayed $!
wait
rloop status >/tmp/status
check 'what was counted is shown after that' grep -qE 'record 0,1 +closed .* [1-9][0-9]*' /tmp/status

rloop verify --format ptest $(for group in ends start silence pause drain xrun cable delay reported free clock wakeup \
	proc controls volume timer-source; do echo "--only $group/*"; done)
check 'verify' [ $? = 0 ]
check 'verify puts back what it has changed' as_before
rloop bench --seconds 1 --starts 3 --only position --only delay --only pitch --only throughput --format json >/tmp/bench
check 'bench' [ $? = 0 ]
check 'bench measures the cables that have a clock' grep -q '"least_step": 1,' /tmp/bench
check 'bench puts back what it has changed' as_before
check 'the module can be unloaded after it' rmmod snd_rloop
exit $status
