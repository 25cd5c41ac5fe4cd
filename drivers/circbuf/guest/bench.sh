# SPDX-License-Identifier: MIT OR Apache-2.0
#
# It is measured beside a pipe and a FIFO, in counted time.

modprobe circbuf || exit 1
remark() { tail -n 20 /tmp/bench; }
rloop bench char >/tmp/bench 2>&1
check 'it is measured' [ $? = 0 ]
check 'by all figures' eval 'grep -q "^- 65536 bytes: " /tmp/bench && grep -q "^- a turn: " /tmp/bench'
check 'one sleeper is woken for a byte' grep -q '^- one of eight sleepers woken for a byte: .*, reached$' /tmp/bench
check 'no more switches than a pipe has' grep -q "^- switches in a turn: .*, reached$" /tmp/bench
check 'large pieces cost no more' grep -q "^- 65536 bytes: .*, reached$" /tmp/bench
check 'and small ones' [ "$(grep -cE '^- (1|64|4096) bytes: .*, reached$' /tmp/bench)" = 3 ]
check 'the module can be unloaded after it' modprobe -r circbuf
exit $status
