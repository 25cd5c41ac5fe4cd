# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What a shell sees of it: loaded and unloaded, with other sizes, while it is used, and with what is not allowed.

value() { sed -n "s/^$1:\t//p" /proc/$$/fdinfo/3; }
node=/dev/circbuf

check 'the module can be loaded' modprobe circbuf
check 'the size is that of the parameter' [ "$(cat /sys/module/circbuf/parameters/buffer_size)" = 4096 ]
check 'modinfo calls it a ulong' eval 'modinfo -F parm circbuf | grep -q "^buffer_size:.*(ulong)$"'
check 'the node is for everybody' [ "$(stat -c %a $node)" = 666 ]
exec 3<>$node
check 'an empty buffer has room for 4096' [ "$(value capacity) $(value used) $(value available)" = '4096 0 4096' ]
check 'a sentence comes back' eval 'printf "kernel boundary test" >&3 && [ "$(head -c 20 <&3)" = "kernel boundary test" ]'
check 'it has been read and written' [ "$(value used)" = 0 -a "$(value reads)" -ge 1 -a "$(value writes)" -ge 1 ]
check 'the module stays while the node is open' eval '! rmmod circbuf 2>/dev/null'
exec 3>&-
check 'and goes afterwards' rmmod circbuf
check 'there is no node then' [ ! -e $node ]
check 'it is loaded with another size' modprobe circbuf buffer_size=16384
exec 3<>$node
check 'which it has' [ "$(value capacity)" = 16384 ]
check 'tools of the shell work through it' eval 'head -c 1000000 /dev/urandom >/tmp/in; (cat /tmp/in >$node &) ; head -c 1000000 $node | cmp - /tmp/in'
exec 3>&-
rmmod circbuf
for parameter in buffer_size=0 buffer_size=-1 buffer_size=1073741825 buffer_size=4k atomic=maybe overwrite=2; do
	check "$parameter is refused" eval "! modprobe circbuf $parameter 2>/dev/null"
	check "and it is said why" eval "last_line | grep -q 'parameter $parameter is not allowed: must be '"
done
check 'short writes that are whole need room' eval '! modprobe circbuf atomic=1 buffer_size=4095 2>/dev/null'
check 'a large one can be had' modprobe circbuf buffer_size=0x8000000
exec 3<>$node
check 'of 128 MiB' [ "$(value capacity)" = 134217728 ]
exec 3>&-
rmmod circbuf
# The largest, which is more than this machine has.
most=1073741824
check 'one that there is no memory for is refused' eval '! modprobe circbuf buffer_size=$most 2>/dev/null'
check 'and it is said why' eval 'last_line | grep -q "/dev/circbuf: there is no memory for a buffer_size of $most$"'
check 'nobody was killed for it' eval '! dmesg | grep -q "Out of memory"'
check 'the module can be loaded without a node' modprobe circbuf enable=0
check 'there is none' [ ! -e $node ]
check 'but one that is made' eval 'mkdir /sys/kernel/config/circbuf/a && echo 1 >/sys/kernel/config/circbuf/a/enable && [ -c /dev/circbuf-a ]'
check 'its directory stays' eval '! rmdir /sys/kernel/config/circbuf/a 2>/dev/null'
check 'and so does the module' eval '! rmmod circbuf 2>/dev/null'
check 'it can be removed' eval 'echo 0 >/sys/kernel/config/circbuf/a/enable && rmdir /sys/kernel/config/circbuf/a'
check 'the module can be unloaded' rmmod circbuf
exit $status
