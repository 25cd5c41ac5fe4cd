# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `servers-pipewire`: PipeWire with WirePlumber, as Debian has set
# them up, then PipeWire's rate matching by itself.
. /mnt/share/files/common.sh
rate=48000
# Not snd-aloop: nothing came out of it under PipeWire here.
cards='plain crossed fan'
radio=/sys/kernel/config/rloop/Radio
# A card that has one cable, and whose name is that of its directory.
enable_radio() { echo "${1:-1}" >$radio/enable && udevadm settle; }
server() {
	daemon pipewire
	within 10 pw-cli info 0 || return 1
	daemon wireplumber
	within 30 listed alsa_input.platform-snd_rloop.0 && within 30 asleep
}
names() { wpctl status -n | grep -o 'alsa_[a-z]*[.][^[:space:]]*' | sort -u; }
listed() { names | grep -q "$1"; }
number() { wpctl status -n | sed -n "s/.* \([0-9]*\)\. $1 .*/\1/p"; }
has() { pw-cli enum-params "$(number alsa_card.platform-snd_rloop.$1)" EnumProfile | grep -q "\"$2\""; }
into() { exec pw-play --target "$1" /tmp/sine.wav; }
from_server() { timeout -s INT "${2:-4}" pw-record --target "$from" "$left/$1.wav"; }
# Half of the scale is a quarter of the half: its values are cubed.
knob() {
	number=$(number "$1")
	case $2 in
	mute) wpctl set-mute "$number" 1 ;;
	low) wpctl set-volume "$number" 0.5 ;;
	full) wpctl set-volume "$number" 1.0 && wpctl set-mute "$number" 0 ;;
	esac
}
remark() { names | tr '\n' ' '; }

system
install_data
modprobe snd-rloop enable=1,1,1,1 id=Plain,Loopback,Fan,Drive topology=cable,crossed,fanout,cable \
	pcm_substreams=8,8,8,2 'name="Kitchen Radio,Loopback,Fan,Drive"' || finish
# As a card that is heard, which comes last.
modprobe snd-aloop id=Other
mkdir $radio
echo 1 >$radio/pcm_substreams
enable_radio
first_boot
check "the first boot leaves the card Radio as it is" untouched Radio
path=/dev/snd/by-path/platform-snd_rloop-Radio
control=$(readlink -f $path)
check 'a card of configfs has a path with its name' [ -c "$control" ]
enable_radio 0
check 'and none while it is disabled' [ ! -e $path ]
enable_radio
check 'and the same when it is enabled again' [ "$(readlink -f $path)" = "$control" ]

for number in 0 1 2 3 4 5 6 7; do
	amixer -q -c Plain cset iface=PCM,name='Cable Pitch',subdevice=$number 100010$number
	amixer -q -c Loopback cset iface=PCM,name='Cable Pitch',subdevice=$number 100020$number
	amixer -q -c Loopback cset iface=PCM,name='Cable Pitch',device=1,subdevice=$number 100021$number
done
amixer -q -c Plain cset name='Cable Playback Volume' 123
pitches=$(pitches)
check 'PipeWire and WirePlumber run' server
check 'sound servers know cards by their places' [ "$(names | grep card.*rloop | tr '\n' ' ')" = \
	"alsa_card.platform-snd_rloop-Radio $(printf 'alsa_card.platform-snd_rloop.%s ' 0 1 2 3)" ]
check 'a loopback card is no default where there is another' \
	sh -c 'wpctl inspect @DEFAULT_AUDIO_SINK@ | grep -q snd_aloop && wpctl inspect @DEFAULT_AUDIO_SOURCE@ | grep -q snd_aloop'
check 'a card is called by its name' sh -c 'wpctl status | grep -q "Kitchen Radio Analog Stereo"'
for card in 0 1 2; do
	for profile in analog-stereo analog-surround-40 analog-surround-51 analog-surround-71; do
		check "card $card has the profile $profile" has $card output:$profile
	done
done

knobs
check 'a volume that touches no sample is left alone' is Plain name='Cable Playback Volume' 123
check 'the pitches are left alone' [ "$(pitches)" = "$pitches" ]
held
minute
end 2

# Rate matching: a graph whose time is that of the card Drive, 300 ppm fast, and sources in it that
# another clock drives. The properties of the nodes are those that WirePlumber gives them.
# node sink|source NAME PRIORITY CARD DEVICE
node() {
	number=$(sed -n 's/^card: //p' /proc/asound/"$4"/pcm0p/info)
	echo "{ factory = adapter args = { factory.name = api.alsa.pcm.$1 node.name = $2
		clock.name = api.alsa.$4 api.alsa.card = $number api.alsa.pcm.card = $number alsa.card = $number
		api.alsa.path = \"hw:$4,$5\" audio.format = S16LE audio.rate = 48000 audio.channels = 2
		audio.position = \"FL,FR\" node.pause-on-idle = false priority.driver = $3 } }"
}
listens() { pw-cli ls Node | grep -q "\"$1\""; }
port='mode: dsp, format: { mediaType: audio, mediaSubtype: raw, format: F32P, rate: 48000, channels: 2, position: [ FL, FR ] }'
config=$HOME/.config/pipewire/pipewire.conf.d
mkdir -p "$config"
# match NAME SECONDS CARD PLAYBACK CAPTURE [CARD PLAYBACK CAPTURE]: records the left channel of the first cable
# and the right one of the last.
match() {
	name=$1 seconds=$2
	shift 2
	amixer -q -c Drive cset iface=PCM,name='Cable Pitch' 1000300
	pitches=$(pitches)
	first=$1
	nodes=$(node sink sink 3000 Drive 0,0)
	players=
	while [ $# -gt 0 ]; do
		nodes="$nodes $(node source "$1" 1000 "$1" "$3")"
		aplay -q -D "hw:$1,$2" /tmp/sine.wav &
		players="$players $!"
		last=$1
		shift 3
	done
	echo "context.objects = [ $nodes ]" >"$config"/graph.conf
	daemon pipewire
	within 10 listens "$last"
	pw-cli set-param sink PortConfig "{ direction: Input, $port }"
	pw-cli set-param "$first" PortConfig "{ direction: Output, $port }"
	[ "$first" = "$last" ] || pw-cli set-param "$last" PortConfig "{ direction: Output, $port }"
	sleep 1
	pw-link "$first:capture_FL" sink:playback_FL
	pw-link "$last:capture_FR" sink:playback_FR
	record "$name" hw:Drive,0,0 "$seconds"
	# shellcheck disable=SC2086
	kill $players && wait $players
	changed=$(pitches | grep -vxF "$pitches")
	end 1
	remark() { echo "changed: $changed"; }
}
follows() {
	pitch=$(value "$1" "iface=PCM,name='Cable Pitch'")
	[ "$pitch" -ge 1000270 -a "$pitch" -le 1000330 ]
}
match other-device 60 Loopback 0,0 1,0
check "a stream of a card's other device changes nobody's pitch" [ "$changed" = '' ]
match other-substream 60 Plain 0,3 0,3
check "a stream of a card's other substream changes nobody's pitch" [ "$changed" = '' ]
match matched 40 Radio 0,0 0,0
check "the only cable of a card follows the graph's clock" follows Radio
check "and nobody else's pitch changes" [ "$(echo "$changed" | wc -l)" = 1 ]

# As the manual says.
enable_radio 0
rmdir $radio
check 'cards that nobody uses can go' modprobe -r snd-rloop
modprobe snd-rloop enable=1,1,1,1 id=one,two,three,Drive pcm_substreams=1,1,1,2
match each 40 one 0,0 0,0 two 0,0 0,0
for card in one two; do check "the cable $card follows the graph's clock, beside another" follows $card; done
check 'and none that is not in the graph' [ "$(echo "$changed" | wc -l)" = 2 ]
finish
