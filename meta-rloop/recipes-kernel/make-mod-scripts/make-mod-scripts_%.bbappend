# SPDX-License-Identifier: MIT

require ${@bb.utils.contains('RLOOP_KERNEL', '1', 'make-mod-scripts-rloop.inc', '', d)}
