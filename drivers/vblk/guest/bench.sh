# SPDX-License-Identifier: MIT OR Apache-2.0
#
# It is measured beside its rivals, also for how long they keep a processor from its interrupts.

modprobe vblk || exit 1
mount -t tracefs tracefs /sys/kernel/tracing
remark() { tail -n 20 /tmp/bench; }
rloop bench block >/tmp/bench 2>&1
check 'it is measured' [ $? = 0 ]
check 'and so is each rival' eval '! grep "is left out" /tmp/bench'
check 'by all figures' eval 'grep -q "write of 1048576 bytes, in sequence" /tmp/bench && grep -q "KiB for a fresh disk" /tmp/bench'
check 'interrupts are off no longer than without a copy' grep -q "interrupts off: at most 1.2 times as long as with null_blk, no memory: .*, reached" /tmp/bench
check 'and nothing of the rivals stays' eval '[ ! -e /sys/module/brd ] && [ ! -e /sys/module/null_blk ] && [ ! -e /dev/vblk-bench ]'
exit $status
