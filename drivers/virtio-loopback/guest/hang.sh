# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The device of a virtio sound card is stopped, and answers no more: for a moment, which nobody hears; while its driver
# begins, which gives up after a second; and while it plays, until the card is taken away.

. /mnt/share/files/sound.sh

noise=/tmp/noise.wav
ended() { ! kill -0 "$1" 2>/dev/null; }
# Hundredths of a second that the machine is up.
now() { read up rest </proc/uptime && echo ${up%.*}${up#*.}; }

check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
first_card
check 'the card comes' within 150 there SoundCard
device=${first% *}

record A S32_LE 44100 2 5 /tmp/recorded-noise.wav
sleep 0.3
aplay -q -D sysdefault:CARD=SoundCard $noise &
player=$!
sleep 1
kill -STOP $device
sleep 0.06
kill -CONT $device
check 'aplay is content, whose device was stopped for a moment' wait $player
wait $recorders
cp /tmp/recorded-noise.wav /mnt/share
cp $noise /mnt/share/played-noise.wav
check 'the device has said nothing' [ ! -s /tmp/sound.log ]

check 'the driver lets go' within 20 rmmod virtio_snd
check 'and so does the device' within 20 grep -q 'has let go' /tmp/adapter.log
halt $device
since=$(now)
modprobe virtio_snd
waited=$(($(now) - since))
echo "$waited hundredths of a second"
check 'a driver that nobody answers gives up' [ $waited -ge 90 -a $waited -lt 1000 ]
check 'so there is no card' gone SoundCard
kill -CONT $device
sleep 0.5
name=$(basename /sys/devices/platform/virtio-loopback.0/virtio*)
check 'once the device goes on, the driver can have it' eval "echo $name >/sys/bus/virtio/drivers/virtio_snd/bind"
check 'and the card comes back' within 30 there SoundCard

aplay -q -D sysdefault:CARD=SoundCard -f S16_LE -r 48000 -c 2 /dev/zero 2>/tmp/aplay.log &
player=$!
sleep 0.5
check 'it plays' plays SoundCard S16_LE 48000 2
halt $device
sleep 3
since=$(now)
kill -9 ${first#* }
check 'while the device hangs, the card can be taken away' within 50 gone SoundCard
check 'and aplay ends' within 50 ended $player
waited=$(($(now) - since))
echo "$waited hundredths of a second"
check 'soon' [ $waited -lt 500 ]
kill -CONT $device
kill $device
wait 2>/dev/null
check 'the module can be unloaded' within 50 rmmod virtio_loopback
cat /tmp/sound.log /tmp/adapter.log
exit $status
