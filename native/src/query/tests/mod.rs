//! Queries over synthetic kernels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod blobs;
mod bytes;
mod contents;
mod file_parts;
mod hostile;
mod kinds;
mod left_out;
mod lost;
mod paths;
mod plans;
mod rules;
mod starts;
mod survey;
mod symbols;
mod tables;
mod types;
mod values;
mod walks;

use super::limits::Limits;
use super::{Batch, Code, ColumnData, run, run_limited};
use crate::kernel::Kernel;
use crate::testing::memory::Memory;
use crate::testing::world;
use serde_json::{Value, json};

fn kernel(memory: &Memory) -> Kernel {
    memory.kernel(world::btf(), &[])
}

/// Ids of the items that a walk from a holder gives, and its warnings.
fn walk(memory: &Memory, holder: u64, walk: Value) -> (Vec<u64>, Vec<Code>) {
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": walk,
        "select": [{ "name": "id", "path": "id" }],
    });
    let batch = run(&kernel(memory), &spec.to_string(), &[holder]).unwrap();
    (numbers(&batch, 0), batch.warnings.iter().map(|warning| warning.code).collect())
}

fn numbers(batch: &Batch, column: usize) -> Vec<u64> {
    match &batch.columns[column] {
        ColumnData::U64 { values, .. } => values.clone(),
        ColumnData::I64 { values, .. } => values.iter().map(|value| *value as u64).collect(),
        ColumnData::Text { .. } | ColumnData::Bytes { .. } => panic!("text"),
    }
}

/// One column of one item: `Ok(None)` is null.
fn value(kernel: &Kernel, object: u64, column: Value) -> Result<Option<String>, String> {
    let mut column = column;
    column["name"] = json!("it");
    let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": [column] });
    let batch = run(kernel, &spec.to_string(), &[object]).map_err(|error| error.message)?;
    let text = |null: &[u8], text: String| (null[0] & 1 == 0).then_some(text);
    Ok(match &batch.columns[0] {
        ColumnData::U64 { values, nulls } => text(nulls, values[0].to_string()),
        ColumnData::I64 { values, nulls } => text(nulls, values[0].to_string()),
        ColumnData::Bytes { bytes, nulls, .. } => text(nulls, format!("{bytes:?}")),
        ColumnData::Text { bytes, nulls, .. } => text(nulls, String::from_utf8(bytes.clone()).unwrap()),
    })
}
