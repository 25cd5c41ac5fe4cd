# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for `cargo xtask demo --virtio`. The recordings are begun before the speech is played and are
# longer, so that all of it has to be in there.
set -e
speech=/usr/share/sounds/alsa
run() {
	echo "# $*"
	"$@"
}
# Waits for a card.
card() {
	until [ -e /proc/asound/"$1" ]; do sleep 0.1; done
}
run modprobe snd-rloop enable=1,1 id=OutA,OutB
run modprobe virtio_snd
run modprobe virtio-loopback
cat >/etc/asound.conf <<'END'
pcm.a { type asym playback.pcm "hw:OutA,0,0" capture.pcm "null" }
pcm.b { type asym playback.pcm "hw:OutB,0,0" capture.pcm "null" }
END
echo "# VHOST_SOUND_PCM=a vhost-device-sound --socket /tmp/snd0.sock --backend alsa &"
VHOST_SOUND_PCM=a vhost-device-sound --socket /tmp/snd0.sock --backend alsa &
devices="$devices $!"
echo "# VHOST_SOUND_PCM=b vhost-device-sound --socket /tmp/snd1.sock --backend alsa &"
VHOST_SOUND_PCM=b vhost-device-sound --socket /tmp/snd1.sock --backend alsa &
devices="$devices $!"
echo "# virtio-loopback-adapter -s /tmp/snd0.sock -d vhusnd -l 0 &"
virtio-loopback-adapter -s /tmp/snd0.sock -d vhusnd -l 0 &
devices="$devices $!"
card SoundCard
echo "# virtio-loopback-adapter -s /tmp/snd1.sock -d vhusnd -l 1 &"
virtio-loopback-adapter -s /tmp/snd1.sock -d vhusnd -l 1 &
devices="$devices $!"
card SoundCard_1
run aplay -l
cp $speech/Front_Left.wav /mnt/share/original-SoundCard.wav
cp $speech/Rear_Right.wav /mnt/share/original-SoundCard_1.wav
echo "# arecord -D hw:OutA,0,0 -f S16_LE -r 48000 -c 1 -d 4 recording-SoundCard.wav &"
arecord -q -D hw:OutA,0,0 -t wav -f S16_LE -r 48000 -c 1 -d 4 /tmp/recording-SoundCard.wav &
one=$!
echo "# arecord -D hw:OutB,0,0 -f S16_LE -r 48000 -c 1 -d 4 recording-SoundCard_1.wav &"
arecord -q -D hw:OutB,0,0 -t wav -f S16_LE -r 48000 -c 1 -d 4 /tmp/recording-SoundCard_1.wav &
two=$!
sleep 0.5
echo "# aplay -D sysdefault:CARD=SoundCard $speech/Front_Left.wav &"
aplay -D sysdefault:CARD=SoundCard $speech/Front_Left.wav &
three=$!
echo "# aplay -D sysdefault:CARD=SoundCard_1 $speech/Rear_Right.wav &"
aplay -D sysdefault:CARD=SoundCard_1 $speech/Rear_Right.wav &
four=$!
wait $one
wait $two
wait $three
wait $four
cp /tmp/recording-*.wav /mnt/share
kill $devices
