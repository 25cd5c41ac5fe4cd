# SPDX-License-Identifier: MIT
#
# For what is compiled as a kernel's own Rust is: its compilers, by the name that oe-core's kernel-yocto-rust has for them.

RUST_KERNEL_DEPENDS ?= "clang-native rust-native bindgen-cli-native"
DEPENDS += "${RUST_KERNEL_DEPENDS}"
