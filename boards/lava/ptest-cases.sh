#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# ptest-cases.sh COMMAND: runs what writes lines as ptest has them, and tells LAVA of each PASS:, FAIL: and SKIP: as a test
# case; of COMMAND itself as well, by its name, as it may end before its time. In LAVA's names a slash is a dot.

case_of() { lava-test-case "$1" --result "$2"; }

{
	"$@" 2>&1
	echo "ptest-cases.sh: status $?"
} | {
	status='' passed='' failed=''
	while IFS= read -r line; do
		printf '%s\n' "$line"
		name=$(printf '%s\n' "${line#*: }" | sed 's, .*,,; s,/,.,g')
		case $line in
		'PASS: '*)
			case_of "$name" pass
			passed=1
			;;
		'FAIL: '*)
			case_of "$name" fail
			failed=1
			;;
		'SKIP: '*) case_of "$name" skip ;;
		'ptest-cases.sh: status '*) status=${line##* } ;;
		esac
	done
	# One that has said nothing has not passed.
	if [ "$status" = 0 ] && [ -n "$passed" ] && [ -z "$failed" ]; then
		case_of "$1" pass
	else
		case_of "$1" fail
	fi
}
