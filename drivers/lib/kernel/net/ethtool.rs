// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's table of what `ethtool` can ask a device, and a trampoline for each. All are called under rtnl.

use core::mem::MaybeUninit;

use kernel::ffi::c_int;
use kernel::prelude::*;

use super::device::Device;
use super::Interface;
use crate::lib::bindings as c;

/// The size of a string in a set of strings.
const NAME_SIZE: usize = c::rloop_net_constant_RLOOP_NAME_SIZE as usize;

impl<T: Interface> Device<T> {
    /// `struct ethtool_ops`.
    pub(super) const ETHTOOL: &'static c::ethtool_ops = &c::ethtool_ops {
        get_drvinfo: Some(Self::get_drvinfo),
        get_link: Some(c::ethtool_op_get_link),
        get_link_ksettings: Some(Self::get_link_ksettings),
        get_ts_info: Some(c::ethtool_op_get_ts_info),
        get_ringparam: Some(Self::get_ringparam),
        set_ringparam: Some(Self::set_ringparam),
        get_channels: Some(Self::get_channels),
        set_channels: Some(Self::set_channels),
        get_sset_count: Some(Self::get_sset_count),
        get_strings: Some(Self::get_strings),
        get_ethtool_stats: Some(Self::get_ethtool_stats),
        // SAFETY: All zeroes is a value of this C type: no operation.
        ..unsafe { MaybeUninit::zeroed().assume_init() }
    };

    /// # Safety
    ///
    /// `raw` must be a device of this type that is registered, and `info` be valid.
    unsafe extern "C" fn get_drvinfo(raw: *mut c::net_device, info: *mut c::ethtool_drvinfo) {
        // SAFETY: As this function's.
        let (device, info): (&Self, _) = unsafe { (Self::from_raw(raw), &mut *info) };
        copy(&mut info.driver, T::DRIVER);
        copy(&mut info.version, T::VERSION);
        copy(&mut info.bus_info, device.value().bus());
    }

    /// # Safety
    ///
    /// As [`Self::get_drvinfo`].
    unsafe extern "C" fn get_link_ksettings(
        raw: *mut c::net_device,
        settings: *mut c::ethtool_link_ksettings,
    ) -> c_int {
        // SAFETY: As this function's; the function writes a few fields.
        unsafe { c::rloop_net_link(raw, T::SPEED, settings) };
        0
    }

    /// # Safety
    ///
    /// As [`Self::get_drvinfo`].
    unsafe extern "C" fn get_ringparam(
        raw: *mut c::net_device,
        ring: *mut c::ethtool_ringparam,
        _: *mut c::kernel_ethtool_ringparam,
        _: *mut c::netlink_ext_ack,
    ) {
        // SAFETY: As this function's.
        let (device, ring): (&Self, _) = unsafe { (Self::from_raw(raw), &mut *ring) };
        ring.rx_max_pending = T::RING_MAX;
        ring.rx_pending = device.value().ring_size();
    }

    /// # Safety
    ///
    /// As [`Self::get_drvinfo`].
    unsafe extern "C" fn set_ringparam(
        raw: *mut c::net_device,
        ring: *mut c::ethtool_ringparam,
        _: *mut c::kernel_ethtool_ringparam,
        _: *mut c::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: As this function's.
        let (device, ring): (&Self, _) = unsafe { (Self::from_raw(raw), &*ring) };
        match device.value().set_ring_size(ring.rx_pending) {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        }
    }

    /// There is one, for both directions.
    ///
    /// # Safety
    ///
    /// As [`Self::get_drvinfo`].
    unsafe extern "C" fn get_channels(_: *mut c::net_device, channels: *mut c::ethtool_channels) {
        // SAFETY: As this function's.
        let channels = unsafe { &mut *channels };
        channels.max_combined = 1;
        channels.combined_count = 1;
    }

    /// The kernel has seen that it is one, as there are no more, and can't be less.
    ///
    /// # Safety
    ///
    /// None.
    unsafe extern "C" fn set_channels(_: *mut c::net_device, _: *mut c::ethtool_channels) -> c_int {
        0
    }

    /// # Safety
    ///
    /// None.
    unsafe extern "C" fn get_sset_count(_: *mut c::net_device, set: c_int) -> c_int {
        match set as u32 {
            c::rloop_net_constant_RLOOP_SS_STATS => T::STATISTICS.len() as c_int,
            _ => -(kernel::bindings::EOPNOTSUPP as c_int),
        }
    }

    /// # Safety
    ///
    /// `into` must have room for as many strings as [`Self::get_sset_count`] says.
    unsafe extern "C" fn get_strings(_: *mut c::net_device, set: u32, into: *mut u8) {
        if set != c::rloop_net_constant_RLOOP_SS_STATS || into.is_null() {
            return;
        }
        for (n, name) in T::STATISTICS.iter().enumerate() {
            let bytes = name.len().min(NAME_SIZE - 1);
            // SAFETY: By the precondition there is room for this string, and for the zeroes after it. It is no part of the
            // names.
            unsafe {
                let at = into.add(n * NAME_SIZE);
                at.write_bytes(0, NAME_SIZE);
                at.copy_from_nonoverlapping(name.as_ptr(), bytes);
            }
        }
    }

    /// # Safety
    ///
    /// As [`Self::get_drvinfo`]; `into` must have room for as many numbers as [`Self::get_sset_count`] says.
    unsafe extern "C" fn get_ethtool_stats(
        raw: *mut c::net_device,
        _: *mut c::ethtool_stats,
        into: *mut u64,
    ) {
        // SAFETY: As this function's; the kernel has zeroed them.
        let (device, values): (&Self, _) = unsafe {
            let values = core::slice::from_raw_parts_mut(into, T::STATISTICS.len());
            (Self::from_raw(raw), values)
        };
        device.value().statistics(values);
    }
}

/// Copies as much of a string as there is room for, and a zero.
fn copy(into: &mut [kernel::ffi::c_char], text: &CStr) {
    let room = into.len().saturating_sub(1);
    for (place, byte) in into.iter_mut().take(room).zip(text.to_bytes_with_nul()) {
        *place = *byte as kernel::ffi::c_char;
    }
}
