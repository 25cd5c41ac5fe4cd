# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What only cards of other topologies have, for an architecture on which these have no runs of their own.
set -e
modprobe snd-rloop enable=1,1,1 id=Loopback,fan,single topology=crossed,fanout,cable pcm_substreams=8,8,1
rloop verify --format ptest --card Loopback --only 'controls/*'
rloop verify --format ptest --card fan --only 'fanout/*'
rloop verify --format ptest --card single --only 'controls/*'
modprobe -r snd-rloop
