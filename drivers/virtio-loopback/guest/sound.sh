# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the runs with virtio sound cards have in common.

# What is played and recorded lies in memory: while the host's disk is waited for, the guest's time jumps.
cp /mnt/share/files/*.wav /tmp
# Waits for so many tenths of a second at most.
within() { local tenths=$1; shift; while ! "$@"; do [ $tenths -gt 0 ] || return 1; tenths=$((tenths - 1)); sleep 0.1; done; }
there() { [ -e /proc/asound/"$1" ]; }
gone() { ! there "$1"; }

# Stops a program: the others of its threads go on until one has.
halt() { kill -STOP $1 && within 20 grep -q '^State:.T' /proc/$1/status; }

# The cards that virtio's play to. What they record is nothing: else they would have the capture ends of the cables.
outputs() {
	cat >/etc/asound.conf <<-END
		pcm.a { type asym playback.pcm "hw:OutA,0,0" capture.pcm "null" }
		pcm.b { type asym playback.pcm "hw:OutB,0,0" capture.pcm "null" }
	END
	# Where udev runs, the driver is loaded for the device.
	modprobe snd-rloop enable=1,1 id=OutA,OutB && modprobe virtio_snd
}
# NODE PCM: a device.
backend() { VHOST_SOUND_PCM=$2 vhost-device-sound --socket /tmp/sound"$1".sock --backend alsa >>/tmp/sound.log 2>&1 & }
# NODE PCM: a device, and its adapter; `pids` are theirs.
device() {
	backend "$1" "$2"
	pids=$!
	virtio-loopback-adapter -s /tmp/sound$1.sock -d vhusnd -l "$1" >>/tmp/adapter.log 2>&1 &
	pids="$pids $!"
}
first_card() { device 0 a; first=$pids; }
second_card() { device 1 b; second=$pids; }

# A|B KEY: of all ends of the cable.
sum() {
	local sum=0 number
	for number in $(sed -n "s/^$2: //p" "/proc/asound/Out$1/cable#0"); do sum=$((sum + number)); done
	echo $sum
}
# A|B FORMAT RATE CHANNELS SECONDS FILE: records what comes out. All of it has room, however late the recorder comes to it.
recorders=
record() {
	eval "before_$1=\"$(sum "$1" xruns) $(sum "$1" lost)\""
	arecord -q -D hw:Out"$1",0,0 -t wav -f "$2" -r "$3" -c "$4" -d "$5" --buffer-time "$5"000000 "$6" &
	recorders="$recorders $!"
}
# A|B LOG: how many xruns there were since the recording, LOG being what the player says, and how many frames were lost.
xruns() {
	eval "set -- $1 $2 \$before_$1"
	echo $(($(sum "$1" xruns) - $3 + $(grep -c underrun "$2"))) $(($(sum "$1" lost) - $4))
}
# CARD FORMAT RATE CHANNELS: whether it plays just now, as this.
plays() {
	local params=/proc/asound/$1/pcm0p/sub0/hw_params
	grep -q "^format: $2$" $params && grep -q "^rate: $3 " $params && grep -q "^channels: $4$" $params
}
