# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest's scripts begin with: `check NAME COMMAND` is a test that has
# passed if the command succeeds; `remark` says more about one that has not.
status=0
remark() { echo "cards: $(tr -s ' \n' ' ' </proc/asound/cards)"; }
check() {
	name=$1
	shift
	if "$@"; then
		echo "PASS: $name"
	else
		echo "FAIL: $name - \`$*\` did not hold; $(remark)"
		status=1
	fi
}
