# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `tool-troubles`: `rloop` where it can't do what
# it is asked for says so in one line that names the cause.
says() {
	want=$1
	text=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err
	came=$?
	[ $came = "$want" ] && [ "$(wc -l </tmp/err)" = 1 ] && grep -qF -e "$text" /tmp/err
}
last_says() { tail -n 1 /tmp/err | grep -qF -e "$1"; }
remark() { echo "came status $came, and on standard error: $(cat /tmp/err)"; }
user() { su nobody -s /bin/sh -c "$*"; }
# Not the ranges, which depend on the rate of the last player.
settings() { amixer -c rloop contents | grep -v type=; }
# COMMAND runs for a while, and then its card is unplugged.
unplugged() {
	("$@" >/tmp/out 2>/tmp/err; echo $? >/tmp/status) &
	sleep 1
	echo 1 >/sys/kernel/debug/snd_rloop/card0/unplug
	wait
	return "$(cat /tmp/status)"
}
verify='rloop verify --only start/linked'
bench='rloop bench --seconds 1 --only position'

rmmod snd_aloop snd_rloop 2>/dev/null
modprobe snd-timer
check 'no card' says 2 'no loopback card: there is no sound card at all here; `modprobe snd-rloop`' rloop status
check 'an unknown family' says 2 'family noise: there is none of that name; allowed: sound, char, block, net, pci, virtio' rloop verify noise
check 'a family without a module' says 2 'family char: no module of it is loaded (sad, circbuf)' rloop verify char
modprobe snd-rloop enable=0
check 'no card, with the module' says 2 'the module snd-rloop is loaded and has none now' rloop verify
rmmod snd_rloop
modprobe snd-rloop || exit 1
for command in 'rloop status' 'rloop status --json' "$verify" "$bench"; do
	chgrp audio /dev/snd/*
	chmod 660 /dev/snd/*
	check "$command by a user who may not" says 2 \
		"card 0 (rloop): /dev/snd/controlC0 can't be opened: Permission denied; root may, and group audio" \
		user "$command"
	check "$command --card by a user who may not" says 2 'root may, and group audio' user "$command --card rloop"
	mount -t tmpfs none /dev/snd
	check "$command without /dev/snd" says 2 '(--device /dev/snd)' $command
	umount /dev/snd
	mv /usr/share/alsa /usr/share/alsa.away
	check "$command without alsa-lib's configuration" says 2 'alsa.conf' $command
	mv /usr/share/alsa.away /usr/share/alsa
	check "$command --card of no card" says 2 'the loopback cards here are: rloop (0, snd-rloop)' $command --card 7
done
chmod 666 /dev/snd/controlC0
for command in "$verify" "$bench"; do
	check "$command by a user who may open the control device alone" says 2 \
		"/dev/snd/pcmC0D0p can't be opened: Permission denied" user "$command"
done
chmod 666 /dev/snd/*
check 'status by an ordinary user' user rloop status
check 'verify by an ordinary user' user "$verify"
check 'verify --faults by an ordinary user' says 2 \
	"--faults: /sys/kernel/debug can't be read: Permission denied (os error 13); run this as root" \
	user rloop verify --faults
umount /sys/kernel/debug
check 'verify --faults without debugfs' says 2 'is empty; `mount -t debugfs' rloop verify --faults
mount -t debugfs none /sys/kernel/debug

mount -t tmpfs none /proc/asound
check 'status with /proc/asound masked' says 2 '/proc/asound is masked, as in containers' rloop status
rloop verify --format ptest --only proc/files --only start/linked >/tmp/out
check 'verify leaves out what is masked' grep -q '^SKIP: snd-rloop/proc/files' /tmp/out
check 'and goes on' grep -q '^PASS: snd-rloop/start/linked' /tmp/out
mount -t tmpfs none /sys/class/sound
check 'verify with no file of the card to be seen' rloop verify --only start/linked
umount /sys/class/sound
umount /proc/asound

# As a container that is given the devices of the second card as those of the first.
modprobe -r snd-rloop
modprobe snd-rloop enable=1,1 id=rloop,other pcm_substreams=8,3
mkdir /tmp/snd
for name in controlC pcmC; do
	for node in /dev/snd/${name}1*; do
		mknod "/tmp/snd/${name}0${node#/dev/snd/${name}1}" c $(printf '%d %d' $(stat -c '0x%t 0x%T' "$node"))
	done
done
mknod /tmp/snd/timer c $(printf '%d %d' $(stat -c '0x%t 0x%T' /dev/snd/timer))
mount --bind /tmp/snd /dev/snd
rloop status --json >/tmp/out
check 'a card with another number is told from the one that has it outside' grep -q '"id": "other"' /tmp/out
check 'and is shown with its own cables' [ "$(grep -c '"playback_at"' /tmp/out)" = 3 ]
check 'and is verified' rloop verify --only start --only proc --only controls --only reported/delay --only timer-source/setting
arecord -q -D hw:0,0,2 -t raw -f S16_LE -r 48000 -c 2 /dev/null &
holder=$!
sleep 1
check 'and who has it is found' says 2 "in use by arecord (process $holder)" $verify
kill $holder
wait $holder
umount /dev/snd
modprobe -r snd-rloop
modprobe snd-rloop

arecord -q -D hw:rloop,0,3 -t raw -f S16_LE -r 48000 -c 2 /dev/null &
holder=$!
sleep 1
for command in "$verify" "$bench" 'rloop verify --stress 1'; do
	check "$command while a stream is in use" says 2 \
		"hw:0,0,3 (capture) is in use by arecord (process $holder)" $command
done
kill $holder
wait $holder

for command in 'verify --list' 'verify --list --format ptest' status 'status --json' --help 'verify --help' --version; do
	{ rloop $command 2>/tmp/err; echo $? >/tmp/status; } | true
	check "$command to nobody" [ "$(cat /tmp/status)$(cat /tmp/err)" = 0 ]
done
amixer -q -c rloop cset iface=PCM,name='Cable Delay' 480
settings >/tmp/before
for format in human ptest tap; do
	{ rloop verify --only delay --only drain --format $format 2>/tmp/err; echo $? >/tmp/status; } | head -1 >/tmp/out
	check "verify --format $format to a reader of one line" [ "$(cat /tmp/status)$(cat /tmp/err)" = 2 ]
done
settings >/tmp/after
check 'and it puts back what it has changed' cmp /tmp/before /tmp/after
for format in human ptest tap json junit; do
	check "verify --format $format to a full disk" says 2 \
		"the results can't be written to standard output: No space left on device" \
		sh -c "$verify --format $format >/dev/full"
done

check 'a card that goes while verify runs' says 2 'card 0 (rloop) has gone while ' unplugged rloop verify --only matrix
rmmod snd_rloop
modprobe snd-rloop
unplugged rloop bench --seconds 3 --only pitch
check 'a card that goes while bench runs' [ $? = 2 ]
check 'and that is what is said' last_says 'card 0 (rloop) has gone while '
rmmod snd_rloop
modprobe snd-rloop
unplugged rloop verify --stress 30
check 'a card that goes under stress' [ $? = 2 ]
check 'and that is what is said then' last_says 'card 0 (rloop) has gone under stress'
check 'the module can be unloaded after all of it' rmmod snd_rloop
exit $status
