#![allow(dead_code, unused_imports)] // Each test binary uses its share.

mod case;
mod recorded;

pub use case::{Case, address, cases};
pub use recorded::{Recorded, samples, shared_images};
use salvor_native::query::ColumnData;

/// Makes two tests of a function over images: of the embedded samples, and of the shared ones. The latter is ignored
/// unless it is asked for (`-- --include-ignored`), so that a run without these images tells and counts it.
macro_rules! on_images {
    ($name:ident) => {
        mod $name {
            #[test]
            fn samples() {
                super::$name(&crate::common::samples());
            }

            #[test]
            #[ignore = "needs the shared images (SALVOR_IMAGES)"]
            fn shared_images() {
                super::$name(&crate::common::shared_images());
            }
        }
    };
}
pub(crate) use on_images;

pub fn text(column: &ColumnData, row: usize) -> Option<&str> {
    let ColumnData::Text { bytes, offsets, nulls } = column else { panic!("not text") };
    let bytes = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    (nulls[row / 8] >> (row % 8) & 1 == 0).then(|| std::str::from_utf8(bytes).unwrap())
}

pub fn number(column: &ColumnData, row: usize) -> Option<u64> {
    let (value, nulls) = match column {
        ColumnData::U64 { values, nulls } => (values[row], nulls),
        ColumnData::I64 { values, nulls } => (values[row] as u64, nulls),
        ColumnData::Text { .. } | ColumnData::Bytes { .. } => panic!("not a number"),
    };
    (nulls[row / 8] >> (row % 8) & 1 == 0).then_some(value)
}
