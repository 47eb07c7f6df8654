//! Every cap of a query, in one place. Each is reported when it is hit.

/// What a query may use before it stops.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Objects in one walk.
    pub walk: usize,
    /// Rows in one query, children included.
    pub rows: usize,
    /// Bytes of text in one query; offsets are 32 bits wide, and V8's strings end at 2^29.
    pub text: usize,
    /// What all its leaves may cost.
    pub effort: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { walk: 1_000_000, rows: 4 << 20, text: 128 << 20, effort: EFFORT }
    }
}

/// What the leaves of one query may cost: bytes that are copied, and steps to dentries, nodes and pages. A machine with a
/// million processes, each with its paths and arguments, needs half of it.
pub const EFFORT: u64 = 2 << 30;
/// What a step costs: about what it takes to copy as many bytes.
pub const STEP: u64 = 64;
/// A C string whose column sets no `max`.
pub const STRING: usize = 4096;
/// A path as the kernel would print it (PATH_MAX).
pub const PATH: usize = 4096;
/// One component of a path (NAME_MAX).
pub const NAME: usize = 255;
/// Dentries and mounts on the way to a path's root.
pub const PATH_DEPTH: usize = 2048;
/// A command line.
pub const COMMAND_LINE: usize = 128 << 10;
/// An environment, or a file's contents, whose column sets no `max`.
pub const CONTENTS: usize = 1 << 20;
/// The largest `max` that a column may ask for.
pub const LARGEST: usize = 256 << 20;
/// Levels of a tree of 64-bit keys: deeper is damage.
pub const TREE_DEPTH: usize = 128;
/// Bytes of one access path, and how deep its parentheses go.
pub const PATH_TEXT: usize = 1024;
/// Parentheses within parentheses in an access path.
pub const PATH_NESTING: usize = 16;
/// Compiled queries that are kept for a kernel; all are forgotten when there are more.
pub const MOST_PLANS: usize = 256;
/// The longest text of a query that is kept compiled.
pub const LONGEST_KEPT: usize = 64 << 10;
