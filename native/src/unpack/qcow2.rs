//! Memory that `savevm` kept in a qcow2 disk: a stream in the disk's own addresses, behind its end, by the tables of a snapshot
//! (docs/interop/qcow2.txt and block/qcow2-snapshot.c of QEMU).

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::FrameDecoder;

use crate::error::{Error, Result};

const MAGIC: &[u8] = b"QFI\xfb";
/// Bytes of a header with all that is read of it.
const HEADER: usize = 112;
/// Where it counts its snapshots.
const SNAPSHOTS: usize = 60;
/// QEMU itself makes clusters from 512 bytes to 2 MiB.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
/// Snapshots that are looked at, and bytes of one's extra data; QEMU allows 65,536 and 1,024.
const MOST_SNAPSHOTS: u32 = 4096;
const MOST_EXTRA: usize = 1024;
/// Features without which a disk cannot be read (`incompatible_features`): that it was not closed changes nothing here, and
/// that clusters are packed in another way is told by the header.
const READ_FEATURES: u64 = 1 << 0 | 1 << 3;
/// Where a table's entry says that something is in the file, and what else it says.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const IS_COMPRESSED: u64 = 1 << 62;
const IS_ZERO: u64 = 1;
const SECTOR: u64 = 512;
const LONGEST_SHOWN: usize = 40;

/// Whether a file that begins like this is such a disk with snapshots.
pub fn has_snapshots(head: &[u8]) -> bool {
    head.starts_with(MAGIC) && u32_at(head, SNAPSHOTS).is_some_and(|count| count > 0)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_be_bytes(*word))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word))
}

/// A snapshot of a running machine.
struct Snapshot {
    name: String,
    /// Where its first table is, and how many entries that has.
    table: u64,
    entries: u32,
    /// Bytes of the machine's state.
    state: u64,
    /// The disk's size at that moment, where it is told.
    disk: Option<u64>,
}

/// The stream of a machine's state, out of a disk.
pub struct SavedState<R> {
    disk: Disk<R>,
    snapshot: Snapshot,
    /// The disk's address of what is read next, and where the state ends.
    at: u64,
    end: u64,
    /// The second table that was read last, and where it is.
    table: Option<(u64, Vec<u8>)>,
    /// The cluster that is read from.
    cluster: Vec<u8>,
    used: usize,
}

struct Disk<R> {
    file: R,
    cluster_bits: u32,
    is_zstd: bool,
}

impl<R: Read + Seek> SavedState<R> {
    /// Opens the one state that a disk has. Of several none is chosen.
    pub fn open(mut file: R) -> Result<Self> {
        let damaged = || Error::evidence("its header is damaged");
        let mut head = Vec::new();
        (&mut file).take(HEADER as u64).read_to_end(&mut head).map_err(|_| damaged())?;
        let word = |at| u32_at(&head, at).ok_or_else(damaged);
        let long = |at| u64_at(&head, at).ok_or_else(damaged);
        let (version, cluster_bits) = (word(4)?, word(20)?);
        if !matches!(version, 2 | 3) || !CLUSTER_BITS.contains(&cluster_bits) {
            return Err(damaged());
        }
        let features = if version == 3 { long(72)? } else { 0 };
        if word(32)? != 0 || features & !READ_FEATURES != 0 {
            return Err(Error::evidence("it is encrypted, damaged or in parts: such a disk is not read"));
        }
        let is_zstd = features & 1 << 3 != 0 && head.get(104) == Some(&1);
        let mut disk = Disk { file, cluster_bits, is_zstd };
        let mut running = disk.snapshots(long(64)?, word(SNAPSHOTS)?)?;
        let names: Vec<_> = running.iter().map(|snapshot| snapshot.name.clone()).collect();
        let snapshot = match (running.pop(), names.len()) {
            (Some(only), 1) => only,
            (None, _) => return Err(Error::evidence("none of its snapshots has memory")),
            _ => {
                let names = names.join(", ");
                return Err(Error::evidence(format!(
                    "{names} have memory: leave one of them in a copy of the disk ('qemu-img snapshot -d')"
                )));
            }
        };
        // What a first table's entry covers is the unit in which the state lies behind the disk's end.
        let unit = 1_u64 << (2 * cluster_bits - 3);
        let size = snapshot.disk.map_or_else(|| long(24), Ok)?;
        let at = size.checked_next_multiple_of(unit).ok_or_else(damaged)?;
        let end = at.checked_add(snapshot.state).ok_or_else(damaged)?;
        Ok(Self { disk, snapshot, at, end, table: None, cluster: Vec::new(), used: 0 })
    }

    /// Reads the cluster that comes next, or what is left of it.
    fn next(&mut self) -> io::Result<()> {
        let size = 1_u64 << self.disk.cluster_bits;
        let entry = self.entry()?;
        self.cluster = self.disk.cluster(entry)?;
        self.cluster.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        self.used = 0;
        self.at = self.at.saturating_add(size).min(self.end);
        Ok(())
    }

    /// What the tables say of the next cluster; zero where they have none.
    fn entry(&mut self) -> io::Result<u64> {
        let bits = self.disk.cluster_bits;
        let (first, second) = (self.at >> (2 * bits - 3), (self.at >> bits) & ((1 << (bits - 3)) - 1));
        if first >= u64::from(self.snapshot.entries) {
            return Err(io::Error::other("its state lies behind the end of its tables"));
        }
        let at = self.snapshot.table.checked_add(8 * first).ok_or_else(outside)?;
        let table = u64_at(&self.disk.read(at, 8)?, 0).unwrap_or(0) & OFFSET;
        if table == 0 {
            return Ok(0);
        }
        let known = match self.table.take() {
            Some((at, known)) if at == table => known,
            _ => self.disk.read(table, 1 << bits)?,
        };
        let entry = u64_at(&known, 8 * second as usize).unwrap_or(0);
        self.table = Some((table, known));
        Ok(entry)
    }
}

impl<R: Read + Seek> Disk<R> {
    /// The snapshots that have memory.
    fn snapshots(&mut self, mut at: u64, count: u32) -> Result<Vec<Snapshot>> {
        let cannot = |error: io::Error| Error::evidence(format!("its snapshots cannot be read: {error}"));
        if count > MOST_SNAPSHOTS {
            return Err(Error::evidence(format!("it has more than {MOST_SNAPSHOTS} snapshots")));
        }
        let mut running = Vec::new();
        for _ in 0..count {
            let head = self.read(at, 40).map_err(cannot)?;
            let length = |at| u16_at(&head, at).map_or(0, usize::from);
            let extra = u32_at(&head, 36).map_or(0, |bytes| bytes as usize);
            if extra > MOST_EXTRA {
                return Err(cannot(outside()));
            }
            let rest = self.read(at + 40, extra + length(12) + length(14)).map_err(cannot)?;
            let told = |at: usize| u64_at(rest.get(..extra)?, at);
            let state = told(0).filter(|bytes| *bytes > 0).or_else(|| u32_at(&head, 32).map(u64::from)).unwrap_or(0);
            if state > 0 {
                let name = String::from_utf8_lossy(rest.get(extra + length(12)..).unwrap_or_default());
                let name = name.chars().take(LONGEST_SHOWN).collect::<String>().escape_debug().to_string();
                let (table, entries) = (u64_at(&head, 0).unwrap_or(0), u32_at(&head, 8).unwrap_or(0));
                running.push(Snapshot { name: format!("'{name}'"), table, entries, state, disk: told(8) });
            }
            at = at.checked_add((40 + rest.len()).next_multiple_of(8) as u64).ok_or_else(|| cannot(outside()))?;
        }
        Ok(running)
    }

    fn read(&mut self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The plain bytes of the cluster to which an entry of a second table leads.
    fn cluster(&mut self, entry: u64) -> io::Result<Vec<u8>> {
        let size = 1_usize << self.cluster_bits;
        if entry & IS_COMPRESSED != 0 {
            return self.unpacked(entry, size);
        }
        match entry & OFFSET {
            0 => Ok(vec![0; size]),
            _ if entry & IS_ZERO != 0 => Ok(vec![0; size]),
            at => self.read(at, size),
        }
    }

    /// The same where it is packed: an entry has its place, to the byte, and on how many more sectors it lies.
    fn unpacked(&mut self, entry: u64, size: usize) -> io::Result<Vec<u8>> {
        let bits = 62 - (self.cluster_bits - 8);
        let at = entry & ((1 << bits) - 1);
        let sectors = ((entry & (IS_COMPRESSED - 1)) >> bits) + 1;
        self.file.seek(SeekFrom::Start(at))?;
        let mut packed = Vec::new();
        // The file may end in the last sector.
        (&mut self.file).take(sectors * SECTOR - at % SECTOR).read_to_end(&mut packed)?;
        let mut plain = vec![0; size];
        let is_whole = if self.is_zstd {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(size as u64);
            unpack_zstd(&mut decoder, &packed, &mut plain)
        } else {
            let mut inflate = Decompress::new(false);
            let status = inflate.decompress(&packed, &mut plain, FlushDecompress::Finish);
            status.is_ok_and(|status| status != Status::BufError) && inflate.total_out() == size as u64
        };
        if is_whole { Ok(plain) } else { Err(io::Error::other("a packed cluster of it is damaged")) }
    }
}

/// Unpacks one frame, behind which there may be what fills its last sector.
fn unpack_zstd(decoder: &mut FrameDecoder, mut packed: &[u8], plain: &mut [u8]) -> bool {
    let decoded = decoder.reset(&mut packed).and_then(|()| {
        let limit = ruzstd::decoding::BlockDecodingStrategy::UptoBytes(plain.len() + 1);
        decoder.decode_blocks(&mut packed, limit)
    });
    decoded.is_ok()
        && decoder.is_finished()
        && decoder.can_collect() == plain.len()
        && decoder.read_exact(plain).is_ok()
}

fn outside() -> io::Error {
    io::Error::other("a place in it is none")
}

impl<R: Read + Seek> Read for SavedState<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.cluster.len() && self.at < self.end {
            self.next()?;
        }
        let read = self.cluster.get(self.used..).unwrap_or_default().read(out)?;
        self.used += read;
        Ok(read)
    }
}
