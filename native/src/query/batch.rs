//! What a query gives: packed columns, a null bitmap each, and warnings that say why something is null.

use super::program::Gap;

/// Rows of one walk over all parents, columns packed.
#[derive(Debug, Default)]
pub struct Batch {
    /// Rows.
    pub length: usize,
    /// Each row's object.
    pub addresses: Vec<u64>,
    /// For each row, the parent batch's row (or the starting object) that it was reached from.
    pub parents: Vec<u32>,
    /// In the order of the query.
    pub columns: Vec<ColumnData>,
    /// One for each nested walk, in the order of the query.
    pub children: Vec<Batch>,
    /// What could not be read or was cut short, summed up by column and reason.
    pub warnings: Vec<Warning>,
}

/// A column's values. `nulls` is a bitmap, least significant bit first, in which 1 is null.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ColumnData {
    U64 {
        values: Vec<u64>,
        nulls: Vec<u8>,
    },
    I64 {
        values: Vec<i64>,
        nulls: Vec<u8>,
    },
    /// UTF-8, with each invalid byte as `\xNN`; `offsets` has one more entry than there are rows.
    Text {
        bytes: Vec<u8>,
        offsets: Vec<u32>,
        nulls: Vec<u8>,
    },
    /// The same for bytes as they are.
    Bytes {
        bytes: Vec<u8>,
        offsets: Vec<u32>,
        nulls: Vec<u8>,
    },
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Code {
    Unreadable,
    LeftOut,
    Cap,
    Cycle,
    Absent,
    Torn,
    Stray,
    Truncated,
}

impl Code {
    /// What a gap is, and where; nothing to say about NULL.
    pub fn of(gap: Gap) -> Option<(Self, u64)> {
        match gap {
            Gap::Null => None,
            Gap::Unreadable(place) => Some((Code::Unreadable, place)),
            Gap::LeftOut(place) => Some((Code::LeftOut, place)),
            Gap::Contradiction(place) => Some((Code::Torn, place)),
            Gap::Endless(place) => Some((Code::Cycle, place)),
            Gap::Spent(place) => Some((Code::Cap, place)),
        }
    }

    /// As the outside knows it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Unreadable => "unreadable",
            Code::LeftOut => "excluded",
            Code::Cap => "cap",
            Code::Cycle => "cycle",
            Code::Absent => "absent",
            Code::Torn | Code::Stray => "torn",
            Code::Truncated => "truncated",
        }
    }
}

/// Everything of one kind that happened to one column or walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Which kind.
    pub code: Code,
    /// One line.
    pub message: String,
    /// The column, unless it is about the walk.
    pub column: Option<String>,
    /// How often.
    pub count: u64,
    /// Where first.
    pub address: Option<u64>,
}

/// Sums up warnings while rows are read.
#[derive(Debug, Default)]
pub struct Warnings {
    entries: Vec<(Code, Option<usize>, u64, Option<u64>)>,
}

impl Warnings {
    /// One more of a kind.
    pub fn add(&mut self, code: Code, column: Option<usize>, address: Option<u64>) {
        match self.entries.iter_mut().find(|entry| entry.0 == code && entry.1 == column) {
            Some(entry) => entry.2 += 1,
            None => self.entries.push((code, column, 1, address)),
        }
    }

    /// As the caller gets them. `walk` describes how rows were reached.
    pub fn finish(self, walk: &str, columns: &[impl AsRef<str>]) -> Vec<Warning> {
        let mut entries = self.entries;
        entries.sort_by_key(|entry| (entry.1, entry.0 as u8));
        let finish = |(code, column, count, address): (Code, Option<usize>, u64, Option<u64>)| {
            let column = column.and_then(|index| columns.get(index)).map(|name| name.as_ref().to_owned());
            // Count and address stay out of the text: what differs only in these is summed up further on.
            let message = match &column {
                Some(_) => value_message(code).to_owned(),
                None => format!("{walk}: {}", walk_message(code)),
            };
            Warning { code, message, column, count, address }
        };
        entries.into_iter().map(finish).collect()
    }
}

fn value_message(code: Code) -> &'static str {
    match code {
        Code::Absent => "this kernel has none of the members it could be read from",
        Code::Truncated => "cut off: longer than is kept, or its end cannot be read",
        Code::Cap => "left out: the query has read as much as it may",
        Code::Cycle => "left out: the way to it does not end",
        Code::Torn | Code::Stray => "left out: contradicts the objects around it",
        Code::Unreadable => "could not be read",
        Code::LeftOut => "in memory that was left out of the dump",
    }
}

fn walk_message(code: Code) -> &'static str {
    match code {
        Code::Unreadable => "a link could not be read",
        Code::LeftOut => "a link lies in memory that was left out of the dump",
        Code::Cap => "stopped at its limit",
        Code::Cycle => "came back to where it had been",
        Code::Stray => "torn: leads to what is no such object",
        Code::Torn => "torn: what is shown may not be all",
        Code::Truncated => "cut short",
        Code::Absent => "not in this kernel",
    }
}

/// A column while it grows.
#[derive(Debug, Default)]
pub struct Builder {
    length: usize,
    nulls: Vec<u8>,
    values: Vec<u64>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// What a [`Builder`] grows into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Packing {
    U64,
    I64,
    Text,
    Bytes,
}

impl Builder {
    #[inline]
    fn next(&mut self, null: bool) {
        if self.length.is_multiple_of(8) {
            self.nulls.push(0);
        }
        if let (true, Some(last)) = (null, self.nulls.last_mut()) {
            *last |= 1 << (self.length % 8);
        }
        self.length += 1;
    }

    /// A number, or its bits if it is signed.
    #[inline]
    pub fn number(&mut self, value: u64) {
        self.next(false);
        self.values.push(value);
    }

    /// No value.
    pub fn null(&mut self, packing: Packing) {
        self.next(true);
        match packing {
            Packing::Text | Packing::Bytes => self.ends.push(self.bytes.len() as u32),
            _ => self.values.push(0),
        }
    }

    /// Text, made UTF-8; how many bytes that added. `None`, and nothing added, when it would be more than `limit`.
    pub fn text(&mut self, text: &[u8], limit: usize) -> Option<usize> {
        let start = self.bytes.len();
        for chunk in text.utf8_chunks() {
            self.bytes.extend_from_slice(chunk.valid().as_bytes());
            for byte in chunk.invalid() {
                self.bytes.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            }
        }
        self.end(start, limit)
    }

    /// Bytes as they are; how many. `None`, and nothing added, when they would be more than `limit`.
    pub fn bytes(&mut self, bytes: &[u8], limit: usize) -> Option<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.end(start, limit)
    }

    /// Ends the row whose bytes begin at `start`.
    fn end(&mut self, start: usize, limit: usize) -> Option<usize> {
        let added = self.bytes.len() - start;
        if added > limit || u32::try_from(self.bytes.len()).is_err() {
            self.bytes.truncate(start);
            return None;
        }
        self.next(false);
        self.ends.push(self.bytes.len() as u32);
        Some(added)
    }

    /// The finished column.
    pub fn finish(self, packing: Packing) -> ColumnData {
        let Self { nulls, values, bytes, ends, .. } = self;
        match packing {
            Packing::U64 => ColumnData::U64 { values, nulls },
            Packing::I64 => ColumnData::I64 { values: values.into_iter().map(|value| value as i64).collect(), nulls },
            Packing::Text | Packing::Bytes => {
                let offsets = std::iter::once(0).chain(ends).collect();
                match packing {
                    Packing::Bytes => ColumnData::Bytes { bytes, offsets, nulls },
                    _ => ColumnData::Text { bytes, offsets, nulls },
                }
            }
        }
    }
}
