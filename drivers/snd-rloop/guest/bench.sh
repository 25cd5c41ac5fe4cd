# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What the guest does for `cargo xtask bench`, which says the `$title`, `$seconds`, `$starts` and
# `$options`. Both drivers get 64
# cables, and snd-rloop as many whose wake-ups may be a tick late; snd-aloop has no more than 16 on a card. It begins
# $begin seconds after the boot, which has come to rest then.
set -e
tick=$((1000000 / $(zcat /proc/config.gz | sed -n 's/^CONFIG_HZ=//p')))
modprobe snd-rloop enable=1,1 id=rloop,late topology=crossed pcm_substreams=32,32 wakeup_slack=0,$tick
modprobe snd-aloop enable=1,1,1,1 pcm_substreams=8,8,8,8
sleep $(awk "{print (\$1 < $begin) ? $begin - \$1 : 0}" /proc/uptime)
{
	rloop bench --title "$title" --seconds $seconds --starts $starts $options --format json >/tmp/figures.json ||
		echo $? >/tmp/bench.status
} 2>&1 | cat >/dev/console
cp /tmp/figures.json /tmp/left/
[ ! -e /tmp/bench.status ] || exit $(cat /tmp/bench.status)
