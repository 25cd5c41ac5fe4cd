# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `all-cables`: 1024 cables are played to and recorded from at the same time, in periods
# of 1024 frames; each has to carry its own sequence, without an xrun.
running() { cat /proc/asound/card*/pcm0p/sub*/status | grep -c '^state: RUNNING'; }
remark() { echo "at most $most were seen to run; $(tail -n 1 /tmp/card* | tr '\n' ' ')"; }
cards='0 1 2 3 4 5 6 7'
modprobe snd-rloop enable=1,1,1,1,1,1,1,1 pcm_substreams=128,128,128,128,128,128,128,128
for card in $cards; do
	{
		rloop verify --format ptest --card $card --only snd-rloop/cable/all-at-once
		touch /tmp/done$card
	} >/tmp/card$card 2>&1 &
done
most=0
until [ "$(ls /tmp | grep -c ^done)" = 8 ]; do
	sleep 0.1
	now=$(running)
	[ $now -lt $most ] || most=$now
done
wait
check '1024 cables ran at the same time' [ $most = 1024 ]
for card in $cards; do
	check "card $card: the first try of each of 128 cables" \
		[ "$(cat /tmp/card$card)" = "$(printf '  128 cables\nPASS: snd-rloop/cable/all-at-once')" ]
done
check 'the module goes' modprobe -r snd-rloop
exit $status
