//! The N-API edge, and nothing else: ids in, columns out. Every call catches panics and turns errors into JavaScript ones.

pub mod code;
pub mod convert;
pub mod files;
pub mod pages;
pub mod places;
pub mod processes;
pub mod processors;
pub mod remote;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use napi::bindgen_prelude::{BigInt, BigInt64Array, BigUint64Array, Either, FnArgs, Function, Uint8Array, Uint32Array};
use napi_derive::napi;

use crate::error::{Error, ErrorKind};
use crate::image::{self, Image};
use crate::kernel::Kernel;
use crate::kernel::types::Types;
use crate::query::scope::Scope;
use crate::query::{self, Plans, survey};
use crate::scan::{self, Hits};
use crate::unpack::{self, Keep};

/// An error whose `code` JavaScript can tell apart. The macro knows a result by this name.
type Result<T> = std::result::Result<T, napi::Error<&'static str>>;

impl From<Error> for napi::Error<&'static str> {
    fn from(error: Error) -> Self {
        napi::Error::new(code(error.kind), error.message)
    }
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Usage => "USAGE",
        ErrorKind::Evidence => "EVIDENCE",
        ErrorKind::NoSymbols => "NO_SYMBOLS",
        ErrorKind::Limit => "LIMIT",
        ErrorKind::Internal => "INTERNAL",
    }
}

type Opened = (Arc<Kernel>, Arc<Plans>);

/// Opened images by id, and what was asked of each. Process-wide, so that every worker thread sees the same map, symbols,
/// types and compiled queries.
static OPENED: LazyLock<RwLock<HashMap<u32, Opened>>> = LazyLock::new(RwLock::default);
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

fn opened(id: u32) -> crate::error::Result<Arc<Kernel>> {
    Ok(opened_with_plans(id)?.0)
}

fn opened_with_plans(id: u32) -> crate::error::Result<Opened> {
    let images = OPENED.read().unwrap_or_else(PoisonError::into_inner);
    images.get(&id).cloned().ok_or_else(|| Error::usage(format!("no opened image has the id {id}")))
}

/// Opens an image and finds its kernel; returns an id that every thread of this process may use.
/// `cacheDir` holds discovered symbols from run to run; null keeps none. `record` remembers every page that is read
/// from now on, for `writeTouched`.
///
/// `symbols` are files and folders of symbols and types that count before the image's own.
///
/// What is compressed or in an archive is unpacked below `cacheDir` first; it may have `most` bytes, and `progress` hears how
/// many bytes of how many were read, and answers whether to go on. `name` is what an image is called that has no path of
/// its own.
#[napi(catch_unwind)]
pub fn open_image(
    path: String,
    name: Option<String>,
    cache_dir: Option<String>,
    record: bool,
    most: f64,
    symbols: Vec<String>,
    progress: Function<FnArgs<(f64, f64)>, bool>,
) -> Result<u32> {
    let cache = cache_dir.as_deref().map(Path::new);
    let mut go_on = |read: u64, size: u64| progress.call((read as f64, size as f64).into()).unwrap_or(false);
    // What came here for this once is not found again by its name.
    let keep = if name.is_some() { Keep::Never } else { Keep::InCache };
    let called = |error: Error| called(error, &path, name.as_deref());
    let mut image = unpack::open(Path::new(&path), cache, most as u64, keep, &mut go_on).map_err(called)?;
    if let Some(name) = &name {
        image = image.named(name);
    }
    with_kernel(image, name.as_deref().unwrap_or(&path), cache, record, symbols)
}

/// Finds an image's kernel, and an id for both.
fn with_kernel(image: Image, name: &str, cache: Option<&Path>, record: bool, symbols: Vec<String>) -> Result<u32> {
    if record {
        image.record_touched();
    }
    let symbols: Vec<PathBuf> = symbols.into_iter().map(PathBuf::from).collect();
    let kernel = Kernel::discover_with(Arc::new(image), cache, &symbols).map_err(|mut error| {
        // What could not be brought is told with the image's name in it.
        if !error.message.starts_with(name) {
            error.message = format!("{name}: {}", error.message);
        }
        error
    })?;
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    OPENED.write().unwrap_or_else(PoisonError::into_inner).insert(id, (Arc::new(kernel), Arc::default()));
    Ok(id)
}

/// An error that names an image as its user does.
fn called(mut error: Error, path: &str, name: Option<&str>) -> Error {
    if let Some(name) = name {
        error.message = error.message.replace(path, name);
    }
    error
}

/// The files that would be read with an image, before it is opened: the other parts of a dump that was split.
#[napi(catch_unwind)]
pub fn companions(path: String) -> Vec<String> {
    let found = image::companions(Path::new(&path));
    found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// What an image's headers say, before any kernel is looked for, as JSON: the format, how much physical memory the file
/// holds in how many ranges, and what it promises but does not hold.
#[napi(catch_unwind)]
pub fn describe_file(path: String) -> Result<String> {
    let image = Image::open(Path::new(&path))?;
    let bytes: u64 = image.ranges().iter().map(|range| range.length).sum();
    let described = serde_json::json!({
        "format": image.format(),
        "ranges": image.ranges().len(),
        "bytes": bytes,
        "warnings": image.warnings(),
    });
    Ok(described.to_string())
}

/// Forgets an image. Queries that are under way finish.
#[napi(catch_unwind)]
pub fn close_image(id: u32) {
    OPENED.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// Facts about the image and its kernel as JSON; addresses are `0x…` strings.
#[napi(catch_unwind)]
pub fn describe(id: u32) -> Result<String> {
    let kernel = opened(id)?;
    Ok(kernel.memory.image().undisturbed(|| Ok(kernel.describe().to_string()))?)
}

/// The virtual address of a symbol, null when the kernel has none of that name.
#[napi(catch_unwind)]
pub fn symbol(id: u32, name: String) -> Result<Option<BigInt>> {
    Ok(opened(id)?.symbols.address(&name).map(BigInt::from))
}

/// The same, of the kernel or else of one of its modules.
#[napi(catch_unwind)]
pub fn any_symbol(id: u32, name: String) -> Result<Option<BigInt>> {
    Ok(opened(id)?.symbol_address(&name).map(BigInt::from))
}

/// The physical address behind a kernel virtual one, null where nothing is mapped.
#[napi(catch_unwind)]
pub fn physical(id: u32, address: BigInt) -> Result<Option<BigInt>> {
    let kernel = opened(id)?;
    let physical = kernel.memory.image().undisturbed(|| Ok(kernel.memory.translate(address.get_u64().1)))?;
    Ok(physical.map(BigInt::from))
}

/// Evaluates a query (JSON) over the kernel's objects; `addresses` are the objects where `from` says so.
#[napi(catch_unwind)]
pub fn query(id: u32, spec: String, addresses: Option<BigUint64Array>) -> Result<NativeBatch> {
    let (kernel, plans) = opened_with_plans(id)?;
    Ok(plans.run(&kernel, &spec, addresses.as_deref().unwrap_or_default())?.into())
}

/// What some requests (JSON) ask for and an opened image's kernel, or the types of a BTF section, have nothing for: as JSON,
/// a list for each request.
#[napi(catch_unwind)]
pub fn survey(of: Either<u32, Uint8Array>, requests: Vec<String>) -> Result<String> {
    let all = |scope: Scope| requests.iter().map(|request| survey::survey(scope, request)).collect();
    let lacks: Vec<_> = match of {
        Either::A(id) => {
            let kernel = opened(id)?;
            kernel.memory.image().undisturbed(|| all(Scope::of(&kernel)))?
        }
        Either::B(btf) => all(Scope::of_types(&Types::from_btf(btf.to_vec())?))?,
    };
    Ok(serde_json::json!(lacks).to_string())
}

/// Physical chunks of at most `bytes` that hold data, as flat pairs of start and length.
#[napi(catch_unwind)]
pub fn scan_chunks(id: u32, bytes: f64) -> Result<BigUint64Array> {
    let bytes = (bytes as u64).max(1 << 20);
    let chunks = opened(id)?.memory.image().chunks(bytes);
    Ok(chunks.into_iter().flat_map(|chunk| [chunk.start, chunk.end - chunk.start]).collect::<Vec<u64>>().into())
}

/// Runs scans (JSON: `kind` and parameters, see `native/src/scan`) over physical chunks, flat pairs of start and length, in
/// one pass on so many threads: for each chunk an answer for each scan.
#[napi(catch_unwind)]
pub fn scan(id: u32, requests: Vec<String>, chunks: BigUint64Array, threads: u32) -> Result<Vec<Vec<NativeScan>>> {
    let kernel = opened(id)?;
    let parse = |request: &String| serde_json::from_str(request);
    let requests: std::result::Result<Vec<serde_json::Value>, _> = requests.iter().map(parse).collect();
    let requests = requests.map_err(|error| Error::usage(format!("no scan: {error}")))?;
    let found = scan::chunks(&kernel, &requests, chunks.as_chunks().0, threads as usize)?;
    Ok(found.into_iter().map(|scans| scans.into_iter().map(NativeScan::from).collect()).collect())
}

/// What could not be read since the image was opened, because its file was cut off or failed; null when it is whole. Throws
/// where something of an image that is elsewhere could not be brought.
#[napi(catch_unwind)]
pub fn lost(id: u32) -> Result<Option<NativeLoss>> {
    let kernel = opened(id)?;
    kernel.memory.image().reachable()?;
    Ok(kernel.memory.image().loss().map(|loss| NativeLoss { message: loss.message, bytes: loss.bytes as f64 }))
}

/// Writes every page read since the image was opened with `record` as a LiME image, which must not exist yet; returns
/// how many pages.
#[napi(catch_unwind)]
pub fn write_touched(id: u32, output: String) -> Result<f64> {
    Ok(opened(id)?.memory.image().write_touched(Path::new(&output))? as f64)
}

/// Memory that an image's file no longer gives.
#[napi(object)]
pub struct NativeLoss {
    /// One line, with the offset in the file.
    pub message: String,
    /// How much.
    pub bytes: f64,
}

/// What one scan hit in one chunk, or why it could not be made.
#[napi(object)]
pub struct NativeScan {
    /// Ascending; physical or virtual, as the kind of scan has it.
    pub addresses: BigUint64Array,
    /// Which of several things asked for lies at each; empty where a scan looks for one.
    pub which: Uint32Array,
    /// Bytes of each; empty where a scan looks for things of one length.
    pub lengths: Uint32Array,
    /// There were more hits than are kept.
    pub capped: bool,
    /// The error's code, where the scan could not be made.
    pub failed: Option<String>,
    /// One line.
    pub message: Option<String>,
}

impl From<crate::error::Result<Hits>> for NativeScan {
    fn from(found: crate::error::Result<Hits>) -> Self {
        let (hits, failure) = match found {
            Ok(hits) => (hits, None),
            Err(error) => (Hits::default(), Some(error)),
        };
        Self {
            addresses: hits.addresses.into(),
            which: hits.which.into(),
            lengths: hits.lengths.into(),
            capped: hits.capped,
            failed: failure.as_ref().map(|error| code(error.kind).to_owned()),
            message: failure.map(|error| error.message),
        }
    }
}

/// Rows of one walk, column by column.
#[napi(object)]
pub struct NativeBatch {
    /// Rows.
    pub length: u32,
    /// Virtual address of the object behind each row.
    pub addresses: BigUint64Array,
    /// Index of each row's parent in the enclosing batch.
    pub parents: Uint32Array,
    /// Columns in the order of the query's `select`.
    pub columns: Vec<NativeColumn>,
    /// Nested walks in the order of the query's `children`.
    pub children: Vec<NativeBatch>,
    /// What could not be read, counted by column and reason.
    pub warnings: Vec<NativeWarning>,
}

/// One column: `u64`, `i64`, `text` or `bytes`.
#[napi(object)]
pub struct NativeColumn {
    /// Which of the members below is set.
    #[napi(ts_type = "'u64' | 'i64' | 'text' | 'bytes'")]
    pub kind: String,
    /// Values of an unsigned column.
    pub unsigned: Option<BigUint64Array>,
    /// Values of a signed column.
    pub signed: Option<BigInt64Array>,
    /// UTF-8 of a text column, or bytes of a column of them, all rows joined.
    pub bytes: Option<Uint8Array>,
    /// Where each row begins in `bytes`; one more than there are rows.
    pub offsets: Option<Uint32Array>,
    /// Bitmap, least significant bit first: 1 means the value could not be read or does not exist.
    pub nulls: Uint8Array,
}

/// Something that could not be read.
#[napi(object)]
pub struct NativeWarning {
    /// `unreadable`, `cap`, `cycle`, `absent`, `torn` or `truncated`.
    pub code: String,
    /// One line.
    pub message: String,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// How many values.
    pub count: u32,
    /// The first address.
    pub address: Option<BigInt>,
}

impl From<query::Batch> for NativeBatch {
    fn from(batch: query::Batch) -> Self {
        Self {
            length: batch.length as u32,
            addresses: batch.addresses.into(),
            parents: batch.parents.into(),
            columns: batch.columns.into_iter().map(NativeColumn::from).collect(),
            children: batch.children.into_iter().map(NativeBatch::from).collect(),
            warnings: batch.warnings.into_iter().map(NativeWarning::from).collect(),
        }
    }
}

impl From<query::ColumnData> for NativeColumn {
    fn from(column: query::ColumnData) -> Self {
        let empty = |kind: &str, nulls: Vec<u8>| Self {
            kind: kind.to_owned(),
            unsigned: None,
            signed: None,
            bytes: None,
            offsets: None,
            nulls: nulls.into(),
        };
        match column {
            query::ColumnData::U64 { values, nulls } => Self { unsigned: Some(values.into()), ..empty("u64", nulls) },
            query::ColumnData::I64 { values, nulls } => Self { signed: Some(values.into()), ..empty("i64", nulls) },
            query::ColumnData::Text { bytes, offsets, nulls } => {
                Self { bytes: Some(bytes.into()), offsets: Some(offsets.into()), ..empty("text", nulls) }
            }
            query::ColumnData::Bytes { bytes, offsets, nulls } => {
                Self { bytes: Some(bytes.into()), offsets: Some(offsets.into()), ..empty("bytes", nulls) }
            }
        }
    }
}

impl From<query::Warning> for NativeWarning {
    fn from(warning: query::Warning) -> Self {
        Self {
            code: warning.code.name().to_owned(),
            message: warning.message,
            column: warning.column,
            count: warning.count as u32,
            address: warning.address.map(BigInt::from),
        }
    }
}
