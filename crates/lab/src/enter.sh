# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Runs in a mount and PID name space of its own: enters the toolchain root.
# Arguments: ROOT DIRECTORY-TO-RUN-IN [DIRECTORY-TO-BIND…] -- PROGRAM [ARGUMENT…]
# Every directory is seen inside under its own path.
set -e
umask 022
root=$1 cwd=$2
shift 2
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
# Where a fresh /proc isn't allowed (inside of some containers) the host's does.
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
# A directory of its own for temporary files: what is left there by whom was killed, such as the fifo of a make
# with the same number as the next one, goes with it.
mount -t tmpfs tmpfs "$root/tmp"
while [ "$1" != -- ]; do
	mkdir -p "$root$1"
	mount --rbind "$1" "$root$1"
	shift
done
shift
# No exec: as process 1, this shell reaps what the program leaves behind.
chroot "$root" /usr/bin/env -i --chdir="$cwd" HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
	PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$@"
exit $?
