//! A process's arguments and environment, read through its own page tables.

use super::Leaf;
use crate::arch::AddressSpace;
use crate::image::PAGE_SIZE;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::{COMMAND_LINE, CONTENTS};
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::{Reader, missing};

/// Arguments or environment of a `struct mm_struct`.
pub struct UserText {
    program: Program,
    pgd: i64,
    /// `arg_start`, `arg_end`, `env_start`, `env_end`.
    bounds: [i64; 4],
    environment: bool,
    limit: usize,
}

impl UserText {
    /// `program` ends at the `struct mm_struct`.
    pub fn compile(scope: Scope, program: Program, environment: bool, max: Option<usize>) -> Compiled<Self> {
        let at = |member: &str| scope.offset("struct mm_struct", &[member]);
        Ok(Self {
            program,
            pgd: at("pgd")?,
            bounds: [at("arg_start")?, at("arg_end")?, at("env_start")?, at("env_end")?],
            environment,
            limit: max.unwrap_or(if environment { CONTENTS } else { COMMAND_LINE }),
        })
    }
}

impl Leaf for UserText {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let mm = self.program.run(reader, object)?;
        let word = |offset: i64| reader.word(mm.wrapping_add_signed(offset));
        let [arg_start, arg_end, env_start, env_end] = self.bounds.map(word);
        let (arg_start, arg_end, env_start, env_end) = (arg_start?, arg_end?, env_start?, env_end?);
        let table = word(self.pgd)?;
        let table = reader.memory().translate(table).ok_or(Gap::Unreadable(table))?;
        let user = reader.memory().with_root(table);
        // A process that is not far enough into exec has neither yet.
        if env_end == 0 {
            return Ok(true);
        }
        let edges = [arg_start, env_end.wrapping_sub(1)].map(|at| at & !(PAGE_SIZE - 1));
        let strings = Strings { reader, user, edges };
        if self.environment {
            return strings.copy(env_start, env_end, self.limit, out);
        }
        strings.arguments((arg_start, arg_end), (env_start, env_end), self.limit, out)
    }
}

/// What the kernel writes above a new program's stack.
struct Strings<'a, 'r> {
    reader: &'a Reader<'r>,
    user: AddressSpace,
    /// The pages of its first argument and of the end of its environment.
    edges: [u64; 2],
}

impl Strings<'_, '_> {
    /// `get_mm_cmdline` (fs/proc/base.c): when the last byte of the arguments is not NUL, a title was written over them and
    /// may go on into the environment, up to the first NUL, for at most a page.
    fn arguments(
        &self,
        (start, end): (u64, u64),
        (env_start, env_end): (u64, u64),
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Read<bool> {
        if start >= end {
            return Ok(true);
        }
        let mut last = [0];
        if self.user.read(end - 1, &mut last) == 1 && last != [0] {
            let room = if env_start == end && env_end >= env_start { env_end - start } else { end - start };
            let room = room.min(self.reader.memory().geometry().page_size);
            let from = out.len();
            let whole = self.copy(start, start.saturating_add(room), limit, out)?;
            // The kernel hands out the NUL as well.
            if let Some(nul) = out.get(from..).and_then(|title| memchr::memchr(0, title)) {
                out.truncate(from + nul + 1);
                return Ok(true);
            }
            return Ok(whole);
        }
        self.copy(start, end, limit, out)
    }

    /// Appends `[start, end)`; what lies behind an unreadable page, or past the limit, is cut off.
    fn copy(&self, start: u64, end: u64, limit: usize, out: &mut Vec<u8>) -> Read<bool> {
        let wanted = end.saturating_sub(start);
        let length = wanted.min(limit as u64) as usize;
        let from = out.len();
        // Page by page: bounds that were read from a damaged struct must not decide how much is allocated.
        while out.len() - from < length {
            let done = out.len() - from;
            let at = start + done as u64;
            self.reader.step(at)?;
            let part = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(length - done);
            self.reader.spend(part as u64, at)?;
            out.resize(from + done + part, 0);
            let mut read = self.user.read(at, out.get_mut(from + done..).unwrap_or_default());
            if is_zero(out.get(from + done..).unwrap_or_default()) && self.is_wiped(at) {
                read = 0;
            }
            if read < part {
                out.truncate(from + done + read);
                return if out.len() == from { Err(missing(&self.user, at)) } else { Ok(false) };
            }
        }
        Ok(length as u64 == wanted)
    }

    /// Whether the page is of zeros, as none at either edge is while the program runs: argument vectors lie below the one, and
    /// above the other the program's path (fs/exec.c, bprm_execve()), which whoever overwrites a title leaves alone.
    fn is_wiped(&self, at: u64) -> bool {
        let page = at & !(PAGE_SIZE - 1);
        let mut bytes = [0; PAGE_SIZE as usize];
        self.edges.contains(&page) && self.user.read(page, &mut bytes) == bytes.len() && is_zero(&bytes)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
