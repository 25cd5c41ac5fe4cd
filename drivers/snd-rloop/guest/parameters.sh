# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Module parameters that have to be refused, each with its message.
substreams='a whole number from 1 to 128'
topology='cable, crossed or fanout'
index='a whole number from 0 to 127, -1 for the first that is free, or a negative mask'
boolean='1, y, on, 0, n or off'

logged() { dmesg | sed "1,/\] try $tries\$/d"; }
remark() { echo "modprobe: $(cat /tmp/error); log: $(logged | tr '\n' ';')"; }
tries=0
# does_refuse PARAMETERS GIVEN ALLOWED
does_refuse() {
	if eval "modprobe snd-rloop $1" 2>/tmp/error; then
		rmmod snd-rloop
		echo 'it loaded' >/tmp/error
		return 1
	fi
	grep -q 'Invalid argument' /tmp/error && logged | grep -F 'snd_rloop: ' | grep -F -e "$2 " | grep -qF -e "$3"
}
# refused PARAMETERS GIVEN ALLOWED: modprobe says that they are invalid, and one line of the log has the other two.
# What is wrong with one load must not be in the way of the next.
refused() {
	tries=$((tries + 1))
	echo "try $tries" >/dev/kmsg
	check "refused: $1" does_refuse "$@"
}
refused pcm_substreams=0 pcm_substreams=0 "$substreams"
refused pcm_substreams=129 pcm_substreams=129 "$substreams"
refused pcm_substreams=-1 pcm_substreams=-1 "$substreams"
refused pcm_substreams=8x pcm_substreams=8x "$substreams"
refused pcm_substreams=1.5 pcm_substreams=1.5 "$substreams"
refused pcm_substreams=4294967304 pcm_substreams=4294967304 "$substreams"
refused 'enable=1,1 pcm_substreams=8,0' pcm_substreams=0 "$substreams"
refused topology=ring topology=ring "$topology"
refused timer_source=hw:1.x timer_source=hw:1.x 'hrtimer, jiffies, or a timer as [hw:]CARD'
refused timer_source=-2.4.0 timer_source=-2.4.0 'or -1 for a global timer'
# The card itself, by its number and by its id.
refused 'index=5 timer_source=hw:5.0.0' timer_source=hw:5.0.0 "another card's number or id"
refused 'id=Mine timer_source=Mine' timer_source=Mine "another card's number or id"
refused topology=Cable topology=Cable "$topology"
refused topology=cables topology=cables "$topology"
refused 'enable=1,1 topology=cable,ring' topology=ring "$topology"
refused pcm_substreams=8,0 pcm_substreams=0 "$substreams"
refused index=128 index=128 "$index"
refused index=x index=x "$index"
refused index=0x80 index=0x80 "$index"
refused index=-2147483649 index=-2147483649 "$index"
refused index=1,128 index=128 "$index"
refused '"id=$(printf '\''a\377b'\'')"' 'id=(not UTF-8)' 'UTF-8, best letters'
refused name=0123456789012345678901234567890x name=0123456789012345678901234567890x '1 to 31 printable bytes of UTF-8'
refused '"name=$(printf '\''a\377b'\'')"' 'name=(not UTF-8)' 'printable bytes of UTF-8'
refused enable=2 enable=2 "$boolean"
refused pcm_notify=maybe pcm_notify=maybe "$boolean"
refused formats=S16 formats=S16 'all, or names of sample formats'
refused "'rates=\"48000 1000\"'" 'rates=48000 1000' 'from 8000 to 768000'
refused channels=2-1 channels=2-1 'from 1 to 128'
refused wakeup_slack=50001 wakeup_slack=50001 'a whole number from 0 to 50000'
refused bandwidth=0 bandwidth=0 'a whole number from 1 to 1000000'
check 'the module loads after all that' modprobe snd-rloop
exit $status
