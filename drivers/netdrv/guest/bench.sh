# SPDX-License-Identifier: MIT OR Apache-2.0
#
# It is measured beside its rivals.

modprobe netdrv || exit 1
mount -t tracefs tracefs /sys/kernel/tracing
remark() { tail -n 20 /tmp/bench; }
rloop bench net >/tmp/bench 2>&1
check 'it is measured' [ $? = 0 ]
check 'and so is each rival' eval '! grep "is left out" /tmp/bench'
check 'by all figures' eval 'grep -q "packet of 1500 bytes by UDP" /tmp/bench && grep -q "KiB for a pair" /tmp/bench && grep -q "a MiB by TCP: at most 1.1 times that of veth: " /tmp/bench'
# The kernel for aarch64 has no tracer irqsoff. Of some 8 us one time is not the other, whoever has them off: that is half of
# them here, where the bench's own aim is a fifth.
[ "$(uname -m)" != x86_64 ] ||
	check 'and interrupts are off hardly longer' grep -Eq "interrupts off: .* as long as with veth: (0|1\.[0-4])" /tmp/bench
check 'and nothing of the rivals stays' eval '[ ! -e /sys/module/veth ] && [ ! -e /run/netns/rloop-near ]'
exit $status
