# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the usual tools see of it: first the tests by which the model of this driver in C was proved, then what they do
# not ask for.

# The number after a counter's name.
counter() { # NAMESPACE DEVICE NAME
	ip netns exec "$1" ethtool -S "$2" | sed -n "s/^ *$3: //p"
}
flags() { ip -o link show dev "$1" | sed 's/^[^<]*<\([^>]*\)>.*/,\1,/'; }
# Of the log from `begin` on.
clean() { ! dmesg | tail -n +$((lines + 1)) | grep -iE 'warn|bug|oops|panic|leak'; }
begin() { lines=$(dmesg | wc -l); }
# Soon, though not at once: others send something now and then (IPv6), between two looks.
soon() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		"$@" && return
		sleep 0.3
	done
	false
}

begin
check 'the module can be loaded' modprobe netdrv
check 'vnet0 is there' ip link show vnet0
check 'vnet1 is there' ip link show vnet1
check 'each has an address of its own' [ "$(cat /sys/class/net/vnet0/address)" != "$(cat /sys/class/net/vnet1/address)" ]
check 'ethtool -i names the driver' eval 'ethtool -i vnet0 | grep -qx "driver: netdrv"'
check 'and its version' eval 'ethtool -i vnet0 | grep -qx "version: 0.3"'
check 'nothing in the log' clean

begin
check 'both are down' eval '! flags vnet0 | grep -q ,UP, && ! flags vnet1 | grep -q ,UP,'
check 'without a link' eval '! flags vnet0 | grep -q ,LOWER_UP,'
ip link set vnet0 up
check 'one that is up has a link, whatever the other does' eval 'flags vnet0 | grep -q ,LOWER_UP,'
check 'and the other has none' eval '! flags vnet1 | grep -q ,LOWER_UP,'
ip link set vnet0 down
check 'which is gone when it is down' eval '! flags vnet0 | grep -q ,LOWER_UP,'
check 'nothing in the log' clean

begin
for n in 0 1; do
	ip netns add ns$n
	ip link set vnet$n netns ns$n
	ip -n ns$n addr add 10.0.0.$((n + 1))/24 dev vnet$n
	ip -n ns$n link set vnet$n up
done
remark() { tail -n 3 /tmp/ping; }
check 'four pings of four come back' eval 'ip netns exec ns0 ping -c 4 -i 0.2 10.0.0.2 >/tmp/ping && grep -q " 4 received" /tmp/ping'
remark() { ip netns exec ns0 ethtool -S vnet0; ip netns exec ns1 ethtool -S vnet1; }
same() { # what one has sent the other has received
	[ "$(counter ns0 vnet0 tx_packets)" = "$(counter ns1 vnet1 rx_packets)" ] &&
		[ "$(counter ns1 vnet1 tx_packets)" = "$(counter ns0 vnet0 rx_packets)" ]
}
check 'what was sent was received, both ways' soon same
same_by_ip() { [ "$(ip -n ns0 -s link show vnet0 | sed -n '/TX:/{n;s/^ *[0-9]* *\([0-9]*\) .*/\1/p}')" = "$(counter ns0 vnet0 tx_packets)" ]; }
check 'ip -s says the same' soon same_by_ip
check 'nothing in the log' clean
names=$(ip netns exec ns0 ethtool -S vnet0 | sed -n '2,12s/^ *\([a-z_]*\):.*/\1/p' | tr '\n' ' ')
check 'ethtool -S is in order' [ "$names" = 'tx_packets tx_bytes rx_packets rx_bytes tx_dropped rx_dropped tx_queue_stops tx_queue_wakes napi_polls napi_completions rx_ring_full ' ]
check 'ethtool -g' eval 'ip netns exec ns0 ethtool -g vnet0 | grep -q "RX:.*256"'
check 'ethtool -k' eval 'ip netns exec ns0 ethtool -k vnet0 | grep -qx "scatter-gather: on" && ip netns exec ns0 ethtool -k vnet0 | grep -qx "tcp-segmentation-offload: on" && ip netns exec ns0 ethtool -k vnet0 | grep -qx "tx-checksumming: on"'
check 'ethtool -T' eval 'ip netns exec ns0 ethtool -T vnet0 | grep -q software-transmit'
check 'ethtool' eval 'ip netns exec ns0 ethtool vnet0 | grep -q "Link detected: yes"'

remark() { tail -n 20 /tmp/iperf; ip netns exec ns0 ethtool -S vnet0; }
ip netns exec ns1 iperf3 -s -D >/dev/null
sleep 0.5
check 'iperf3 by TCP' eval 'ip netns exec ns0 iperf3 -c 10.0.0.2 -t 2 >/tmp/iperf 2>&1'
check 'and the other way' eval 'ip netns exec ns0 iperf3 -c 10.0.0.2 -t 2 -R >/tmp/iperf 2>&1'
check 'what was sent was received' soon same
check 'nothing in the log' clean

begin
for ring in 4 1; do
	ip netns exec ns0 ethtool -G vnet0 rx $ring
	ip netns exec ns1 ethtool -G vnet1 rx $ring
	check "ethtool -G $ring" eval 'ip netns exec ns1 ethtool -g vnet1 | tail -n 5 | grep -q "RX:.*'$ring'\$"'
	remark() { tail -n 3 /tmp/ping; }
	check "2000 of 2000 pings as fast as can be, ring $ring" eval 'ip netns exec ns0 ping -f -c 2000 -q 10.0.0.2 >/tmp/ping && grep -q " 2000 received" /tmp/ping'
	remark() { tail -n 20 /tmp/iperf; ip netns exec ns0 ethtool -S vnet0; ip netns exec ns1 ethtool -S vnet1; }
	before=$(counter ns0 vnet0 tx_queue_stops)
	check "iperf3 by UDP, ring $ring" eval 'ip netns exec ns0 iperf3 -c 10.0.0.2 -u -b 0 -P 4 -t 3 >/tmp/iperf 2>&1'
	check "the queue was stopped, ring $ring" [ "$(counter ns0 vnet0 tx_queue_stops)" -gt "$before" ]
	check "what was sent was received, ring $ring" soon same
	check "a ping still comes back, ring $ring" ip netns exec ns0 ping -c 1 -W 2 10.0.0.2
done
for bad in 0 3 512; do
	check "a ring of $bad is refused" eval "! ip netns exec ns0 ethtool -G vnet0 rx $bad 2>/dev/null"
done
check 'nothing in the log' clean

begin
check 'the wire can be cut' eval 'echo 1 >/sys/kernel/debug/netdrv/pair0/down && ip netns exec ns1 ethtool vnet1 | grep -q "Link detected: no"'
check 'and mended' eval 'echo 0 >/sys/kernel/debug/netdrv/pair0/down && ip netns exec ns1 ethtool vnet1 | grep -q "Link detected: yes"'
kill $(pidof iperf3)
ip netns del ns0
ip netns del ns1
back() { ip link show vnet0 >/dev/null 2>&1 && ip link show vnet1 >/dev/null 2>&1; }
remark() { ip link; }
check 'both come back when their name spaces go' soon back
check 'nothing in the log' clean

begin
rmmod netdrv
check 'neither is there without the module' eval '! ip link show vnet0 2>/dev/null && ! ip link show vnet1 2>/dev/null'
come_and_go() {
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		modprobe netdrv ring_size=4 && ip link set vnet0 up && ip link set vnet1 up && rmmod netdrv || return
	done
}
check 'ten times loaded, both up, and unloaded' come_and_go
for bad in 0 3 512 -1 4k; do
	check "ring_size=$bad is refused" eval "! modprobe netdrv ring_size=$bad 2>/dev/null"
	check "and it is said why" eval "last_line | grep -q 'parameter ring_size=$bad is not allowed: must be a power of two from 1 to 256'"
done
check 'nothing in the log' clean

begin
check 'the module can be loaded without a pair' modprobe netdrv enable=0
check 'there is none' eval '! ip link show vnet0 2>/dev/null'
check 'but one that is made' ip link add left type netdrv
check 'with its other end' ip link show vnet0
check 'each says who the other is' eval 'ip -o link show left | grep -q left@vnet0 && ip -o link show vnet0 | grep -q vnet0@left'
check 'ip says of what kind they are' eval 'ip -d link show left | grep -q netdrv'
ip netns add ns
ip link set vnet0 netns ns
ip link set left up
ip -n ns link set vnet0 up
check 'one that is removed takes the other along' eval 'ip link del left && ! ip -n ns link show vnet0 2>/dev/null'
ip link add left type netdrv
ip link set vnet0 netns ns
ip netns del ns
gone() { ! ip link show left >/dev/null 2>&1; }
check 'and so does a name space that goes' soon gone
ip link add left type netdrv
ip link set left up
ip link set vnet0 up
check 'the module goes, and its devices with it' eval 'rmmod netdrv && ! ip link show left 2>/dev/null'
remark() { dmesg | tail -n 20; }
check 'nothing in the log' clean
exit $status
