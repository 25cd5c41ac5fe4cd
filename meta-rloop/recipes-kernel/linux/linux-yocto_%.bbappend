# SPDX-License-Identifier: MIT

# Nothing, not even a signature, may change where no driver was asked for.
require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'recipes-kernel/linux/linux-rloop.inc', '', d)}
