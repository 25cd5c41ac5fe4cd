// SPDX-License-Identifier: GPL-2.0-only

//! Pairs that programs make: `ip link add … type KIND`.

use core::ptr::NonNull;

use kernel::error::{from_err_ptr, to_result};
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::types::Opaque;

use super::device::{Device, Unregistered};
use super::pair::{register, PairMaker};
use super::Interface;
use crate::lib::bindings as c;

/// What the kernel's table is part of.
#[pin_data]
struct Kind<M> {
    #[pin]
    operations: Opaque<c::rtnl_link_ops>,
    maker: M,
}

/// A kind of links that programs can make. Dropping it removes all that they have made, so sleeps.
///
/// # Invariants
///
/// The operations are registered, and this value alone unregisters them.
pub(crate) struct LinkKind<M: PairMaker>(Pin<KBox<Kind<M>>>);

// SAFETY: It is not bound to a thread, and `M` is `Send`.
unsafe impl<M: PairMaker> Send for LinkKind<M> {}

// SAFETY: All that can be done with a reference to it is to look at the `M`, which is `Sync`.
unsafe impl<M: PairMaker> Sync for LinkKind<M> {}

impl<M: PairMaker> LinkKind<M> {
    /// Lets programs make pairs of the kind `name`. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is such a kind, `ENOMEM`.
    pub(crate) fn new(name: &'static CStr, maker: M) -> Result<Self> {
        // SAFETY: All zeroes is a value of this C type: no operation.
        let zeroes: c::rtnl_link_ops = unsafe { core::mem::zeroed() };
        let operations = c::rtnl_link_ops {
            kind: name.as_char_ptr(),
            priv_size: Device::<M::Interface>::PRIVATE,
            setup: Some(Device::<M::Interface>::setup),
            newlink: Some(Self::newlink),
            dellink: Some(Self::dellink),
            ..zeroes
        };
        let kind = KBox::pin_init(
            pin_init!(Kind {
                operations: Opaque::new(operations),
                maker,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: It is set up, is pinned, and is unregistered before it goes. The name lives as long as the module.
        to_result(unsafe { c::rtnl_link_register(kind.operations.get()) })?;
        // INVARIANT: Just registered.
        Ok(Self(kind))
    }

    /// What makes its pairs. Any context.
    pub(crate) fn maker(&self) -> &M {
        &self.0.maker
    }

    /// `ops.newlink`: a program asks for a device. Under rtnl; may sleep.
    ///
    /// # Safety
    ///
    /// As when the kernel calls: `raw` must have been allocated and set up by the operations that it points to, which are
    /// those of a `Kind<M>`, and not be registered; the others must be valid.
    unsafe extern "C" fn newlink(
        raw: *mut c::net_device,
        params: *mut c::rtnl_newlink_params,
        extack: *mut c::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: As this function's; a kind is not freed while its operations run (`rtnl_link_unregister()` waits).
        let kind: &Kind<M> = unsafe {
            let operations = c::rloop_net_link_ops(raw).cast::<Opaque<c::rtnl_link_ops>>();
            &*kernel::container_of!(operations, Kind<M>, operations)
        };
        // SAFETY: As this function's.
        match unsafe { Self::add(&kind.maker, raw, params, extack) } {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// As [`Self::newlink`].
    unsafe fn add(
        maker: &M,
        raw: *mut c::net_device,
        params: *mut c::rtnl_newlink_params,
        extack: *mut c::netlink_ext_ack,
    ) -> Result {
        let values = maker.make()?;
        // SAFETY: As this function's; the name is a string, and is copied.
        let other = unsafe { c::rloop_net_alloc_peer(raw, M::NAMES.as_char_ptr(), params, extack) };
        let other = NonNull::new(from_err_ptr(other)?).ok_or(ENOMEM)?;
        // SAFETY: Both were allocated and set up by the operations, and are not registered. The other is ours.
        let (other, own) = unsafe {
            let own = NonNull::new(raw).ok_or(EINVAL)?;
            (
                Unregistered::<M::Interface>::from_raw(other),
                Unregistered::from_raw(own),
            )
        };
        let [first, second] = values;
        match register(other, own, [second, first]) {
            Ok(_) => Ok(()),
            Err((error, own)) => {
                // The kernel has allocated it, and frees it where this fails.
                own.leave();
                Err(error)
            }
        }
    }

    /// `ops.dellink`: a device goes, and the other end with it. Under rtnl; may sleep.
    ///
    /// # Safety
    ///
    /// As when the kernel calls: `raw` must be a device that was made by [`Self::newlink`], and is registered; it and the
    /// others of the list are unregistered before rtnl is given up.
    unsafe extern "C" fn dellink(raw: *mut c::net_device, list: *mut c::list_head) {
        // SAFETY: As this function's: it has a value until it is freed.
        let device: &Device<M::Interface> = unsafe { Device::from_raw(raw) };
        let both = device.value().ends().forget();
        // If they had been forgotten before, the other one is in a list already.
        let both = both.into_iter().flatten();
        for end in both.map(NonNull::as_ptr).filter(|end| *end != raw) {
            // SAFETY: It was registered until now, for it was not forgotten; rtnl is held.
            unsafe { c::unregister_netdevice_queue(end, list) };
        }
        // SAFETY: As this function's. One that is in the list twice is there once.
        unsafe { c::unregister_netdevice_queue(raw, list) };
    }
}

impl<M: PairMaker> Drop for LinkKind<M> {
    fn drop(&mut self) {
        // SAFETY: By the invariant they are registered; it is done once, and removes all devices of this kind.
        unsafe { c::rtnl_link_unregister(self.0.operations.get()) };
    }
}
