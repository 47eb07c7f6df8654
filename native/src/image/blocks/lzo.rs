//! LZO1X, as makedumpfile's `-l` and the kernel pack pages (the kernel's Documentation/staging/lzo.rst).
//!
//! Written here because the crate that is kept up is under the GPL, and a safe decoder is short.

/// Unpacks a page; false unless it gives exactly `out.len()` bytes.
pub fn unpack(packed: &[u8], out: &mut [u8]) -> bool {
    let mut unpacker = Unpacker { packed, out, done: 0 };
    unpacker.run().is_some_and(|()| unpacker.done == unpacker.out.len() && unpacker.packed.is_empty())
}

struct Unpacker<'a> {
    packed: &'a [u8],
    out: &'a mut [u8],
    done: usize,
}

/// Bytes that were just copied as they are, which is what an instruction below 16 depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// None.
    Match,
    /// One to three.
    Few,
    /// Four or more.
    Run,
}

impl Unpacker<'_> {
    fn run(&mut self) -> Option<()> {
        let mut state = State::Match;
        if let Some(first @ 18..) = self.packed.first() {
            let count = usize::from(*first) - 17;
            self.byte()?;
            self.literals(count)?;
            state = if count < 4 { State::Few } else { State::Run };
        }
        loop {
            let code = usize::from(self.byte()?);
            let (distance, length, few) = match code {
                0..16 if state == State::Match => {
                    let count = 3 + if code == 0 { 15 + self.zeros()? } else { code };
                    self.literals(count)?;
                    state = State::Run;
                    continue;
                }
                0..16 => {
                    let distance = (usize::from(self.byte()?) << 2) + (code >> 2);
                    if state == State::Run { (distance + 2049, 3, code & 3) } else { (distance + 1, 2, code & 3) }
                }
                16..32 => {
                    let length = 2 + if code & 7 == 0 { 7 + self.zeros()? } else { code & 7 };
                    let (distance, few) = self.distance()?;
                    let distance = ((code & 8) << 11) + distance;
                    if distance == 0 {
                        return (length == 3).then_some(());
                    }
                    (distance + 0x4000, length, few)
                }
                32..64 => {
                    let length = 2 + if code & 31 == 0 { 31 + self.zeros()? } else { code & 31 };
                    let (distance, few) = self.distance()?;
                    (distance + 1, length, few)
                }
                _ => {
                    let distance = (usize::from(self.byte()?) << 3) + (code >> 2 & 7) + 1;
                    (distance, (code >> 5) + 1, code & 3)
                }
            };
            self.repeat(distance, length)?;
            self.literals(few)?;
            state = if few == 0 { State::Match } else { State::Few };
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.packed.split_first()?;
        self.packed = rest;
        Some(*first)
    }

    /// Zero bytes count 255 each, and the first other byte ends the number.
    fn zeros(&mut self) -> Option<usize> {
        let count = self.packed.iter().position(|byte| *byte != 0)?;
        self.packed = self.packed.get(count..)?;
        Some(count.checked_mul(255)? + usize::from(self.byte()?))
    }

    /// A little-endian word: the distance, and in its lowest bits how many bytes follow as they are.
    fn distance(&mut self) -> Option<(usize, usize)> {
        let word = usize::from(self.byte()?) | usize::from(self.byte()?) << 8;
        Some((word >> 2, word & 3))
    }

    fn literals(&mut self, count: usize) -> Option<()> {
        let (bytes, rest) = self.packed.split_at_checked(count)?;
        self.out.get_mut(self.done..)?.get_mut(..count)?.copy_from_slice(bytes);
        self.packed = rest;
        self.done += count;
        Some(())
    }

    /// Copies what was unpacked before; where it reaches into itself it repeats.
    fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        let from = self.done.checked_sub(distance)?;
        let end = self.done.checked_add(length).filter(|end| *end <= self.out.len())?;
        if distance >= length {
            self.out.copy_within(from..from + length, self.done);
        } else {
            for at in self.done..end {
                *self.out.get_mut(at)? = *self.out.get(at - distance)?;
            }
        }
        self.done = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::unpack;

    /// Pages of 4096 bytes that makedumpfile packed, and their CRC-32.
    const PAGES: [(&[u8], u32); 2] = [
        (b"\x09\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xec\x01\x2a\x1c\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xba\x5c\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\x11\0\0", 0xd0d96ef5),
        (b"\x02\0\0\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xa9\x10\0\x08\x67\x48\x7b\x1e\0\0\0\x80\x67\x08\x3a\x9c\0\x3a\x28\x3f\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x11\0\0", 0xa381957d),
    ];

    /// A page with a text of 3000 bytes and instructions that the fast compressor never makes, and what it unpacks to.
    fn made_by_hand() -> (Vec<u8>, Vec<u8>) {
        let text: Vec<u8> = (0..3000_u32).map(|at| (at * at / 5) as u8).collect();
        let (start, rest) = text.split_at(238);
        let mut packed = [&[255][..], start].concat();
        let mut plain = start.to_vec();
        let repeat = |plain: &mut Vec<u8>, distance: usize, length: usize| {
            (0..length).for_each(|_| plain.push(plain[plain.len() - distance]));
        };
        // 34 bytes from 3 back, a length of 2 + 31 + 1: it repeats itself.
        packed.extend([32, 1, 2 << 2, 0]);
        repeat(&mut plain, 3, 34);
        // 2762 bytes as they are: 18 + 10 * 255 + 194.
        packed.extend([&[0; 11][..], &[194], rest].concat());
        plain.extend(rest);
        // Three bytes from 2049 + 5 * 4 + 2 back, and one as it is.
        packed.extend([2 << 2 | 1, 5, b'x']);
        repeat(&mut plain, 2071, 3);
        plain.push(b'x');
        // Two bytes from 1 + 7 * 4 + 3 back, and two as they are.
        packed.extend([3 << 2 | 2, 7, b'y', b'z']);
        repeat(&mut plain, 32, 2);
        plain.extend(b"yz");
        // Seven bytes from 1 + 3 * 8 + 5 back.
        packed.extend([6 << 5 | 5 << 2, 3, 17, 0, 0]);
        repeat(&mut plain, 30, 7);
        (packed, plain)
    }

    #[test]
    fn pages_of_makedumpfile_are_unpacked() {
        for (packed, checksum) in PAGES {
            let mut out = vec![0; 4096];
            assert!(unpack(packed, &mut out));
            let mut crc = flate2::Crc::new();
            crc.update(&out);
            assert_eq!(crc.sum(), checksum);
            assert!(!unpack(packed, &mut vec![0; 4097]) && !unpack(packed, &mut vec![0; 4095]));
            assert!((0..packed.len()).all(|length| !unpack(&packed[..length], &mut out)), "cut off");
        }
    }

    #[test]
    fn each_instruction_does_what_it_says() {
        let (packed, plain) = made_by_hand();
        let mut out = vec![0; plain.len()];
        assert!(unpack(&packed, &mut out));
        assert_eq!(out, plain);
        assert!((0..packed.len()).all(|length| !unpack(&packed[..length], &mut out)), "cut off");
    }

    #[test]
    fn what_reaches_before_the_start_is_refused() {
        for packed in [&[21, 1, 2, 3, 4, 32, 1, 40, 0, 17, 0, 0][..], &[16, 0, 0, 17, 0, 0], &[64, 0], &[0, 0, 0], &[]]
        {
            assert!(!unpack(packed, &mut [0; 64]));
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), length in 0_usize..5000) {
            unpack(&bytes, &mut vec![0; length]);
        }
    }
}
