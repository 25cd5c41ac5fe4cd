# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Everything at once: traffic both ways, while rings change, frames go wrong, the wire is cut, devices go down and up,
# other pairs come and go, and cross name spaces that end. Afterwards the pair works, and each frame is accounted for.

faults=/sys/kernel/debug/netdrv/pair0
counter() { ip netns exec "$1" ethtool -S "$2" | sed -n "s/^ *$3: //p"; }
any() { # one of the arguments
	shift $(($(od -An -N2 -tu2 /dev/urandom) % $#))
	echo "$1"
}
set_up() { # NUMBER
	ip -n ns$1 addr replace 10.0.0.$(($1 + 1))/24 dev vnet$1
	ip -n ns$1 link set vnet$1 up
}
mend() {
	for fault in drop double flip reorder delay freeze down; do
		echo 0 >$faults/$fault
	done
}

modprobe netdrv
for n in 0 1; do
	ip netns add ns$n
	ip link set vnet$n netns ns$n
	set_up $n
done
traffic() {
	# It may hang where the wire is cut, on either side.
	ip netns exec ns1 iperf3 -s -1 >/dev/null 2>&1 &
	server=$!
	timeout 5 ip netns exec ns0 iperf3 -c 10.0.0.2 -t 1 $(any '-u -b 0' '-u -b 0 -R' '' '-R' '-P 4') --connect-timeout 500 >/dev/null 2>&1
	kill $server 2>/dev/null
	wait $server
	ip netns exec ns0 ping -f -q -c 200 -w 2 10.0.0.2 >/dev/null 2>&1
}
rings() {
	ip netns exec ns0 ethtool -G vnet0 rx $(any 1 2 4 16 64 256) 2>/dev/null
	ip netns exec ns1 ethtool -G vnet1 rx $(any 1 2 4 16 64 256) 2>/dev/null
	sleep 0.05
}
wrong() {
	echo "$(any 3 2-9 '1/20 1' '1/3 7' 0)" >$faults/$(any '' 0/ 1/)$(any drop double flip reorder delay)
	[ "$(any 1 2 3)" = 1 ] && echo 1 >$faults/freeze && sleep 0.05 && echo 0 >$faults/freeze
	[ "$(any 1 2 3 4)" = 1 ] && echo 1 >$faults/down && sleep 0.05 && echo 0 >$faults/down
	[ "$(any 1 2 3 4)" = 1 ] && mend
	sleep 0.05
}
down() {
	n=$(any 0 1)
	ip -n ns$n link set vnet$n down
	set_up $n
	sleep 0.$(any 1 3 5)
}
pairs() {
	ip netns add "$1"
	ip -n "$1" link add left type netdrv
	ip -n "$1" link set left up
	ip netns add "$1"-far
	ip -n "$1" link set vnet0 netns "$1"-far
	ip -n "$1"-far link set vnet0 up
	ip netns exec "$1" ping -c 1 -w 1 ff02::1%left >/dev/null 2>&1
	[ "$(any 1 2)" = 1 ] && ip -n "$1" link del left
	ip netns del "$1"-far
	ip netns del "$1"
}
: >/tmp/go
again() { while [ -e /tmp/go ]; do "$@"; done; }
again traffic &
again rings &
again wrong &
again down &
again pairs a &
again pairs b &
sleep "$seconds"
rm /tmp/go
wait
mend
set_up 0
set_up 1
sleep 1
remark() { ip netns exec ns0 ethtool -S vnet0; ip netns exec ns1 ethtool -S vnet1; }
check 'a ping comes back afterwards' eval 'ip netns exec ns0 ping -c 1 -W 5 10.0.0.2 >/dev/null || ip netns exec ns0 ping -c 1 -W 5 10.0.0.2 >/dev/null'
closed() { # FROM TO
	[ $(($(counter ns$1 vnet$1 tx_packets) + $(counter ns$1 vnet$1 tx_fault_doubled))) -eq \
		$(($(counter ns$2 vnet$2 rx_packets) + $(counter ns$2 vnet$2 rx_dropped) + $(counter ns$1 vnet$1 tx_fault_dropped))) ]
}
settled() { for try in 1 2 3 4 5 6 7 8 9 10; do [ "$(counter ns$2 vnet$2 rx_pending)" = 0 ] && closed "$@" && return; sleep 0.3; done; false; }
check 'each frame of the first is accounted for' settled 0 1
check 'and each of the second' settled 1 0
wrong=$(for n in 0 1; do ip netns exec ns$n ethtool -S vnet$n; done | grep -c 'tx_fault_.*: [1-9]')
check 'frames went wrong meanwhile' [ "$wrong" -gt 0 ]
ip netns exec ns0 ping -f -q -w 5 10.0.0.2 >/dev/null 2>&1 &
sleep 0.5
check 'the module can be unloaded under load' rmmod netdrv
wait
exit $status
