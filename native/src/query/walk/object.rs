//! One object.

use super::{Walk, Walker};
use crate::query::program::Program;

/// One struct, embedded or pointed to.
pub struct One(pub Program);

impl Walk for One {
    fn run(&self, walker: &mut Walker, object: u64) {
        if let Some(address) = walker.run(&self.0, object) {
            walker.emit_next(address);
        }
    }
}
