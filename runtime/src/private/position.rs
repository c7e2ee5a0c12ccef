//! Places in cells, for `dbg!`: the compiler only knows lines of the crate that is made of them.

/// As std's `dbg!`, but with the place in the cell. The crate that is made for a cell brings it into scope, and says in
/// `crate::__CELLAR_PLACES` where the pieces of cells stand in it.
#[doc(hidden)]
#[macro_export]
#[allow(
    clippy::crate_in_macro_def,
    reason = "the table is that of the crate in which the macro is used"
)]
macro_rules! dbg {
    () => {
        ::std::eprintln!(
            "[{}]",
            $crate::__private::place(
                crate::__CELLAR_PLACES,
                (::core::file!(), ::core::line!(), ::core::column!()),
            )
        )
    };
    ($value:expr $(,)?) => {
        match $value {
            value => {
                ::std::eprintln!(
                    "[{}] {} = {:#?}",
                    $crate::__private::place(
                        crate::__CELLAR_PLACES,
                        (::core::file!(), ::core::line!(), ::core::column!()),
                    ),
                    ::core::stringify!($value),
                    &&value as &dyn ::core::fmt::Debug
                );
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => {
        ($($crate::dbg!($value)),+,)
    };
}

/// A place in a cell, or, where it is in none, the place that the compiler knows: `In[3]:2:1`.
///
/// `places` has a line for each piece: its first and last line in the crate, its first line in the cell, how many characters
/// stand before it there (`-`: columns are not known), and the cell's name.
pub fn place(places: &str, (file, line, column): (&str, u32, u32)) -> String {
    let found = places.lines().find_map(|piece| {
        let mut words = piece.splitn(5, ' ');
        let mut number = || words.next()?.parse::<u32>().ok();
        let (first, last, in_cell) = (number()?, number()?, number()?);
        let (before, name) = (words.next()?, words.next()?);
        if !(first..=last).contains(&line) {
            return None;
        }
        let in_cell = in_cell + (line - first);
        let before = match before {
            "-" => return Some(format!("{name}:{in_cell}")),
            _ if line > first => 0,
            before => before.parse::<u32>().ok()?,
        };
        Some(format!("{name}:{in_cell}:{}", column + before))
    });
    found.unwrap_or_else(|| format!("{file}:{line}:{column}"))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn places_are_those_of_cells() {
        let places = "3 5 1 4 In[2]\n7 7 9 - a cell\n8 8 2 0 In[3]\n";
        let at = |line, column| place(places, ("src/lib.rs", line, column));
        assert_eq!(at(3, 1), "In[2]:1:5");
        assert_eq!(at(5, 3), "In[2]:3:3");
        assert_eq!(at(7, 3), "a cell:9");
        assert_eq!(at(8, 1), "In[3]:2:1");
        assert_eq!(at(6, 2), "src/lib.rs:6:2");
        assert_eq!(place("", ("x.rs", 1, 2)), "x.rs:1:2");
        assert_eq!(place("what is this\n", ("x.rs", 1, 2)), "x.rs:1:2");
    }
}
