# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Ways to load the module, and what users get to see of each.
logged() { dmesg | sed "1,/\] load $loads\$/d" | sed 's/ *$//'; }
loads=0
# load PARAMETERS
load() {
	loads=$((loads + 1)) loaded=$1
	echo "load $loads" >/dev/kmsg
	eval "modprobe snd-rloop $1" || exit 1
}
unload() { modprobe -r snd-rloop || exit 1; }
# shows COMMAND: it prints what is on standard input, and nothing else
shows() {
	cat >/tmp/expected
	( eval "$1" ) 2>&1 | sed 's/ *$//' >/tmp/shown
	remark() { diff /tmp/expected /tmp/shown | tr '\n' ';'; }
	check "$loaded: $1" cmp -s /tmp/expected /tmp/shown
}
# count LINE: how often it is in the log; the time is before it, and nothing after it
count() { logged | awk -v end="] $1" 'substr($0, length($0) - length(end) + 1) == end { n++ } END { print n + 0 }'; }
# logs LINE: once
logs() {
	remark() { logged | tr '\n' ';'; }
	check "$loaded: logs \`$1\`" [ "$(count "$1")" = 1 ]
}
aplay="aplay -l | grep -v 'Subdevice #'"
arecord="arecord -l | grep -v 'Subdevice #'"
cards='cat /proc/asound/cards'
# Those that have to be there, then whatever else is.
modes='cd /sys/module/snd_rloop/parameters; stat -c %a index id enable name pcm_substreams topology pcm_notify timer_source wakeup_slack formats rates channels bandwidth * | sort -u'
notify="amixer -c0 cget iface=PCM,device=1,subdevice=2,name='PCM Notify' | grep :; grep ^notify /proc/asound/card0/cable#5"
# The sample format is one that the card has not.
offer="aplay -D hw:0 --dump-hw-params -f U8 -c 2 /dev/zero 2>&1 | grep -E '^(FORMAT|RATE|CHANNELS):'"
# Asked for what it has not, the card gives what is next to it.
at_48001="arecord -D hw:0 -v -t raw -f S16_LE -c 2 -r 48001 -d 1 /dev/null 2>&1 | sed -n 's/.*got = \\([0-9]*\\)Hz.*/\\1 Hz/p'"

# modprobe hands the inner quotes on, and the kernel takes them off.
load "index=1 id=MyLoopback 'name=\"My Virtual Loopback\"'"
shows "$aplay" <<'END'
**** List of PLAYBACK Hardware Devices ****
card 1: MyLoopback [My Virtual Loopback], device 0: Loopback PCM [Loopback PCM]
  Subdevices: 8/8
END
shows "$arecord" <<'END'
**** List of CAPTURE Hardware Devices ****
card 1: MyLoopback [My Virtual Loopback], device 0: Loopback PCM [Loopback PCM]
  Subdevices: 8/8
END
shows "$cards" <<'END'
 1 [MyLoopback     ]: snd-rloop - My Virtual Loopback
                      My Virtual Loopback
END
shows "$modes" <<'END'
444
END
logs 'snd_rloop: module loaded, 1 card(s)'
logs 'snd_rloop: registering card "My Virtual Loopback"'
logs 'snd_rloop: creating PCM device 0 with 8 subdevices'
logs 'snd_rloop: card registered as card 1'
unload

load "'formats=\"S16_LE S24_3LE\"' 'rates=\"44100-48000 96000\"' channels=2"
shows "$offer" <<'END'
FORMAT:  S16_LE S24_3LE
CHANNELS: 2
RATE: [44100 96000]
END
shows "$at_48001" <<'END'
96000 Hz
END
logs 'snd_rloop: card registered as card 0'
unload

load 'id=Loopback topology=crossed pcm_substreams=3 pcm_notify=1'
shows "$aplay" <<'END'
**** List of PLAYBACK Hardware Devices ****
card 0: Loopback [Virtual Loopback], device 0: Loopback PCM [Loopback PCM]
  Subdevices: 3/3
card 0: Loopback [Virtual Loopback], device 1: Loopback PCM [Loopback PCM]
  Subdevices: 3/3
END
shows "$arecord" <<'END'
**** List of CAPTURE Hardware Devices ****
card 0: Loopback [Virtual Loopback], device 0: Loopback PCM [Loopback PCM]
  Subdevices: 3/3
card 0: Loopback [Virtual Loopback], device 1: Loopback PCM [Loopback PCM]
  Subdevices: 3/3
END
shows "$cards" <<'END'
 0 [Loopback       ]: Loopback - Virtual Loopback
                      Virtual Loopback
END
shows "$notify" <<'END'
  : values=on
notify: on
END
shows "$modes" <<'END'
444
END
logs 'snd_rloop: module loaded, 1 card(s)'
logs 'snd_rloop: registering card "Virtual Loopback"'
logs 'snd_rloop: creating PCM device 0 with 3 subdevices'
logs 'snd_rloop: creating PCM device 1 with 3 subdevices'
logs 'snd_rloop: card registered as card 0'
unload
exit $status
