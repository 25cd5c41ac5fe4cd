# SPDX-License-Identifier: MIT

# Nothing, not even a signature, may change where snd-rloop was not asked for.
require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'recipes-kernel/linux/linux-rloop.inc', '', d)}
