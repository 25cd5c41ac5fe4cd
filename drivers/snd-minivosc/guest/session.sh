# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The session of the model of this driver, word for word: what is listed, what is recorded, what is refused, and what
# dynamic debug tells of one recording.

named='card 0: sndminivosc [MySoundCard Audio snd_minivosc], device 0: MySoundCard Audio snd_minivosc [MySoundCard Audio snd_minivosc]'
debugging() { echo "module snd_minivosc $1p" >/sys/kernel/debug/dynamic_debug/control; }
refused() { ! arecord -f cd -D hw:0,0 -d 2 /tmp/cd.wav 2>/tmp/error && printf '%s\n' 'Sample format non available' 'Available formats:' '- U8' | while read -r line; do grep -qF -e "$line" /tmp/error || exit 1; done; }
# steps WORD…: whether the words are in the log of the recording in this order
steps() { dmesg | grep -o 'hw:0,0,0 capture: .*' | awk -v words="$*" 'BEGIN { n = split(words, want, " "); at = 1 } $3 ~ "^" want[at] ":?$" { at++ } END { exit at <= n }'; }

modprobe snd-minivosc formats=U8 rates=8000 channels=1 || exit 1
check 'arecord lists it' eval 'arecord -l | grep -qxF "$named"'
check 'it has one subdevice' eval 'arecord -l | grep -q "Subdevices: 1/1"'
check 'aplay does not list it' eval '! aplay -l 2>&1 | grep -q sndminivosc'
check 'mixers find no controls' eval '[ -z "$(amixer -c 0 scontrols)" ]'
check 'dynamic debug is there' debugging +
check 'arecord records with its defaults' arecord -q -D hw:0,0 -d 2 /tmp/foo.wav
check 'dynamic debug goes' debugging -
check 'two seconds are 16000 bytes and a header of 44' [ "$(stat -c %s /tmp/foo.wav)" = 16044 ]
check 'the log has each step of it' steps open hw_params prepare trigger timer pointer trigger hw_free close
check 'CD quality is refused' refused
arecord -q -D hw:0,0 -d 60 /dev/null &
sleep 0.3
check 'the module stays while it is recorded from' eval '! rmmod snd-minivosc 2>/dev/null'
kill $!
wait $!
check 'the module can be unloaded' modprobe -r snd-minivosc
for parameter in formats=S17 rates=7999 channels=0 waveform=triangle waveform=user frequency=-1 level=65537 lift=65536 seed=-1 marks=maybe; do
	check "$parameter is refused" eval "! modprobe snd-minivosc $parameter 2>/dev/null"
	check 'and the log says why' eval "last_line | grep -q '$parameter'"
done
exit $status
