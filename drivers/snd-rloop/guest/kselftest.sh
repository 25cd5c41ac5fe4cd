# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The kernel tree's own tests of ALSA, on a card with the id `$id` and this `$topology`. They exit with 0 whatever
# they found, and where there is no card to test: what they write is judged on the host.
cd /mnt/share/files || exit 2
# of PROGRAM PARAMETER
of() {
	mark "$1"
	modprobe snd-rloop id=$id topology=$topology $2 || exit 2
	./$1 >/tmp/$1.tap 2>&1
	# What mixer-test says of each event of an element that it has not just written to. The pitch has three names, so
	# these would be a million lines.
	grep -v '^# Event for unexpected ctl ' /tmp/$1.tap
	modprobe -r snd-rloop || exit 2
}
of pcm-test pcm_substreams=8
# It writes every value of every element, 800000 for the pitch of each cable.
of mixer-test pcm_substreams=1
mark end
