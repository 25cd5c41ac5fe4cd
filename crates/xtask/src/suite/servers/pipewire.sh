# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `servers-pipewire`: PipeWire with WirePlumber, as Debian has set
# them up, then PipeWire's rate matching by itself.
rate=48000
radio=/sys/kernel/config/rloop/Radio
# A card that has one cable, and whose name is that of its directory.
enable_radio() { echo "${1:-1}" >$radio/enable && udevadm settle; }
server() {
	daemon pipewire
	within 10 pw-cli info 0 || return 1
	daemon wireplumber
	within 30 listed alsa_input.platform-snd_rloop.0 && within 30 asleep
}
server_end() {
	for server in wireplumber pipewire; do
		kill "${daemons%% *}"
		wait "${daemons%% *}"
		daemons=${daemons#* }
	done
} 2>/dev/null
names() { wpctl status -n | grep -o 'alsa_[a-z]*[.][^[:space:]]*' | sort -u; }
listed() { names | grep -q "$1"; }
node() { names | grep "^alsa_$1\.platform-snd_rloop$2\."; }
number() { wpctl status -n | sed -n "s/.* \([0-9]*\)\. $1 .*/\1/p"; }
has() { pw-cli enum-params "$(number alsa_card.platform-snd_rloop.0)" "$1" | grep -q "\"$2\""; }
remark() { names | tr '\n' ' '; }

# volumes NAME NODE COMMAND: records by the command at several volumes. A half is a cube of -6 dB.
volumes() {
	what=$1 number=$(number "$2")
	shift 2
	wpctl set-volume "$number" 1.0
	sleep 1
	"$@" "$what-0"
	wpctl set-volume "$number" 0.5
	sleep 1
	"$@" "$what-half"
	wpctl set-mute "$number" 1
	sleep 1
	"$@" "$what-mute"
	wpctl set-mute "$number" 0
	wpctl set-volume "$number" 1.0
}
from_plain() { record "$1" hw:Plain,0,0; }
from_fan() { record "$1" hw:Fan,0,3; }
from_crossed() { record "$1" hw:Loopback,1,0; }
from_server() { timeout -s INT "${2:-3}" pw-record --target "$from" "$left/$1.wav"; }

system
install_data
modprobe snd-rloop enable=1,1,1,1 id=Plain,Loopback,Fan,Drive topology=cable,crossed,fanout,cable \
	pcm_substreams=8,8,8,2 'name="Kitchen Radio,Loopback,Fan,Drive"' || finish
# As a card that is heard, which comes last.
modprobe snd-aloop id=Other
mkdir $radio
echo 1 >$radio/pcm_substreams
enable_radio
for card in Plain Loopback Fan Drive Radio; do
	check "the first boot leaves the card $card as it is" untouched $card
done
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
for profile in analog-stereo analog-surround-40 analog-surround-51 analog-surround-71; do
	check "a card has the profile $profile" has EnumProfile output:$profile
done

for card in 0:plain 1:crossed 2:fan; do
	sink=$(node output .${card%:*})
	play pw-play --target "$sink" /tmp/sine.wav
	volumes ${card#*:}-sink "$sink" from_${card#*:}
	quiet
done
within 30 asleep
from=$(node input .0)
play aplay -q -D hw:Plain,0,0 /tmp/sine.wav
volumes plain-source "$from" from_server
wpctl set-volume "$(number "$(node output .0)")" 0.5
sleep 1
from_server plain-other
wpctl set-volume "$(number "$(node output .0)")" 1.0
quiet
check 'a volume that touches no sample is left alone' is Plain name='Cable Playback Volume' 123
check 'the pitches are left alone' [ "$(pitches)" = "$pitches" ]

within 30 asleep
from=$(node input .2)
play pw-play --target "$(node output .0)" /tmp/sine.wav
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

# Rate matching: a graph whose time is that of the card Drive, 300 ppm fast, and a source in it that
# another card's clock drives. The properties of the nodes are those that WirePlumber gives them.
node_of() {
	number=$(sed -n 's/^card: //p' /proc/asound/"$2"/pcm0p/info)
	echo "{ factory = adapter args = { factory.name = api.alsa.pcm.$1 node.name = $1
		clock.name = api.alsa.$2 api.alsa.card = $number api.alsa.pcm.card = $number alsa.card = $number
		api.alsa.path = \"hw:$2,$3\" audio.format = S16LE audio.rate = 48000 audio.channels = 2
		audio.position = \"FL,FR\" node.pause-on-idle = false priority.driver = $4 } }"
}
config=/root/.config/pipewire/pipewire.conf.d
mkdir -p $config
port='mode: dsp, format: { mediaType: audio, mediaSubtype: raw, format: F32P, rate: 48000, channels: 2, position: [ FL, FR ] }'
# match NAME CARD PLAYBACK CAPTURE SECONDS
match() {
	card=$2
	amixer -q -c Drive cset iface=PCM,name='Cable Pitch' 1000300
	pitches=$(pitches)
	echo "context.objects = [ $(node_of sink Drive 0,0 3000) $(node_of source "$card" "$4" 1000) ]" >$config/graph.conf
	daemon pipewire
	within 10 sh -c 'pw-cli ls Node | grep -q source'
	pw-cli set-param sink PortConfig "{ direction: Input, $port }"
	pw-cli set-param source PortConfig "{ direction: Output, $port }"
	sleep 1
	play aplay -q -D "hw:$card,$3" /tmp/sine.wav
	sleep 1
	pw-link source:capture_FL sink:playback_FL
	pw-link source:capture_FR sink:playback_FR
	record "$1" hw:Drive,0,0 "$5"
	quiet
	pitch=$(value "$card" "iface=PCM,name='Cable Pitch'")
	changed=$(pitches | grep -vxF "$pitches")
	kill "${daemons%% *}"
	wait "${daemons%% *}"
	daemons=${daemons#* }
	remark() { echo "pitch $pitch, changed: $changed"; }
}
match other-device Loopback 0,0 1,0 20
check "a stream of a card's other device changes nobody's pitch" [ "$changed" = '' ]
match other-substream Plain 0,3 0,3 20
check "a stream of a card's other substream changes nobody's pitch" [ "$changed" = '' ]
match matched Radio 0,0 0,0 40
check "the only cable of a card follows the graph's clock" [ "$pitch" -ge 1000270 -a "$pitch" -le 1000330 ]
check "and nobody else's pitch changes" [ "$(echo "$changed" | wc -l)" = 1 ]
finish
