# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What others have written to try networks by: scapy and tcpreplay, which know what they sent, nuttcp, iperf3 and ping, which
# count. Where one of them is there to find what is wrong, something goes wrong, and it has to say so.

faults=/sys/kernel/debug/netdrv/pair0 frames='python3 /tmp/frames.py'
remark() { head -n 5 /tmp/said; }
said() { "$@" >/tmp/said 2>&1; }
counter() { # NAMESPACE DEVICE NAME
	ip netns exec "$1" ethtool -S "$2" | sed -n "s/^ *$3: //p"
}

cp /mnt/share/files/frames.py /tmp
modprobe netdrv || exit 1
for n in 0 1; do
	# So that nobody else says anything.
	echo 1 >/proc/sys/net/ipv6/conf/vnet$n/disable_ipv6
	ip link set vnet$n up
done
check 'scapy: frames of seven kinds arrive as they were sent' said $frames send vnet0 vnet1
echo 100-100 >$faults/1/flip
echo 200-200 >$faults/1/drop
wrong() { said $frames send vnet1 vnet0 || grep '^frame' /tmp/said; }
check 'it tells the one that is damaged, and the one that is lost' eval '[ "$(wrong | sed "s/^frame 100: sent \([0-9]*\) bytes, came \1, .*/damaged/" | tr "\n" " ")" = "damaged frame 200 did not come " ]'

check 'scapy writes a recording' said $frames write /tmp/frames.pcap
replayed() { # COUNT: tcpreplay sends the file, of which so many frames come
	# Not by what begins: until it does, this would say what the last one said.
	: >/tmp/dump
	timeout 60 tcpdump -Z root -i vnet1 -w /tmp/got.pcap -s 2000 -B 8192 -c $1 2>>/tmp/dump &
	for try in 1 2 3 4 5 6 7 8 9 10; do
		grep -q 'listening on' /tmp/dump && break
		sleep 0.3
	done
	said tcpreplay --topspeed -i vnet0 /tmp/frames.pcap && grep -q 'Successful packets: *500' /tmp/said
	ended=$?
	wait
	return $ended
}
check 'tcpreplay sends it' replayed 500
check 'which arrives as it is' said $frames compare /tmp/frames.pcap /tmp/got.pcap
echo 100-109 >$faults/0/drop
check 'of another ten frames are lost' replayed 490
check 'which are told' eval '! said $frames compare /tmp/frames.pcap /tmp/got.pcap && [ "$(grep -c "^frame 10[0-9] did not come" /tmp/said) $(tail -n 1 /tmp/said)" = "10 500 frames, 10 wrong" ]'

for n in 0 1; do
	ip netns add ns$n
	ip netns exec ns$n sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	ip link set vnet$n netns ns$n
	ip -n ns$n addr add 10.0.0.$((n + 1))/24 dev vnet$n
	ip -n ns$n link set vnet$n up
done
for n in 0 1; do
	ip -n ns$n neigh add 10.0.0.$((2 - n)) dev vnet$n lladdr $(ip netns exec ns$((1 - n)) cat /sys/class/net/vnet$((1 - n))/address)
done
pings() { said ip netns exec ns0 ping -q -f -c 1000 "$@" 10.0.0.2; }
check '1000 of 1000 pings come back, as fast as can be' eval 'pings && grep -q " 1000 received" /tmp/said'
check 'and long ones' eval 'pings -s 60000 && grep -q " 1000 received" /tmp/said'
echo 101-110 >$faults/0/drop
check 'it counts what is lost' eval 'pings; grep -q " 990 received" /tmp/said'
echo 101-110 >$faults/1/double
check 'and what comes twice' eval 'pings; grep -q " 1000 received, +10 duplicates" /tmp/said'
echo 101-110 >$faults/0/flip
check 'and what is damaged' eval 'pings; grep -q " 990 received" /tmp/said'
echo 50000 >$faults/delay_us
echo 101-101 >$faults/0/delay
check 'and what is late' eval 'pings; [ "$(sed -n "s|.*mdev = [^/]*/[^/]*/\([0-9]*\)\..*|\1|p" /tmp/said)" -ge 50 ]'

ip netns exec ns1 iperf3 -s -D
ip netns exec ns1 nuttcp -S
sleep 0.5
for way in '' -R; do
	check "iperf3 by TCP $way" said ip netns exec ns0 iperf3 -c 10.0.0.2 -n 64M $way
	check "iperf3 by UDP loses nothing $way" eval 'said ip netns exec ns0 iperf3 -c 10.0.0.2 -u -b 50M -l 1400 -n 16M '$way' && grep -q " 0/[0-9]* (0%) *receiver" /tmp/said'
done
check 'nuttcp by TCP' said ip netns exec ns0 nuttcp -n 1024 10.0.0.2
check 'and the other way' said ip netns exec ns0 nuttcp -r -n 1024 10.0.0.2
check 'nuttcp by UDP loses nothing' eval 'said ip netns exec ns0 nuttcp -u -l 1400 -R 50m -T 2 10.0.0.2 && grep -q " 0 / [0-9]* drop/pkt 0.00 %loss" /tmp/said'
echo '1/100 1' >$faults/0/drop
lost() { counter ns0 vnet0 tx_fault_dropped; }
before=$(lost)
check 'it counts what is lost' eval 'said ip netns exec ns0 nuttcp -u -l 1400 -R 50m -T 2 10.0.0.2; told=$(sed -n "s|.* \([0-9]*\) / [0-9]* drop/pkt.*|\1|p" /tmp/said); [ "$told" -gt 0 ] && [ "$told" -le $(($(lost) - before)) ]'
before=$(lost)
check 'and so does iperf3' eval 'said ip netns exec ns0 iperf3 -c 10.0.0.2 -u -b 50M -l 1400 -n 16M; told=$(sed -n "s|.* \([0-9]*\)/[0-9]* (.*receiver|\1|p" /tmp/said); [ "$told" -gt 0 ] && [ "$told" -le $(($(lost) - before)) ]'
echo 0 >$faults/0/drop
kill $(pidof iperf3) $(pidof nuttcp)
same() { # FROM TO: what one has sent the other has received, less what was lost, and more what was doubled
	[ $(($(counter ns$1 vnet$1 tx_packets) + $(counter ns$1 vnet$1 tx_fault_doubled) - $(counter ns$1 vnet$1 tx_fault_dropped))) -eq $(counter ns$2 vnet$2 rx_packets) ]
}
sleep 1
remark() { ip netns exec ns0 ethtool -S vnet0; ip netns exec ns1 ethtool -S vnet1; }
check 'each frame is accounted for' same 0 1
check 'both ways' same 1 0
ip netns del ns0
ip netns del ns1
check 'the module can be unloaded' rmmod netdrv
exit $status
