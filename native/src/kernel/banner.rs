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
/// The names stand near the start of a `struct uts_namespace`, or among its other members where its layout is shuffled.
pub const BEFORE_NAMES: usize = 256;
/// How the names begin: the system's own, to the end of its field.
const SYSTEM: &[u8] = b"Linux\0";
/// What all names take.
pub const ALL_NAMES: usize = NAMES * NAME;

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
        let bytes = image.read_block(physical, BEFORE_NAMES + ALL_NAMES, &mut buffer);
        let first = memmem::find(bytes, SYSTEM)?;
        Self::parse_names(bytes.get(first..)?)
    }

    /// The same of a `struct new_utsname` at the start of `bytes`.
    pub fn parse_names(bytes: &[u8]) -> Option<Self> {
        let name = |number: usize| {
            let field = bytes.get(number * NAME..)?.get(..NAME)?;
            std::str::from_utf8(field.get(..memchr::memchr(0, field)?)?).ok()
        };
        let (release, version) = (name(2)?, name(3)?);
        Self::parse(format!("Linux version {release} {version}\n\0").as_bytes())
    }

    /// How the names in every `struct new_utsname` begin.
    pub fn names_begin() -> [u8; NAME] {
        let mut field = [0; NAME];
        for (byte, letter) in field.iter_mut().zip(SYSTEM) {
            *byte = *letter;
        }
        field
    }

    /// One that was read before, of its text.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::parse(format!("{text}\n\0").as_bytes())
    }

    /// The whole line.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it says the same release and version as one that has these alone (`of_names`).
    pub fn agrees(&self, names: &Self) -> bool {
        let version = names.0.get(START.len() + names.release().len()..).unwrap_or_default();
        self.release() == names.release() && self.0.ends_with(version)
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
    fn the_names_of_a_namespace_say_release_and_version() {
        let mut names = vec![0; super::ALL_NAMES];
        for (number, name) in
            ["Linux", "host", "6.1.0-56-cloud-amd64", "#1 SMP Debian", "x86_64", "(none)"].iter().enumerate()
        {
            names[number * super::NAME..][..name.len()].copy_from_slice(name.as_bytes());
        }
        assert!(names.starts_with(&Banner::names_begin()));
        let banner = Banner::parse_names(&names);
        assert_eq!(banner.as_ref().map(Banner::text), Some("Linux version 6.1.0-56-cloud-amd64 #1 SMP Debian"));
        let names_of = |version: &str| banner.clone().map(|names| (Banner(format!("{LINE}{version}")), names));
        assert!(names_of(" #1 SMP Debian").is_some_and(|(whole, names)| whole.agrees(&names)));
        assert!(names_of(" # SMP Debian").is_some_and(|(whole, names)| !whole.agrees(&names)));
        assert_eq!(Banner::parse_names(&names[..3 * super::NAME]), None);
        names[2 * super::NAME..].fill(b'6');
        assert_eq!(Banner::parse_names(&names), None);
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
