# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the driver needs beside the device, in counted time.
remark() { tr '\n' ';' </tmp/bench; }
modprobe pcie-edu dma_bits=32 || exit 1
rloop bench pci >/tmp/bench
check 'bench' [ $? = 0 ]
check 'one interrupt for a computation' grep -q '^- interrupts for a COMPUTE, more or less than 1: .*, reached$' /tmp/bench
check 'and for a way of a transfer' grep -q '^- interrupts for a way of DMA_TRANSFER, more or less than 1: .*, reached$' /tmp/bench
check 'a way takes hardly longer than the device' grep -q "^- a way of DMA_TRANSFER: .*, reached$" /tmp/bench
check 'the module can be unloaded after it' modprobe -r pcie-edu
exit $status
