# SPDX-License-Identifier: MIT OR Apache-2.0
#
# A source of random numbers that is a program, whose numbers are 0, 1, 2 …: what is read of it has to be those.

node=/dev/loopback-0
current=/sys/class/misc/hw_random/rng_current
backend() { virtio-loopback-test --socket /tmp/rng.sock "$@" >>/tmp/backend.log 2>&1 & backend=$!; }
adapter() { virtio-loopback-adapter -s /tmp/rng.sock -d vhurng -l 0 "$@" >>/tmp/adapter.log 2>&1 & adapter=$!; }
# Waits for so many tenths of a second at most.
within() { local tenths=$1; shift; while ! "$@"; do [ $tenths -gt 0 ] || return 1; tenths=$((tenths - 1)); sleep 0.1; done; }
there() { grep -q "$1" /sys/class/misc/hw_random/rng_available; }
gone() { ! there "$1"; }
# Words that grow by one, or by what others have taken in between.
in_order() {
	od -An -v -tu8 -w8 "$1" | awk 'NR > 1 && ($1 + 0 <= last || $1 - last > 4096) { print "after " last " comes " $1; exit 1 } { last = $1 + 0 }'
}

check 'the module can be loaded' modprobe virtio-loopback
check 'there are two nodes' [ -c $node -a -c /dev/loopback-1 -a ! -e /dev/loopback-2 ]
check 'which are for root alone' [ "$(stat -c %a $node)" = 600 ]
backend
adapter
check 'the kernel finds the device' within 100 there virtio_rng
source=$(tr ' ' '\n' </sys/class/misc/hw_random/rng_available | grep virtio_rng | tail -n 1)
check 'which can be chosen' eval "echo $source >$current"
check 'and is then the one' [ "$(cat $current)" = "$source" ]
check '1 MiB of it can be read' eval 'dd if=/dev/hwrng of=/tmp/numbers bs=4096 count=256 iflag=fullblock 2>/tmp/dd.log && [ $(stat -c %s /tmp/numbers) = 1048576 ]'
check 'and is what the program gave' in_order /tmp/numbers
check 'the module stays while it is used' eval '! rmmod virtio_loopback 2>/dev/null'
kill -9 $adapter
wait $adapter 2>/dev/null
check 'with the adapter goes the device' within 50 gone "$source"
check 'a node is free again at once' eval 'adapter; within 100 there virtio_rng'
kill -9 $backend
wait $backend 2>/dev/null
check 'with the backend goes the device' within 50 gone virtio_rng
backend
check 'and comes again with it' within 100 there virtio_rng
kill $adapter $backend
wait 2>/dev/null
check 'it goes once more' within 50 gone virtio_rng
check 'the module can be unloaded' within 20 rmmod virtio_loopback
cat /tmp/backend.log /tmp/adapter.log
exit $status
