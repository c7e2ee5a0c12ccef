//! Random cells that compile: every value is an `i64`, and the names that are bound are those that are read.

/// A source of cells, the same for the same seed.
pub struct Generator {
    state: u64,
    fresh: usize,
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Generator {
    pub fn new(seed: u64) -> Generator {
        Generator {
            state: seed,
            fresh: 0,
        }
    }

    /// One to four statements and a last expression.
    pub fn cell(&mut self) -> String {
        let statements = 1 + self.below(3);
        self.block(statements, 3)
    }

    /// A number below `limit` (splitmix64).
    pub fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    fn two_names(&mut self) -> (&'static str, &'static str) {
        let first = self.below(NAMES.len());
        let second = (first + 1 + self.below(NAMES.len() - 1)) % NAMES.len();
        (NAMES[first], NAMES[second])
    }

    fn block(&mut self, statements: usize, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..statements {
            text += &self.statement(depth);
            text += " ";
        }
        text + &self.value(depth)
    }

    fn statement(&mut self, depth: usize) -> String {
        let value = self.value(depth);
        let other = self.value(depth.saturating_sub(1));
        let name = self.name();
        let (one, two) = self.two_names();
        let plain = self.plain();
        match self.below(16) {
            0 | 1 => format!("let mut {name} = {value};"),
            2 => format!("let (mut {one}, mut {two}) = ({value}, {other});"),
            3 => format!(
                "let Some(mut {name}) = Some({value}) else {{ panic!(\"{{{one}}} {{}}\", {plain}) }};"
            ),
            4 => format!("let P {{ x: mut {name}, .. }} = P {{ x: {value}, y: String::new() }};"),
            5 => format!("for mut {name} in [{value}, {other}] {{ {one} = {name}; }}"),
            6 => format!("while let Some(mut {name}) = None::<i64>.or(Some({value})) {{ {other}; break; }}"),
            7 => format!("#[cfg(any())] let {name} = {value};"),
            8 => format!("let _ = |mut {name}: i64| {{ {value} }};"),
            9 => format!("{{ let x = {value}; let y = String::new(); P {{ x, y }}; }}"),
            10 => format!(
                "if let Some(mut {one}) = Some({value}) && {one} > {two} {{ {other}; }} else {{ {one}; }}"
            ),
            11 => {
                self.fresh += 1;
                let inner = format!("inner{}", self.fresh);
                format!(
                    "{{ macro_rules! {inner} {{ ($x:expr) => {{ $x.wrapping_add({name}) }} }} {inner}!({value}); }}"
                )
            }
            12 => format!("let [mut {one}, ref mut z, ..] = [{value}, {other}, 0]; *z = {two};"),
            13 => format!("({one}, {two}) = ({value}, {other});"),
            14 => format!("println!(\"{{{one}}} {{{two}:?}} {{}}\", {plain});"),
            _ => format!("{name} = {value};"),
        }
    }

    /// A value that changes nothing: what borrows the other operands would not let it.
    fn plain(&mut self) -> String {
        let (one, two) = self.two_names();
        match self.below(3) {
            0 => one.to_owned(),
            1 => format!("{one}.wrapping_mul({two})"),
            _ => format!("&{one}"),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.below(4) {
                0 => format!("{}i64", self.below(9)),
                _ => self.name().to_owned(),
            };
        }
        let deeper = depth - 1;
        let (left, right) = (self.value(deeper), self.value(deeper));
        let name = self.name();
        let (one, two) = self.two_names();
        let plain = self.plain();
        match self.below(18) {
            0 => format!("({left}).wrapping_mul({right})"),
            1 => {
                let statements = self.below(2);
                format!("{{ {} }}", self.block(statements, deeper))
            }
            2 => format!("if greater({left}, {right}) {{ {one} }} else {{ {two} }}"),
            3 => format!("if let Some(mut {name}) = Some({left}) {{ {right} }} else {{ {name} }}"),
            4 => format!(
                "match copy({left}) {{ LIMIT => {one}, mut {name} if {name} > {two} => {name}, _ => {right} }}"
            ),
            5 => format!(
                "match ({left}, {one}) {{ (0, mut {name}) | (mut {name}, 0) => {right}, _ => {name} }}"
            ),
            6 => format!("{{ let value = {left}; (|mut {name}: i64| {right})(value) }}"),
            7 => format!(
                "{{ let pair = ({left}, {name}); (|(mut {one}, mut {two}): (i64, i64)| {right})(pair) }}"
            ),
            8 => format!("vec![{left}, {right}][0]"),
            9 => format!("format!(\"{{{name}:?}} {{}}\", {plain}).len() as i64"),
            10 => format!("twice!({left})"),
            11 => format!("name_it!({name}, {left}, {right})"),
            12 => format!("show!(\"{{{name}}}\")"),
            13 => format!("P {{ x: {left}, ..P::default() }}.x"),
            14 => format!("[{left}, {right}].iter().map(|&{name}| {name} + {one}).sum::<i64>()"),
            15 => format!("{{ {{ let {name} = &mut {one}; *{name} += 1; }} {left} }}"),
            16 => format!("loop {{ break {left} }}"),
            _ => format!("*&{name}"),
        }
    }
}
