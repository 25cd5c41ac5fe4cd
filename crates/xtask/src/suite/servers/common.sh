# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest's scripts for sound servers begin with, after check.sh: a system as a desktop or a
# head unit has it. What is said goes into a file, and recordings go to the host in the end: until
# then nobody waits for the host, whose time is not the guest's.
files=/mnt/share/files
left=/tmp/left
export XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus
daemons=
mkdir -p $left $XDG_RUNTIME_DIR /run/dbus /var/lib/alsa
chmod 700 $XDG_RUNTIME_DIR
cp -r $files/. /tmp || exit 1
exec 3>&1 >/tmp/said 2>&1

# daemon COMMAND: it lives until the end of the script.
daemon() {
	"$@" >/tmp/"${1##*/}".log 2>&1 </dev/null &
	daemons="$! $daemons"
}

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

# Ends the daemons in the reverse order of their beginning.
end() {
	# shellcheck disable=SC2086
	for pid in $daemons; do kill "$pid" && wait "$pid"; done 2>/dev/null
	daemons=
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
	for card in /proc/asound/card[0-9]*; do
		card=${card##*card}
		amixer -c "$card" contents | grep -A2 "'Cable Pitch'" | sed -n "s/^  : values=/$card /p"
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

# Says what was found, and hands the recordings over.
finish() {
	end
	exec >&3 2>&1
	cat /tmp/said
	cp $left/* /mnt/share/
	exit "$status"
}
