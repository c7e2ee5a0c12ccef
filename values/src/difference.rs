//! Where two values of one type begin to differ: to name the field that is not read back as it was written.
//!
//! Only ever runs when a value has been found not to survive, so it need not be fast. What has no order is passed over.

use crate::refusal::{Refusal, RefusalKind};
use crate::tokens::{Kind, Outcome, Shape, Tokens, Variant};
use crate::writer::Writer;

type Serialized<'a> = &'a mut dyn FnMut(&mut Writer<'_>) -> Outcome;

/// A refusal that says in which part of `value` the first difference to `other` is, if it can be found.
pub(crate) fn first_difference(value: Serialized<'_>, other: Serialized<'_>) -> Refusal {
    let is_looked_through = |value: Serialized<'_>, trace: &mut Trace| value(&mut Writer::new(trace, ""));
    let mut of_value = Trace::default();
    let mut of_other = Trace::default();
    let outcome =
        is_looked_through(value, &mut of_value).and_then(|()| is_looked_through(other, &mut of_other));
    if let Err(refusal) = outcome
        && refusal.kind() != RefusalKind::NotFaithful
    {
        return refusal;
    }
    let (marks, others) = (&of_value.marks, &of_other.marks);
    let place = marks.iter().zip(others).position(|(mark, other)| mark != other);
    let mut to_the_place = Trace {
        stop: Some(place.unwrap_or_else(|| marks.len().min(others.len()))),
        ..Trace::default()
    };
    match is_looked_through(value, &mut to_the_place) {
        Err(refusal) => refusal,
        Ok(()) => read_otherwise(),
    }
}

#[cold]
fn read_otherwise() -> Refusal {
    Refusal::new(
        RefusalKind::NotFaithful,
        "what is read back is not what was stored",
    )
}

/// As many steps are compared.
const MOST: usize = 1 << 22;

#[derive(Default)]
struct Trace {
    /// A small hash of each step.
    marks: Vec<u32>,
    /// The step that is refused.
    stop: Option<usize>,
    /// How many shapes without order we are in.
    unordered: usize,
}

impl Trace {
    fn mark(&mut self, what: u8, bytes: &[u8]) -> Outcome {
        if self.unordered > 0 {
            return Ok(());
        }
        if self.marks.len() >= self.stop.unwrap_or(MOST) {
            return Err(read_otherwise());
        }
        // FNV-1a.
        let mark = bytes.iter().fold(0x811c_9dc5 ^ u32::from(what), |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        self.marks.push(mark);
        Ok(())
    }
}

fn has_order(shape: &Shape) -> bool {
    !matches!(
        shape,
        Shape::Map { .. }
            | Shape::List {
                is_unordered: true,
                ..
            }
    )
}

impl Tokens for Trace {
    fn word(&mut self, kind: Kind, bits: u64) -> Outcome {
        self.mark(kind as u8, &bits.to_le_bytes())
    }
    fn wide(&mut self, kind: Kind, bits: u128) -> Outcome {
        self.mark(kind as u8, &bits.to_le_bytes())
    }
    fn text(&mut self, text: &str) -> Outcome {
        self.mark(20, text.as_bytes())
    }
    fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.mark(21, bytes)
    }
    fn none(&mut self) -> Outcome {
        self.mark(22, &[])
    }
    fn unit(&mut self) -> Outcome {
        self.mark(23, &[])
    }
    fn unit_struct(&mut self, name: &'static str) -> Outcome {
        self.mark(24, name.as_bytes())
    }
    fn unit_variant(&mut self, variant: Variant) -> Outcome {
        self.mark(25, variant.name.as_bytes())
    }
    fn begin(&mut self, shape: &Shape) -> Outcome {
        let name = match shape {
            Shape::Variant { of, .. } => of.name,
            _ => "",
        };
        self.mark(26, name.as_bytes())?;
        self.unordered += usize::from(!has_order(shape));
        Ok(())
    }
    fn field(&mut self, _name: &'static str) -> Outcome {
        Ok(())
    }
    fn left_out_field(&mut self, name: &'static str) -> Outcome {
        self.mark(27, name.as_bytes())
    }
    fn end(&mut self, shape: &Shape, count: u64) -> Outcome {
        self.unordered -= usize::from(!has_order(shape));
        self.mark(28, &count.to_le_bytes())
    }
}
