//! The first look at a document: one pass over its text, before anything parses it.
//!
//! The framework's parser walks nested values by recursion without an end, so what is nested too deep must never reach
//! it. This pass reads the text as the parser's lexer does and never calls itself; whatever it takes, the parser reads
//! with no deeper nesting than was counted here.

use crate::api::graphql::limit::Refusal;

/// Longest document, bytes. A client's largest are a tenth of it.
pub(super) const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Most words, numbers, strings and marks of a document. Each becomes a few hundred bytes when it is parsed.
pub(super) const TOKENS_MAX: usize = 10_000;
/// Deepest nesting of brackets, of whatever kind. The parser's own limit for selections.
const NESTING_MAX: usize = 64;
/// Longest name, bytes. Failures repeat names.
const NAME_BYTES_MAX: usize = 255;

/// What one document's text is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Words, numbers, strings and marks.
    pub(super) tokens: usize,
    /// Deepest nesting of brackets.
    pub(super) nesting: usize,
    /// Looks at the text, each at another place: what the pass has cost.
    #[cfg(test)]
    pub(super) steps: usize,
}

/// Looks through a document.
///
/// # Errors
/// The limit that it breaks, or `graphql_invalid` when a string has no end: behind one the parser starts anew in its
/// middle, and would read what was not looked at here.
pub(super) fn scan(text: &str) -> Result<Scan, Refusal> {
    let (mut lexer, mut seen, mut depth) = (Lexer::new(text), Scan::default(), 0_usize);
    while let Some(token) = lexer.next_token()? {
        seen.tokens += 1;
        if lexer.at > DOCUMENT_BYTES_MAX {
            break;
        }
        if seen.tokens > TOKENS_MAX {
            return Err(Refusal::document(format!("The document has more than {TOKENS_MAX} tokens.")));
        }
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Other => {}
        }
        seen.nesting = seen.nesting.max(depth);
        if depth > NESTING_MAX {
            return Err(Refusal::depth(format!("The document has more than {NESTING_MAX} brackets in one another.")));
        }
    }
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Refusal::document(format!("The document is longer than {DOCUMENT_BYTES_MAX} bytes.")));
    }
    #[cfg(test)]
    {
        seen.steps = lexer.steps;
    }
    Ok(seen)
}

/// What the lexer tells apart.
enum Token {
    Open,
    Close,
    Other,
}

/// Where the pass is. `at` only grows.
struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    #[cfg(test)]
    steps: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// The next byte. Every loop below asks for it and then moves on.
    fn peek(&mut self) -> Option<u8> {
        #[cfg(test)]
        {
            self.steps += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn is_at(&self, text: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    fn next_token(&mut self) -> Result<Option<Token>, Refusal> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b',' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => self.skip(|byte| !matches!(byte, b'\r' | b'\n')),
                b'{' | b'[' | b'(' => return Ok(Some(self.mark(Token::Open))),
                b'}' | b']' | b')' => return Ok(Some(self.mark(Token::Close))),
                b'"' => return self.string().map(Some),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => return self.name().map(Some),
                b'-' | b'0'..=b'9' => {
                    self.at += 1;
                    self.skip(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
                    return Ok(Some(Token::Other));
                }
                // The parser says what belongs here and what does not; neither opens anything.
                _ => return Ok(Some(self.mark(Token::Other))),
            }
        }
        Ok(None)
    }

    fn mark(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
    }

    fn name(&mut self) -> Result<Token, Refusal> {
        let begin = self.at;
        self.skip(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        if self.at - begin > NAME_BYTES_MAX {
            return Err(Refusal::document(format!("The document has a name longer than {NAME_BYTES_MAX} bytes.")));
        }
        Ok(Token::Other)
    }

    fn string(&mut self) -> Result<Token, Refusal> {
        let is_closed = if self.is_at(b"\"\"\"") { self.block_string() } else { self.line_string() };
        if is_closed { Ok(Token::Other) } else { Err(Refusal::invalid("The document has a string without an end.")) }
    }

    /// Whether it ends. Nothing is escaped in it but its own end.
    fn block_string(&mut self) -> bool {
        self.at += 3;
        while self.peek().is_some() {
            if self.is_at(b"\"\"\"") {
                self.at += 3;
                return true;
            }
            self.at += if self.is_at(b"\\\"\"\"") { 4 } else { 1 };
        }
        false
    }

    /// Whether it ends on its line.
    fn line_string(&mut self) -> bool {
        self.at += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    return true;
                }
                b'\r' | b'\n' => return false,
                // A bracket cannot be escaped, so that what follows a wrong escape does not matter.
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        false
    }
}

#[cfg(test)]
pub(super) mod tests;
