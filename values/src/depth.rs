//! How deeply a value may be nested: until a megabyte of stack is used. A list whose every element holds the next one
//! would otherwise end the process, and damaged bytes can pretend to be such a list.

use crate::refusal::{Refusal, RefusalKind};

/// Bytes of stack; threads have 2 MB or more.
const LIMIT: usize = 1024 * 1024;

/// Where the stack was at the beginning.
#[derive(Clone, Copy)]
pub(crate) struct Depth(usize);

impl Depth {
    #[inline(never)]
    pub(crate) fn here() -> Self {
        Depth(stack_address())
    }

    /// Must be called once for every level.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        if self.0.abs_diff(stack_address()) > LIMIT {
            return Err(Refusal::new(
                RefusalKind::Value,
                "the value is nested too deeply (thousands of levels)",
            ));
        }
        Ok(())
    }
}

fn stack_address() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}
