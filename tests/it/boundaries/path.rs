//! The paths that stand in the code of one file.

use crate::boundaries::source::Token;

/// A path as it is written: `crate::pairing_page::Slice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
    /// The name that it has from here on, when a `use` gave it one.
    pub imported_as: Option<String>,
}

/// All paths of a file, each part of a `use` for itself.
pub fn all(tokens: &[Token]) -> Vec<Path> {
    let (mut paths, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at].text == "use" && tokens.get(at + 1).is_some_and(|next| next.text != "<") {
            at = import(tokens, at + 1, &[], &mut paths);
            continue;
        }
        let is_start = at == 0 || !matches!(tokens[at - 1].text.as_str(), "::" | ".");
        let (segments, end) = segments(tokens, at);
        if is_start && segments.len() > 1 {
            paths.push(Path { line: tokens[at].line, segments, imported_as: None });
        }
        at = end.max(at + 1);
    }
    paths
}

/// Names with `::` between them, and where they end. A `::` before `{`, `*` or `<` is left standing.
fn segments(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let (mut segments, mut at) = (Vec::new(), start);
    while let Some(token) = tokens.get(at).filter(|token| token.is_name()) {
        segments.push(token.text.clone());
        at += 1;
        let goes_on =
            tokens.get(at).is_some_and(|sign| sign.text == "::") && tokens.get(at + 1).is_some_and(Token::is_name);
        if !goes_on {
            break;
        }
        at += 1;
    }
    (segments, at)
}

/// One tree of a `use`, below what stands before it. Gives where it ends.
fn import(tokens: &[Token], start: usize, above: &[String], paths: &mut Vec<Path>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let (own, mut at) = segments(tokens, start);
    let line = tokens.get(at.saturating_sub(1)).map_or(0, |token| token.line);
    let mut whole = [above, &own].concat();
    at += usize::from(text(at) == "::");
    match text(at) {
        "{" => {
            at += 1;
            while !matches!(text(at), "}" | "") {
                at = import(tokens, at, &whole, paths);
                at += usize::from(text(at) == ",");
            }
            return at + 1;
        }
        "*" => {
            whole.push("*".to_owned());
            at += 1;
        }
        _ => {}
    }
    if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
        whole.pop();
    }
    let mut imported_as = whole.last().cloned();
    if text(at) == "as" {
        imported_as = Some(text(at + 1).to_owned());
        at += 2;
    }
    paths.push(Path { line, segments: whole, imported_as });
    // Whatever this is, it is no `use` that we know: the walk must go on.
    at.max(start + 1)
}
