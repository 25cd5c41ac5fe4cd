# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The driver of a virtio sound card is taken from its device while it plays, and given back; and the driver's module is
# unloaded. Each time the card plays exactly afterwards.

. /mnt/share/files/sound.sh

short=/tmp/short.wav
drivers=/sys/bus/virtio/drivers/virtio_snd

exactly() {
	recorders=
	record A S32_LE 44100 2 1 /tmp/recorded.wav
	sleep 0.2
	aplay -q -D sysdefault:CARD=SoundCard $short && wait $recorders || return 1
	mv /tmp/recorded.wav /tmp/recorded-short-$1.wav
}
ended() { ! kill -0 "$1" 2>/dev/null; }
# As the file is: a released stream keeps what it was set to, and so does the cable.
playing() {
	aplay -q -D sysdefault:CARD=SoundCard -f S32_LE -r 44100 -c 2 /dev/zero 2>/tmp/aplay.log &
	player=$!
	sleep 0.3
	plays SoundCard S32_LE 44100 2
}

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
first_card
check 'the card comes' within 150 there SoundCard
cp $short /mnt/share/played-short.wav
check 'it plays' exactly 1
for n in 2 3 4; do
	check 'something goes on playing' playing
	device=$(basename $drivers/virtio[0-9]*)
	check 'the driver lets go' timeout 5 sh -c "echo $device >$drivers/unbind"
	check 'aplay ends' within 20 ended $player
	check 'the card is gone' gone SoundCard
	check 'the driver has it again' timeout 5 sh -c "echo $device >$drivers/bind"
	check 'the card comes back' within 30 there SoundCard
	check 'and plays' exactly $n
done
check 'something goes on playing' playing
check 'so the driver can not be unloaded' eval '! rmmod virtio_snd 2>/dev/null'
kill $player
wait $player
check 'else it can' within 20 rmmod virtio_snd
check 'and the card is gone' gone SoundCard
check 'it comes back with the driver' eval 'modprobe virtio_snd && within 30 there SoundCard'
check 'and plays' exactly 5
cp /tmp/recorded-short-* /mnt/share
kill $first
wait $first 2>/dev/null
check 'the module can be unloaded' within 20 rmmod virtio_loopback
cat /tmp/sound.log /tmp/adapter.log
exit $status
