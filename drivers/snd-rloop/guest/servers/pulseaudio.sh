# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `servers-pulseaudio`: PulseAudio as Debian has set it up.
. /mnt/share/files/common.sh
rate=44100
cards='plain crossed fan aloop'
# cards INDICES: the cards of this step, with these numbers.
cards() {
	modprobe snd-rloop index="$1" enable=1,1,1 id=Plain,Loopback,Fan topology=cable,crossed,fanout \
		'name="Kitchen Radio,Loopback,Fan"' && udevadm settle
}
# It has opened everything to see what there is, and lets go of it.
server() {
	daemon pulseaudio --exit-idle-time=-1 --log-level=info
	within 10 pactl info && within 30 asleep
}
names() { for kind in cards sinks sources; do pactl list short $kind; done | cut -f2 | grep -v '\.monitor$' | sort; }
into() { exec paplay -d "$1" /tmp/sine.wav; }
from_server() { timeout -s INT "${2:-4}" parecord -d "$from" --rate $rate --file-format=wav "$left/$1.wav"; }
knob() {
	kind=sink
	case $1 in alsa_input*) kind=source ;; esac
	case $2 in
	mute) pactl set-$kind-mute "$1" 1 ;;
	low) pactl set-$kind-volume "$1" -20dB ;;
	full) pactl set-$kind-volume "$1" 0dB && pactl set-$kind-mute "$1" 0 ;;
	esac
}
has() { pactl list cards | awk -v RS= -v name="Name: alsa_card.platform-snd_rloop.$1\n" '$0 ~ name' | grep -q "$2"; }
remark() { names | tr '\n' ' '; }

system
cards 0,1,2 || finish
modprobe snd-aloop index=3 id=Other
first_boot
for number in 0 1 2; do
	check "udev has a path for card $number" \
		[ "$(readlink -f /dev/snd/by-path/platform-snd_rloop.$number)" = /dev/snd/controlC$number ]
done

check 'PulseAudio runs without files of ours' server
check 'a card is stereo without files of ours' has 0 'output:stereo-fallback+input:stereo-fallback:'
card plain
target=$(sink plain)
play into "$target"
volumes stock-sink "$target" from_far
quiet
end 1

install_data
check 'PulseAudio runs with our files' server
check 'sound servers know cards by their places' [ "$(names | grep card.*rloop | tr '\n' ' ')" = \
	'alsa_card.platform-snd_rloop.0 alsa_card.platform-snd_rloop.1 alsa_card.platform-snd_rloop.2 ' ]
for number in 0 1 2; do
	for profile in analog-stereo analog-surround-40 analog-surround-51 analog-surround-71; do
		check "card $number has the profile $profile" has $number "output:$profile:"
	done
done
check 'a card is called by its name' has 0 'device.description = "Kitchen Radio"'
before=$(names)

amixer -q -c Plain cset name='Cable Playback Volume' 123
amixer -q -c Plain cset iface=PCM,name='Cable Pitch',subdevice=2 1000100
pitches=$(pitches)
knobs
check 'a volume that touches no sample is left alone' is Plain name='Cable Playback Volume' 123
check 'the pitches are left alone' [ "$(pitches)" = "$pitches" ]

# The softvol of alsa-lib's own configuration for snd-aloop.
for word in crossed aloop; do
	card $word
	id=${near#hw:} id=${id%%,*}
	play aplay -q -D front:$id /tmp/sine.wav
	for level in 0 -20; do
		amixer -q -c $id sset PCM -- ${level}dB
		sleep 1
		from_far $word-softvol$level
	done
	quiet
	amixer -q -c $id sset PCM 0dB
done

held
minute
end 1

check 'alsactl stores what there is' alsactl store
check 'cards that nobody uses can go' modprobe -r snd-rloop
cards 6,5,4
check 'the next boot restores a volume' is Plain name='Cable Playback Volume' 123
check 'the next boot restores the pitches' is Plain iface=PCM,name='Cable Pitch',subdevice=2 1000100
check 'PulseAudio runs with other numbers of cards' server
check 'with other numbers all is called as before' [ "$(names)" = "$before" ]
finish
