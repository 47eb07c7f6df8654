//! `linux_banner`: the text by which a kernel names itself (`init/version.c`).

use memchr::memmem;

use crate::image::Image;

/// How every banner begins.
pub const START: &[u8] = b"Linux version ";
/// Banners hold the compiler's and the linker's names; real ones stay below 400 bytes.
pub const LONGEST: usize = 1024;

/// What each name in a `struct new_utsname` takes, its NUL included, and how many there are (include/uapi/linux/utsname.h).
const NAME: usize = 65;
const NAMES: usize = 6;
/// The names stand near the start of a `struct uts_namespace`.
const BEFORE_NAMES: usize = 64;

/// A banner's text, without the newline and the NUL that end it in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner(String);

impl Banner {
    /// The banner at the start of `bytes`. The same words in a log or on a page of `/proc` do not end in a newline
    /// and a NUL, which is what tells the kernel's own string from quotations of it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LONGEST.min(bytes.len()))?;
        let text = bytes.get(..memchr::memchr(0, bytes)?)?.strip_suffix(b"\n")?;
        let text = std::str::from_utf8(text).ok()?;
        let tail = text.as_bytes().strip_prefix(START)?;
        let printable = tail.iter().all(|byte| (b' '..0x7f).contains(byte));
        let release = tail.split(|byte| *byte == b' ').next()?;
        let formed = release.first().is_some_and(u8::is_ascii_digit) && tail.windows(2).any(|pair| pair == b" #");
        (printable && formed).then(|| Self(text.to_owned()))
    }

    /// The banner at a physical address.
    pub fn read(image: &Image, physical: u64) -> Option<Self> {
        match image.peek(physical, LONGEST) {
            Some(bytes) => Self::parse(bytes),
            None => Self::parse(image.read_block(physical, LONGEST, &mut Vec::new())),
        }
    }

    /// What `init_uts_ns` at a physical address says: the release and version that are in the banner too. Who overwrites the
    /// one need not know of the other.
    pub fn of_names(image: &Image, physical: u64) -> Option<Self> {
        let mut buffer = Vec::new();
        let bytes = image.read_block(physical, BEFORE_NAMES + NAMES * NAME, &mut buffer);
        let first = memmem::find(bytes, b"Linux\0")?;
        let name = |number: usize| {
            let field = bytes.get(first + number * NAME..)?.get(..NAME)?;
            std::str::from_utf8(field.get(..memchr::memchr(0, field)?)?).ok()
        };
        let (release, version) = (name(2)?, name(3)?);
        Self::parse(format!("Linux version {release} {version}\n\0").as_bytes())
    }

    /// The whole line.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The release: the word after "version".
    pub fn release(&self) -> &str {
        self.0.split(' ').nth(2).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Banner;

    const LINE: &str = "Linux version 6.1.0-56-cloud-amd64 (debian@x) (gcc-12, GNU ld 2.40) #1 SMP Debian 6.1.192-2";

    #[test]
    fn the_kernels_own_banner_is_read() {
        let banner = Banner::parse(format!("{LINE}\n\0rest").as_bytes());
        assert_eq!(banner.as_ref().map(Banner::text), Some(LINE));
        assert_eq!(banner.as_ref().map(Banner::release), Some("6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn quotations_of_a_banner_are_not_banners() {
        for text in [
            format!("{LINE}\0"),
            format!("{LINE}\nCommand line: quiet\n\0"),
            LINE.to_owned(),
            "Linux version %s (%s)\n\0".to_owned(),
            "Linux version \n\0".to_owned(),
        ] {
            assert_eq!(Banner::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
