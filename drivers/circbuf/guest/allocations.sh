# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Each allocation fails once; nothing is left of what could not be made.

modprobe circbuf || exit 1
verify char --failing-allocations
cd /sys/kernel/debug
# kmemleak takes nothing for a leak that is younger than five seconds.
check 'leaks are looked for' eval 'echo scan >kmemleak && sleep 6 && echo scan >kmemleak'
cat kmemleak >/mnt/share/leaks.txt
check 'none of them is ours' eval '! grep circbuf /mnt/share/leaks.txt'
check 'the module can be unloaded' modprobe -r circbuf
exit $status
