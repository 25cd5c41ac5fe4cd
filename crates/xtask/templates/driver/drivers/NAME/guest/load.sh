# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The module loads, says so, and goes.
remark() { dmesg | tail -n 3 | tr '\n' ';'; }
comes_and_goes() {
	modprobe {{name}} && dmesg | grep -q '\] {{root}}: module loaded, 128 at most$' && modprobe -r {{name}}
}
check 'the module comes and goes' comes_and_goes
exit $status
