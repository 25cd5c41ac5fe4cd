// SPDX-License-Identifier: MIT OR Apache-2.0
//! One device from its making to its end.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use driver_models::virtio_loopback::abi::Create;
use driver_models::virtio_loopback::state::Phase;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;
use vmm_sys_util::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EventFd};

use crate::backend::Backend;
use crate::cli::Cli;
use crate::error::{Error, Result};
use crate::node::Node;

/// A device that has been made, and who serves it.
struct Attached {
    node: Node,
    backend: Backend,
    memory: OwnedFd,
    bytes: u64,
    event: OwnedFd,
    /// For each queue what the kernel writes to, and what the backend does.
    queues: Vec<(EventFd, EventFd)>,
    /// The generation that the backend serves.
    serves: Option<u32>,
}

/// Makes a device, and serves it until the backend goes.
///
/// # Errors
///
/// Always: why it could not be made, or what has ended it.
pub(crate) fn attach(cli: &Cli) -> Result<()> {
    let facts = cli.device.facts();
    // All that can take long, or fail, comes before there is a device, whose driver won't wait.
    let backend = Backend::connect(&cli.socket, &facts)?;
    let node = Node::open(&cli.loopback)?;
    let bytes = cli.memory.unwrap_or(facts.memory) << 20;
    let memory = memory(bytes)?;
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let event = eventfd(0, flags).map_err(Error::system("eventfd"))?;
    node.create(Create {
        device_id: facts.id,
        vendor_id: 0,
        features: backend.features,
        queues: facts.queues,
        queue_size: cli.queue_size,
        config_size: facts.config,
        flags: 0,
        memory_fd: memory.as_raw_fd(),
        event_fd: event.as_raw_fd(),
        memory_size: bytes,
        config: backend.config,
    })?;
    let device = node.state()?.device;
    let mut queues = Vec::new();
    for index in 0..facts.queues {
        let kick = kick()?;
        node.set_kick(index, kick.as_raw_fd())?;
        queues.push((kick, node.doorbell(device, index)?));
    }
    println!(
        "{}: device {device} for {}",
        cli.loopback.display(),
        cli.socket.display()
    );
    let mut attached = Attached {
        node,
        backend,
        memory,
        bytes,
        event,
        queues,
        serves: None,
    };
    loop {
        attached.step()?;
        attached.wait()?;
    }
}

/// The memory that a device shares with its backend, of a length that nobody can change.
fn memory(bytes: u64) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create("virtio-loopback", flags).map_err(Error::system("memfd_create"))?;
    ftruncate(&memory, bytes).map_err(Error::system("ftruncate of the memory"))?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals).map_err(Error::system("sealing the memory"))?;
    Ok(memory)
}

/// What the kernel writes to when there is something to do in a queue.
fn kick() -> Result<EventFd> {
    EventFd::new(EFD_NONBLOCK | EFD_CLOEXEC).map_err(|error| Error::System {
        what: "eventfd",
        errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
    })
}

impl Attached {
    /// Does what the device waits for.
    fn step(&mut self) -> Result<()> {
        let state = self.node.state()?;
        match phase(state.phase) {
            Some(Phase::Ready) => self.start(state.generation, state.features),
            Some(Phase::Stopping) => self.stop(state.generation),
            Some(Phase::Broken) => Err(Error::Broken {
                queue: state.broken_queue,
            }),
            _ => Ok(()),
        }
    }

    fn start(&mut self, generation: u32, features: u64) -> Result<()> {
        let mut states = Vec::new();
        for (index, (kick, call)) in self.queues.iter().enumerate() {
            let state = self.node.queue(index as u32)?;
            // A driver need not use all of them.
            if state.size > 0 {
                states.push((state, kick, call));
            }
        }
        let memory = (self.memory.as_fd(), self.bytes);
        self.backend.start(features, memory, &states)?;
        self.serves = Some(generation);
        if self.node.start(generation)? {
            println!("the backend serves driver {generation} with features {features:#x}");
        }
        Ok(())
    }

    fn stop(&mut self, generation: u32) -> Result<()> {
        if self.serves.take() == Some(generation) {
            self.backend.stop(self.queues.len() as u32)?;
        }
        if self.node.stopped(generation)? {
            println!("the backend has let go of driver {generation}");
        }
        Ok(())
    }

    /// Sleeps until the device waits for something.
    fn wait(&self) -> Result<()> {
        let mut watched = [
            PollFd::new(&self.event, PollFlags::IN),
            PollFd::new(&self.backend, PollFlags::RDHUP),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(Error::System {
                    what: "poll",
                    errno,
                });
            }
        }
        let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        if watched[1].revents().intersects(gone) {
            return Err(Error::Gone);
        }
        // Nothing is there where somebody else has woken this.
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        Ok(())
    }
}

fn phase(number: u8) -> Option<Phase> {
    Phase::ALL
        .into_iter()
        .find(|phase| phase.number() == number)
}
