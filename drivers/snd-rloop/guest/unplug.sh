# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the steps `unplug`: the module must not go while its
# card is in use, but the card may. `limit` is how many seconds a change may take.
not() { ! "$@"; }
soon() {
	tries=$((limit * 10))
	until "$@"; do
		[ $tries -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
}
pcm=/proc/asound/card0/pcm0
position() { grep hw_ptr ${pcm}$1/sub0/status; }
runs() { grep -q '^state: RUNNING' ${pcm}$1/sub0/status 2>/dev/null && [ ! -e /tmp/$1 ]; }
both_run() { runs p && runs c; }
both_move() {
	p=$(position p) && c=$(position c) || return 1
	sleep 0.5
	both_run && [ "$p" != "$(position p)" ] && [ "$c" != "$(position c)" ]
}
both_ended() { [ -s /tmp/p ] && [ -s /tmp/c ]; }
failed() { [ -s /tmp/$1 ] && [ "$(cat /tmp/$1)" != 0 ]; }
card_is_there() { grep -q '^ 0 \[rloop  ' /proc/asound/cards; }
card_has_gone() { ! card_is_there && [ ! -e /proc/asound/card0 ]; }
clock_is() { grep -q "^timer state: $1" /proc/asound/follower/cable#0; }
records() { [ "$(stat -c %s /tmp/f.raw)" -gt "$1" ]; }

modprobe snd-rloop enable=1,1 id=rloop,follower timer_source=,hw:rloop.0.0 || exit 1
common='-q -D hw:rloop,0,0 -t raw -f S16_LE -r 48000 -c 2 -d 600'
(arecord $common >/dev/null; echo $? >/tmp/c) &
(aplay $common </dev/zero; echo $? >/tmp/p) &
check 'aplay and arecord run' soon both_run
arecord -q -D hw:follower,0,0 -t raw -f S16_LE -r 48000 -c 2 -d 600 >/tmp/f.raw &
follower=$!
check 'another card follows it' soon clock_is following

check 'rmmod is refused while they run' not rmmod snd_rloop
check 'the card is still there after it' card_is_there
check 'aplay and arecord still run after it' soon both_move

echo 1 >/sys/kernel/debug/snd_rloop/card0/unplug
check 'the card can be unplugged' [ $? = 0 ]
check 'aplay and arecord end when it is unplugged' soon both_ended
check 'aplay says that it failed' failed p
check 'arecord says that it failed' failed c
check 'the card has gone' card_has_gone
check 'the other card notices' soon clock_is holdover
check 'and goes on' soon records $(($(stat -c %s /tmp/f.raw) + 100000))
kill $follower
wait $follower
check 'the module can be unloaded after it' rmmod snd_rloop

# A timer that its card does not have, under three programs. The kernel asks for modules by a program of ours.
modprobe snd-rloop enable=1,1 id=rloop,follower timer_source=,hw:rloop.7.0 || exit 1
loader=$(cat /proc/sys/kernel/modprobe)
printf '#!/bin/sh\necho "$*" >>/tmp/asked\n' >/tmp/modprobe
chmod +x /tmp/modprobe
echo /tmp/modprobe >/proc/sys/kernel/modprobe
for _ in 1 2 3; do arecord -q -D hw:follower,0,0 -t raw -f S16_LE -r 48000 -s 48 /dev/null; done
echo "$loader" >/proc/sys/kernel/modprobe
check 'ALSA is asked once for a timer that a card does not have' [ "$(grep -c snd-card-0 /tmp/asked)" = 1 ]
check 'and it is said once that it is missing' [ "$(dmesg | grep -c 'timer hw:rloop.7.0 is not there')" = 1 ]
check 'the module can be unloaded after that' rmmod snd_rloop
# What the module has forgotten in the ALSA core comes to light when that goes.
check 'the ALSA core can be unloaded after it' rmmod snd-pcm snd-timer snd
exit $status
