#!/usr/bin/dash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The guest's first process: mounts what programs expect, runs what the host
# has put into the share, writes down how that ended, and powers off.
#   job.sh    is run; its output and its status go into the share
#   /job.sh   (in the initramfs) is run before the share is there: nothing comes from the host
#             meanwhile. Its output, its status and what it leaves in /tmp/left go there after it
#   shell.sh  is run before an interactive shell
# On a board that has no way to the host but its console, the share is in the initramfs, and goes there by the console.
# /usr/sbin first: modprobe is to be kmod's, not busybox's.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/root TERM=linux LC_ALL=C PS1='guest:\w# '
busybox=/usr/bin/busybox
$busybox --install -s /usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t configfs configfs /sys/kernel/config 2>/dev/null
hostname guest
ip link set lo up 2>/dev/null
share=/mnt/share
if [ -f /job.sh ]; then
	mkdir /tmp/left
	(
		cd /root && sh /job.sh </dev/null
		echo $? >/tmp/status
	) >/tmp/left/output.txt 2>&1
fi
if [ -f $share/job.sh ]; then
	by=console
else
	by=9p
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072 share $share || poweroff -f
fi
cd /root || poweroff -f
if [ -f /job.sh ]; then
	cp /tmp/left/* $share/
elif [ -f $share/job.sh ]; then
	{
		sh $share/job.sh </dev/null
		echo $? >/tmp/status
	} 2>&1 | tee $share/output.txt
else
	[ -f $share/shell.sh ] && sh $share/shell.sh
	setsid -c bash -l
	echo $? >/tmp/status
fi
dmesg >$share/dmesg.txt
cp /proc/sys/kernel/tainted $share/tainted
# The last thing to be written: without it, the host knows that the guest died.
cp /tmp/status $share/status
sync
if [ $by = console ]; then
	# Nothing but an emergency comes between.
	dmesg -n 1
	cd $share && rm -rf job.sh files
	echo '-----BEGIN SHARE-----'
	tar -cz . | base64
	echo '-----END SHARE-----'
	# Not every board can be switched off. QEMU ends when one restarts.
	reboot -f
fi
poweroff -f
