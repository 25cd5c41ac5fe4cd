# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The module is loaded and unloaded, again and again.
times=100
for i in $(seq $times); do
	modprobe snd-rloop || { echo "load $i failed"; exit 1; }
	[ -e /proc/asound/card0 ] || { echo "load $i made no card"; exit 1; }
	rmmod snd-rloop || { echo "unload $i failed"; exit 1; }
done
echo "PASS: loaded and unloaded $times times"
# What the module has forgotten in the ALSA core comes to light when that goes.
check 'the ALSA core can be unloaded after it' rmmod snd-pcm snd-timer snd
exit $status
