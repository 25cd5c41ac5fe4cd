# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The kernel's own tests of network devices, on pairs of this driver: what each of them says, line by line. They find the
# devices by their names, and leave them as they were.

tests=/tmp/linux/tools/testing/selftests
cp -r /mnt/share/files/linux /tmp
remark() { tail -n 20 /tmp/said; }
# `told`: verdicts from /tmp/told, of which there has to be one.
told() {
	cat /tmp/told
	grep -q '^FAIL' /tmp/told && status=1
	grep -q '^PASS' /tmp/told
}

modprobe netdrv || exit 1
# Some of them put the devices down, and expect the addresses afterwards.
echo 1 >/proc/sys/net/ipv6/conf/all/keep_addr_on_down
ip netns add far
ip link set vnet1 netns far
ip addr add 192.0.2.1/24 dev vnet0
ip addr add 2001:db8::1/64 dev vnet0 nodad
ip link set vnet0 up
ip -n far addr add 192.0.2.2/24 dev vnet1
ip -n far addr add 2001:db8::2/64 dev vnet1 nodad
ip netns exec far sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/keep_addr_on_down'
ip -n far link set vnet1 up
export NETIF=vnet0 LOCAL_V4=192.0.2.1 REMOTE_V4=192.0.2.2 LOCAL_V6=2001:db8::1 REMOTE_V6=2001:db8::2
export REMOTE_TYPE=netns REMOTE_ARGS=far

# `drivers_net TEST ARGUMENTS`: one of drivers/net, in KTAP; each is told with what was said before it.
drivers_net() {
	(cd $tests/drivers/net && python3 "$@") >/tmp/said 2>&1
	ended=$?
	sed -nE -e 's/^ok [0-9]+ ([^ ]+) # (SKIP|XFAIL) *(.*)/SKIP: \1 - \3/p;t' \
		-e 's/^ok [0-9]+ (.*)/PASS: \1/p;t' -e 's/^not ok [0-9]+ (.*)/FAIL: \1/p;t' -e '/^#/p' /tmp/said >/tmp/told
	check "$1 has tried something" told
	check "$1 says that all is well" [ $ended = 0 ]
	check "$1 has come to its end" [ "$(sed -n 's/^1\.\.//p' /tmp/said)" = "$(grep -cE '^(PASS|FAIL|SKIP): ' /tmp/told)" ]
}
# Those of XDP need programs for the kernel's machine, which are not compiled here.
drivers_net ping.py -T 'test_xdp*'
drivers_net stats.py
drivers_net queues.py -T check_xsk
drivers_net ring_reconfig.py
drivers_net napi_id.py
ip -n far link set vnet1 netns 1
ip netns del far

# `forwarding TEST`: one of net/forwarding, on two pairs. What a verdict is about comes after it.
# The other end gets the first name that is free.
ip link add vnet3 type netdrv
pairs='vnet0 vnet1 vnet2 vnet3'
for device in $pairs; do
	ip addr flush dev $device
	ip link set $device down
done
forwarding() {
	(cd $tests/net/forwarding && bash ./$1.sh $pairs) >/tmp/said 2>&1
	ended=$?
	awk -v test=$1 '
		function tell() { if (name != "") print word ": " test ": " name (word == "PASS" ? "" : " - " why) }
		/^TEST: / {
			tell()
			word = /\[ OK \]/ ? "PASS" : /\[(SKIP|XFAIL)\]/ ? "SKIP" : "FAIL"
			name = $0; sub(/^TEST: */, "", name); sub(/ *\[[^]]*\] *$/, "", name)
			why = ""; next
		}
		{ why = why $0 "; " }
		END { tell() }' /tmp/said >/tmp/told
	check "$1 has tried something" told
	check "$1 says that all is well" [ $ended = 0 ]
}
for test in min_max_mtu bridge_vlan_unaware bridge_vlan_aware router_bridge router_bridge_vlan router_vid_1 no_forwarding \
	tc_vlan_modify pedit_ip; do
	forwarding $test
done
ip link del vnet2

# netdevice.sh tries all that are called eth and a number.
for n in 0 1; do
	ip link set vnet$n down
	ip link set vnet$n name eth$n
done
bash $tests/net/netdevice.sh >/tmp/said 2>&1
sed -n -e 's/^XFAIL: \(.*\)/SKIP: netdevice: \1/p' -e 's/^\(PASS\|FAIL\|SKIP\): \(.*\)/\1: netdevice: \2/p' /tmp/said >/tmp/told
check 'netdevice.sh has tried something' told
check 'on a device of this driver' grep -q '^PASS: netdevice: eth0' /tmp/told
check 'the module can be unloaded' rmmod netdrv
exit $status
