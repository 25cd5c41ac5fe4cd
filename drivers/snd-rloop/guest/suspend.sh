# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The machine suspends while streams run, and while random calls are made.
modprobe snd-rloop enable=1,1,1,1 id=rloop,Loopback,fan,free topology=cable,crossed,fanout,cable \
	clock=timer,timer,timer,free
rloop verify --suspend --format ptest || status=1
rloop verify --stress 60 --suspend --format ptest || status=1
modprobe -r snd-rloop || status=1
# The share's device does not come back by itself from a suspend of devices.
cd /sys/bus/virtio/drivers/9pnet_virtio
for device in virtio*; do echo $device >unbind; echo $device >bind; done
exit $status
