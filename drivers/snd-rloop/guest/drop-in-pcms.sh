# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `drop-in-pcms`: the names by which programs and
# scripts reach a loopback card, and what is put on top of it in asound.conf, on a card
# of snd-aloop and on one of snd-rloop in its place. Needs a kernel with semaphores and
# shared memory (CONFIG_SYSVIPC), of which dmix and dsnoop are made.
exec 2>/tmp/error
remark() { tail -n 3 /tmp/error | tr "\n" ";"; }
drop_in='id=Loopback topology=crossed name=Loopback'
cat >/etc/asound.conf <<'END'
pcm.mix { type dmix; ipc_key 4711; slave { pcm "hw:Loopback,0,0"; rate 48000; channels 2; period_size 1024; buffer_size 8192 } }
pcm.snoop { type dsnoop; ipc_key 4712; slave { pcm "hw:Loopback,1,0"; rate 48000; channels 2; period_size 1024; buffer_size 8192 } }
pcm.vol { type softvol; slave.pcm "plug:mix"; control { name "Loop Volume"; card Loopback } }
pcm.both { type asym; playback.pcm vol; capture.pcm "plug:snoop" }
pcm.out { type plug; slave.pcm "hw:CARD=Loopback,DEV=0,SUBDEV=1" }
pcm.in { type plug; slave.pcm "hw:CARD=Loopback,DEV=1,SUBDEV=1" }
pcm.file { type file; slave.pcm both; file /tmp/filed; format raw }
pcm.twice { type multi; slaves.a { pcm "hw:Loopback,0,2"; channels 2 }; slaves.b { pcm "hw:Loopback,0,3"; channels 2 }; bindings.0 { slave a; channel 0 }; bindings.1 { slave b; channel 1 } }
END
wav=/usr/share/sounds/alsa/Front_Center.wav
# heard PLAYBACK CAPTURE: the recording of a second has something in it
heard() {
	timeout 20 arecord -q -D "$2" -f S16_LE -r 48000 -c "${3:-2}" -d 1 -t raw /tmp/heard & recorder=$!
	sleep 0.2
	timeout 20 aplay -q -D "$1" $wav || return 1
	wait $recorder || return 1
	[ "$(tr -d '\0' </tmp/heard | wc -c)" -gt 1000 ]
}
for module in snd-aloop snd-rloop; do
	parameters=$([ $module = snd-rloop ] && echo "$drop_in")
	modprobe $module $parameters
	check "$module: plughw:CARD=Loopback,DEV=0" heard plughw:CARD=Loopback,DEV=0 plughw:CARD=Loopback,DEV=1
	check "$module: plughw:0,1,7 and hw:0,0,7" heard plughw:0,1,7 plughw:0,0,7
	check "$module: front and sysdefault" heard plug:front:Loopback plughw:Loopback,1,0
	check "$module: dmix, dsnoop, softvol and asym" heard both both
	check "$module: two players, one dmix" eval 'aplay -q -D vol $wav & heard both both'
	check "$module: file" heard file both
	check "$module: subdevices" heard out in
	check "$module: multi" heard plug:twice plughw:Loopback,1,2
	check "$module: with a default card" eval 'ALSA_CARD=Loopback heard default plughw:Loopback,1,0'
	wait
	rmmod $module
done
rm /etc/asound.conf
exit $status
