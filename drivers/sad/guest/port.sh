# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The bytes that leave by the parallel port: QEMU has each that a strobe tells of, in /mnt/share/parallel.

out=/mnt/share/parallel

head -c 4000 /dev/urandom >/tmp/sound
check 'a port that is not there is refused' eval '! modprobe sad format=u8 parport=0 2>/dev/null'
modprobe parport_pc || exit 1
check 'the port is claimed' modprobe sad format=u8 parport=0
second=/sys/kernel/config/sad/second
check 'another device is given the same port' eval 'mkdir $second && echo 0 >$second/parport'
check 'but does not get it' eval '! echo 1 >$second/enable 2>/dev/null'
check 'and can be removed' rmdir $second
cat /tmp/sound >/dev/sad
check 'what was written has left, each byte once' cmp /tmp/sound $out
check 'the port is given back' modprobe -r sad
check 'without a strobe' modprobe sad format=u8 parport=0 strobe=0
cat /tmp/sound >/dev/sad
check 'nobody is told of a byte' cmp /tmp/sound $out
check 'the module can be unloaded' modprobe -r sad parport_pc
