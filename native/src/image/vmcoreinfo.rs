//! VMCOREINFO: `KEY=value` lines that the kernel keeps for crash tools (`kernel/vmcore_info.c`). Useful, never required.

/// The parsed text: keys are looked up as they are written, `SYMBOL(_stext)`.
#[derive(Debug, PartialEq, Eq)]
pub struct VmcoreInfo<'a>(&'a str);

impl<'a> VmcoreInfo<'a> {
    /// Over the note's text.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// All of it.
    pub fn text(&self) -> &'a str {
        self.0
    }

    /// The value behind a key.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    /// A symbol's virtual address.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        u64::from_str_radix(self.get(&format!("SYMBOL({name})"))?.trim(), 16).ok()
    }

    /// A number, which may be negative, or one of 64 bits that is written as `0x…`.
    pub fn number(&self, name: &str) -> Option<i64> {
        let text = self.get(&format!("NUMBER({name})"))?.trim();
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok().map(|number| number as i64),
            None => text.parse().ok(),
        }
    }

    /// The build id, where it is the hex text that it should be.
    pub fn build_id(&self) -> Option<String> {
        let text = self.get("BUILD-ID")?.trim();
        let formed = (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        formed.then(|| text.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::VmcoreInfo;

    #[test]
    fn keys_symbols_and_numbers_are_found() {
        let text = "OSRELEASE=6.1.0\nBUILD-ID=3B43fad503487449\nSYMBOL(_stext)=ffffffff8ec00000\n\
                    NUMBER(phys_base)=-16777216\nKERNELOFFSET=dc00000\n";
        let info = VmcoreInfo::new(text);
        assert_eq!(info.get("OSRELEASE"), Some("6.1.0"));
        assert_eq!(info.symbol("_stext"), Some(0xffff_ffff_8ec0_0000));
        assert_eq!(info.symbol("_text"), None);
        assert_eq!(info.number("phys_base"), Some(-0x100_0000));
        assert_eq!(info.build_id().as_deref(), Some("3b43fad503487449"));
    }

    #[test]
    fn a_build_id_that_is_no_hex_is_not_believed() {
        assert_eq!(VmcoreInfo::new("BUILD-ID=../../etc/passwd").build_id(), None);
        assert_eq!(VmcoreInfo::new("BUILD-ID=12").build_id(), None);
    }
}
