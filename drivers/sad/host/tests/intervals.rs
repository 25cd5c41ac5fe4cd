// SPDX-License-Identifier: GPL-2.0-only

//! Intervals as they are read and counted.

use sad_model::intervals::{line, Intervals, BOUNDS, BUCKETS};

#[test]
fn a_line_is_what_printf_writes() {
    assert_eq!(&line(125), b"            125\n");
    assert_eq!(&line(u32::MAX), b"     4294967295\n");
    assert_eq!(&line(0), b"              0\n");
}

#[test]
fn what_is_not_read_in_time_is_left_out() {
    let mut all = Intervals::new(vec![0; 4], 125_000);
    let mut cursor = all.total();
    for n in 0..8_u64 {
        // 100, 101, 102 … µs.
        all.tick(n * 100_000 + n * n.saturating_sub(1) / 2 * 1_000);
    }
    assert_eq!(all.total(), 7);
    assert_eq!(all.read(&mut cursor), Some((103, 3)));
    assert_eq!(all.read(&mut cursor), Some((104, 0)));
    assert_eq!(all.read(&mut cursor), Some((105, 0)));
    assert_eq!(all.read(&mut cursor), Some((106, 0)));
    assert_eq!(all.read(&mut cursor), None);
    // Each reader has a place of its own.
    assert_eq!(all.read(&mut 6), Some((106, 0)));
}

#[test]
fn a_rest_is_no_interval() {
    let mut all = Intervals::new(vec![0; 4], 125_000);
    all.tick(1_000);
    all.pause();
    all.tick(9_000_000);
    assert_eq!(all.total(), 0);
    all.tick(9_125_000);
    assert_eq!(all.read(&mut 0), Some((125, 0)));
}

#[test]
fn the_histogram_has_each_once() {
    let mut all = Intervals::new(vec![0; 4], 80_000);
    let mut now = 0;
    all.tick(now);
    // Each bound, and just above it.
    for end in BOUNDS {
        for more in [0, 1] {
            now += end * 10_000 + more;
            all.tick(now);
        }
    }
    let mut wanted = [2; BUCKETS];
    (wanted[0], wanted[BUCKETS - 1]) = (1, 1);
    assert_eq!(all.counts(), &wanted);
}
