# SPDX-License-Identifier: GPL-2.0-only
#
# What a driver's Makefile includes, after it has said what its crate's root is:
#
#   root = src/NAME
#
# Targets, for the kernel whose build directory is KDIR:
#
#   make KDIR=…                  the module
#   make KDIR=… clippy           the same through clippy, warnings are errors
#   make rustfmt                 formats the driver's sources and the shared ones; rustfmtcheck only looks
#   make KDIR=… rust-analyzer    writes rust-project.json
#   make KDIR=… install          the module, as for any external module, and what data_install installs
#   make data_install            what the driver has for other programs, below $(DESTDIR)$(PREFIX)
#   make KDIR=… clean            as for any external module
#
# MO=DIR builds into DIR. ARCH, CROSS_COMPILE, LLVM and so on are handed to the kernel's make.

# KERNEL_SRC is what OpenEmbedded's module class calls it.
KDIR ?= $(or $(KERNEL_SRC),/lib/modules/$(shell uname -r)/build)
MO ?=
PREFIX ?= /usr

lib := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
driver := $(notdir $(CURDIR))
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(MO),MO=$(abspath $(MO)))
host_sources = host/lib.rs host/tests/*.rs host/tests/*/main.rs
sources = $(wildcard $(addprefix $(CURDIR)/,$(root).rs $(host_sources)) $(addprefix $(lib)/,$(host_sources)))

.PHONY: modules clippy rustfmt rustfmtcheck rust-analyzer install modules_install data_install clean kernel

modules: kernel
	$(if $(MO),mkdir -p $(MO))
	$(kbuild) modules

# clippy is the compiler with more warnings, and Kbuild does not see that it is another one.
clippy: kernel
	$(if $(MO),mkdir -p $(MO))
	rm -f $(or $(MO),$(CURDIR))/$(root).o
	$(kbuild) CLIPPY=1 KRUSTFLAGS="$(KRUSTFLAGS) -Dwarnings" $(root).o
	rm -f $(or $(MO),$(CURDIR))/$(root).o

rustfmt:
	rustfmt --edition 2021 --config-path $(lib)/.rustfmt.toml $(sources)

rustfmtcheck:
	rustfmt --edition 2021 --config-path $(lib)/.rustfmt.toml --check $(sources)

rust-analyzer: kernel
	$(kbuild) rust-analyzer

install: modules_install data_install

modules_install: modules
	$(kbuild) modules_install

data_install:

clean: kernel
	$(kbuild) clean

kernel:
	@test -e $(KDIR)/Makefile || { \
		echo "$(driver): KDIR=$(KDIR) is no kernel's build directory; KDIR must name one that has been configured and built" >&2; \
		exit 2; \
	}
