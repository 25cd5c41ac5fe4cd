# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What others have written to try disks by: fio, which knows what it wrote, badblocks, and ext4 with its own tools. Where
# one of them is there to find what is wrong, something goes wrong, and it has to say so.

disk=/dev/vblk0 faults=/sys/kernel/debug/vblk/vblk0
remark() { tail -n 20 /tmp/said; }
said() { "$@" >/tmp/said 2>&1; }
state() { sed -n "s/^$1: //p" $faults/state; }
# `into FILE ARGUMENTS`: one of fio's jobs, which reads what it has written, and ends with an error where that is not the
# same.
into() {
	file=$1
	shift
	said fio --name=job --filename=$file --size=32m --bs=4k --verify=crc32c --verify_fatal=1 "$@"
}
job() { into $disk --direct=1 "$@"; }
# The same on a disk without what a job before has written, which is the same each time.
fresh() { blkdiscard $disk && job "$@"; }
# `notices FAULT VALUE WHAT ARGUMENTS`: with this fault it has to end with an error, and to say WHAT. (The fault comes after
# blkdiscard, which reads.)
notices() {
	fault=$1 value=$2 what=$3
	shift 3
	blkdiscard $disk && echo "$value" >$faults/$fault && ! job "$@" && grep -q "$what" /tmp/said
}

modprobe vblk disk_size_mb=64 || exit 1
fio --version
for engine in psync libaio io_uring; do
	check "fio reads what it wrote, by $engine" fresh --ioengine=$engine --iodepth=16 --rw=randwrite
done
check 'in blocks of many sizes' fresh --ioengine=io_uring --iodepth=16 --rw=randwrite --bssplit=512/30:4k/40:72k/30
check 'one after the other, in large ones' fresh --ioengine=libaio --iodepth=4 --rw=write --bs=1m
check 'in the page cache' fresh --direct=0 --rw=randwrite --fsync=64
check 'by four at once' fresh --ioengine=io_uring --iodepth=8 --rw=randrw --numjobs=4 --size=8m --offset_increment=8m
check 'what it trims and writes' fresh --rw=randtrimwrite
zeroes() { job --rw=read --verify=pattern --verify_pattern=0x00; }
check 'that is not zeroes' eval '! zeroes && grep -q verify /tmp/said'
check 'what it has trimmed is' eval 'said fio --name=job --filename=$disk --direct=1 --size=32m --bs=4k --rw=randtrim && zeroes'

check 'it notices a write that gets lost' notices drop 1 'verify: bad' --rw=randwrite
check 'and a bit that is inverted' notices flip 1 'verify: bad' --rw=randwrite
check 'and a write that fails' notices error 'write 8192-8199 EIO 1' 'Input/output error' --rw=randwrite --size=8m --offset=2m
check 'and a read' notices error 'read all ENODATA 1' 'No data available' --rw=randwrite
echo off >$faults/error
check 'each has happened once' [ "$(state dropped) $(state flipped) $(state failed)" = '1 1 2' ]
check 'it notices nothing without' fresh --rw=randwrite

# fio cuts the power while it writes, having noted what was done by then.
cut=/sys/kernel/debug/vblk/vblk-cut
configfs=/sys/kernel/config/vblk/cut
mkdir $configfs
echo 64 >$configfs/disk_size_mb
echo 1 >$configfs/write_cache
echo 1 >$configfs/enable
written() { # ARGUMENTS: whether all that had been written when the power went is there when it is back
	rm -rf /tmp/notes
	mkdir /tmp/notes
	set -- /dev/vblk-cut --direct=1 --size=64m --rw=randwrite --aux-path=/tmp/notes "$@"
	into "$@" --rate_iops=2000 --trigger-timeout=1 --trigger="echo 0 >$cut/powercut"
	echo 1 >$cut/power
	ls /tmp/notes | grep -q . && into "$@" --verify_only --verify_state_load=1
}
check 'what it wrote into the cache is not there after a power cut' eval '! written && grep -q "verify: bad" /tmp/said'
check 'what it wrote in step is' written --sync=1
echo 0 >$configfs/enable
rmdir $configfs

bad_blocks() { badblocks -b 4096 "$@" $disk 2>/dev/null | tr '\n' ' '; }
check 'badblocks finds none' [ -z "$(bad_blocks -w -t random)" ]
echo 'any 8000-8007 EIO always' >$faults/error
check 'and the one that there is' [ "$(bad_blocks)" = '1000 ' ]
echo off >$faults/error
echo 3 >$faults/flip
check 'and those that read wrong' [ "$(bad_blocks -w -t 0 -c 1 | wc -w)" = 3 ]
check 'a disk that is erased is zeroes' eval 'blkdiscard $disk && cmp -n 67108864 $disk /dev/zero'

mkdir /tmp/disk
check 'ext4 is made' said mkfs.ext4 $disk
check 'and mounted' said mount -t ext4 -o discard $disk /tmp/disk
check 'fio reads what it wrote into a file' into /tmp/disk/file --rw=randwrite --fsync=256 --size=16m
check 'a tree is copied' cp -r /etc /usr/sbin /tmp/disk
umount /tmp/disk
check 'e2fsck finds nothing wrong' said e2fsck -fn $disk
check 'it is mounted again' said mount -t ext4 $disk /tmp/disk
check 'the file is as it was' into /tmp/disk/file --rw=randwrite --size=16m --verify_only
check 'and so is the tree' eval 'said diff -r --no-dereference /etc /tmp/disk/etc && said diff -r --no-dereference /usr/sbin /tmp/disk/sbin'
rm -r /tmp/disk/*
before=$(state pages)
check 'the pages of what is removed are given back' eval 'sync && said fstrim /tmp/disk && [ $(state pages) -lt $((before - 4096)) ]'
umount /tmp/disk
check 'e2fsck finds nothing wrong afterwards' said e2fsck -fn $disk
rmmod vblk
exit $status
