# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Parameters that are not allowed, and a machine without memory that the device could reach.
remark() { dmesg | tail -n 3 | tr '\n' ';'; }

# `refuses VALUE`: the module does not load with this, and says why.
refuses() {
	dmesg -C
	! modprobe pcie-edu "dma_bits=$1" 2>/dev/null &&
		dmesg | grep -qF "parameter dma_bits=$1 is not allowed: must be a whole number from 24 to 64"
}
for value in 23 65 0 -28 many 28.5; do
	check "dma_bits=$value" refuses "$value"
done

# The module loads, but does not bind the device, and says why.
unbound() {
	dmesg -C
	modprobe pcie-edu && [ ! -e /dev/pcie_edu ] &&
		dmesg | grep -q 'parameter dma_bits=28: this machine has no memory that the device could reach' &&
		! grep pcie_edu /proc/iomem /proc/interrupts && modprobe -r pcie-edu
}
check 'dma_bits=28 on a machine without memory there' unbound
exit $status
