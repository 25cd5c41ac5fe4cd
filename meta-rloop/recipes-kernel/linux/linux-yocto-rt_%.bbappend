# SPDX-License-Identifier: MIT

# As in linux-yocto_%.bbappend
require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'recipes-kernel/linux/linux-rloop.inc', '', d)}
