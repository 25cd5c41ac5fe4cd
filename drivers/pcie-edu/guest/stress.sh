# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What stress-ng does to any device's node; then random calls of the device's programs, and beside them those of
# circbuf's.
modprobe circbuf && modprobe pcie-edu dma_bits=32 || exit 1
remark() { tail -n 3 /tmp/stress-ng | tr '\n' ';'; }
opens_it() {
	stress-ng --dev 4 --dev-file "$1" --timeout 10 >/tmp/stress-ng 2>&1 &&
		grep -q '1 of 1 devices opened and exercised' /tmp/stress-ng
}
for node in /dev/circbuf /dev/pcie_edu*; do
	check "stress-ng on $node" opens_it "$node"
done
rloop verify char --stress "$seconds" --faults --format ptest >/tmp/circbuf &
circbuf=$!
verify pci --stress $seconds --faults
remark() { tail -n 2 /tmp/circbuf | tr '\n' ';'; }
wait $circbuf
check 'circbuf at the same time' [ $? = 0 ]
cat /tmp/circbuf
check 'both modules can be unloaded after it' modprobe -r pcie-edu circbuf
exit $status
