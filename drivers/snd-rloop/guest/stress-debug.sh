# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Random calls on a debug kernel, some of which find no memory, by which everything goes wrong that can.
set -e
# Several cards, as stress is for all cards at once.
modprobe snd-rloop enable=1,1,1,1 id=rloop,Loopback,fan,free topology=cable,crossed,fanout,cable \
	clock=timer,timer,timer,free
verify --stress $seconds --faults --failing-allocations
# What depends on who is first, a trigger or a timer on another processor, is then tried at leisure. (Not
# drain/exact, which is judged by time, and the host's is nobody's here.)
rloop verify --format ptest --card Loopback --only drain/whole --only 'drain/*-*' --only 'drain/no*' \
	--only 'drain/rec*' --only 'pause/*' --only 'controls/*'
rloop verify --format ptest --card fan --only 'fanout/*'
rloop verify --format ptest --card free --only 'free/*'
modprobe -r snd-rloop
