//! What unpacks a block. Each answers false unless the packed bytes give exactly as many as are wanted, whatever they say.

use std::cell::{Cell, RefCell};
use std::io::{Cursor, Read};

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::FrameDecoder;

pub use super::lzo::unpack as lzo;

/// How a Snappy stream begins.
pub const SNAPPY_START: &[u8; 10] = b"\xff\x06\0\0sNaPpY";

/// Zstandard frames of a few kilobytes name no larger window than this.
const LARGEST_WINDOW: u64 = 8 << 20;

/// zlib with its header and checksum (RFC 1950).
pub fn zlib(packed: &[u8], out: &mut [u8]) -> bool {
    thread_local! { static DECODER: RefCell<Decompress> = RefCell::new(Decompress::new(true)); }
    DECODER.with_borrow_mut(|decoder| {
        decoder.reset(true);
        let ended = decoder.decompress(packed, out, FlushDecompress::Finish);
        matches!(ended, Ok(Status::StreamEnd)) && decoder.total_out() == out.len() as u64
    })
}

/// A Snappy block without a frame, and so without a checksum.
pub fn snappy(packed: &[u8], out: &mut [u8]) -> bool {
    snap::raw::decompress_len(packed).is_ok_and(|length| length == out.len())
        && snap::raw::Decoder::new().decompress(packed, out).is_ok()
}

/// A Snappy stream of one chunk, with its header and checksum.
pub fn snappy_stream(stream: Vec<u8>, out: &mut [u8]) -> bool {
    // Its buffers are larger than a block.
    thread_local! { static DECODER: Cell<Option<SnappyDecoder>> = const { Cell::new(None) }; }
    let mut decoder = DECODER.take().unwrap_or_else(|| SnappyDecoder::new(Cursor::default()));
    *decoder.get_mut() = Cursor::new(stream);
    let sound = decoder.read_exact(out).is_ok() && matches!(decoder.read(&mut [0]), Ok(0));
    if sound {
        // One that failed may have bytes left.
        DECODER.set(Some(decoder));
    }
    sound
}

type SnappyDecoder = snap::read::FrameDecoder<Cursor<Vec<u8>>>;

/// A Zstandard frame.
pub fn zstd(packed: &[u8], out: &mut [u8]) -> bool {
    thread_local! { static DECODER: RefCell<FrameDecoder> = RefCell::new(decoder()); }
    fn decoder() -> FrameDecoder {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        decoder
    }
    DECODER.with_borrow_mut(|decoder| decoder.decode_all(packed, out).is_ok_and(|length| length == out.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn page() -> Vec<u8> {
        (0..4096_u32).map(|at| (at / 7 * at % 251) as u8 & if at < 2000 { 0xff } else { 3 }).collect()
    }

    type Method = fn(&[u8], &mut [u8]) -> bool;

    /// The page as each method packs it.
    fn packed() -> Vec<(Method, Vec<u8>)> {
        let mut zipped = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(&page()).unwrap();
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(&page()).unwrap();
        let stream = framed.into_inner().unwrap();
        let zstandard = ruzstd::encoding::compress_to_vec(&*page(), ruzstd::encoding::CompressionLevel::Fastest);
        vec![
            (zlib, zipped.finish().unwrap()),
            (snappy, snap::raw::Encoder::new().compress_vec(&page()).unwrap()),
            (|stream, out| snappy_stream(stream.to_vec(), out), stream),
            (zstd, zstandard),
        ]
    }

    #[test]
    fn each_method_gives_the_page_and_no_page_of_another_length() {
        for (method, bytes) in packed() {
            let mut out = vec![0; 4096];
            assert!(method(&bytes, &mut out) && out == page());
            assert!(!method(&bytes, &mut vec![0; 4095]), "more than may be");
            assert!(!method(&bytes, &mut vec![0; 4097]), "less than must be");
            assert!(method(&bytes, &mut out), "as before after a failure");
        }
    }

    #[test]
    fn packed_bytes_that_are_cut_off_anywhere_give_nothing() {
        for (method, bytes) in packed() {
            let whole = (0..bytes.len()).find(|length| method(&bytes[..*length], &mut vec![0; 4096]));
            // The checksum at the end of a Zstandard frame is not always there to be missed.
            assert!(whole.is_none_or(|length| length + 4 >= bytes.len()), "{whole:?} of {}", bytes.len());
        }
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(which in 0_usize..4, at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let (method, mut bytes) = packed().swap_remove(which);
            let at = at.index(bytes.len());
            bytes[at] = value;
            method(&bytes, &mut vec![0; 4096]);
        }

        #[test]
        fn random_bytes_never_panic(which in 0_usize..4, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            packed().swap_remove(which).0(&bytes, &mut vec![0; 4096]);
        }
    }
}
