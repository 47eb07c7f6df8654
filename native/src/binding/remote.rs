//! Images that are elsewhere.

use std::path::Path;

use napi::bindgen_prelude::{BigUint64Array, Uint8Array};
use napi_derive::napi;

use super::{Result, called, opened, with_kernel};
use crate::image::{self, Image};
use crate::unpack;

/// As `openImage`, of an image that is elsewhere and has its memory in it as it is (`isPlain`): `path` is an empty file of its size,
/// into which whoever listens at the socket `door` brings what is read (native/src/image/remote.rs).
#[napi(catch_unwind)]
pub fn open_remote_image(
    path: String,
    door: String,
    name: String,
    cache_dir: Option<String>,
    record: bool,
    symbols: Vec<String>,
) -> Result<u32> {
    let image = Image::open_remote(Path::new(&path), Path::new(&door));
    let image = image.map_err(|error| called(error, &path, Some(&name)))?.named(&name);
    with_kernel(image, &name, cache_dir.as_deref().map(Path::new), record, symbols)
}

/// How many bytes of a file's start `isPlain` wants.
#[napi(catch_unwind)]
pub fn head_bytes() -> u32 {
    image::HEAD as u32
}

/// Whether what begins like this is an image that has its memory in it as it is, and can be opened where it is.
#[napi(catch_unwind)]
pub fn is_plain(head: Uint8Array) -> bool {
    image::is_plain(&head) && !unpack::is_packed(&head)
}

/// A path under which this process can open the file that an image is read from, whatever it is called.
#[napi(catch_unwind)]
pub fn image_file(id: u32) -> Result<String> {
    Ok(opened(id)?.memory.image().opened_by().to_string_lossy().into_owned())
}

/// Has memory in its file that others read from there, where the image is elsewhere: address, physical address and bytes of
/// each run, in turn.
#[napi(catch_unwind)]
pub fn bring(id: u32, runs: BigUint64Array) -> Result<()> {
    let kernel = opened(id)?;
    let image = kernel.memory.image();
    for [_, physical, bytes] in runs.as_chunks::<3>().0 {
        image.bring(*physical, *bytes);
    }
    Ok(image.reachable()?)
}
