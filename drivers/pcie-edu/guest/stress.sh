# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Random calls of the device's programs, and beside them those of circbuf's.
modprobe circbuf && modprobe pcie-edu dma_bits=32 || exit 1
rloop verify char --stress "$seconds" --faults --format ptest >/tmp/circbuf &
circbuf=$!
verify pci --stress $seconds
remark() { tail -n 2 /tmp/circbuf | tr '\n' ';'; }
wait $circbuf
check 'circbuf at the same time' [ $? = 0 ]
cat /tmp/circbuf
check 'both modules can be unloaded after it' modprobe -r pcie-edu circbuf
exit $status
