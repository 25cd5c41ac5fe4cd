# SPDX-License-Identifier: MIT OR Apache-2.0
#
# A card of virtio-loopback's is measured, beside the one of snd-rloop that is like that which it plays to, and one of
# QEMU's.

. /mnt/share/files/sound.sh

remark() { tail -n 20 /tmp/bench; }
check 'the cards that are played to can be made' outputs
check 'the module can be loaded' modprobe virtio-loopback
# At the other node, as the tool makes a device at the first.
second_card
# The first is QEMU's.
check 'there are two virtio sound cards' within 150 there SoundCard_1
rloop bench virtio --format markdown >/tmp/bench 2>&1
check 'it is measured' [ $? = 0 ]
cat /tmp/bench
check 'and so is each rival' eval '! grep "is left out" /tmp/bench'
check 'by all figures' eval 'grep -q "a period of 80 ms" /tmp/bench && grep -q "there and back" /tmp/bench && grep -q "wake-ups for a period of 10 ms: at most 2 more than with QEMU" /tmp/bench'
check 'none of them less than nothing' eval '! grep "^| a period.*| -[0-9]" /tmp/bench'
kill $second
wait $second 2>/dev/null
check 'the module can be unloaded' within 50 rmmod virtio_loopback
cat /tmp/sound.log
exit $status
