//! The words of one source file without its comments, texts and tests. Not a parser: enough to read paths by.

use std::iter::Peekable;
use std::str::Chars;

/// A word of the code or one of its signs, and the line on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    /// A name, `::`, or one other character. What stands between quotes is `"`.
    pub text: String,
}

impl Token {
    pub fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The code of a file, and the modules that it declares for its tests only.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub tokens: Vec<Token>,
    pub test_modules: Vec<String>,
}

pub fn read(text: &str) -> Source {
    without_tests(tokens(text))
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.take();
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match (self.take(), self.peek()) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => continue,
            }
            self.take();
        }
    }

    fn skip_text(&mut self) {
        loop {
            match self.take() {
                Some('\\') => {
                    self.take();
                }
                Some('"') | None => return,
                Some(_) => {}
            }
        }
    }

    /// Behind `r`: as many `#` as there are, then everything to the quote with as many.
    fn skip_raw_text(&mut self) {
        let mut hashes = 0;
        while self.peek() == Some('#') {
            self.take();
            hashes += 1;
        }
        if self.peek() != Some('"') {
            return;
        }
        self.take();
        let mut seen = None;
        while seen != Some(hashes) {
            seen = match (self.take(), seen) {
                (Some('"'), _) => Some(0),
                (Some('#'), Some(seen)) => Some(seen + 1),
                (Some(_), _) => None,
                (None, _) => return,
            };
        }
    }

    /// Behind `'`: a character, or nothing at all for a lifetime.
    fn skip_character(&mut self) {
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), _) => {
                self.take();
                self.take();
                while self.take().is_some_and(|c| c != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.take();
                self.take();
            }
            _ => {}
        }
    }

    fn name(&mut self, first: char) -> String {
        let mut name = String::from(first);
        while let Some(c) = self.peek().filter(|c| c.is_alphanumeric() || *c == '_') {
            name.push(c);
            self.take();
        }
        name
    }

    /// What begins with this character; None for what is no code.
    fn token(&mut self, first: char) -> Option<String> {
        match (first, self.peek()) {
            ('/', Some('/')) => self.skip_line(),
            ('/', Some('*')) => {
                self.take();
                self.skip_block_comment();
            }
            ('"', _) => {
                self.skip_text();
                return Some("\"".to_owned());
            }
            ('\'', _) => self.skip_character(),
            (':', Some(':')) => {
                self.take();
                return Some("::".to_owned());
            }
            _ if first.is_alphabetic() || first == '_' => return Some(self.word(first)),
            _ if !first.is_whitespace() => return Some(first.to_string()),
            _ => {}
        }
        None
    }

    fn word(&mut self, first: char) -> String {
        let name = self.name(first);
        if matches!(name.as_str(), "r" | "br" | "cr") && matches!(self.peek(), Some('"' | '#')) {
            self.skip_raw_text();
            return "\"".to_owned();
        }
        name
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { rest: text.chars().peekable(), line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = reader.take() {
        let line = reader.line;
        if let Some(text) = reader.token(first) {
            tokens.push(Token { line, text });
        }
    }
    tokens
}

fn without_tests(tokens: Vec<Token>) -> Source {
    let (mut code, mut test_modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        if !begins(&tokens[at..], &["#", "[", "cfg", "(", "test", ")", "]"]) {
            code.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let item = at + 7;
        let end = item + length_of_item(&tokens[item..]);
        let declared = tokens[item..end].windows(3).find(|three| three[0].text == "mod" && three[2].text == ";");
        test_modules.extend(declared.map(|three| three[1].text.clone()));
        at = end;
    }
    Source { tokens: code, test_modules }
}

fn begins(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.text == *word)
}

/// With what an item ends, as far as that is known by its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its block, or a semicolon where it has none.
    Block,
    Semicolon,
    /// As fields do.
    Comma,
}

/// How many tokens an item has, with the attributes before it.
fn length_of_item(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    let mut end = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "use" | "const" | "static" | "let" | "type" if depth == 0 => end = end.or(Some(End::Semicolon)),
            // `const fn` as well.
            "fn" if depth == 0 => end = Some(End::Block),
            "mod" | "impl" | "struct" | "enum" | "trait" if depth == 0 => end = end.or(Some(End::Block)),
            ":" if depth == 0 => end = end.or(Some(End::Comma)),
            "(" | "[" | "{" => depth += 1,
            // The end of whatever the item stands in: nothing follows it.
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && matches!(end, None | Some(End::Block)) {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 && end == Some(End::Comma) => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}
