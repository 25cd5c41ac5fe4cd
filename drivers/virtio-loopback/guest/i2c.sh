# SPDX-License-Identifier: MIT OR Apache-2.0
#
# An I2C bus whose device is rust-vmm's: what is written on it to a chip is there on the chip's own bus, and the other way
# around. The chips are the kernel's i2c-stub: 256 registers each.

chip=0x20 hidden=0x21
backend() {
	vhost-device-i2c --socket-path /tmp/i2c.sock --device-list "SMBus stub driver:$((chip))" >>/tmp/backend.log 2>&1 &
	backend=$!
}
adapter() { virtio-loopback-adapter -s /tmp/i2c.sock0 -d vhui2c -l 0 >>/tmp/adapter.log 2>&1 & adapter=$!; }
for tool in i2cget i2cset i2cdump; do
	eval "$tool() { busybox $tool \"\$@\"; }"
done
# Waits for so many tenths of a second at most.
within() { local tenths=$1; shift; while ! "$@"; do [ $tenths -gt 0 ] || return 1; tenths=$((tenths - 1)); sleep 0.1; done; }
# NAME: the number of the bus whose name begins so.
bus() {
	local name
	for name in /sys/bus/i2c/devices/i2c-*/name; do
		case $(cat "$name") in "$1"*) name=${name%/name}; echo "${name##*-}"; return 0 ;; esac
	done
	return 1
}
there() { bus i2c_virtio >/tmp/bus; }
gone() { ! there; }
# BUS REGISTER VALUE MODE: whether that is what is read there.
reads() { [ "$(i2cget -y "$1" $chip "$2" "$4")" = "$3" ]; }
# BUS: all registers of the chip.
registers() { i2cdump -y "$1" $chip b 2>/dev/null; }

check 'the chips can be made' eval "modprobe i2c-dev && modprobe i2c-stub chip_addr=$chip,$hidden"
own=$(bus 'SMBus stub driver')
check 'their bus is there' [ -n "$own" ]
check 'the modules can be loaded' eval 'modprobe i2c-virtio && modprobe virtio-loopback'
backend
check 'the backend listens' within 100 [ -S /tmp/i2c.sock0 ]
adapter
check 'the bus comes' within 100 there
virtio=$(cat /tmp/bus)
check 'it is another bus' [ "$own" != "$virtio" ]

i2cset -y "$own" $chip 0x10 0x5a b
check 'a byte that is on the chip is read' reads "$virtio" 0x10 0x5a b
check 'a byte can be written' i2cset -y "$virtio" $chip 0x11 0xc3 b
check 'and is on the chip' reads "$own" 0x11 0xc3 b
check 'a word can be written' i2cset -y "$virtio" $chip 0x20 0x1234 w
check 'and is on the chip, the low byte first' eval 'reads "$own" 0x20 0x34 b && reads "$own" 0x21 0x12 b'
check 'and is read as it was written' reads "$virtio" 0x20 0x1234 w
# A chip whose registers are all different.
for register in $(seq 0 255); do
	i2cset -y "$own" $chip "$register" $(((register * 7 + 3) % 256)) b || break
done
registers "$own" >/tmp/own
registers "$virtio" >/tmp/virtio
check 'all registers can be read' [ "$(grep -c '^[0-9a-f]0: ' /tmp/virtio)" = 16 ]
check 'none as an error' eval '! grep -q XX /tmp/virtio'
check 'and are those of the chip' cmp /tmp/own /tmp/virtio
check 'a chip that the backend was not given is on its own bus' i2cget -y "$own" $hidden 0x10 b
check 'and not on this one' eval '! i2cget -y "$virtio" $hidden 0x10 b 2>/dev/null'

kill -9 $adapter
wait $adapter 2>/dev/null
check 'with the adapter goes the bus' within 50 gone
adapter
check 'it comes again' within 100 there
virtio=$(cat /tmp/bus)
check 'with the chip as it was' reads "$virtio" 0x11 $(printf '0x%02x' $(((0x11 * 7 + 3) % 256))) b
kill $adapter $backend
wait 2>/dev/null
check 'it goes once more' within 50 gone
check 'the module can be unloaded' within 20 rmmod virtio_loopback
cat /tmp/backend.log /tmp/adapter.log
exit $status
