//! The token table: 256 NUL-terminated pieces of names, and behind it 256 offsets that must point at them.

use memchr::memmem;

use super::Budget;

/// Digits occur in symbol names, so each stands for itself: ten tokens that every kernel has in a row.
const DIGITS: &[u8] = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00";
const FIRST_DIGIT: usize = b'0' as usize;
/// The whole table is addressed by 16-bit offsets.
const LONGEST: usize = 1 << 16;
/// A token within a name; names end at 512 bytes.
const LONGEST_TOKEN: usize = 512;

/// A token table whose index agrees with it.
#[derive(Debug)]
pub struct Tokens<'a> {
    /// Where the table starts in the window.
    pub start: usize,
    /// Where its index ends.
    pub end: usize,
    tokens: Vec<&'a [u8]>,
}

impl<'a> Tokens<'a> {
    /// Every token table of a window of memory that lies at `from` or, all but its start, behind it; in order.
    pub fn find_all(window: &'a [u8], from: usize, budget: &Budget) -> impl Iterator<Item = Tokens<'a>> {
        let digits = memmem::find_iter(window.get(from..).unwrap_or_default(), DIGITS);
        let digits = digits.take_while(|_| budget.spend(256).is_some());
        digits.filter_map(move |digits| Self::around(window, from + digits))
    }

    /// What a byte of a compressed name stands for.
    pub fn get(&self, code: u8) -> Option<&'a [u8]> {
        self.tokens.get(usize::from(code)).copied()
    }

    fn around(window: &'a [u8], digits: usize) -> Option<Self> {
        let mut end = digits;
        for _ in FIRST_DIGIT..256 {
            end += token(window, end)?.len() + 1;
        }
        // The index is aligned to 8 bytes in every kernel so far; what counts is that it agrees.
        (end..end + 8).filter(|at| at.is_multiple_of(2)).find_map(|at| Self::with_index(window, digits, end, at))
    }

    fn with_index(window: &'a [u8], digits: usize, tokens_end: usize, index_at: usize) -> Option<Self> {
        let (offsets, _) = window.get(index_at..index_at + 512)?.as_chunks::<2>();
        let offset = |code: usize| offsets.get(code).map(|word| usize::from(u16::from_le_bytes(*word)));
        let start = digits.checked_sub(offset(FIRST_DIGIT)?)?;
        if tokens_end - start > LONGEST {
            return None;
        }
        let mut tokens = Vec::with_capacity(256);
        let mut at = start;
        for code in 0..256 {
            if at - start != offset(code)? {
                return None;
            }
            let token = token(window, at)?;
            at += token.len() + 1;
            tokens.push(token);
        }
        (at == tokens_end).then_some(Self { start, end: index_at + 512, tokens })
    }
}

/// The token at an offset, without its NUL.
fn token(window: &[u8], at: usize) -> Option<&[u8]> {
    let rest = window.get(at..)?;
    let rest = rest.get(..LONGEST_TOKEN.min(rest.len()))?;
    rest.get(..memchr::memchr(0, rest)?)
}
