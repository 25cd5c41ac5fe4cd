# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `drop-in`: what people write for snd-aloop is
# tried as it is, and for snd-rloop with `$drop_in` before it, and what users get
# to see has to be the same. What is not is on the page docs/using/coming-from-snd-aloop.md.
not() { ! "$@"; }
remark() { [ -z "$compared" ] || diff /tmp/snd-aloop /tmp/snd-rloop | tr '\n' ';'; }
drop_in='id=Loopback topology=crossed name=Loopback'
# The number of a card that is there before, if any.
codec=
loads=0

# seen MODULE LINE: what users get to see of the cards that the line makes, but for the codec
seen() {
	parameters=/sys/module/$(echo "$1" | tr - _)/parameters
	loads=$((loads + 1))
	echo "load $loads" >/dev/kmsg
	if eval "modprobe $1 $2" 2>/tmp/error; then echo loaded; else echo refused; fi
	dmesg | sed "1,/\] load $loads\$/d" >/tmp/log
	# snd-aloop counts the cards in their long names, snd-rloop has one name.
	sed '/PCH/,+1d; s/^\( *Loopback\) [0-9]*$/\1/' /proc/asound/cards
	sed "/^${codec:-none}/d" /proc/asound/pcm
	for link in /proc/asound/*; do
		[ -L "$link" ] && [ "$link" != /proc/asound/PCH ] && echo "$link $(readlink "$link")"
	done
	for name in index enable pcm_substreams pcm_notify; do
		[ -e "$parameters" ] && echo "$name=$(cut -d, -f-4 "$parameters/$name")"
	done
	:
}
# try LINE: leaves what is seen in /tmp/snd-aloop and /tmp/snd-rloop, and the kernel's log of the latter
try() {
	for module in snd-aloop snd-rloop; do
		other=$([ $module = snd-aloop ] && echo snd-rloop || echo snd-aloop)
		line=$([ $module = snd-aloop ] && echo "$1" || echo "$drop_in $1")
		[ -z "$codec" ] || modprobe $other "index=$codec" id=PCH pcm_substreams=1
		seen $module "$line" >/tmp/$module
		rmmod $module $other 2>/dev/null
	done
}
same() {
	try "$1"
	compared=1
	check "same${codec:+ with a card $codec}: $1" cmp -s /tmp/snd-aloop /tmp/snd-rloop
	compared=
}
# id_of NUMBER: the id of that card of snd-rloop's
id_of() { sed -n "s/^ *$1 \[\([^ ]*\) *\]:.*/\1/p" /tmp/snd-rloop; }
logged() { grep -qF "] snd_rloop: $1" /tmp/log; }
thirty() { for number in $(seq "$1" "$2"); do printf '%s,' "${3:-$number}"; done | sed 's/,$//'; }

same ''
same index=1
same index=0x3
same index=-2
same index=-5
same index=-2147483648
same index=31
same index=128
same index=bad
same 'index=7 pcm_substreams=1 id=Loopback'
same 'enable=1 index=10'
same 'enable=1,1 index=10'
same 'enable=1,1'
same 'enable=Y,yes,on,True,e'
same 'enable=0,1'
same 'enable=2'
same 'enable=1,1,1 index=1,2,3'
same 'enable=1,1,1 index=4,5,6 id=a,b,c'
same 'enable=1,1,1,1,1,1,1,1 index=-2,-2,-2,-2,-2,-2,-2,-2 id=aux_prg1in,aux_prg1prev,aux_prg2in,aux_prg2prev,aux_dsc_src,aux_mpx_mix,aux_1,aux_2'
same 'enable=1,1 index=2,2'
same 'enable=1,1,1 id=Same,Same,Same'
same 'enable=1,1 id=a_very_long_id_1,a_very_long_id_2'
same 'enable=1,1,1 id=a,,c'
same "enable=$(thirty 1 30 1) index=$(thirty 0 29)"
same "enable=$(thirty 0 31 1) index=$(thirty 0 31)"
same 'id=my_card'
same 'id=my-card'
same 'id=thisismuchlongerthan15'
same "'id=\"OBS Mic\"'"
same 'id=2x'
same 'id=card1'
same 'id=pcm'
same 'id=__'
same 'id='
same "'id=Gr\303\266\303\237e'"
same pcm_substreams=1
same pcm_substreams=8
same 'enable=1,1 pcm_substreams=1'
same 'enable=1,1,1 pcm_substreams=2,2,2'
same pcm_substreams=1,1
same pcm_substreams=x
same pcm_notify=1
same pcm_notify=2
same 'pcm_substreams=1 pcm_notify=1,1'
same pcm_notify=-1
same pcm_notify=x
same 'pcm=2'
same "'timer_source=\"hw:1,0\"'"
same timer_source=-1.4.0
same timer_source=NoCard.0.0

codec=00
same ''
same index=-2
same index=0
same index=-1
same 'enable=1,1,1 index=0,1,2'
same id=PCH
same 'enable=1,1 timer_source=hw:0.0.0'
same 'timer_source=PCH.0.0'
same "'timer_source=\"hw:0,0,0\"'"
codec=02
same 'enable=1,1,1 index=1,2,3'
same index=-2
same index=-5
codec=

# What differs: both sides of it.
try enable=0
check 'enable=0: refused by snd-aloop' grep -q refused /tmp/snd-aloop
check 'enable=0: no card is there, for they can be made in configfs' grep -q loaded /tmp/snd-rloop
try pcm_substreams=16
check 'pcm_substreams=16: snd-aloop makes 8' grep -q ': playback 8 :' /tmp/snd-aloop
check 'pcm_substreams=16: here it is 16' grep -q ': playback 16 :' /tmp/snd-rloop
try pcm_substreams=0
check 'pcm_substreams=0: snd-aloop makes 1' grep -q ': playback 1 :' /tmp/snd-aloop
check 'pcm_substreams=0: the log says what to write' logged 'parameter pcm_substreams=0 is not allowed: must be a whole number from 1 to 128'
try pcm_notify=yes
check 'pcm_notify=yes: refused by snd-aloop' grep -q refused /tmp/snd-aloop
check 'pcm_notify=yes: is on' grep -q loaded /tmp/snd-rloop
try 'enable=1,1 id=Radio'
check 'the second card of id=Radio: Loopback' grep -q '\[Loopback *\]' /tmp/snd-aloop
check 'the second card of id=Radio: Radio_1' [ "$(id_of 1)" = Radio_1 ]
try timer_source=hw:1.x
check 'timer_source=hw:1.x: no stream of snd-aloop could be opened' grep -q loaded /tmp/snd-aloop
check 'timer_source=hw:1.x: the log says what to write' logged 'parameter timer_source=hw:1.x is not allowed: must be hrtimer'
try 'index=5 timer_source=hw:5.0.0'
check 'its own timer: the log says what to write' logged 'parameter timer_source=hw:5.0.0 is not allowed: must be hrtimer'

try 'enable=1,1 index=5 timer_source=hw:5.0.0'
check 'the other card is made' logged 'module loaded, 1 card(s) of 2'
try 'enable=1,1 timer_source=hw:0.0.0'
check 'so it is where any number would do' logged 'module loaded, 1 card(s) of 2'

# What became of an id is in the log, once.
try 'enable=1,1,1 id=my_card,Fine,Fine'
check 'an id that ALSA trims is in the log' logged 'card 0: its id is mycard, made by ALSA of "my_card": '
check 'an id that is taken is in the log' logged 'card 2: its id is Fine_1, made by ALSA of "Fine": '
check 'one that is had as it was written is not' [ "$(grep -c ': its id is ' /tmp/log)" = 2 ]
codec=00
try index=0
check 'a number that is taken is in the log' logged 'parameter index=0 is not allowed: must be the number of a free slot, -1 for any,'
try 'enable=1,1 index=0,1'
check 'the other cards are made' logged 'module loaded, 1 card(s) of 2'
codec=

# New parameters hold for the cards after, too, until there is another value.
modprobe snd-rloop enable=1,1,1,1,1 topology=crossed,fanout,cable pcm_substreams=1 name=A,A,B formats=S16_LE rates=48000 channels=2,1
cat /proc/asound/cards /proc/asound/pcm >/tmp/snd-rloop
parameters=/sys/module/snd_rloop/parameters
check 'ids go on' [ "$(id_of 0) $(id_of 1) $(id_of 4)" = 'rloop rloop_1 rloop_4' ]
check 'names go on' [ "$(cut -d, -f-4 $parameters/name)" = A,A,B,B ]
check 'a topology goes on' [ "$(cut -d, -f-5 $parameters/topology)" = crossed,fanout,cable,cable,cable ]
check 'and is that of the cards' [ "$(sed -n 's/ \[.*\]: / /p' /tmp/snd-rloop | tr -s ' \n' ' ')" = ' 0 Loopback - A 1 snd-rloop - A 2 snd-rloop - B 3 snd-rloop - B 4 snd-rloop - B ' ]
check 'substreams do not, as in snd-aloop' [ "$(cut -d, -f-3 $parameters/pcm_substreams)" = 1,8,8 ]
check 'nor are they those of the cards' grep -q '^04-00: .* playback 8 : capture 8' /tmp/snd-rloop
check 'channels go on' eval 'arecord -D hw:4 --dump-hw-params -f U8 -d 1 /dev/null 2>&1 | grep -q "^CHANNELS: 1$"'
rmmod snd_rloop

# A line is as long as it has to be; what is shown of the values ends with the page.
long=$(thirty 1 128 ThirtyOneBytesOfNameForEachCard)
check 'a value for each of 128 cards is taken' modprobe snd-rloop enable=0 "name=$long" "rates=$(thirty 1 128 8000-768000)"
check 'and as much of it is shown as goes into a page' [ "$(cat $parameters/name | wc -c)" = 4095 ]
check 'the log has no complaint' not eval "dmesg | grep -q 'WARNING\|sysfs_emit'"
rmmod snd_rloop

# In files, as they are found in /etc.
conf=/etc/modprobe.d/rloop.conf
mkdir -p /etc/modprobe.d
echo 'options snd-rloop id=Loopback topology=crossed name=Loopback
options snd_rloop index=-2,-2 enable=1,1
options snd-rloop pcm_substreams=2,2' >$conf
check 'options come from files' modprobe snd_rloop
check 'they are those of the cards' [ "$(cut -d: -f1,3- /proc/asound/pcm | sort -u | tr '\n' ' ')" = '01-00: Loopback PCM : playback 2 : capture 2 01-01: Loopback PCM : playback 2 : capture 2 02-00: Loopback PCM : playback 2 : capture 2 02-01: Loopback PCM : playback 2 : capture 2 ' ]
rmmod snd_rloop
{
	echo options snd-rloop id=Loopback topology=crossed
	echo "options snd-rloop enable=$(thirty 1 30 1)"
	echo "options snd-rloop index=$(thirty 1 30)"
} >$conf
check 'thirty cards come from a file' modprobe snd-rloop
check 'as those of snd-aloop do' [ "$(grep -c '\[Loopback[_0-9A-F]* *\]: Loopback - ' /proc/asound/cards)" = 30 ]
check 'none of them is the first' [ "$(readlink /proc/asound/Loopback) $(readlink /proc/asound/Loopback_1D)" = 'card1 card30' ]
rmmod snd_rloop
echo 'install snd-rloop /usr/sbin/modprobe --ignore-install snd-rloop id=Loopback index=3 $CMDLINE_OPTS' >$conf
check 'an install line is run' modprobe snd-rloop
check 'and its card made' grep -q '^ 3 \[Loopback' /proc/asound/cards
rmmod snd_rloop
# All of what is written for snd-aloop, under its own name.
echo 'alias snd-aloop snd-rloop
alias snd_aloop snd-rloop
options snd-rloop id=Loopback topology=crossed name=Loopback
options snd-aloop enable=1,1 pcm_substreams=2
options snd-aloop index=4,5' >$conf
check 'an alias loads it in place of snd-aloop' modprobe snd-aloop pcm_notify=1
check 'with the options for both' [ "$(tr -s ' ' </proc/asound/pcm | sort | cut -d: -f1,4- | tr '\n' ' ')" = '04-00: playback 2 : capture 2 04-01: playback 2 : capture 2 05-00: playback 8 : capture 8 05-01: playback 8 : capture 8 ' ]
check 'and those of the command line' [ "$(cut -d, -f-2 $parameters/pcm_notify)" = 1,0 ]
check 'the ids are those of snd-aloop' [ -d /proc/asound/Loopback -a -d /proc/asound/Loopback_1 ]
check 'modprobe -r knows the alias' modprobe -r snd_aloop
check 'it has gone' [ ! -e /sys/module/snd_rloop ]
rm $conf
echo 'snd_rloop.id=Loopback snd_rloop.index=6' >/tmp/cmdline
mount --bind /tmp/cmdline /proc/cmdline
check 'options come from the command line of the kernel' modprobe snd-rloop
check 'and are those of the card' grep -q '^ 6 \[Loopback' /proc/asound/cards
umount /proc/cmdline
rmmod snd_rloop

# What the layer has modprobe read, where it finds no codec before it, and with a number asked for.
defaults=$(sed -n 's/^RLOOP_DEFAULTS ?= "\(.*\)"$/\1/p' /mnt/share/files/rloop_sound.bbclass)
[ -n "$defaults" ] || exit 2
layer() { echo "options snd-rloop $defaults $1" >$conf; }
layer ''
check 'the options of the layer are taken' modprobe snd-rloop
check 'none of its cards is the first' grep -q '^ 1 \[rloop  ' /proc/asound/cards
rmmod snd_rloop
layer 'enable=1,1 topology=crossed id=Loopback'
check 'so it is with more, and others' modprobe snd-rloop
check 'none of those is the first' [ "$(readlink /proc/asound/Loopback) $(readlink /proc/asound/Loopback_1)" = 'card1 card2' ]
rmmod snd_rloop
layer index=0
check 'a number that is asked for is taken' modprobe snd-rloop
check 'and the card has it' grep -q '^ 0 \[rloop  ' /proc/asound/cards
rmmod snd_rloop
rm $conf

# The controls of snd-aloop are there, at the same places.
for module in snd-aloop snd-rloop; do
	parameters=$([ $module = snd-rloop ] && echo "$drop_in")
	modprobe $module $parameters pcm_substreams=2
	amixer -c Loopback controls | sed 's/numid=[0-9]*,//' | sort >/tmp/$module
	for device in 0 1; do
		amixer -c Loopback cget "iface=PCM,name='PCM Rate Shift 100000',device=$device,subdevice=1"
		amixer -c Loopback cget "iface=PCM,name='PCM Notify',device=$device,subdevice=1"
	done | sed 's/numid=[0-9]*,//' >/tmp/$module.values
	{ aplay -L; arecord -L; } >/tmp/$module.names
	rmmod $module
done
check 'the controls of snd-aloop are there' [ -z "$(comm -23 /tmp/snd-aloop /tmp/snd-rloop)" ]
check 'and are what they are there' cmp -s /tmp/snd-aloop.values /tmp/snd-rloop.values
types() { modinfo -F parmtype "$1" | sort; }
check 'modinfo shows the same parameters, of the same types' [ -z "$(types snd-rloop >/tmp/types && types snd-aloop | comm -23 - /tmp/types)" ]
check 'alsa-lib has the same names for the card' cmp -s /tmp/snd-aloop.names /tmp/snd-rloop.names
check 'and there are some' grep -q '^front:CARD=Loopback,DEV=0$' /tmp/snd-rloop.names

exit $status
