# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the scripts of all runs begin with, after `driver=…`, the module's name, and `seconds=…`, how long the user
# wants stress to last.

# `check NAME COMMAND` is a test that has passed if the command succeeds, else status is 1; `remark` says more about
# one that has not.
status=0
remark() { echo "cards: $(tr -s ' \n' ' ' </proc/asound/cards 2>/dev/null)"; }
check() {
	name=$1
	shift
	if "$@"; then
		printf 'PASS: %s\n' "$name"
	else
		printf 'FAIL: %s - `%s` did not hold; %s\n' "$name" "$*" "$(remark)"
		status=1
	fi
}
# The last line that the driver has in the kernel's log, after which others may have some.
last_line() { dmesg | grep "\] $(echo "$driver" | tr - _): " | tail -n 1; }
# `mark NAME`: what comes until the next mark is of this name, for a judge on the host.
mark() { echo "rloop-part $1"; }
# `verify ARGUMENTS` has `rloop verify` leave what it reports, and its status, which is 1 if checks have failed, where
# the host looks for them. The pipe is there so that it never waits for the host's disk: with a clock that counts
# instructions the guest's time jumps meanwhile.
verify() {
	{
		ended=0
		rloop verify "$@" --format ptest || ended=$?
		echo $ended >/tmp/verify.status
	} | cat >/mnt/share/verify.txt
	cp /tmp/verify.status /mnt/share
}
