//! Little-endian words out of bytes.

/// The 32-bit word at a place, if it is all there.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// The 64-bit word at a place, if it is all there.
#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::{u32_at, u64_at};

    #[test]
    fn a_word_is_all_there_or_none() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!((u32_at(&bytes, 1), u32_at(&bytes, 5)), (Some(0x0504_0302), Some(0x0908_0706)));
        assert_eq!((u32_at(&bytes, 6), u32_at(&bytes, 10), u32_at(&bytes, usize::MAX)), (None, None, None));
        assert_eq!((u64_at(&bytes, 1), u64_at(&bytes, 2)), (Some(0x0908_0706_0504_0302), None));
    }
}
