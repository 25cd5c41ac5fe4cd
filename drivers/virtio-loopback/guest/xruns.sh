# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The device of a virtio sound card is stopped while it plays, for longer than what it plays to has sound for, though not for
# so long that ALSA gives the card up; then the player is, for longer than the card has sound for. Each is an xrun, after
# which it goes on where it was: the recording is judged on the host.

. /mnt/share/files/sound.sh

noise=/tmp/noise.wav
# PROGRAM SECONDS: it stands still for so long.
stopped() { halt "$1" && sleep "$2" && kill -CONT "$1"; }
# So many were there, of what is played to and of the player.
were() {
	[ $(($(sum A xruns) - ${before_A% *})) -ge "$1" ] && [ "$(grep -c underrun /tmp/noise.log)" -ge "$2" ]
}

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
first_card
check 'the card comes' within 150 there SoundCard

record A S32_LE 44100 2 8 /tmp/recorded-noise.wav
sleep 0.3
aplay -q -D sysdefault:CARD=SoundCard $noise 2>/tmp/noise.log &
player=$!
sleep 1
check 'its device stands still' stopped ${first% *} 0.3
sleep 0.7
check 'and so does the player' stopped $player 1
check 'aplay is content' wait $player
wait $recorders
check 'what is played to has had an xrun, and so has the player' were 1 1
xruns A /tmp/noise.log >/mnt/share/xruns-noise.txt
cat /mnt/share/xruns-noise.txt /tmp/noise.log
cp /tmp/recorded-noise.wav /mnt/share
cp $noise /mnt/share/played-noise.wav
kill $first
wait $first 2>/dev/null
check 'the module can be unloaded' within 20 rmmod virtio_loopback
cat /tmp/sound.log /tmp/adapter.log
exit $status
