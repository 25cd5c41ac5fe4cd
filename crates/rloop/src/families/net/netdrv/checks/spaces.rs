// SPDX-License-Identifier: MIT OR Apache-2.0

//! Name spaces are crossed, and what must not cross them does not.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail};

use super::{Plain, is};
use crate::families::net::netdrv::Context;
use crate::families::net::netdrv::netlink::Netlink;
use crate::families::net::netdrv::packet::{PATIENCE, Packets, failed, own_name_space};
use crate::families::net::netdrv::world::{World, frame, in_name_space, with_pair};

pub const CHECKS: &[Plain] = &[
    (
        "spaces/mark",
        "name spaces are crossed cleanly",
        "a frame keeps its mark within a name space, and loses it where it enters another",
        mark,
    ),
    (
        "spaces/tcp",
        "offloads",
        "a TCP connection between two name spaces brings each byte unchanged, in large pieces",
        tcp,
    ),
];

/// Does `there` in another name space, to which the far end is given, while `here` is done in this one.
fn apart(
    world: &World,
    there: impl FnOnce(u32, &Sender<()>) -> Verdict + Send,
    here: impl FnOnce(&Receiver<()>) -> Verdict,
) -> Verdict {
    let ((tell, told), (give, given)) = (channel::<File>(), channel::<()>());
    let (begun, begin) = channel::<()>();
    let far = world.far.index;
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            in_name_space(move || {
                let own = own_name_space().map_err(|e| failed("/proc/thread-self/ns/net", e))?;
                let gone = |_| Problem::Failed("the other thread has gone".to_owned());
                tell.send(own)
                    .map_err(|_| Problem::Failed("the other thread has gone".to_owned()))?;
                given.recv().map_err(gone)?;
                there(far, &begun)
            })
        });
        let verdict = (|| {
            let space = told.recv_timeout(PATIENCE);
            let space = space.map_err(|e| Problem::Failed(format!("the other name space: {e}")))?;
            let given = world.netlink.give(far, space.as_raw_fd());
            given.map_err(|e| failed("ip link set netns", e))?;
            let _ = give.send(());
            here(&begin)
        })();
        drop(give);
        let other = other
            .join()
            .unwrap_or_else(|_| fail("a thread has panicked"));
        verdict.and(other)
    })
}

/// Waits until the other thread is ready.
fn wait(begin: &Receiver<()>) -> Verdict {
    let told = begin.recv_timeout(PATIENCE);
    told.map_err(|e| Problem::Failed(format!("the other name space: {e}")))
}

fn mark(_: &mut Context) -> Verdict {
    with_pair(|world| {
        let marked = |packets: &Packets| packets.receive_mark().map_err(|e| failed("recvmsg", e));
        world
            .near
            .packets
            .mark(42)
            .map_err(|e| failed("SO_MARK", e))?;
        world
            .far
            .packets
            .want_marks()
            .map_err(|e| failed("SO_RCVMARK", e))?;
        world.near.send([1], 60)?;
        is(
            "the mark in one name space",
            marked(&world.far.packets)?,
            Some(42),
        )?;
        apart(
            world,
            |far, begun| {
                let netlink = Netlink::new().map_err(|e| failed("netlink", e))?;
                netlink
                    .set_up(far, true)
                    .map_err(|e| failed("ip link set up", e))?;
                let packets = Packets::of(far).map_err(|e| failed("socket(AF_PACKET)", e))?;
                packets.want_marks().map_err(|e| failed("SO_RCVMARK", e))?;
                let _ = begun.send(());
                is("the mark in another name space", marked(&packets)?, Some(0))
            },
            |begin| {
                wait(begin)?;
                world
                    .near
                    .packets
                    .send(&frame(2, 60))
                    .map_err(|e| failed("send", e))
                    .map(drop)
            },
        )
    })
}

fn tcp(context: &mut Context) -> Verdict {
    const BYTES: usize = 4 << 20;
    let (near, far) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let byte = |n: usize| (n % 251) as u8;
    let mut packets = 0;
    with_pair(|world| {
        let address = |netlink: &Netlink, index, address: Ipv4Addr| {
            let given = netlink.address(index, address.octets());
            given.map_err(|e| failed("ip addr add", e))
        };
        apart(
            world,
            |index, begun| {
                let netlink = Netlink::new().map_err(|e| failed("netlink", e))?;
                address(&netlink, index, far)?;
                netlink
                    .set_up(index, true)
                    .map_err(|e| failed("ip link set up", e))?;
                let listener = TcpListener::bind((far, 5000)).map_err(|e| failed("bind", e))?;
                let _ = begun.send(());
                let (mut stream, _) = listener.accept().map_err(|e| failed("accept", e))?;
                let (mut came, mut buffer) = (0, vec![0; 64 << 10]);
                loop {
                    let read = stream.read(&mut buffer).map_err(|e| failed("read", e))?;
                    if read == 0 {
                        break;
                    }
                    let wrong = buffer[..read]
                        .iter()
                        .zip(came..)
                        .find(|(b, n)| **b != byte(*n));
                    ensure(wrong.is_none(), || format!("byte {came} and on are others"))?;
                    came += read;
                }
                is("bytes that came", came, BYTES)
            },
            |begin| {
                address(&world.netlink, world.near.index, near)?;
                wait(begin)?;
                let target = (far, 5000).into();
                let stream = TcpStream::connect_timeout(&target, Duration::from_secs(20));
                let mut stream = stream.map_err(|e| failed("connect", e))?;
                let all: Vec<u8> = (0..BYTES).map(byte).collect();
                stream.write_all(&all).map_err(|e| failed("write", e))?;
                drop(stream);
                packets = world.near.counters()?.get("tx_packets")?;
                Ok(())
            },
        )
    })?;
    context.note(format!("{BYTES} bytes in {packets} frames"));
    // In frames of 1448 bytes it would be 2900.
    ensure(packets < 1_500, || {
        format!("{BYTES} bytes took {packets} frames")
    })
}
