# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `servers-pulseaudio`: PulseAudio as Debian has set it up.
rate=44100
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
server_end() {
	pactl exit
	wait "${daemons%% *}"
	daemons=${daemons#* }
} 2>/dev/null
names() { for kind in cards sinks sources; do pactl list short $kind; done | cut -f2 | sort; }
sink() { pactl list short sinks | cut -f2 | grep "snd_rloop.$1\."; }
origin() { pactl list short sources | cut -f2 | grep "^alsa_input.*snd_rloop.$1\."; }
has() { pactl list cards | awk -v RS= -v name="Name: alsa_card.platform-snd_rloop.$1\n" '$0 ~ name' | grep -q "$2"; }
remark() { names | tr '\n' ' '; }

# volumes NAME sink|source TARGET COMMAND: records by the command at several volumes.
volumes() {
	what=$1 kind=$2 target=$3
	shift 3
	pactl "set-$kind-volume" "$target" 0dB
	sleep 1
	"$@" "$what-0"
	pactl "set-$kind-volume" "$target" -20dB
	sleep 1
	"$@" "$what-20"
	pactl "set-$kind-mute" "$target" 1
	sleep 1
	"$@" "$what-mute"
	pactl "set-$kind-mute" "$target" 0
	pactl "set-$kind-volume" "$target" 0dB
}
from_plain() { record "$1" hw:Plain,0,0; }
from_fan() { record "$1" hw:Fan,0,3; }
from_crossed() { record "$1" hw:Loopback,1,0; }
# from_server NAME [SECONDS]: what comes out of the source $from.
from_server() { timeout -s INT "${2:-3}" parecord -d "$from" --rate $rate --file-format=wav "$left/$1.wav"; }

system
cards 0,1,2 || finish
for card in Plain Loopback Fan; do
	check "the first boot leaves the card $card as it is" untouched $card
done
for number in 0 1 2; do
	check "udev has a path for card $number" \
		[ "$(readlink -f /dev/snd/by-path/platform-snd_rloop.$number)" = /dev/snd/controlC$number ]
done

check 'PulseAudio runs without files of ours' server
check 'a card is stereo without files of ours' has 0 'output:stereo-fallback+input:stereo-fallback:'
play paplay -d "$(sink 0)" /tmp/sine.wav
volumes stock sink "$(sink 0)" from_plain
quiet
server_end

install_data
check 'PulseAudio runs with our files' server
check 'sound servers know cards by their places' [ "$(names | grep card | tr '\n' ' ')" = \
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
play paplay -d "$(sink 0)" /tmp/sine.wav
volumes plain-sink sink "$(sink 0)" from_plain
quiet
play paplay -d "$(sink 1)" /tmp/sine.wav
volumes crossed-sink sink "$(sink 1)" from_crossed
quiet
play paplay -d "$(sink 2)" /tmp/sine.wav
volumes fan-sink sink "$(sink 2)" from_fan
quiet

within 30 asleep
from=$(origin 0)
play aplay -q -D hw:Plain,0,0 /tmp/sine.wav
volumes plain-source source "$from" from_server
pactl set-sink-volume "$(sink 0)" -20dB
sleep 1
from_server plain-other
pactl set-sink-volume "$(sink 0)" 0dB
quiet
check 'a volume that touches no sample is left alone' is Plain name='Cable Playback Volume' 123
check 'the pitches are left alone' [ "$(pitches)" = "$pitches" ]

within 30 asleep
amixer -q -c Loopback sset PCM 0dB
play aplay -q -D front:Loopback /tmp/sine.wav
sleep 1
from_crossed softvol-0
amixer -q -c Loopback sset PCM -- -20dB
sleep 1
from_crossed softvol-20
quiet
amixer -q -c Loopback sset PCM 0dB

# A minute, out of the server on one card and into it on another.
within 30 asleep
from=$(origin 2)
play paplay -d "$(sink 0)" /tmp/sine.wav
aplay -q -D hw:Fan /tmp/sine.wav &
others=$!
from_server minute-source 63 &
others="$others $!"
sleep 1
record minute-sink hw:Plain,0,0 60
# shellcheck disable=SC2086
wait $others
quiet
check 'no frame is lost on the card Plain' lossless Plain
check 'no frame is lost on the card Fan' lossless Fan
server_end

check 'cards that nobody uses can go' modprobe -r snd-rloop
cards 6,5,4
check 'PulseAudio runs with other numbers of cards' server
check 'with other numbers all is called as before' [ "$(names)" = "$before" ]
server_end
finish
