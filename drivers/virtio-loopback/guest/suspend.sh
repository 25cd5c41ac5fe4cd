# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The machine suspends while a device is served.
modprobe virtio-loopback
rloop verify virtio --suspend --format ptest || status=1
modprobe -r virtio-loopback || status=1
# The share's device does not come back by itself from a suspend of devices.
cd /sys/bus/virtio/drivers/9pnet_virtio
for device in virtio*; do echo $device >unbind; echo $device >bind; done
exit $status
