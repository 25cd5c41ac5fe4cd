# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames of all kinds, by scapy: whether they arrive as they were sent.

frames.py write FILE      writes them to a file, for whoever sends it
frames.py send FROM TO    sends them on the device FROM, and looks at what the device TO gets
frames.py compare A B     looks whether the file B has what the file A has
"""

import random
import select
import struct
import sys

COUNT = 500
# Longest payload of a frame, so that it has no more than 1500 bytes with all headers.
LONGEST = 1400
# An Ethernet type for local experiments: nobody takes the frame for something else.
EXPERIMENT = 0x88B5
NEAR = "02:00:00:00:00:01"


def frames():
    """The frames, the same each time."""
    # Only where it is needed: it takes its time to begin.
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
    from scapy.packet import Raw

    ip = IP(src="192.0.2.1", dst="192.0.2.2")
    arp = ARP(hwsrc=NEAR, psrc="192.0.2.1", pdst="192.0.2.2")
    kinds = [
        lambda payload: Ether() / arp,
        lambda payload: Ether() / ip / UDP(sport=1, dport=2) / payload,
        lambda payload: Ether() / ip / TCP(flags="PA") / payload,
        lambda payload: Ether() / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(dport=3) / payload,
        lambda payload: Ether() / Dot1Q(vlan=5, prio=3) / ip / ICMP() / payload,
        lambda payload: Ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / arp,
        lambda payload: Ether(type=EXPERIMENT) / payload,
    ]
    of = random.Random(1)
    made = []
    for number in range(COUNT):
        frame = kinds[number % len(kinds)](Raw(of.randbytes(of.randrange(46, LONGEST))))
        frame.src = NEAR
        frame.dst = of.choice(["ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "02:00:00:00:00:02"])
        made.append(bytes(frame))
    return made


def send(sent, source, sink):
    """What `sink` gets of the frames `sent` that `source` sends."""
    from scapy.arch.linux import L2Socket

    got = []
    with L2Socket(iface=source) as sending, L2Socket(iface=sink) as receiving:
        for frame in sent:
            sending.outs.send(frame)
            while select.select([receiving.ins], [], [], 0.2)[0]:
                _, data, _ = receiving.recv_raw()
                # Not what others say there.
                if data and data[6:12] == frame[6:12]:
                    got.append(data)
                    break
    return got


def read(path):
    """The frames of a file in the format of pcap, of this machine's byte order."""
    with open(path, "rb") as file:
        file.read(24)
        got = []
        while head := file.read(16):
            got.append(file.read(struct.unpack("=8xII", head)[0]))
        return got


def compare(sent, got):
    """A line for each frame that is not as it was sent; how many there are."""
    left = list(got)
    wrong = 0
    for number, frame in enumerate(sent, 1):
        if left and left[0] == frame:
            left.pop(0)
            continue
        wrong += 1
        # What came is one of the next, and this one was lost; or it is this one, and damaged.
        if not left or left[0] in sent[number : number + 50]:
            print(f"frame {number} did not come")
            continue
        came = left.pop(0)
        places = [n for n, (a, b) in enumerate(zip(came, frame)) if a != b]
        print(f"frame {number}: sent {len(frame)} bytes, came {len(came)}, others at {places[:8]}")
    if left:
        print(f"{len(left)} more came")
        wrong += 1
    print(f"{len(sent)} frames, {wrong} wrong")
    return min(wrong, 255)


def main():
    """Does what the command line says."""
    match sys.argv[1:]:
        case ["write", path]:
            from scapy.utils import RawPcapWriter

            with RawPcapWriter(path, linktype=1) as file:
                for frame in frames():
                    file.write(frame)
            return 0
        case ["send", source, sink]:
            sent = frames()
            return compare(sent, send(sent, source, sink))
        case ["compare", sent, got]:
            return compare(read(sent), read(got))
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main())
