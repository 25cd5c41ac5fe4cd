# by hand: vhost-device-sound against snd-rloop
exec 2>&1
files=/mnt/share/files
vds=$files/vhost-device-sound-${1:-patched}
[ -f $files/which ] && vds=$files/vhost-device-sound-$(cat $files/which)
modprobe snd-rloop id=OutA
modprobe virtio-loopback
modprobe virtio_snd || modprobe virtio-snd
cat >/tmp/a.conf <<'END'
pcm.!default { type asym playback.pcm { type hw card OutA } capture.pcm { type null } }
END
ALSA_CONFIG_PATH=/tmp/a.conf RUST_LOG=info RUST_BACKTRACE=1 $vds --socket /tmp/snd.sock --backend alsa >/tmp/vds.log 2>&1 &
virtio-loopback-adapter -s /tmp/snd.sock -d vhusnd -l 0 >/tmp/adapter.log 2>&1 &
n=0; until grep -q SoundCard /proc/asound/cards; do sleep 0.1; n=$((n+1)); [ $n -gt 150 ] && break; done
check 'the card is there' grep -q SoundCard /proc/asound/cards
aplay -l
head -c 768000 /dev/urandom >/tmp/in.raw
for round in 1 2 3; do
for sub in 0 1 2; do arecord -q -D hw:OutA,0,$sub -t raw -f S16_LE -r 48000 -c 2 -d 8 /tmp/out$sub.raw & done
sleep 1
check "it plays ($round)" timeout 15 aplay -q -D sysdefault:CARD=SoundCard -t raw -f S16_LE -r 48000 -c 2 /tmp/in.raw
sleep 1
pkill -INT arecord 2>/dev/null || killall -INT arecord
sleep 0.5
mkdir -p /mnt/share/r$round; cp /tmp/in.raw /tmp/out?.raw /mnt/share/r$round/
done
cat /proc/asound/OutA/cable* 2>/dev/null | head -40
cat /tmp/vds.log /tmp/adapter.log
kill %1 %2
sleep 1
exit $status
