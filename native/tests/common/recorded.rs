use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::NamedTempFile;

/// A memory image and what its machine said of itself, as far as that is kept.
pub struct Recorded {
    pub name: String,
    /// The same memory in each of the formats that are there.
    pub files: Vec<PathBuf>,
    /// Whether it holds only the pages that the analyzers read.
    pub sample: bool,
    folder: PathBuf,
    /// Keeps an unpacked sample in being.
    unpacked: Option<NamedTempFile>,
}

impl Recorded {
    /// The image in the format it was taken in.
    pub fn image(&self) -> &Path {
        &self.files[0]
    }

    /// A file of the truth.
    pub fn truth(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join("truth").join(file)).ok()
    }

    pub fn json(&self, file: &str) -> Option<Value> {
        Some(serde_json::from_slice(&self.truth(file)?).unwrap())
    }
}

/// The samples in the repository, unpacked: those of which the host itself is on record. Others hold a few tables' pages alone.
pub fn samples() -> Vec<Recorded> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/samples");
    let recorded = folders(&samples).into_iter().filter(|folder| folder.join("truth/host.json").is_file());
    recorded.map(sample).collect()
}

fn sample(folder: PathBuf) -> Recorded {
    let mut file = NamedTempFile::new().unwrap();
    let mut packed = GzDecoder::new(File::open(folder.join("memory.lime.gz")).unwrap());
    io::copy(&mut packed, &mut file).unwrap();
    let files = vec![file.path().to_owned()];
    Recorded { name: name(&folder), files, sample: true, folder, unpacked: Some(file) }
}

/// The images in the folder that `SALVOR_IMAGES` names. Without it there are none to test.
pub fn shared_images() -> Vec<Recorded> {
    let images: Vec<_> =
        std::env::var_os("SALVOR_IMAGES").map(PathBuf::from).iter().flat_map(|path| folders(path)).collect();
    let images: Vec<_> =
        images.into_iter().filter(|folder| folder.join(".complete").exists()).map(shared_image).collect();
    if images.is_empty() {
        eprintln!("skipped: SALVOR_IMAGES names no folder of images");
    }
    images
}

fn shared_image(folder: PathBuf) -> Recorded {
    let files = ["elf", "raw", "lime"].map(|format| folder.join(format!("memory.{format}")));
    let files = files.into_iter().filter(|file| file.exists()).collect();
    Recorded { name: name(&folder), files, sample: false, folder, unpacked: None }
}

fn folders(within: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(within).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
    folders.retain(|folder| folder.join("truth").is_dir());
    folders.sort();
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}
