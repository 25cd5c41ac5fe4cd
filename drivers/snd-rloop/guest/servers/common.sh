# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest's scripts for sound servers begin with, after check.sh: a system as a desktop or a
# head unit has it, and what is done with either server. What is said goes into a file, and recordings go to the
# host in the end: until then nobody waits for the host, whose time is not the guest's.
#
# A server's script has: `names`, the names of its cards, sinks and sources; `into TARGET`, a program that plays the
# tone into a sink; `from_server NAME [SECONDS]`, which records from the source $from; and `knob TARGET POSITION`,
# which turns a sink's or a source's volume to `full` or `low`, or its mute to `mute`. $cards are the cards whose knobs
# are tried. A server may have a stream in another sample format than the tone's; so programs use plughw.
files=/mnt/share/files
left=/tmp/left
export XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus
daemons=
mkdir -p $left $XDG_RUNTIME_DIR /run/dbus /var/lib/alsa
chmod 700 $XDG_RUNTIME_DIR
cp -r $files/. /tmp || exit 1
exec 3>&1 >/tmp/said 2>&1

# daemon COMMAND: it lives until `end`, or until the end of the script.
daemon() {
	"$@" >/tmp/"${1##*/}".log 2>&1 </dev/null &
	daemons="$! $daemons"
}
# end [NUMBER]: ends so many daemons, or all of them, the last that was begun first.
end() {
	number=${1:-100}
	# shellcheck disable=SC2086
	set -- $daemons
	while [ $# -gt 0 ] && [ "$number" -gt 0 ]; do
		kill "$1" && wait "$1"
		shift
		number=$((number - 1))
	done
	daemons=$*
} 2>/dev/null

# within SECONDS COMMAND: whether the command succeeds before so much time has passed.
within() {
	limit=$1
	shift
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt $((limit * 4)) ] || return 1
		sleep 0.25
	done
}

# udev runs alsactl for each card when it appears; the buses are those of a session.
system() {
	dbus-uuidgen --ensure=/etc/machine-id
	daemon /usr/lib/systemd/systemd-udevd
	within 5 udevadm control --ping
	udevadm trigger
	udevadm settle
	daemon dbus-daemon --system --nofork --nopidfile
	daemon dbus-daemon --session --nofork --address=$DBUS_SESSION_BUS_ADDRESS
}

# What `make data_install` installs; udev hears of it as if the cards had just come.
install_data() {
	cp -r /tmp/installed/. /
	udevadm control --reload
	udevadm trigger --subsystem-match=sound --action=change
	udevadm settle
}

# value CARD ELEMENT: the value of a control element.
value() { amixer -c "$1" cget "$2" | sed -n 's/^  : values=//p'; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
# pitches: the pitch of each cable of each card, where it has Cable Pitch.
pitches() {
	for number in $(sed -n 's/^ *\([0-9]*\) \[.*/\1/p' /proc/asound/cards); do
		amixer -c "$number" contents | awk -v card="$number" '
			/name=/ { cable = /Cable Pitch/ ? $0 : "" }
			/: values=/ && cable { sub(/.*=/, ""); print card, cable, $0 }'
	done
}
# untouched CARD: all that programs may set of it is as when the card was made.
untouched() {
	! amixer -c "$1" contents | awk '
		/name=/ { name = $0 }
		/: values=/ {
			sub(/.*=/, "")
			want = name ~ /Playback Volume/ ? 200 : name ~ /Playback Switch/ ? "on" : name ~ /Pitch/ ? 1000000 : $0
			if ($0 != want) print name, $0
		}' | grep .
}

# asleep: nobody has a stream of any card open.
asleep() { [ -z "$(grep -L closed /proc/asound/card*/pcm*/sub*/status)" ]; }
# play COMMAND: plays until `quiet`.
play() {
	"$@" >/dev/null 2>&1 </dev/null &
	player=$!
}
quiet() {
	kill $player
	wait $player
} 2>/dev/null
# record NAME DEVICE [SECONDS]: what comes out of a cable, without any server, into NAME.wav.
record() { arecord -q -D "$2" -f S16_LE -r "$rate" -c 2 -d "${3:-2}" "$left/$1.wav"; }
# lossless CARD: no frame was lost on it, and no stream had an xrun.
lossless() { ! grep -E '^(lost|xruns): [1-9]' /proc/asound/"$1"/cable#*; }

# The card that is meant by a word: its name in udev, the stream that a server opens of it, and the one behind that.
card() {
	case $1 in
	plain) place=snd_rloop.0 near=hw:Plain,0,0 far=plughw:Plain,0,0 ;;
	crossed) place=snd_rloop.1 near=hw:Loopback,0,0 far=plughw:Loopback,1,0 ;;
	fan) place=snd_rloop.2 near=hw:Fan far=plughw:Fan ;;
	aloop) place=snd_aloop.0 near=hw:Other,0,0 far=plughw:Other,1,0 ;;
	esac
}
sink() { card "$1" && names | grep "^alsa_output\.platform-$place\."; }
origin() { card "$1" && names | grep "^alsa_input\.platform-$place\."; }

# The state in which udev and alsactl have left cards that they have not seen before, and what is heard on them.
first_boot() {
	for id in Plain Loopback Fan; do check "the first boot leaves the card $id as it is" untouched $id; done
	for word in plain crossed fan; do
		card $word
		play aplay -q -D $near /tmp/sine.wav
		sleep 1
		record boot-$word $far
		quiet
	done
}

# volumes NAME TARGET COMMAND: records by the command at each position of a knob. What a server has written
# before a softvol is turned is heard as it was: with PulseAudio these are up to five seconds.
volumes() {
	what=$1 target=$2
	shift 2
	for position in full low mute; do
		knob "$target" $position
		sleep 6
		"$@" "$what-$position"
	done
	knob "$target" full
}
from_far() { record "$1" $far; }
# What each knob of each card does to the sound; and the sink's to what is recorded.
knobs() {
	# shellcheck disable=SC2154
	for word in $cards; do
		card $word
		target=$(sink $word)
		play into "$target"
		volumes $word-sink "$target" from_far
		quiet
	done
	within 30 asleep
	for word in $cards; do
		card $word
		from=$(origin $word)
		play aplay -q -D $far /tmp/sine.wav
		volumes $word-source "$from" from_server
		knob "$(sink $word)" low
		sleep 6
		from_server $word-other
		knob "$(sink $word)" full
		quiet
	done
	within 30 asleep
}

# A cable whose capture end the server has.
busy() { arecord -q -D hw:Plain,0,0 -d 1 /dev/null 2>&1 | grep -q 'Device or resource busy'; }
held() {
	from=$(origin plain)
	from_server held &
	sleep 2
	check 'a source that is in use is busy for others' busy
	wait $!
	within 30 asleep
}

# A minute, out of the server on one card and into it on another.
minute() {
	card plain
	from=$(origin fan)
	play into "$(sink plain)"
	aplay -q -D hw:Fan /tmp/sine.wav &
	others=$!
	from_server minute-source 66 &
	others="$others $!"
	sleep 1
	record minute-sink $far 63
	# shellcheck disable=SC2086
	wait $others
	quiet
	for id in Plain Loopback Fan; do check "no frame is lost on the card $id, and no xrun" lossless $id; done
}

# Says what was found, and hands the recordings over.
finish() {
	end
	exec >&3 2>&1
	cat /tmp/said
	cp $left/* /mnt/share/
	exit "$status"
}
