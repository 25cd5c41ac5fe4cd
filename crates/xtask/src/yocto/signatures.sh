#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# $0 CONFIGURATION: in a checkout of the repository, and in a copy of it elsewhere, the same is built: each task has the
# same signature in both, so that what the one has built the other takes.

set -e
rm -rf ../elsewhere
cp -a . ../elsewhere
for at in project elsewhere; do
	cd "../$at"
	python3 -m kas shell "$1" -c 'bitbake -S lockedsigs packagegroup-rloop rloop virtual/kernel'
	mv ../work/build/locked-sigs.inc "../$at.sigs"
done
grep -q ' snd-rloop:do_compile:' ../project.sigs
diff ../project.sigs ../elsewhere.sigs
