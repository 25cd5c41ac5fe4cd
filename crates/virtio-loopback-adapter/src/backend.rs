// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backend, over its socket.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use driver_models::virtio_loopback::abi::{CONFIG_MAX, QueueState};
use driver_models::virtio_loopback::policy::BASE;
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend as _};
use vhost::{VhostBackend as _, VhostUserMemoryRegionInfo, VringConfigData};
use vmm_sys_util::eventfd::EventFd;

use crate::error::{Error, Result};
use crate::kind::Facts;

/// How often a backend that is not there is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// A backend that has said what it is.
pub(crate) struct Backend {
    path: PathBuf,
    frontend: Frontend,
    /// The same socket, to see when it is closed.
    socket: UnixStream,
    /// Its features, vhost-user's own among them.
    pub(crate) features: u64,
    /// Its configuration.
    pub(crate) config: [u8; CONFIG_MAX],
}

impl Backend {
    /// Waits for a backend, and asks it what it is.
    pub(crate) fn connect(path: &Path, facts: &Facts) -> Result<Self> {
        let mut waits = false;
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(_) if waits => {}
                Err(error) => {
                    waits = true;
                    println!("{}: {error}; waits for the backend", path.display());
                }
            }
            std::thread::sleep(LOOK);
        };
        let socket = stream.try_clone().map_err(|_| Error::Gone)?;
        let mut backend = Self {
            path: path.to_path_buf(),
            frontend: Frontend::from_stream(stream, facts.queues.into()),
            socket,
            features: 0,
            config: [0; CONFIG_MAX],
        };
        backend.ask(facts)?;
        Ok(backend)
    }

    fn ask(&mut self, facts: &Facts) -> Result<()> {
        let features = self.frontend.get_features();
        self.features = self.said("GET_FEATURES", features)?;
        let owner = self.frontend.set_owner();
        self.said("SET_OWNER", owner)?;
        let own = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
        if self.features & own == 0 {
            return Err(self.unfit(
                "features",
                self.features,
                "bit 30, vhost-user's own features,",
            ));
        }
        let offered = self.frontend.get_protocol_features();
        let offered = self.said("GET_PROTOCOL_FEATURES", offered)?;
        let wanted = VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::REPLY_ACK;
        let both = offered & wanted;
        let taken = self.frontend.set_protocol_features(both);
        self.said("SET_PROTOCOL_FEATURES", taken)?;
        if both.contains(VhostUserProtocolFeatures::REPLY_ACK) {
            // So what it refuses has a name.
            self.frontend.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        }
        if both.contains(VhostUserProtocolFeatures::MQ) {
            let queues = self.frontend.get_queue_num();
            let queues = self.said("GET_QUEUE_NUM", queues)?;
            if queues < facts.queues.into() {
                return Err(self.unfit("queues", queues, format!("{}", facts.queues)));
            }
        }
        if facts.config > 0 {
            let there = both.contains(VhostUserProtocolFeatures::CONFIG);
            if !there {
                return Err(self.unfit("protocol features", both.bits(), "CONFIG"));
            }
            let empty = vec![0; facts.config as usize];
            let flags = VhostUserConfigFlags::empty();
            let config = self.frontend.get_config(0, facts.config, flags, &empty);
            let (_, config) = self.said("GET_CONFIG", config)?;
            self.config[..config.len()].copy_from_slice(&config);
        }
        Ok(())
    }

    fn unfit(&self, what: &'static str, given: u64, allowed: impl Into<String>) -> Error {
        Error::Unfit {
            path: self.path.clone(),
            what,
            given,
            allowed: allowed.into(),
        }
    }

    fn said<T>(&self, what: &'static str, result: vhost::Result<T>) -> Result<T> {
        let path = self.path.clone();
        result.map_err(|why| match hung_up(&why) {
            true => Error::HungUp { path, what, why },
            false => Error::Backend { path, what, why },
        })
    }

    /// Has the backend serve the queues: their rings lie in `memory`, of which nothing is mapped here.
    pub(crate) fn start(
        &mut self,
        features: u64,
        memory: (BorrowedFd<'_>, u64),
        queues: &[(QueueState, &EventFd, &EventFd)],
    ) -> Result<()> {
        let own = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
        let taken = self.frontend.set_features(features | own);
        self.said("SET_FEATURES", taken)?;
        let region = VhostUserMemoryRegionInfo {
            guest_phys_addr: BASE,
            memory_size: memory.1,
            userspace_addr: BASE,
            mmap_offset: 0,
            mmap_handle: std::os::fd::AsRawFd::as_raw_fd(&memory.0),
        };
        let taken = self.frontend.set_mem_table(&[region]);
        self.said("SET_MEM_TABLE", taken)?;
        for (queue, kick, call) in queues {
            let index = queue.index as usize;
            let size = u16::try_from(queue.size).unwrap_or(u16::MAX);
            let taken = self.frontend.set_vring_num(index, size);
            self.said("SET_VRING_NUM", taken)?;
            let rings = VringConfigData {
                queue_max_size: size,
                queue_size: size,
                flags: 0,
                desc_table_addr: queue.descriptors,
                used_ring_addr: queue.used,
                avail_ring_addr: queue.available,
                log_addr: None,
            };
            let taken = self.frontend.set_vring_addr(index, &rings);
            self.said("SET_VRING_ADDR", taken)?;
            let taken = self.frontend.set_vring_base(index, 0);
            self.said("SET_VRING_BASE", taken)?;
            let taken = self.frontend.set_vring_call(index, call);
            self.said("SET_VRING_CALL", taken)?;
            let taken = self.frontend.set_vring_kick(index, kick);
            self.said("SET_VRING_KICK", taken)?;
            let taken = self.frontend.set_vring_enable(index, true);
            self.said("SET_VRING_ENABLE", taken)?;
        }
        Ok(())
    }

    /// Has the backend let go of so many queues.
    pub(crate) fn stop(&mut self, queues: u32) -> Result<()> {
        for index in 0..queues as usize {
            let taken = self.frontend.set_vring_enable(index, false);
            self.said("SET_VRING_ENABLE", taken)?;
            let base = self.frontend.get_vring_base(index);
            self.said("GET_VRING_BASE", base)?;
        }
        Ok(())
    }
}

impl AsFd for Backend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a backend that was asked something is not there any more: one that was about to make its socket anew takes a
/// connection, and drops it.
fn hung_up(why: &vhost::Error) -> bool {
    use vhost::vhost_user::Error::{Disconnected, SocketBroken};
    matches!(
        why,
        vhost::Error::VhostUserProtocol(Disconnected | SocketBroken(_))
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn who_takes_a_connection_and_drops_it_has_gone() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let frontend = Frontend::from_stream(ours, 1);
        drop(theirs);
        assert!(hung_up(&frontend.get_features().unwrap_err()));
        let (ours, theirs) = UnixStream::pair().unwrap();
        let frontend = Frontend::from_stream(ours, 1);
        // What was not read when it is closed resets the connection.
        let asked = std::thread::spawn(move || frontend.get_features().unwrap_err());
        (&theirs).read_exact(&mut [0]).unwrap();
        drop(theirs);
        assert!(hung_up(&asked.join().unwrap()));
        assert!(!hung_up(&vhost::Error::VhostUserProtocol(
            vhost::vhost_user::Error::InvalidMessage
        )));
    }
}
