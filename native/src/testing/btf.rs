//! Writes BTF.

/// A section that grows. Ids count up from 1, so that a type may refer to one that is yet to come.
pub struct Encoder {
    types: Vec<u8>,
    strings: Vec<u8>,
    next: u32,
    first_string: u32,
}

impl Encoder {
    pub fn new() -> Self {
        Self { types: Vec::new(), strings: vec![0], next: 1, first_string: 0 }
    }

    /// A module's section over a finished one.
    pub fn split(base: &[u8], next: u32) -> Self {
        let first_string = u32::from_le_bytes(base[20..24].try_into().unwrap());
        Self { types: Vec::new(), strings: vec![0], next, first_string }
    }

    pub fn next_id(&self) -> u32 {
        self.next
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.first_string + self.strings.len() as u32;
        self.strings.extend(text.bytes().chain([0]));
        at
    }

    fn words(&mut self, words: &[u32]) {
        self.types.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    /// A record of any kind.
    pub fn record(&mut self, name: &str, kind: u32, flag: bool, count: usize, value: u32, rest: &[u32]) -> u32 {
        let name = self.string(name);
        self.words(&[name, u32::from(flag) << 31 | kind << 24 | count as u32, value]);
        self.words(rest);
        self.next += 1;
        self.next - 1
    }

    pub fn int(&mut self, name: &str, bytes: u32, signed: bool) -> u32 {
        self.int_bits(name, bytes, signed, 0, bytes * 8)
    }

    pub fn int_bits(&mut self, name: &str, bytes: u32, signed: bool, skipped: u32, bits: u32) -> u32 {
        self.record(name, 1, false, 0, bytes, &[u32::from(signed) << 24 | skipped << 16 | bits])
    }

    pub fn pointer(&mut self, to: u32) -> u32 {
        self.record("", 2, false, 0, to, &[])
    }

    pub fn array(&mut self, of: u32, count: u32) -> u32 {
        self.record("", 3, false, 0, 0, &[of, 1, count])
    }

    /// Members are (name, type, byte offset).
    pub fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let bits: Vec<_> = members.iter().map(|(name, id, offset)| (*name, *id, offset * 8, 0)).collect();
        self.aggregate(name, 4, false, size, &bits)
    }

    /// Kind 4 is a struct, 5 a union; members are (name, type, bit offset, width).
    pub fn aggregate(
        &mut self,
        name: &str,
        kind: u32,
        flag: bool,
        size: u32,
        members: &[(&str, u32, u32, u32)],
    ) -> u32 {
        let rest: Vec<u32> = members
            .iter()
            .flat_map(|(name, id, offset, width)| {
                [self.string(name), *id, if flag { width << 24 | offset } else { *offset }]
            })
            .collect();
        self.record(name, kind, flag, members.len(), size, &rest)
    }

    pub fn enumeration(&mut self, name: &str, signed: bool, constants: &[(&str, i32)]) -> u32 {
        let rest: Vec<u32> = constants.iter().flat_map(|(name, value)| [self.string(name), *value as u32]).collect();
        self.record(name, 6, signed, constants.len(), 4, &rest)
    }

    pub fn enumeration64(&mut self, name: &str, constants: &[(&str, i64)]) -> u32 {
        let words = |value: i64| [value as u32, (value >> 32) as u32];
        let rest: Vec<u32> = constants
            .iter()
            .flat_map(|(name, value)| [self.string(name), words(*value)[0], words(*value)[1]])
            .collect();
        self.record(name, 19, true, constants.len(), 8, &rest)
    }

    pub fn forward(&mut self, name: &str) -> u32 {
        self.record(name, 7, false, 0, 0, &[])
    }

    pub fn typedef(&mut self, name: &str, to: u32) -> u32 {
        self.record(name, 8, false, 0, to, &[])
    }

    pub fn finish(self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        bytes.extend([24, 0, types, types, strings].iter().flat_map(|word: &u32| word.to_le_bytes()));
        bytes.extend(self.types);
        bytes.extend(self.strings);
        bytes
    }
}
