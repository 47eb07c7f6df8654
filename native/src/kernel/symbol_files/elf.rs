//! ELF files of a kernel: `vmlinux` with its types as DWARF or BTF, and what was split off from one.

use std::fs::File;
use std::io::{BufReader, Read, Take};
use std::os::unix::fs::FileExt;

use flate2::read::ZlibDecoder;
use object::LittleEndian;
use object::elf::{self, CompressionHeader64, FileHeader64, Sym64};
use object::read::ReadCache;
use object::read::elf::{CompressionHeader as _, FileHeader as _, SectionHeader as _, SectionTable, Sym as _};

use super::dwarf;
use super::table::Collected;
use super::{Content, Form, LONGEST_BANNER};
use crate::error::{Error, Result};
use crate::kernel::build_id;
use crate::unpack::Zstandard;

type Header = FileHeader64<LittleEndian>;
type Data<'a> = &'a ReadCache<BufReader<File>>;

/// A section that is read as a whole may have so many bytes: symbols and names of kernels have up to 30 MiB.
const LARGEST: u64 = 128 << 20;
/// How sections begin that were compressed before ELF had a flag for it: `ZLIB` and the plain size.
const OLD_COMPRESSION: &[u8; 4] = b"ZLIB";
const OLD_HEADER: u64 = 12;

/// Which kernel a file is of, without more of it than that.
pub fn identity(file: File) -> Result<(Option<String>, Option<String>)> {
    let cache = ReadCache::new(BufReader::new(again(&file)?));
    let elf = Elf::open(&cache, file)?;
    let build_id = elf.build_id();
    // What says it twice is not looked at twice: a table of symbols takes its time.
    Ok((if build_id.is_some() { None } else { elf.banner() }, build_id))
}

/// Reads a file.
pub fn read(file: File) -> Result<Content> {
    let cache = ReadCache::new(BufReader::new(again(&file)?));
    let elf = Elf::open(&cache, file)?;
    let btf = elf.whole(b".BTF").ok().filter(|btf| !btf.is_empty());
    let (types_from, types) = match btf {
        Some(btf) => ("btf", Some(btf)),
        None if elf.section(b".debug_info").is_some() => ("dwarf", Some(dwarf::types(&elf)?)),
        None => ("", None),
    };
    let (banner, build_id, table) = (elf.banner(), elf.build_id(), elf.symbols().table());
    Ok(Content { form: Form::Elf, types_from, banner, build_id, table, types })
}

fn again(file: &File) -> Result<File> {
    file.try_clone().map_err(|error| Error::evidence(format!("cannot be read: {error}")))
}

/// An opened file.
pub struct Elf<'a> {
    file: File,
    data: Data<'a>,
    sections: SectionTable<'a, Header, Data<'a>>,
}

/// Where a section's bytes are, and how they are packed.
struct Packed {
    at: u64,
    length: u64,
    compression: u32,
    /// Plain bytes.
    size: u64,
}

impl<'a> Elf<'a> {
    fn open(data: Data<'a>, file: File) -> Result<Self> {
        let bad = |error: object::read::Error| Error::no_symbols(format!("no ELF file of a kernel: {error}"));
        let header = Header::parse(data).map_err(bad)?;
        let endian = header.endian().map_err(bad)?;
        let sections = header.sections(endian, data).map_err(bad)?;
        Ok(Self { file, data, sections })
    }

    /// A section by name, with what it is called where it was compressed in the old way.
    fn section(&self, name: &[u8]) -> Option<Packed> {
        let old = name.strip_prefix(b".").map(|rest| [b".z", rest].concat());
        let endian = LittleEndian;
        let (is_old, section) = self.sections.iter().find_map(|section| {
            let found = self.sections.section_name(endian, section).ok()?;
            (found == name || old.as_deref() == Some(found)).then_some((found != name, section))
        })?;
        let (at, length) = section.file_range(endian)?;
        if is_old {
            let mut header = [0; OLD_HEADER as usize];
            self.file.read_exact_at(&mut header, at).ok()?;
            let (magic, size) = header.split_first_chunk::<4>()?;
            let size = u64::from_be_bytes(*size.first_chunk()?);
            (magic == OLD_COMPRESSION).then_some(())?;
            let length = length.checked_sub(OLD_HEADER)?;
            return Some(Packed { at: at + OLD_HEADER, length, compression: elf::ELFCOMPRESS_ZLIB, size });
        }
        let compressed = section.compression(endian, self.data).ok()?;
        Some(match compressed {
            None => Packed { at, length, compression: 0, size: length },
            Some((header, at, length)) => {
                let header: &CompressionHeader64<LittleEndian> = header;
                let (compression, size) = (header.ch_type(endian), header.ch_size(endian));
                Packed { at, length, compression, size }
            }
        })
    }

    /// A section's plain bytes, one after the other; none where there is no such section.
    pub fn stream(&self, name: &[u8]) -> Result<Box<dyn Read>> {
        let none = || Error::no_symbols(format!("it has no section {}", String::from_utf8_lossy(name)));
        let Packed { at, length, compression, size } = self.section(name).ok_or_else(none)?;
        let part = Part { file: again(&self.file)?, at, end: at.saturating_add(length) };
        let packed = BufReader::with_capacity(1 << 20, part);
        let plain: Box<dyn Read> = match compression {
            0 => Box::new(packed),
            elf::ELFCOMPRESS_ZLIB => Box::new(ZlibDecoder::new(packed)),
            elf::ELFCOMPRESS_ZSTD => Box::new(Zstandard::new(packed)),
            other => return Err(Error::no_symbols(format!("a section compressed in a way not known ({other})"))),
        };
        let plain: Take<_> = plain.take(size);
        Ok(Box::new(plain))
    }

    /// All of a section's plain bytes.
    pub fn whole(&self, name: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.stream(name)?.take(LARGEST + 1).read_to_end(&mut bytes);
        let shown = || String::from_utf8_lossy(name).into_owned();
        read.map_err(|error| Error::no_symbols(format!("its section {} cannot be read: {error}", shown())))?;
        match bytes.len() as u64 > LARGEST {
            true => Err(Error::no_symbols(format!("its section {} is larger than {LARGEST} bytes", shown()))),
            false => Ok(bytes),
        }
    }

    /// The GNU build id in hex, out of any section of notes.
    fn build_id(&self) -> Option<String> {
        self.sections.iter().filter(|section| section.sh_type(LittleEndian) == elf::SHT_NOTE).find_map(|section| {
            let (at, length) = section.file_range(LittleEndian).filter(|(_, length)| *length <= 1 << 16)?;
            let mut notes = vec![0; length as usize];
            self.file.read_exact_at(&mut notes, at).ok()?;
            build_id::parse(&notes)
        })
    }

    /// The text at `linux_banner`; a file that has only what a debugger needs lacks it.
    fn banner(&self) -> Option<String> {
        let mut address = None;
        self.each_symbol(|name, symbol| {
            if name == b"linux_banner" {
                address = Some(symbol.st_value(LittleEndian));
            }
        });
        let address = address?;
        let (section, offset) = self.sections.iter().find_map(|section| {
            let offset = address.checked_sub(section.sh_addr(LittleEndian))?;
            let inside = offset < section.sh_size(LittleEndian);
            let held = section.sh_type(LittleEndian) == elf::SHT_PROGBITS
                && section.sh_flags(LittleEndian) & u64::from(elf::SHF_ALLOC) != 0;
            (inside && held).then_some((section, offset))
        })?;
        let (at, _) = section.file_range(LittleEndian)?;
        let mut text = vec![0; LONGEST_BANNER];
        let read = self.file.read_at(&mut text, at.checked_add(offset)?).ok()?;
        let text = text.get(..read)?;
        let text = text.get(..memchr::memchr(0, text)?)?;
        let text = std::str::from_utf8(text.strip_suffix(b"\n").unwrap_or(text)).ok()?;
        text.starts_with("Linux version ").then(|| text.to_owned())
    }

    fn symbols(&self) -> Collected {
        let mut symbols = Collected::default();
        self.each_symbol(|name, symbol| {
            let kind = symbol.st_type();
            let index = symbol.st_shndx(LittleEndian);
            let is_own = !matches!(kind, elf::STT_FILE | elf::STT_SECTION) && index != elf::SHN_UNDEF;
            if is_own {
                symbols.add(name, symbol.st_value(LittleEndian), Some(self.letter(symbol)));
            }
        });
        symbols
    }

    /// The letter of a symbol's type, as nm(1) has it.
    fn letter(&self, symbol: &Sym64<LittleEndian>) -> u8 {
        let index = symbol.st_shndx(LittleEndian);
        let section = self.sections.section(object::SectionIndex(usize::from(index))).ok();
        let flags = section.map_or(0, |section| section.sh_flags(LittleEndian));
        let has = |flag: u32| flags & u64::from(flag) != 0;
        let letter = if symbol.st_bind() == elf::STB_WEAK {
            return if symbol.st_type() == elf::STT_OBJECT { b'V' } else { b'W' };
        } else if symbol.st_type() == elf::STT_FUNC || has(elf::SHF_EXECINSTR) {
            b't'
        } else if index == elf::SHN_ABS {
            b'a'
        } else if section.is_some_and(|section| section.sh_type(LittleEndian) == elf::SHT_NOBITS) {
            b'b'
        } else if has(elf::SHF_WRITE) {
            b'd'
        } else {
            b'r'
        };
        if symbol.st_bind() == elf::STB_GLOBAL { letter.to_ascii_uppercase() } else { letter }
    }

    fn each_symbol(&self, mut each: impl FnMut(&[u8], &Sym64<LittleEndian>)) {
        let Ok(table) = self.sections.symbols(LittleEndian, self.data, elf::SHT_SYMTAB) else { return };
        for symbol in table.symbols() {
            if let Ok(name) = table.symbol_name(LittleEndian, symbol) {
                each(name, symbol);
            }
        }
    }
}

/// A part of a file.
struct Part {
    file: File,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = out.len().min(left);
        let read = self.file.read_at(out.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
