# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for the step `configfs`: cards that are made, set up,
# used and removed by name.
not() { ! "$@"; }
config=/sys/kernel/config/rloop
here=$config/Radio
messages() { dmesg | grep '\] snd_rloop: ' | grep -vcE 'snd_rloop: (registering|creating) '; }
# Only bash says why a write has failed.
put() { bash -c 'printf "%s\n" "$2" >"$1"' put "$here/$1" "$2" 2>/tmp/error; }
is() { [ "$(cat "$here/$1")" = "$2" ]; }
set_to() { put "$1" "$2" && is "$1" "$2"; }
# refused ERROR ATTRIBUTE VALUE MESSAGE: the write fails with the error and with one message that blames
# somebody, beside those that say how far the card has come, and nothing changes
refused() {
	old=$(cat "$here/$2")
	before=$(messages)
	if put "$2" "$3"; then return 1; fi
	grep -q ": $1\$" /tmp/error && is "$2" "$old" && [ "$(messages)" = $((before + 1)) ] &&
		last_line | grep -qF "] snd_rloop: $4"
}
invalid() { refused 'Invalid argument' "$1" "$2" "config Radio: parameter $1=$3 is not allowed: must be $4"; }
busy() { refused 'Device or resource busy' "$@"; }
card() { cat "$here/card"; }
# last TEXT: what the last line of the log begins with
last() { last_line | grep -qF "] snd_rloop: $1"; }
listed() { grep -q "^ *$(card) \[$1 *\]: $2\$" /proc/asound/cards; }
runs() { grep -qs '^state: RUNNING' "/proc/asound/card$(card)/$1/sub0/status"; }
soon() {
	for _ in $(seq 100); do
		if "$@"; then return 0; fi
		sleep 0.1
	done
	return 1
}
ptests() { rloop verify --format ptest "$@"; }

modprobe snd-rloop enable=0 || exit 1
check 'no card is there at first' [ "$(cat /proc/asound/cards)" = '--- no soundcards ---' ]

check 'a directory can be made' mkdir $here
for attribute in /sys/module/snd_rloop/parameters/*; do
	parameter=${attribute##*/}
	check "it has the module's parameter $parameter" [ -f "$here/$parameter" ]
	# The switch is the only one that is another thing here, and the id has been written by mkdir.
	case $parameter in enable | id) continue ;; esac
	check "and the same holds where nothing is written to $parameter" is $parameter "$(cut -d, -f1 $attribute)"
done
check 'a card is not enabled' is enable 0
check 'it has no number' is card -1
check "its id is the directory's name" is id Radio
check 'its substreams are the default' is pcm_substreams 8
check 'it offers all formats' is formats all

check 'pcm_substreams=0 is refused' invalid pcm_substreams 0 0 'a whole number from 1 to 128'
check 'topology=ring is refused' invalid topology ring ring 'cable, crossed or fanout'
check 'index=128 is refused' invalid index 128 128 'a whole number from 0 to 127, -1 for the first that is free, or a negative mask'
check 'an id that is not UTF-8 is refused' invalid id "$(printf 'a\377')" '(not UTF-8)' 'UTF-8, best letters and digits'
check 'an empty name is refused' invalid name '' '' '1 to 31 printable bytes of UTF-8'
check 'a name that is not UTF-8 is refused' invalid name "$(printf 'a\377')" '(not UTF-8)' '1 to 31 printable'
check 'pcm_notify=maybe is refused' invalid pcm_notify maybe maybe '1, y, on, 0, n or off'
check 'formats=S17 is refused' invalid formats 'S16_LE S17' 'S16_LE S17' 'all, or names of sample formats'
check 'rates=1 is refused' invalid rates 1 1 'up to 16 numbers or ranges from 8000 to 768000'
check 'channels=1-129 is refused' invalid channels 1-129 1-129 'up to 16 numbers or ranges from 1 to 128'
check 'wakeup_slack=-1 is refused' invalid wakeup_slack -1 -1 'a whole number from 0 to 50000'
check 'bandwidth=1000001 is refused' invalid bandwidth 1000001 1000001 'a whole number from 1 to 1000000'
check 'enable=2 is refused' invalid enable 2 2 '1, y, on, 0, n or off'
check 'what tells of the card is not written' not put card 0

check 'a name is taken' set_to name 'The Radio'
check 'a topology is taken' set_to topology crossed
check 'a number of substreams is taken' set_to pcm_substreams 2
check 'formats are taken' set_to formats 'S16_LE S24_LE'
check 'rates are taken' set_to rates '44100-48000 96000'
check 'channels are taken' set_to channels 1-2
check 'the card is made' put enable 1
check 'it is enabled' is enable 1
check 'it has its id, driver and name' listed Radio 'Loopback - The Radio'
check 'it has its devices' [ "$(aplay -l | grep -c '^card 0: Radio \[The Radio\], device [01]: Loopback PCM')" = 2 ]
check 'it has its substreams' [ "$(aplay -l | grep -c 'Subdevices: 2/2')" = 2 ]
offer=$(aplay -D hw:Radio --dump-hw-params -f U8 -c 2 /dev/zero 2>&1 | grep -E '^(FORMAT|RATE|CHANNELS):')
check 'it offers what was asked for' [ "$(echo $offer)" = 'FORMAT: S16_LE S24_LE CHANNELS: [1 2] RATE: [44100 96000]' ]
check 'to make it again is no mistake' put enable 1
ptests --card Radio --only 'start/*' --only 'drain/*' --only 'cable/*' --only 'pause/*' --only 'volume/*' || status=1

for attribute in /sys/module/snd_rloop/parameters/*; do
	attribute=${attribute##*/}
	[ $attribute = enable ] || check "$attribute can't be changed meanwhile" busy $attribute "$(cat $here/$attribute)" \
		"config Radio: $attribute can't be changed while the card is enabled"
done
check 'the directory stays meanwhile' not rmdir $here
check 'the card is still there after it' listed Radio 'Loopback - The Radio'
sleep 600 <>/dev/snd/controlC0 &
opener=$!
sleep 0.5
check 'it stays while its control device is open' busy enable 0 'config Radio: card 0 is in use'
kill $opener
wait $opener
arecord -q -D hw:Radio,1,0 -t raw -f S16_LE -r 48000 -c 2 /dev/null &
opener=$!
check 'a recorder runs' soon runs pcm1c
check 'it stays while a recorder runs' busy enable 0 'config Radio: card 0 is in use'
check 'the recorder still runs after it' runs pcm1c
check 'rmmod is refused' not rmmod snd_rloop
kill $opener
wait $opener
check 'it can be removed then' put enable 0
check 'no card is there after it' [ "$(cat /proc/asound/cards)" = '--- no soundcards ---' ]
check 'to remove it again is no mistake' put enable 0
check 'rmmod is refused while there is a directory' not rmmod snd_rloop

check 'it can be changed then' set_to index 5
check 'and have a slack' set_to wakeup_slack 4000
check 'it is made with another number' put enable 1
check 'it has that number' is card 5
check 'and that slack' grep -qx 'wakeup slack: 4000' /proc/asound/Radio/cable#0
here=$config/Radio2
mkdir $here
put id Radio
check 'of two of one id the second is made' put enable 1
check 'it has the id that ALSA makes of it' listed Radio_1 'snd-rloop - Virtual Loopback'
check 'and shows it' is id Radio_1
check 'the log says so, last of all' last "card $(card): its id is Radio_1, made by ALSA of \"Radio\": "
put enable 0
check 'what was written is still there' is id Radio
put index 5
check 'two of one number are refused' busy enable 1 'parameter index=5 is not allowed: must be the number of a free slot'
put index -33
check 'a mask of numbers is taken' put enable 1
check 'and is kept to' is card 0
put enable 0
put index -2
check 'so is any but the first' put enable 1
check 'and is kept to, too' is card 1
put enable 0
put index 5
check 'what was refused has no number' is card -1
check 'and can be removed' rmdir $here
here=$config/no-id
mkdir $here
check 'a directory may have a name that is no id' is id no-id
check 'and makes a card' put enable 1
check 'with the id that ALSA makes of it' listed noid 'snd-rloop - Virtual Loopback'
echo 1 >/sys/kernel/debug/snd_rloop/card$(card)/unplug
check 'one that has been unplugged has gone' not listed noid 'snd-rloop - Virtual Loopback'
check 'its directory stays' not rmdir $here
here=$config/Heir
mkdir $here
put enable 1
check 'another has its number then' is card "$(cat $config/no-id/card)"
check 'and is there' listed Heir 'snd-rloop - Virtual Loopback'
echo 1 >/sys/kernel/debug/snd_rloop/card$(card)/unplug
check 'and can be unplugged' not listed Heir 'snd-rloop - Virtual Loopback'
check 'debugfs has no complaint' not eval "dmesg | grep -q 'already exists'"
put enable 0
rmdir $here
here=$config/no-id
check 'it can be removed' put enable 0
check 'and made again' put enable 1
check 'and be there' listed noid 'snd-rloop - Virtual Loopback'
put enable 0
rmdir $here
here=$config/Radio
put enable 0
rmdir $here

made=0
for number in $(seq 64); do
	here=$config/C$number
	mkdir $here && put pcm_substreams 2 && put enable 1 && made=$((made + 1))
done
check '64 cards are made' [ $made = 64 ]
check '64 cards are there' [ "$(grep -c ' \[C[0-9]* *\]: ' /proc/asound/cards)" = 64 ]
check 'the last has its files' [ -e /proc/asound/C64/cable#1 ]
for number in 1 32; do ptests --card C$number --only 'start/linked' --only 'cable/*' || status=1; done
# alsa-lib knows numbers up to 31 only: the last one passes for card 0, as in a container that is given its devices.
as_card_0() {
	nodes=$(cd /dev/snd && stat -c 'mknod /dev/snd/%n c $((0x%t)) $((0x%T))' controlC"$1" pcmC"$1"D0p pcmC"$1"D0c)
	unshare -m sh -c "mount -t tmpfs none /dev/snd && $(echo "$nodes" | sed "s/C$1/C0/;s/\$/ \&\&/") rloop verify --format ptest --card C64 --only start/linked --only 'cable/*'"
}
as_card_0 "$(cat $config/C64/card)" || status=1
for number in $(seq 64); do
	here=$config/C$number
	put enable 0 && rmdir $here && made=$((made - 1))
done
check '64 cards are removed' [ $made = 0 ]
check 'none is there after it' [ "$(cat /proc/asound/cards)" = '--- no soundcards ---' ]

check 'the module can be unloaded after it' rmmod snd_rloop
check 'its directory has gone' [ ! -e $config ]
# What the module has forgotten in the ALSA core comes to light when that goes.
check 'the ALSA core can be unloaded after it' rmmod snd-pcm snd-timer snd
exit $status
