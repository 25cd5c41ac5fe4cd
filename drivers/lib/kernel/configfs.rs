// SPDX-License-Identifier: GPL-2.0-only

//! Configfs: a subsystem in which root makes directories, with attributes in them.
//!
//! The kernel crate has `kernel::configfs`. But that can't keep a directory from being removed, its
//! files don't keep the module, and up to Linux 7.2 it looks for a subsystem's data in the wrong
//! place.
//!
//! C header: `include/linux/configfs.h`

use core::fmt::Write;
use core::marker::PhantomData;
use core::ptr::{from_mut, from_ref, null_mut, NonNull};

use kernel::container_of;
use kernel::error::to_result;
use kernel::ffi::{c_char, c_void};
use kernel::prelude::*;
use kernel::str::{CStr, CString, Formatter};
use kernel::types::{ForeignOwnable, Opaque};

use crate::lib::bindings;
use crate::lib::kernel::loading::is_coming;
use crate::lib::model::parameters::NOT_UTF8;

/// The most attributes that a directory can have, and the bound of [`Directory::attribute`]'s
/// `number`.
pub(crate) const ATTRIBUTES_MAX: usize = 24;
/// The longest text of an attribute in bytes (`SIMPLE_ATTR_SIZE` in `fs/configfs/file.c`).
const TEXT_MAX: usize = 4096;

/// A directory that a user has made (`mkdir`). Its operations run for a program and may sleep;
/// [`Directory::show`] and [`Directory::store`] of one attribute file exclude each other, of
/// several they don't.
pub(crate) trait Directory: Send + Sync + Sized + 'static {
    /// The data that all directories of the subsystem share.
    type Common: Send + Sync + 'static;

    /// The name of the `number`-th attribute from 0, and whether it is writable; `None` after the
    /// last, or from [`ATTRIBUTES_MAX`] on.
    fn attribute(number: usize) -> Option<(&'static str, bool)>;

    /// Makes the directory `name`: `configfs_group_operations.make_group`.
    ///
    /// # Errors
    ///
    /// Returned by `mkdir`.
    fn make(common: &Self::Common, name: &CStr) -> Result<impl PinInit<Self, Error>>;

    /// Writes the value of an attribute to `text`, at most 4096 bytes.
    ///
    /// # Errors
    ///
    /// Returned by the read.
    fn show(&self, number: usize, text: &mut dyn Write) -> Result;

    /// Sets a writable attribute to `text`: what was written, without the newline that `echo` ends
    /// it with, or [`NOT_UTF8`].
    ///
    /// # Errors
    ///
    /// Returned by the write.
    fn store(&self, number: usize, text: &str, directory: &DirectoryRef<'_>) -> Result;

    /// The name of a binary file in the directory, and its greatest size in bytes.
    const FILE: Option<(&'static str, usize)> = None;

    /// Reads the file: copies as many of its bytes as there is room for, and returns its size.
    fn read_file(&self, bytes: &mut [u8]) -> usize {
        let _ = bytes;
        0
    }

    /// Sets the file to `bytes`, all that was written to it before it was closed.
    ///
    /// # Errors
    ///
    /// `EINVAL` and so on, which configfs returns to nobody.
    fn write_file(&self, bytes: &[u8]) -> Result {
        let _ = bytes;
        Err(EINVAL)
    }
}

/// A reference to the directory one of whose attributes is being written.
pub(crate) struct DirectoryRef<'a>(NonNull<bindings::config_group>, PhantomData<&'a ()>);

impl DirectoryRef<'_> {
    /// Keeps the directory from being removed (`EBUSY`) until the result is dropped:
    /// `configfs_depend_item_unlocked()`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOENT` if it is being removed already.
    pub(crate) fn depend(&self) -> Result<Dependency> {
        let group = self.0.as_ptr();
        // SAFETY: `self` only exists in `store`, hence in a callback of the directory's own
        // subsystem, as this function wants it, and while the directory does.
        unsafe {
            let item = &raw mut (*group).cg_item;
            to_result(bindings::configfs_depend_item_unlocked(
                (*group).cg_subsys,
                item,
            ))?;
            // INVARIANT: It has been counted.
            Ok(Dependency(NonNull::new_unchecked(item)))
        }
    }
}

/// A dependency on a directory, which therefore can't be removed; dropping it gives it up.
///
/// # Invariants
///
/// `self.0` points to an item that counts this value as a dependent, and therefore stays.
pub(crate) struct Dependency(NonNull<bindings::config_item>);

// SAFETY: It may be dropped by any thread.
unsafe impl Send for Dependency {}

// SAFETY: There is nothing to be done with a reference to it.
unsafe impl Sync for Dependency {}

impl Drop for Dependency {
    fn drop(&mut self) {
        // SAFETY: By the invariant the item is there, and this value is counted once.
        unsafe { bindings::configfs_undepend_item(self.0.as_ptr()) };
    }
}

/// A registered subsystem, a directory in which users can make directories. Dropping it unregisters
/// it and sleeps; by then there are no directories, since each holds the module, and so does each
/// open attribute.
pub(crate) struct Subsystem<D: Directory>(Pin<KBox<Tree<D>>>);

// SAFETY: A registered subsystem is not bound to a thread, and `D::Common` is `Send`.
unsafe impl<D: Directory> Send for Subsystem<D> {}

// SAFETY: There is nothing to be done with a reference to it.
unsafe impl<D: Directory> Sync for Subsystem<D> {}

/// The parts of a subsystem, pinned.
#[pin_data]
struct Tree<D: Directory> {
    #[pin]
    raw: Opaque<bindings::configfs_subsystem>,
    types: Types,
    module: &'static ThisModule,
    common: D::Common,
}

/// A directory in a subsystem, with the driver's data.
#[pin_data]
struct Group<D> {
    #[pin]
    raw: Opaque<bindings::config_group>,
    #[pin]
    data: D,
}

impl<D: Directory> Subsystem<D> {
    /// Registers the subsystem `name` of `module`: `configfs_register_subsystem()`. As long as the module is being
    /// loaded no directory can be made (`EBUSY`), so that this may still be undone. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what configfs returns.
    pub(crate) fn new(
        module: &'static ThisModule,
        name: &'static CStr,
        common: D::Common,
    ) -> Result<Self> {
        let types = Types::new::<D>(module)?;
        let root: *const bindings::config_item_type = &*types.root;
        let tree = KBox::pin_init(
            pin_init!(Tree {
                // SAFETY: The slot is valid memory for a subsystem, which is nothing but zeroes
                // before this; type and name stay as long as it does.
                raw <- Opaque::ffi_init(move |slot: *mut bindings::configfs_subsystem| unsafe {
                    slot.write(Default::default());
                    bindings::rloop_configfs_init(slot, name.as_char_ptr(), root);
                }),
                types,
                module,
                common,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: It has been initialised, is pinned, and is registered once.
        to_result(unsafe { bindings::configfs_register_subsystem(tree.raw.get()) })?;
        Ok(Self(tree))
    }
}

impl<D: Directory> Drop for Subsystem<D> {
    fn drop(&mut self) {
        // SAFETY: It is registered, and is unregistered once.
        unsafe { bindings::configfs_unregister_subsystem(self.0.raw.get()) };
    }
}

/// `configfs_attribute.show` and `store`.
type Show = unsafe extern "C" fn(*mut bindings::config_item, *mut c_char) -> isize;
type Store = unsafe extern "C" fn(*mut bindings::config_item, *const c_char, usize) -> isize;

/// The types of a subsystem and its directories, as configfs wants them. They point to each other,
/// are on the heap, and neither move nor change.
struct Types {
    root: KBox<bindings::config_item_type>,
    child: KBox<bindings::config_item_type>,
    _group_operations: KBox<bindings::configfs_group_operations>,
    _item_operations: KBox<bindings::configfs_item_operations>,
    _names: KVec<CString>,
    _attributes: KVec<bindings::configfs_attribute>,
    _list: KVec<*mut bindings::configfs_attribute>,
    _files: KVec<bindings::configfs_bin_attribute>,
    _file_list: KVec<*mut bindings::configfs_bin_attribute>,
}

impl Types {
    /// Makes the types for directories `D` of `module`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new<D: Directory>(module: &'static ThisModule) -> Result<Self> {
        let owner = module.as_ptr();
        let (mut names, mut attributes) = (KVec::new(), KVec::new());
        for (number, (show, store)) in operations::<D>().into_iter().enumerate() {
            let Some((name, writable)) = D::attribute(number) else {
                break;
            };
            let name = CString::try_from_fmt(fmt!("{}", name))?;
            let attribute = bindings::configfs_attribute {
                ca_name: name.as_char_ptr(),
                ca_owner: owner.cast(),
                ca_mode: if writable { 0o644 } else { 0o444 },
                show: Some(show),
                store: writable.then_some(store),
            };
            names.push(name, GFP_KERNEL)?;
            attributes.push(attribute, GFP_KERNEL)?;
        }
        let mut list = KVec::new();
        for attribute in attributes.iter_mut() {
            list.push(from_mut(attribute), GFP_KERNEL)?;
        }
        list.push(null_mut(), GFP_KERNEL)?;

        let (mut files, mut file_list) = (KVec::new(), KVec::new());
        if let Some((name, size)) = D::FILE {
            let name = CString::try_from_fmt(fmt!("{}", name))?;
            let attribute = bindings::configfs_bin_attribute {
                cb_attr: bindings::configfs_attribute {
                    ca_name: name.as_char_ptr(),
                    ca_owner: owner.cast(),
                    ca_mode: 0o644,
                    ..Default::default()
                },
                cb_max_size: size,
                read: Some(read_file::<D>),
                write: Some(write_file::<D>),
                ..Default::default()
            };
            names.push(name, GFP_KERNEL)?;
            files.push(attribute, GFP_KERNEL)?;
        }
        for file in files.iter_mut() {
            file_list.push(from_mut(file), GFP_KERNEL)?;
        }
        file_list.push(null_mut(), GFP_KERNEL)?;

        let item_operations = KBox::new(
            bindings::configfs_item_operations {
                release: Some(release::<D>),
                ..Default::default()
            },
            GFP_KERNEL,
        )?;
        let group_operations = KBox::new(
            bindings::configfs_group_operations {
                make_group: Some(make_group::<D>),
                ..Default::default()
            },
            GFP_KERNEL,
        )?;
        // What is `const` in 7.2 is not in 6.18.
        let child = bindings::config_item_type {
            ct_owner: owner.cast(),
            ct_item_ops: from_ref(&*item_operations).cast_mut(),
            ct_attrs: list.as_mut_ptr(),
            ct_bin_attrs: file_list.as_mut_ptr(),
            ..Default::default()
        };
        let root = bindings::config_item_type {
            ct_owner: owner.cast(),
            ct_group_ops: from_ref(&*group_operations).cast_mut(),
            ..Default::default()
        };
        Ok(Self {
            root: KBox::new(root, GFP_KERNEL)?,
            child: KBox::new(child, GFP_KERNEL)?,
            _group_operations: group_operations,
            _item_operations: item_operations,
            _names: names,
            _attributes: attributes,
            _list: list,
            _files: files,
            _file_list: file_list,
        })
    }
}

/// The operations of each attribute: one pair a number, since configfs does not tell them which it
/// is.
fn operations<D: Directory>() -> [(Show, Store); ATTRIBUTES_MAX] {
    macro_rules! operations {
        ($($number:literal)*) => {
            [$((show::<D, $number> as Show, store::<D, $number> as Store),)*]
        };
    }
    operations!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23)
}

/// `make_group`: makes a directory. May sleep.
///
/// # Safety
///
/// `parent` must be the group of a registered [`Subsystem`] for `D`, and `name` a string.
unsafe extern "C" fn make_group<D: Directory>(
    parent: *mut bindings::config_group,
    name: *const c_char,
) -> *mut bindings::config_group {
    // SAFETY: The group is part of a subsystem, and that of a tree, which is only ever borrowed.
    let tree: &Tree<D> = unsafe {
        let raw = container_of!(parent, bindings::configfs_subsystem, su_group);
        &*container_of!(Opaque::cast_from(raw.cast_const()), Tree<D>, raw)
    };
    // SAFETY: The caller promises that it is a string.
    let name = unsafe { CStr::from_char_ptr(name) };
    let child: *const bindings::config_item_type = &*tree.types.child;
    let make = || -> Result<Pin<KBox<Group<D>>>> {
        if is_coming(tree.module) {
            return Err(EBUSY);
        }
        let data = D::make(&tree.common, name)?;
        KBox::try_pin_init(
            try_pin_init!(Group {
                data <- data,
                // SAFETY: The slot is valid memory for a group, which is nothing but zeroes before
                // this; the name is copied, and the type stays longer than any directory.
                raw <- Opaque::ffi_init(move |slot: *mut bindings::config_group| unsafe {
                    slot.write(Default::default());
                    bindings::config_group_init_type_name(slot, name.as_char_ptr(), child);
                }),
            }? Error),
            GFP_KERNEL,
        )
    };
    match make() {
        Ok(group) => {
            let raw = group.raw.get();
            // `release` takes it back.
            let _ = group.into_foreign();
            raw
        }
        Err(error) => error.to_ptr(),
    }
}

/// The directory of an item.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D`.
unsafe fn group<D: Directory>(item: *mut bindings::config_item) -> *mut Group<D> {
    // SAFETY: The item is part of a group, and that of a `Group`.
    unsafe {
        let raw: *mut bindings::config_group = container_of!(item, bindings::config_group, cg_item);
        container_of!(raw.cast::<Opaque<bindings::config_group>>(), Group<D>, raw)
    }
}

/// `release`: frees a directory that has been removed. May sleep.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D`, at its end.
unsafe extern "C" fn release<D: Directory>(item: *mut bindings::config_item) {
    // SAFETY: `make_group` has made it by `into_foreign`, and configfs calls this once, when nobody
    // refers to the item any more.
    drop(unsafe { Pin::<KBox<Group<D>>>::from_foreign(group::<D>(item).cast()) });
}

/// `show` of the attribute `NUMBER`. May sleep.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D` and that does not end
/// during the call, and `page` must have room for [`TEXT_MAX`] bytes.
unsafe extern "C" fn show<D: Directory, const NUMBER: usize>(
    item: *mut bindings::config_item,
    page: *mut c_char,
) -> isize {
    // SAFETY: The directory is there, and is only ever borrowed.
    let directory = unsafe { &(*group::<D>(item)).data };
    // SAFETY: The caller promises the room, which nobody else uses, and configfs zeroes it.
    let page = unsafe { core::slice::from_raw_parts_mut(page.cast::<u8>(), TEXT_MAX) };
    let mut text = Formatter::new(page);
    match directory.show(NUMBER, &mut text) {
        Ok(()) => text.bytes_written() as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// `store` of the attribute `NUMBER`. May sleep.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D` and that does not end
/// during the call, and `page` must have `size` bytes.
unsafe extern "C" fn store<D: Directory, const NUMBER: usize>(
    item: *mut bindings::config_item,
    page: *const c_char,
    size: usize,
) -> isize {
    // SAFETY: The directory is there, and is only ever borrowed.
    let group = unsafe { &*group::<D>(item) };
    // SAFETY: The caller promises that they are there, and nobody else writes to them.
    let text = unsafe { core::slice::from_raw_parts(page.cast::<u8>(), size) };
    let text = core::str::from_utf8(text.strip_suffix(b"\n").unwrap_or(text)).unwrap_or(NOT_UTF8);
    // SAFETY: It points to a part of `group`, a reference, so it is not null.
    let raw = unsafe { NonNull::new_unchecked(group.raw.get()) };
    match group
        .data
        .store(NUMBER, text, &DirectoryRef(raw, PhantomData))
    {
        Ok(()) => size as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// `read` of the file: of its length if `buffer` is null. May sleep.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D` and that does not end
/// during the call, and `buffer` must be null or have room for `size` bytes.
unsafe extern "C" fn read_file<D: Directory>(
    item: *mut bindings::config_item,
    buffer: *mut c_void,
    size: usize,
) -> isize {
    // SAFETY: The directory is there, and is only ever borrowed.
    let directory = unsafe { &(*group::<D>(item)).data };
    if buffer.is_null() {
        return directory.read_file(&mut []) as isize;
    }
    // SAFETY: The caller promises the room, which nobody else uses. It is zeroed before a reference
    // to it is made, since configfs does not.
    let bytes = unsafe {
        buffer.cast::<u8>().write_bytes(0, size);
        core::slice::from_raw_parts_mut(buffer.cast::<u8>(), size)
    };
    directory.read_file(bytes).min(size) as isize
}

/// `write` of the file, when it is closed. May sleep.
///
/// # Safety
///
/// `item` must be that of a directory that [`make_group`] has made for `D` and that does not end
/// during the call, and `buffer` must be null or have `size` bytes.
unsafe extern "C" fn write_file<D: Directory>(
    item: *mut bindings::config_item,
    buffer: *const c_void,
    size: usize,
) -> isize {
    if buffer.is_null() {
        return EINVAL.to_errno() as isize;
    }
    // SAFETY: The directory is there, and is only ever borrowed.
    let directory = unsafe { &(*group::<D>(item)).data };
    // SAFETY: The caller promises that they are there, and nobody else writes to them.
    let bytes = unsafe { core::slice::from_raw_parts(buffer.cast::<u8>(), size) };
    match directory.write_file(bytes) {
        Ok(()) => size as isize,
        Err(error) => error.to_errno() as isize,
    }
}
