# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What lies on disks: file systems, RAID and encryption, each tried by its own tools and by fio, while disks are whole, go
# wrong, and are replaced.

# There is no udev, for which these would wait.
export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1
configfs=/sys/kernel/config/vblk debugfs=/sys/kernel/debug/vblk
remark() { tail -n 20 /tmp/said; }
said() { "$@" >/tmp/said 2>&1; }
job() { said fio --name=job --direct=1 --size=32m --bs=4k --rw=randwrite --ioengine=io_uring --iodepth=8 --verify=crc32c --verify_fatal=1 "$@"; }
make() { # NAME MIB
	mkdir $configfs/$1
	echo $2 >$configfs/$1/disk_size_mb
	echo 1 >$configfs/$1/enable
}
remove() { # NAME
	echo 0 >$configfs/$1/enable
	rmdir $configfs/$1
}
fault() { # DISK FILE VALUE
	echo "$3" >$debugfs/vblk-$1/$2
}

modprobe vblk enable=0 || exit 1
for module in btrfs dm-crypt f2fs raid1 xfs xts; do
	check "the kernel has $module" modprobe $module
done
mkdir /tmp/disk

# `on NAME MAKE LOOK REPAIR WRONG`: a file system, what makes it, what looks whether it is whole, what repairs it, and
# requests that fail.
on() {
	make a 512
	check "$1 is made" said $2 /dev/vblk-a
	check "$1 is mounted" said mount -t $1 /dev/vblk-a /tmp/disk
	check "$1: fio reads what it wrote" job --filename=/tmp/disk/file
	check "$1: and from the page cache" job --filename=/tmp/disk/other --direct=0 --fsync=256
	check "$1: a tree is copied" cp -r /usr/sbin /tmp/disk
	check "$1: what is free is trimmed" said fstrim /tmp/disk
	umount /tmp/disk
	check "$1: its tool finds nothing wrong" said $3 /dev/vblk-a
	mount -t $1 /dev/vblk-a /tmp/disk
	check "$1: the tree is as it was" said diff -r --no-dereference /usr/sbin /tmp/disk/sbin
	check "$1: and so is the file" job --filename=/tmp/disk/file --verify_only
	fault a error "$5 all EIO always"
	check "$1: fio is told when the disk fails" eval '! job --filename=/tmp/disk/file --bs=8k && grep -qE "Input/output error|Read-only file system" /tmp/said'
	umount /tmp/disk
	fault a error off
	mount -t $1 /dev/vblk-a /tmp/disk && umount /tmp/disk
	check "$1: it is repaired" said $4 /dev/vblk-a
	check "$1: and mounted" said mount -t $1 /dev/vblk-a /tmp/disk
	check "$1: what was safe is still there" said diff -r --no-dereference /usr/sbin /tmp/disk/sbin
	umount /tmp/disk
	remove a
}
on ext4 'mkfs.ext4 -q' 'e2fsck -fn' 'e2fsck -fy' write
on xfs mkfs.xfs 'xfs_repair -n' xfs_repair write
on btrfs mkfs.btrfs 'btrfs check' 'btrfs check' write
# f2fs stops when a write fails, and the kernel prints where.
on f2fs mkfs.f2fs 'fsck.f2fs -f --dry-run' 'fsck.f2fs -f' read

# btrfs on two disks, of which one forgets what it is told.
make a 512
make b 512
mkfs.btrfs -q -d raid1 -m raid1 /dev/vblk-a /dev/vblk-b
btrfs device scan >/dev/null
mount -t btrfs /dev/vblk-a /tmp/disk
job --filename=/tmp/disk/file
sync
check 'btrfs scrubs two disks, and finds no error' eval 'said btrfs scrub start -B /tmp/disk && grep -q "no errors found" /tmp/said'
fault b drop 20
dd if=/dev/urandom of=/tmp/other bs=64k count=20 status=none
cp /tmp/other /tmp/disk
sync
fault b drop 0
check 'it finds what one of them has lost, and mends it' eval 'said btrfs scrub start -B /tmp/disk; grep -q "Corrected: *[1-9]" /tmp/said && grep -q "Uncorrectable: *0" /tmp/said'
check 'then there is no error' eval 'said btrfs scrub start -B /tmp/disk && grep -q "no errors found" /tmp/said'
check 'and the file is as it was' cmp /tmp/other /tmp/disk/other
umount /tmp/disk
remove a
remove b

# RAID1: a disk fails, is taken out, comes back and is rebuilt; then the other one is pulled.
make a 128
make b 128
whole() { grep -q '\[UU\]' /proc/mdstat; }
mirror() { mdadm --wait /dev/md0; whole; }
array() { # check or repair: the sectors that differ
	echo $1 >/sys/block/md0/md/sync_action
	mdadm --wait /dev/md0 2>/dev/null
	cat /sys/block/md0/md/mismatch_cnt
}
remark() { cat /proc/mdstat; tail -n 20 /tmp/said; }
check 'mdadm makes a RAID1' said mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --bitmap=none /dev/vblk-a /dev/vblk-b
check 'whose halves become the same' mirror
mkfs.ext4 -q /dev/md0
mount -t ext4 /dev/md0 /tmp/disk
check 'fio reads what it wrote' job --filename=/tmp/disk/file
check 'the halves are the same' [ "$(array check)" = 0 ]
# The first is md's own note that there will be some.
fault b drop 2
dd if=/dev/urandom of=/tmp/disk/other bs=64k count=1 oflag=direct status=none
check 'a write that one of them has lost makes them differ' [ "$(array check)" -gt 0 ]
check 'they are made the same' eval 'array repair >/dev/null; [ "$(array check)" = 0 ]'
fault b error 'write all EIO always'
# Other blocks than before, and so other bytes.
check 'fio is told nothing when one of them fails' job --filename=/tmp/disk/file --bs=8k
check 'which is taken out' grep -q '\[U_\]' /proc/mdstat
fault b error off
check 'it comes back' eval 'said mdadm /dev/md0 --remove /dev/vblk-b && said mdadm --zero-superblock /dev/vblk-b && said mdadm /dev/md0 --add /dev/vblk-b'
check 'and is rebuilt' mirror
check 'to the last sector' [ "$(array check)" = 0 ]
fault a unplug 1
check 'when the other one is pulled, it has all that was written' job --filename=/tmp/disk/file --bs=8k --verify_only
check 'and takes more' job --filename=/tmp/disk/third
check 'though the mirror is broken' eval '! whole'
umount /tmp/disk
check 'e2fsck finds nothing wrong' said e2fsck -fn /dev/md0
check 'mdadm stops it' said mdadm --stop /dev/md0
remove a
remove b

# Encryption
remark() { tail -n 20 /tmp/said; }
make a 64
head -c 32 /dev/urandom >/tmp/key
check 'cryptsetup formats a disk' said cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /tmp/key /dev/vblk-a
check 'and opens it' said cryptsetup open --key-file /tmp/key /dev/vblk-a plain
check 'fio reads what it wrote' job --filename=/dev/mapper/plain
check 'a sentence is written' eval 'printf "kernel boundary test%4076s" | dd of=/dev/mapper/plain bs=4096 seek=8200 oflag=direct status=none'
check 'and read' eval 'dd if=/dev/mapper/plain bs=4096 skip=8200 count=1 iflag=direct status=none | grep -q "^kernel boundary test"'
check 'the disk does not have it' eval '! grep -q "kernel boundary test" /dev/vblk-a'
fault a flip 1
check 'a bit that is inverted is noticed' eval '! job --filename=/dev/mapper/plain --verify_only && grep -q "verify: bad" /tmp/said'
check 'it is closed' said cryptsetup close plain
check 'another key does not open it' eval 'head -c 32 /dev/urandom >/tmp/other && ! said cryptsetup open --key-file /tmp/other /dev/vblk-a plain'
check 'its own does' said cryptsetup open --key-file /tmp/key /dev/vblk-a plain
check 'and all is there' job --filename=/dev/mapper/plain --verify_only
cryptsetup close plain
remove a
check 'the module can be unloaded' rmmod vblk
exit $status
