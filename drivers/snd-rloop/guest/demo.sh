# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for `cargo xtask demo`. The recording is begun before the
# speech is played and is longer, so that all of it has to be in there.
set -e
card=MyLoopback
speech=/usr/share/sounds/alsa/Front_Center.wav
run() {
	echo "# $*"
	"$@"
}
echo "# modprobe snd-rloop id=$card name=\"My Virtual Loopback\""
modprobe snd-rloop id=$card name="My Virtual Loopback"
run aplay -l
run arecord -l
run cat /proc/asound/cards
cp $speech /mnt/share/original.wav
echo "# arecord -D hw:$card,0,0 -f S16_LE -r 48000 -c 1 -d 3 recording.wav &"
arecord -q -D hw:$card,0,0 -t wav -f S16_LE -r 48000 -c 1 -d 3 /tmp/recording.wav &
recorder=$!
sleep 0.5
run aplay -D hw:$card,0,0 $speech
wait $recorder
cp /tmp/recording.wav /mnt/share/recording.wav
echo "# rloop verify"
verify
