# SPDX-License-Identifier: MIT

require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'recipes-kernel/linux/linux-rloop-plain.inc', '', d)}
