//! Text as it comes from a stream, made into characters, and evcxr's convention for rich output and
//! input found in it:
//!
//! ```text
//! EVCXR_BEGIN_CONTENT <MIME type>
//! …
//! EVCXR_END_CONTENT
//! EVCXR_INPUT_REQUEST:<prompt>
//! EVCXR_INPUT_REQUEST_PASSWORD:<prompt>
//! ```
//!
//! A block may begin anywhere in a line, as `print!` may have left one unfinished. Only what might
//! become a marker is held back. Everything else that begins with `EVCXR_` is the user's own text.

/// Bytes to characters, for bytes that come in pieces.
#[derive(Default)]
pub struct Decoder {
    /// The beginning of a character whose end has not come.
    begun: Vec<u8>,
}

impl Decoder {
    /// The characters that are whole by now; what can be none becomes U+FFFD.
    pub fn decode(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut rest = bytes;
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.begun);
            rest = &joined;
        }
        let mut text = String::with_capacity(rest.len());
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(length) = error.error_len() else {
                        self.begun = after.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[length..];
                }
            }
        }
    }

    /// No more will come: a begun character becomes U+FFFD.
    pub fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.begun).is_empty() {
            ""
        } else {
            "\u{fffd}"
        }
    }
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// A block, without the line end before its end marker.
    Content {
        mime: String,
        content: String,
    },
    /// The next request for input shall use this.
    Prompt {
        prompt: String,
        password: bool,
    },
}

const ANY: &str = "EVCXR_";
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
pub(super) const INPUT: &str = "EVCXR_INPUT_REQUEST:";
pub(super) const PASSWORD: &str = "EVCXR_INPUT_REQUEST_PASSWORD:";
const END: &str = "\nEVCXR_END_CONTENT\n";
/// A longer line is no marker.
const LONGEST_MARKER: usize = 4096;

/// Cuts text into [`Piece`]s.
#[derive(Default)]
pub struct Scanner {
    /// What may become a marker.
    held: String,
    block: Option<Block>,
}

struct Block {
    /// The rest of the line that began it.
    header: String,
    /// A line end and the content so far.
    content: String,
    /// No end marker begins before this.
    searched: usize,
}

impl Scanner {
    /// Adds text; gives the pieces that are known by now.
    pub fn add(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        let mut joined = std::mem::take(&mut self.held);
        let mut rest = text;
        if !joined.is_empty() {
            joined.push_str(text);
            rest = &joined;
        }
        while !rest.is_empty() {
            rest = match &mut self.block {
                Some(_) => self.inside(rest, pieces),
                None => self.outside(rest, pieces),
            };
        }
    }

    fn inside<'a>(&mut self, text: &'a str, pieces: &mut Vec<Piece>) -> &'a str {
        let Some(block) = &mut self.block else { return text };
        let before = block.content.len();
        block.content.push_str(text);
        let Some(found) = block.content[block.searched..].find(END) else {
            let searched = block.content.len().saturating_sub(END.len());
            block.searched = (0..=searched)
                .rev()
                .find(|&at| block.content.is_char_boundary(at))
                .unwrap_or(0);
            return "";
        };
        let end = block.searched + found;
        let used = end + END.len() - before;
        pieces.push(content(&block.header, &block.content[..end]));
        self.block = None;
        &text[used..]
    }

    fn outside<'a>(&mut self, text: &'a str, pieces: &mut Vec<Piece>) -> &'a str {
        let Some(start) = text.find(ANY) else {
            let held = (1..ANY.len())
                .rev()
                .find(|&n| text.ends_with(&ANY[..n]))
                .unwrap_or(0);
            let (known, undecided) = text.split_at(text.len() - held);
            push_text(pieces, known);
            self.held = undecided.to_owned();
            return "";
        };
        let (before, marker) = text.split_at(start);
        push_text(pieces, before);
        let known = [BEGIN, PASSWORD, INPUT]
            .into_iter()
            .find(|known| marker.starts_with(known));
        let Some(known) = known else {
            if [BEGIN, PASSWORD, INPUT]
                .iter()
                .any(|known| known.starts_with(marker))
            {
                self.held = marker.to_owned();
                return "";
            }
            push_text(pieces, ANY);
            return &marker[ANY.len()..];
        };
        let Some(end) = marker.find('\n') else {
            if marker.len() < LONGEST_MARKER {
                self.held = marker.to_owned();
                return "";
            }
            push_text(pieces, ANY);
            return &marker[ANY.len()..];
        };
        let argument = marker[known.len()..end].trim_end_matches('\r');
        if known == BEGIN {
            let header = argument.to_owned();
            self.block = Some(Block {
                header,
                content: "\n".into(),
                searched: 0,
            });
        } else {
            pieces.push(Piece::Prompt {
                prompt: argument.to_owned(),
                password: known == PASSWORD,
            });
        }
        &marker[end + 1..]
    }

    /// Whether something is held back that [`Scanner::release`] would give.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives what is held back: its end did not come in time.
    pub fn release(&mut self, pieces: &mut Vec<Piece>) {
        push_text(pieces, &std::mem::take(&mut self.held));
    }

    /// No more will come. A block without its end is shown as the text that it is.
    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        self.release(pieces);
        if let Some(block) = self.block.take() {
            match block.content.strip_suffix(END.trim_end()) {
                Some(whole) => pieces.push(content(&block.header, whole)),
                None => push_text(pieces, &format!("{BEGIN}{}{}", block.header, block.content)),
            }
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// The piece for a block; `body` begins with the line end of its first line.
fn content(header: &str, body: &str) -> Piece {
    let content = body.strip_prefix('\n').unwrap_or(body).to_owned();
    Piece::Content {
        mime: mime_type(header),
        content,
    }
}

/// The MIME type as Jupyter wants it: without `charset`, which is always UTF-8 here, and without
/// blanks; other parameters belong to the type (`text/markdown; variant=GFM`).
fn mime_type(header: &str) -> String {
    let mut parts = header.split(';').map(str::trim).filter(|part| !part.is_empty());
    let mut mime = parts.next().unwrap_or("text/plain").to_owned();
    for part in parts.filter(|part| !part.to_ascii_lowercase().starts_with("charset")) {
        mime.push_str("; ");
        mime.push_str(part);
    }
    mime
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of `text`, however it is cut in two.
    fn pieces(text: &str) -> Vec<Piece> {
        let whole = pieces_of(&[text]);
        for cut in (0..text.len()).filter(|&at| text.is_char_boundary(at)) {
            assert_eq!(pieces_of(&[&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
        whole
    }

    fn pieces_of(parts: &[&str]) -> Vec<Piece> {
        let (mut scanner, mut pieces) = (Scanner::default(), Vec::new());
        for part in parts {
            scanner.add(part, &mut pieces);
        }
        scanner.finish(&mut pieces);
        pieces
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn block(mime: &str, content: &str) -> Piece {
        Piece::Content {
            mime: mime.into(),
            content: content.into(),
        }
    }

    #[test]
    fn text_before_and_after_a_block_is_kept() {
        assert_eq!(
            pieces("prefix EVCXR_BEGIN_CONTENT text/html\n<b>\n\nü</b>\nEVCXR_END_CONTENT\nafter"),
            [text("prefix "), block("text/html", "<b>\n\nü</b>"), text("after")]
        );
    }

    #[test]
    fn blocks_may_be_empty_and_follow_one_another() {
        assert_eq!(
            pieces(
                "EVCXR_BEGIN_CONTENT text/plain\nEVCXR_END_CONTENT\n\
                 EVCXR_BEGIN_CONTENT text/html; charset=utf-8\nx\nEVCXR_END_CONTENT\n"
            ),
            [block("text/plain", ""), block("text/html", "x")]
        );
    }

    #[test]
    fn other_markers_are_text() {
        let other = "EVCXR_PANIC_NOTIFICATION\nEVCXR_EVCXR_BEGIN\nxEVCXR_BEGIN_CONTENTS\nEVC";
        assert_eq!(pieces(other), [text(other)]);
    }

    #[test]
    fn prompts_are_swallowed_with_their_line() {
        assert_eq!(
            pieces("a\nEVCXR_INPUT_REQUEST:Your name: \nEVCXR_INPUT_REQUEST_PASSWORD:Secret\nb"),
            [
                text("a\n"),
                Piece::Prompt {
                    prompt: "Your name: ".into(),
                    password: false
                },
                Piece::Prompt {
                    prompt: "Secret".into(),
                    password: true
                },
                text("b"),
            ]
        );
    }

    #[test]
    fn a_block_that_never_ends_is_text() {
        let open = "EVCXR_BEGIN_CONTENT text/html\n<b>\n";
        assert_eq!(pieces(open), [text(open)]);
        assert_eq!(
            pieces("EVCXR_BEGIN_CONTENT text/html\n<b>\nEVCXR_END_CONTENT"),
            [block("text/html", "<b>")]
        );
    }

    #[test]
    fn only_a_possible_marker_is_held_back() {
        let (mut scanner, mut pieces) = (Scanner::default(), Vec::new());
        scanner.add("10%\rE", &mut pieces);
        assert_eq!(pieces, [text("10%\r")]);
        assert!(scanner.holds());
        scanner.release(&mut pieces);
        assert_eq!(pieces, [text("10%\rE")]);
    }

    #[test]
    fn mime_types_keep_what_makes_sense() {
        assert_eq!(mime_type("text/html; charset=utf-8"), "text/html");
        assert_eq!(
            mime_type("text/markdown; variant=GFM;charset=x "),
            "text/markdown; variant=GFM"
        );
        assert_eq!(mime_type(" "), "text/plain");
    }

    #[test]
    fn characters_stay_whole_and_other_bytes_are_replaced() {
        let mut decoder = Decoder::default();
        let bytes = "aü€😀".as_bytes();
        let text: String = bytes.iter().map(|byte| decoder.decode(&[*byte])).collect();
        assert_eq!(text, "aü€😀");
        assert_eq!(decoder.decode(b"\xff\xfeok\xe2\x82"), "\u{fffd}\u{fffd}ok");
        assert_eq!(decoder.decode(b"x"), "\u{fffd}x");
        decoder.decode(b"\xe2");
        assert_eq!(decoder.finish(), "\u{fffd}");
        assert_eq!(decoder.finish(), "");
    }
}
