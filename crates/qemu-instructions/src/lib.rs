// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plugin of QEMU that counts the instructions that a guest executes, by where they are.
//!
//!     -plugin file=libqemu_instructions.so,mark=ADDRESS,to=FILE
//!
//! Each time the guest enters the function at `mark`, what it has executed since the time before is written to FILE: a line
//! for each block of instructions without a branch, of its address, how often it was executed and how many instructions it
//! has, and `mark` in a line of its own after them. The addresses are the guest's virtual ones, in hexadecimal.
//!
//! It declares what it needs of QEMU's interface for plugins, version 4 (QEMU 9.2 to 10.0), and has no more state than counters.
#![allow(unsafe_code, reason = "QEMU's interface is C")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The version of the interface, for QEMU.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU looks for this name")]
pub static qemu_plugin_version: c_int = 4;

/// `QEMU_PLUGIN_CB_NO_REGS`: no callback looks at registers.
const NO_REGISTERS: c_int = 0;

/// A block while it is translated, known to QEMU alone.
#[repr(C)]
struct Translated {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(
        id: u64,
        callback: extern "C" fn(u64, *mut Translated),
    );
    fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Translated,
        callback: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_tb_n_insns(block: *const Translated) -> usize;
    fn qemu_plugin_tb_vaddr(block: *const Translated) -> u64;
}

/// What the plugin is told, and what it counts.
struct Plugin {
    mark: u64,
    to: Mutex<File>,
    /// By the address of a block and the number of its instructions: how often it was executed. A block is translated
    /// anew as often as QEMU likes, and is counted in one place.
    blocks: Mutex<BTreeMap<(u64, usize), &'static AtomicU64>>,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

impl Plugin {
    /// As its arguments, each `NAME=VALUE`, say.
    fn new<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (mut mark, mut to) = (None, None);
        for argument in arguments {
            match argument.split_once('=') {
                Some(("mark", value)) => {
                    let digits = value.trim_start_matches("0x");
                    let address = u64::from_str_radix(digits, 16);
                    mark = Some(address.map_err(|e| format!("{argument}: {e}"))?);
                }
                Some(("to", value)) => {
                    to = Some(File::create(value).map_err(|e| format!("{argument}: {e}"))?);
                }
                _ => return Err(format!("{argument}: neither mark=ADDRESS nor to=FILE")),
            }
        }
        Ok(Self {
            mark: mark.ok_or("no mark=ADDRESS")?,
            to: Mutex::new(to.ok_or("no to=FILE")?),
            blocks: Mutex::default(),
        })
    }

    /// The counter of a block.
    fn counter(&self, address: u64, instructions: usize) -> &'static AtomicU64 {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks
            .entry((address, instructions))
            .or_insert_with(|| Box::leak(Box::default()))
    }

    /// Writes what was executed since the last time.
    fn write(&self) -> std::io::Result<()> {
        let file = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut to = BufWriter::new(&*file);
        for ((address, instructions), counter) in &*blocks {
            let times = counter.swap(0, Ordering::Relaxed);
            if times > 0 {
                writeln!(to, "{address:x} {times} {instructions}")?;
            }
        }
        writeln!(to, "mark")?;
        to.flush()
    }
}

/// A block is translated.
extern "C" fn translated(_: u64, block: *mut Translated) {
    let Some(plugin) = PLUGIN.get() else {
        return;
    };
    // SAFETY: QEMU gives a block that is valid until this returns.
    let (address, instructions) =
        unsafe { (qemu_plugin_tb_vaddr(block), qemu_plugin_tb_n_insns(block)) };
    let counter = plugin.counter(address, instructions);
    let data = std::ptr::from_ref(counter).cast_mut().cast();
    // SAFETY: as above; the callbacks need nothing but what is never freed.
    unsafe {
        if address == plugin.mark {
            // Before the block itself is counted.
            let none = std::ptr::null_mut();
            qemu_plugin_register_vcpu_tb_exec_cb(block, marked, NO_REGISTERS, none);
        }
        qemu_plugin_register_vcpu_tb_exec_cb(block, executed, NO_REGISTERS, data);
    }
}

/// A block is executed.
extern "C" fn executed(_: c_uint, data: *mut c_void) {
    // SAFETY: `translated` has registered a counter, which is never freed.
    let counter = unsafe { &*data.cast::<AtomicU64>() };
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The guest is at the mark.
extern "C" fn marked(_: c_uint, _: *mut c_void) {
    if let Some(Err(e)) = PLUGIN.get().map(Plugin::write) {
        // Whoever reads the file finds a mark too few.
        eprintln!("qemu-instructions: {e}");
    }
}

/// QEMU loads the plugin: not 0 if that is in vain.
///
/// # Safety
///
/// `arguments` has to be `count` strings of C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let arguments = (0..usize::try_from(count).unwrap_or(0)).map(|at| {
        // SAFETY: there are so many of them, and QEMU keeps them until this returns.
        let text = unsafe { CStr::from_ptr(*arguments.add(at)) };
        text.to_str().unwrap_or("what is not UTF-8")
    });
    match Plugin::new(arguments) {
        Ok(plugin) => {
            if PLUGIN.set(plugin).is_err() {
                eprintln!("qemu-instructions: it is loaded already");
                return 1;
            }
            // SAFETY: `id` is the plugin's own, and the callback is a function.
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
            0
        }
        Err(why) => {
            eprintln!("qemu-instructions: {why}");
            1
        }
    }
}
