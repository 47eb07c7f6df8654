//! `struct list_head`: a ring with a head. A ring that is torn going forwards is followed backwards too.

use super::{Emitted, Walk, Walker};
use crate::query::batch::Code;
use crate::query::program::Program;

/// Distance of `prev`; `next` is first.
const PREV: u64 = 8;

/// A list, its elements' link at distance `link`.
pub struct List {
    pub head: Program,
    pub link: i64,
    /// The head is itself part of an element.
    pub inclusive: bool,
}

impl Walk for List {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(head) = walker.run(&self.head, object) else { return };
        if !self.inclusive || walker.emit_next(head.wrapping_sub(self.link as u64)).goes_on() {
            ring(walker, head, self.link, false);
        }
    }
}

/// How a direction ended.
#[derive(PartialEq, Eq)]
enum End {
    /// At the head, where it should.
    Head,
    /// At a limit.
    Cap,
    /// At a link that leads nowhere.
    Broken,
}

/// Walks the ring around `head`; false at a limit. Where nodes of other rings may be met (`crowded`), all are remembered.
pub fn ring(walker: &mut Walker, head: u64, link: i64, crowded: bool) -> bool {
    match forwards(walker, head, link, crowded) {
        End::Head => true,
        End::Cap => false,
        End::Broken => backwards(walker, head, link),
    }
}

/// As long as each node points back to the one before it, none can come twice, and remembering them (a cache miss each)
/// is not needed. From the first that does not, they are.
fn forwards(walker: &mut Walker, head: u64, link: i64, crowded: bool) -> End {
    let Some(mut node) = walker.word(head) else { return End::Broken };
    if node == 0 {
        // A head that was never initialised.
        return End::Head;
    }
    let (mut previous, mut remembering, mut passed) = (head, crowded, 0);
    while node != head {
        // A node that cannot be read is no object, only a wild pointer.
        let next = walker.word(node);
        let backed = next.is_some() && walker.reader.u64(node.wrapping_add(PREV)) == Some(previous);
        if !backed && !remembering {
            remember(walker, head, passed);
            remembering = true;
        }
        let Some(next) = next else { return End::Broken };
        let fresh = if remembering { walker.visit(node) } else { walker.step(node) };
        if !fresh {
            return if walker.budget.steps == 0 { End::Cap } else { End::Broken };
        }
        match walker.emit_next(node.wrapping_sub(link as u64)) {
            Emitted::Row => {}
            Emitted::Stray => {
                if !remembering {
                    remember(walker, head, passed);
                }
                return End::Broken;
            }
            Emitted::Cap => return End::Cap,
        }
        passed += 1;
        previous = node;
        node = next;
    }
    End::Head
}

/// Remembers the first `count` nodes, which are distinct because each points back.
fn remember(walker: &mut Walker, head: u64, count: usize) {
    let mut at = head;
    for _ in 0..count {
        let Some(node) = walker.reader.u64(at) else { return };
        walker.visited.insert(node);
        at = node;
    }
}

/// From the head by `prev` until where the way forwards ended; what is found comes out in the list's order.
fn backwards(walker: &mut Walker, head: u64, link: i64) -> bool {
    let mut found = Vec::new();
    let mut node = walker.reader.u64(head.wrapping_add(PREV)).unwrap_or(head);
    while node != head && found.len() <= walker.budget.walk && walker.budget.steps > 0 {
        let Some(previous) = walker.reader.u64(node.wrapping_add(PREV)) else { break };
        if !walker.visited.insert(node) || !walker.admits(node.wrapping_sub(link as u64)) {
            break;
        }
        walker.step(node);
        found.push(node);
        node = previous;
    }
    if let Some(first) = found.last() {
        walker.warn(Code::Torn, *first);
    }
    found.iter().rev().all(|node| walker.give(node.wrapping_sub(link as u64), walker.found as u64))
}
