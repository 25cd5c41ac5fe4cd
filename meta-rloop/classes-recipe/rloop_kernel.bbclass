# SPDX-License-Identifier: MIT
#
# For what makes no sense without a module of ours. Where the kernel has no Rust, the recipe is left out, and
# whoever asks for it is told what to do. To be inherited before module-rust, whose own words are fewer.

inherit rloop_host

python __anonymous() {
    if not bb.utils.contains('KERNEL_FEATURES', 'rust', True, False, d):
        raise bb.parse.SkipRecipe('it needs a kernel with Rust, and KERNEL_FEATURES has no "rust" in it. '
            'Add OE_FRAGMENTS += "rloop/rloop/kernel" to local.conf; see docs/using/yocto.md of rloop')
}
