# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Two virtio sound cards whose devices play to cards of snd-rloop, where it is recorded: what is played to both at the
# same time comes out whole, frame by frame. Recordings are judged on the host.

. /mnt/share/files/sound.sh

noise=/tmp/noise.wav
speech=/usr/share/sounds/alsa/Front_Center.wav

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
first_card
check 'the first card comes' within 150 there SoundCard
second_card
check 'the second card comes' within 150 there SoundCard_1

aplay -l >/tmp/cards
cat /tmp/cards
# NAME: as aplay -l has it, and with a subdevice that is free.
listed() {
	grep -A 1 -x "card [0-9]*: $1 \[VirtIO SoundCard\], device 0: virtio-snd \[VirtIO PCM 0\]" /tmp/cards |
		grep -q -x '  Subdevices: 1/1'
}
check 'aplay -l has the first' listed SoundCard
check 'and the second' listed SoundCard_1

record A S16_LE 48000 1 5 /tmp/recorded-speech.wav
record B S32_LE 44100 2 5 /tmp/recorded-noise.wav
sleep 0.3
aplay -q -D sysdefault:CARD=SoundCard $speech 2>/tmp/speech.log &
one=$!
aplay -q -D sysdefault:CARD=SoundCard_1 $noise 2>/tmp/noise.log &
other=$!
sleep 0.7
check 'the first card plays as the file is' plays SoundCard S16_LE 48000 1
check 'and so does what it is played to' plays OutA S16_LE 48000 1
check 'the second card plays as the file is' plays SoundCard_1 S32_LE 44100 2
check 'and so does what it is played to' plays OutB S32_LE 44100 2
check 'aplay to the first is content' wait $one
check 'aplay to the second is content' wait $other
wait $recorders
xruns A /tmp/speech.log >/mnt/share/xruns-speech.txt
xruns B /tmp/noise.log >/mnt/share/xruns-noise.txt
cat /tmp/speech.log /tmp/noise.log
cp $speech /mnt/share/played-speech.wav
cp $noise /mnt/share/played-noise.wav
cp /tmp/recorded-*.wav /mnt/share
cat /tmp/sound.log
check 'the devices have said nothing' [ ! -s /tmp/sound.log ]

kill $first $second
wait 2>/dev/null
check 'the cards go' within 50 gone SoundCard
check 'the module can be unloaded' within 20 rmmod virtio_loopback
cat /tmp/adapter.log
exit $status
