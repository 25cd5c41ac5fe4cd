# SPDX-License-Identifier: MIT
#
# For a driver that makes sound cards, whatever else it makes.

inherit rloop_module

# A board's codec may be found after the module has been loaded, and programs take card 0 for the default: none of up
# to eight cards becomes that one, unless RLOOP_PARAMETERS have an index.
RLOOP_DEFAULTS ?= "index=-2,-2,-2,-2,-2,-2,-2,-2"
