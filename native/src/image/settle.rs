//! Ranges of a file as they can be read: sorted, without overlaps, and no longer than the file.

use super::Range;

/// Physical addresses have 52 bits at most.
pub const END_OF_ADDRESSES: u64 = 1 << 52;
/// Warnings about one file that are told one by one.
const MOST_WARNINGS: usize = 256;

/// Appends a range, or makes the last one longer where it goes on in memory and in the file.
pub fn join(ranges: &mut Vec<Range>, range: Range) {
    let follows = |last: &Range| {
        let end = |from: u64| from.checked_add(last.length);
        end(last.start) == Some(range.start) && end(last.offset) == Some(range.offset)
    };
    match ranges.last_mut().filter(|last| follows(last)) {
        Some(last) => last.length += range.length,
        None => ranges.push(range),
    }
}

/// Sorts ranges, cuts off what lies past the file's end or overlaps an earlier range, leaves out what no machine can
/// have, and tells of all of it.
pub fn settle(mut ranges: Vec<Range>, size: u64, warnings: &mut Vec<String>) -> Vec<Range> {
    ranges.retain(|range| range.length > 0);
    ranges.sort_by_key(|range| (range.start, range.offset));
    let mut settled: Vec<Range> = Vec::with_capacity(ranges.len());
    for mut range in ranges {
        let available = size.saturating_sub(range.offset);
        if range.length > available {
            warnings.push(format!(
                "truncated: physical {:#x}-{:#x} should have {} bytes, the file holds {available} of them",
                range.start,
                range.start.saturating_add(range.length),
                range.length
            ));
            range.length = available;
        }
        if range.length > 0 && range.start.saturating_add(range.length) > END_OF_ADDRESSES {
            warnings.push(format!(
                "damaged: {} bytes at physical {:#x}, where no machine has memory, are not read",
                range.length, range.start
            ));
            continue;
        }
        let taken = settled.last().map_or(0, Range::end);
        if range.start < taken {
            warnings.push(format!("overlapping ranges at physical {:#x}: the later one is cut", range.start));
            let overlap = (taken - range.start).min(range.length);
            range =
                Range { start: range.start + overlap, length: range.length - overlap, offset: range.offset + overlap };
        }
        if range.length > 0 {
            settled.push(range);
        }
    }
    let more = warnings.len().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        warnings.truncate(MOST_WARNINGS);
        warnings.push(format!("truncated: {more} more parts of the file are not as they should be"));
    }
    settled
}
