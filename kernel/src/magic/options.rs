//! The text of a directive's options: `(ttl = "1h", files = ["a", "b"])` or `ttl=1h files=a`.

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// A word, a number or a quoted string, without the quotes.
    One(String),
    /// `[a, b]`.
    Many(Vec<String>),
}

/// One option as it was written. Positions are bytes of the text that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub name: String,
    pub at: usize,
    pub value: Raw,
    pub value_at: usize,
    pub end: usize,
}

/// What is wrong, and where (a byte of the text).
pub(super) type Wrong = (String, usize);

/// Reads the options that follow a directive's name.
pub(super) fn read(text: &str) -> Result<Vec<Written>, Wrong> {
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let parenthesis = reader.take('(');
    let mut options = Vec::new();
    loop {
        reader.blanks();
        if parenthesis && reader.take(')') {
            reader.blanks();
            return match reader.peek() {
                None => Ok(options),
                Some(_) => Err(("nothing may follow the closing `)`".to_owned(), reader.at)),
            };
        }
        let at = reader.at;
        let name = reader.word(|c| c == '_' || c == '-' || c.is_alphanumeric());
        if name.is_empty() {
            return match reader.peek() {
                None if parenthesis => Err(("the closing `)` is missing".to_owned(), reader.at)),
                None => Ok(options),
                Some(c) => Err((format!("expected an option's name, found `{c}`"), reader.at)),
            };
        }
        reader.blanks();
        if !reader.take('=') {
            return Err((format!("`{name}` needs a value: `{name} = …`"), at));
        }
        reader.blanks();
        let value_at = reader.at;
        let value = reader.value(&name)?;
        let end = reader.at;
        options.push(Written {
            name,
            at,
            value,
            value_at,
            end,
        });
        let blank = reader.blanks();
        if !reader.take(',') && !blank && reader.peek().is_some_and(|c| c != ')') {
            return Err(("expected `,` or a blank between options".to_owned(), reader.at));
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn blanks(&mut self) -> bool {
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
        }
        self.at > start
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| belongs(*c)) {
            self.at += c.len_utf8();
        }
        self.text[start..self.at].to_owned()
    }

    fn value(&mut self, name: &str) -> Result<Raw, Wrong> {
        if !self.take('[') {
            return self.one(name).map(Raw::One);
        }
        let mut values = Vec::new();
        loop {
            self.blanks();
            if self.take(']') {
                return Ok(Raw::Many(values));
            }
            if self.peek().is_none() {
                return Err(("the closing `]` is missing".to_owned(), self.at));
            }
            values.push(self.one(name)?);
            self.blanks();
            self.take(',');
        }
    }

    fn one(&mut self, name: &str) -> Result<String, Wrong> {
        let start = self.at;
        if !self.take('"') {
            let word = self.word(|c| !c.is_whitespace() && !",()[]\"=".contains(c));
            return match word.is_empty() {
                true => Err((format!("`{name}` needs a value: `{name} = …`"), start)),
                false => Ok(word),
            };
        }
        let mut value = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(value),
                '\\' => {
                    if let Some(escaped) = self.peek() {
                        self.at += escaped.len_utf8();
                        value.push(match escaped {
                            'n' => '\n',
                            't' => '\t',
                            other => other,
                        });
                    }
                }
                c => value.push(c),
            }
        }
        Err(("the closing `\"` is missing".to_owned(), start))
    }
}
