//! What a cell may do to a variable that it reads.

/// How a name is used. Both are assumed unless the text shows that they cannot be.
///
/// * `may_move`: the value may be gone afterwards, if its type is not `Copy`.
/// * `may_change`: the value may be another afterwards, if the variable is `mut`. Interior mutability is a matter of the
///   type: see [`super::frozen()`].
///
/// Shared, hence neither: `&x`, `&x.field`, `&x[i]`, `x == y`, and a lone argument of std's formatting and asserting macros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    pub may_move: bool,
    pub may_change: bool,
}

impl Access {
    pub const SHARED: Access = Access {
        may_move: false,
        may_change: false,
    };
    /// `let y = x`: gone or copied, but not changed in place.
    pub const VALUE: Access = Access {
        may_move: true,
        may_change: false,
    };
    /// `x = 1`, `&mut x`.
    pub const CHANGED: Access = Access {
        may_move: false,
        may_change: true,
    };
    pub const ANY: Access = Access {
        may_move: true,
        may_change: true,
    };

    pub fn merge(&mut self, other: Access) {
        self.may_move |= other.may_move;
        self.may_change |= other.may_change;
    }
}
