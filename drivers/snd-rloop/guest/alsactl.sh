# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `alsactl`: what alsactl(1) stores of a card
# it restores, on the same card and on the one after the next boot.
remark() { echo "Cable,3: $(amixer -c0 sget Cable,3 | tail -n 1)"; }
pitch="iface=PCM,device=1,name='Cable Pitch'"
is() { amixer -c0 sget Cable,3 | grep -q "Mono: Playback $1" && amixer -c0 cget "$pitch" | grep -q ": values=$2\$"; }
change() { amixer -q -c0 sset Cable,3 "$1" && amixer -q -c0 sset Cable,3 "$2" && amixer -q -c0 cset "$pitch" "$3"; }
load() { modprobe snd-rloop id=Loopback topology=crossed pcm_substreams=2; }
restore() { alsactl --file /tmp/state --no-init-fallback restore 0; }
fresh='200 \[100%\] \[0.00dB\] \[on\]'
kept='155 \[78%\] \[-22.50dB\] \[off\]'

load || exit 1
check 'a new card is at 0 dB, on, at the nominal pitch' is "$fresh" 1000000
check 'amixer sets them' change 155 mute 1000123
check 'amixer shows them' is "$kept" 1000123
check 'alsactl stores them' alsactl --file /tmp/state store 0
check 'amixer sets others' change 0dB unmute 1000000
check 'amixer shows the others' is "$fresh" 1000000
check 'alsactl restores them' restore
check 'they are as they were stored' is "$kept" 1000123
rmmod snd_rloop && load || exit 1
check 'a card made anew is at 0 dB, on, at the nominal pitch' is "$fresh" 1000000
check 'alsactl restores them on that one' restore
check 'they are as they were stored there, too' is "$kept" 1000123
rmmod snd_rloop || exit 1
exit $status
