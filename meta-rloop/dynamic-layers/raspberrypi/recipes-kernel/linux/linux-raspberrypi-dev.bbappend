# SPDX-License-Identifier: MIT

require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'linux-raspberrypi-rloop.inc', '', d)}
