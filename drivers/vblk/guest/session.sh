# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What a shell sees of it: loaded and unloaded, with other sizes, while it is used, and with what is not allowed.

node=/dev/vblk0
free() { sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo; }

check 'the module can be loaded' modprobe vblk
check 'modinfo calls the size a ulong' eval 'modinfo -F parm vblk | grep -q "^disk_size_mb:.*(ulong)$"'
check 'it is a block device' [ -b $node ]
check 'with a number of its own' eval 'grep -q " vblk$" /proc/devices'
check 'no scheduler puts its requests in order' grep -q '\[none\]' /sys/block/vblk0/queue/scheduler
check 'of 16 MiB' [ "$(cat /sys/block/vblk0/size)" = 32768 ]
check 'all of it is zeroes' eval 'cmp -n 16777216 $node /dev/zero'
head -c 1000000 /dev/urandom >/tmp/in
check 'what is written is read' eval 'dd if=/tmp/in of=$node conv=fsync status=none && head -c 1000000 $node | cmp - /tmp/in'
exec 3<$node
check 'the module stays while it is open' eval '! rmmod vblk 2>/dev/null'
exec 3<&-
check 'and goes afterwards' rmmod vblk
check 'there is no node then' [ ! -e $node ]
check 'nor a number' eval '! grep -q " vblk$" /proc/devices'
before=$(free)
check 'a disk of 512 GiB can be had' modprobe vblk disk_size_mb=524288
check 'and takes less than 1 MiB' [ $((before - $(free))) -lt 1024 ]
check 'it has all of that' [ "$(cat /sys/block/vblk0/size)" = 1073741824 ]
check 'its end can be written' eval 'dd if=/tmp/in of=$node bs=4096 seek=134217727 count=1 oflag=direct status=none'
rmmod vblk
for parameter in disk_size_mb=0 disk_size_mb=-1 disk_size_mb=524289 disk_size_mb=16M block_size=256 read_only=maybe \
	write_cache=2 queues=65; do
	check "$parameter is refused" eval "! modprobe vblk $parameter 2>/dev/null"
	check "and it is said why" eval "last_line | grep -q 'parameter $parameter is not allowed: must be '"
done
check 'the module can be loaded without a disk' modprobe vblk enable=0
check 'there is none' [ ! -e $node ]
check 'but one that is made' eval 'mkdir /sys/kernel/config/vblk/a && echo 1 >/sys/kernel/config/vblk/a/enable && [ -b /dev/vblk-a ]'
check 'its directory stays' eval '! rmdir /sys/kernel/config/vblk/a 2>/dev/null'
check 'and so does the module' eval '! rmmod vblk 2>/dev/null'
remark() { tail -n 20 /tmp/bench; }
check 'it is measured' eval 'rloop bench block >/tmp/bench 2>&1'
check 'and so is each rival' eval '! grep "is left out" /tmp/bench'
check 'by all figures' eval 'grep -q "random, 32 at once" /tmp/bench && grep -q "first write of a MiB" /tmp/bench && grep -q "after a discard" /tmp/bench && grep -q "10.24 KiB: " /tmp/bench'
check 'and nothing of the rivals stays' eval '[ ! -e /dev/ram0 ] && [ ! -e /sys/module/null_blk ] && [ ! -e /sys/module/zram ]'
check 'it can be removed' eval 'echo 0 >/sys/kernel/config/vblk/a/enable && rmdir /sys/kernel/config/vblk/a'
check 'a name that is too long is refused' eval 'mkdir /sys/kernel/config/vblk/012345678901234567890123456789 && ! echo 1 >/sys/kernel/config/vblk/012345678901234567890123456789/enable 2>/dev/null; rmdir /sys/kernel/config/vblk/012345678901234567890123456789'
check 'the module can be unloaded' rmmod vblk
check 'ten times' eval 'for i in 1 2 3 4 5 6 7 8 9 10; do modprobe vblk; rmmod vblk; done'
exit $status
