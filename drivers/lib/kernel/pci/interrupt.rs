// SPDX-License-Identifier: GPL-2.0-only

//! The interrupt of a PCI device that has one: a message (MSI) where it can be had, else its pin.

use kernel::device::Bound;
use kernel::error::to_result;
use kernel::ffi::{c_int, c_void};
use kernel::pci::Device;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::aref::ARef;
use kernel::sync::Arc;

use super::{manage, raw, Managed};
use crate::lib::bindings;

/// Who handles interrupts.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Handles an interrupt; `false` if the device raises nothing, for others may share its pin. If it does nevertheless
    /// it is asked once more, and if that is `false`, too, its pin is off until it is bound again. In interrupt context
    /// (in a thread on `PREEMPT_RT`).
    fn interrupt(&self) -> bool;
}

/// What the kernel has a pointer to.
struct Line<H: Handler> {
    device: ARef<Device>,
    handler: Arc<H>,
}

/// A device's interrupts, handled. Dropping it waits for a handler that runs, and ends that, `free_irq()`, so sleeps.
///
/// # Invariants
///
/// The interrupts of the line's device are handled, with the line's address for the cookie.
pub(crate) struct Interrupt<H: Handler> {
    line: KBox<Line<H>>,
    /// To which the kernel has a pointer, too.
    _name: CString,
}

impl<H: Handler> Interrupt<H> {
    /// Has the interrupts of `device` handled, `pci_alloc_irq_vectors()` and `request_irq()`; `name` is theirs in
    /// `/proc/interrupts`. May sleep; the handler may be called before this returns.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the device has none, `ENOMEM`, or what the interrupt's controller returns.
    pub(crate) fn request(
        device: &Device<Bound>,
        name: &CStr,
        handler: Arc<H>,
    ) -> Result<Managed<Self>> {
        let name = CString::try_from_fmt(fmt!("{name}"))?;
        let line = Line {
            device: device.into(),
            handler,
        };
        let line = KBox::new(line, GFP_KERNEL)?;
        // SAFETY: The device is there as long as it is borrowed. The name and the line stay where they are, and are
        // there until the `Self` below has freed the interrupt; nothing in between fails.
        to_result(unsafe {
            bindings::rloop_pci_request_interrupt(
                raw(device),
                Some(Self::trampoline),
                name.as_char_ptr(),
                cookie(&line),
            )
        })?;
        // INVARIANT: Just requested.
        let interrupt = Self { line, _name: name };
        manage(device, interrupt)
    }

    /// `irq_handler_t`. In interrupt context.
    ///
    /// # Safety
    ///
    /// `cookie` must be the address of a `Line<H>` that stays during the call, as it is when the interrupt was requested
    /// by [`Interrupt::request`], since it is freed before the line goes.
    unsafe extern "C" fn trampoline(_: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: As this function's.
        let line: &Line<H> = unsafe { &*cookie.cast::<Line<H>>().cast_const() };
        match line.interrupt() {
            true => bindings::irqreturn_IRQ_HANDLED,
            false => bindings::irqreturn_IRQ_NONE,
        }
    }
}

impl<H: Handler> Line<H> {
    /// As [`Handler::interrupt`]; but for a device that raises its pin and does not say why, as it has ceased to answer:
    /// that is turned off, for it would have all who share it called without end.
    fn interrupt(&self) -> bool {
        if self.handler.interrupt() {
            return true;
        }
        // SAFETY: The device is counted.
        if !unsafe { bindings::rloop_pci_stop_pin(raw(&self.device)) } {
            return false;
        }
        // What it has raised since it was asked.
        if self.handler.interrupt() {
            // SAFETY: As above.
            unsafe { bindings::rloop_pci_start_pin(raw(&self.device)) };
        } else {
            dev_err!(
                self.device.as_ref(),
                "it interrupts and does not say why; its pin is off until it is bound again\n"
            );
        }
        true
    }
}

/// What tells the kernel's handlers of one pin apart.
fn cookie<H: Handler>(line: &Line<H>) -> *mut c_void {
    core::ptr::from_ref(line).cast_mut().cast()
}

impl<H: Handler> Drop for Interrupt<H> {
    fn drop(&mut self) {
        // SAFETY: By the invariant this is the cookie with which it was requested.
        unsafe { bindings::rloop_pci_free_interrupt(raw(&self.line.device), cookie(&self.line)) };
    }
}
