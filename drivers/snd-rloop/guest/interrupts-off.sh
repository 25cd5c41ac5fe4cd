# SPDX-License-Identifier: MIT OR Apache-2.0
#
# For how long interrupts are off, on a processor whose time is counted.
set -e
mount -t tracefs tracefs /sys/kernel/tracing
modprobe snd-rloop enable=1,1,1 id=rloop,fan,free topology=cable,fanout,cable clock=timer,timer,free \
	pcm_substreams=128,128,1 bandwidth=100000
rloop verify --interrupts --format ptest --card fan --only '*/fan-*' || status=$?
rloop verify --interrupts --format ptest --card rloop --only '*/cable-*' || status=$?
rloop verify --interrupts --format ptest --card free --only '*/free-*' || status=$?
modprobe -r snd-rloop
exit $status
