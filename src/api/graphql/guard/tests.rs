//! PROPTEST_CASES=1000000 cargo test --lib guard: the properties for longer than a test run takes.

use std::convert::Infallible;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Positioned, Value};
use proptest::prelude::*;

use super::*;

fn code(text: &str) -> Option<&'static str> {
    scan(text).err().map(|refusal| refusal.code())
}

/// Every place where a client can put brackets into one another, with so many of them.
pub(in crate::api::graphql) fn nested_forms(levels: usize) -> Vec<String> {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    let object = format!("{}1{}", "{a:".repeat(levels), "}".repeat(levels));
    vec![
        format!("{{version(a:{open}{close})}}"),
        format!("{{version(a:{object})}}"),
        format!("query($a:Int={open}{close}){{version}}"),
        format!("query($a:Int={object}){{version}}"),
        format!("query($a:{open}Int{close}){{version}}"),
        format!("{{version @include(if:{open}{close})}}"),
        format!("query @a(b:{open}{close}){{version}}"),
        format!("{{...@a(b:{object}){{version}}}}"),
        format!("{}a{}", "{a".repeat(levels), "}".repeat(levels)),
        format!("{}a{}", "{...".repeat(levels), "}".repeat(levels)),
        format!("{{a}}fragment F on Query{}a{}", "{a".repeat(levels), "}".repeat(levels)),
        format!("{{version(a:{open}"),
        format!("{{version(a:{}", "({[".repeat(levels)),
        format!("{open}{{version}}"),
    ]
}

#[test]
fn what_is_nested_too_deep_is_refused_wherever_it_stands() {
    for levels in [1_600, 500_000] {
        for text in nested_forms(levels) {
            assert_eq!(code(&text), Some("depth_limit"), "{}", &text[..40]);
        }
    }
    for text in nested_forms(20) {
        assert_eq!(code(&text), None, "{text}");
    }
    let nested = |levels: usize| format!("{{a(b:{}{})}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!((code(&nested(62)), code(&nested(63))), (None, Some("depth_limit")));
    assert_eq!(code(&format!("{{a(b:[{}])}}", "[]".repeat(4_000))), None, "these are beside one another");
}

#[test]
fn brackets_in_strings_and_comments_open_nothing() {
    let open = "[".repeat(100);
    for hidden in [
        format!(r#"{{a(b:"{open}")}}"#),
        format!(r#"{{a(b:"\"{open}\\")}}"#),
        format!(r#"{{a(b:"""{open}""")}}"#),
        format!(r#"{{a(b:"""\"""{open} " "" \ {open}""")}}"#),
        format!("{{a #{open}\n}}"),
        format!("{{a #\"{open}\r}}"),
    ] {
        assert_eq!(code(&hidden), None, "{hidden}");
    }
    for shown in [
        format!(r#"{{a(b:"" c:{open}"#),
        format!(r#"{{a(b:"""""" c:{open}"#),
        format!(r#"{{a(b:"\\" c:{open}"#),
        format!("{{a #\"\n(b:{open}"),
        format!("{{a #\"\"\"\r(b:{open}"),
    ] {
        assert_eq!(code(&shown), Some("depth_limit"), "{shown}");
    }
}

#[test]
fn a_string_without_an_end_is_refused() {
    // The parser takes the first for two empty strings and goes on behind them.
    for open in [
        r#"{a(b:["""" [[[["#,
        r#"{a(b:""""#,
        r#"{a(b:"\"#,
        "{a(b:\"\n\")}",
        "{a(b:\"\r\")}",
        r#"{a(b:"""\""")}"#,
        r#"""#,
    ] {
        assert_eq!(code(open), Some("graphql_invalid"), "{open}");
    }
}

#[test]
fn a_document_is_bounded_in_length_tokens_and_names() {
    let padded = |length: usize| format!("{{a}}{}", " ".repeat(length - 3));
    assert_eq!(
        (code(&padded(DOCUMENT_BYTES_MAX)), code(&padded(DOCUMENT_BYTES_MAX + 1))),
        (None, Some("document_limit"))
    );
    let words = |count: usize| format!("{{{}}}", "a ".repeat(count - 2));
    assert_eq!((code(&words(TOKENS_MAX)), code(&words(TOKENS_MAX + 1))), (None, Some("document_limit")));
    let named = |length: usize| format!("{{{}}}", "a".repeat(length));
    assert_eq!((code(&named(NAME_BYTES_MAX)), code(&named(NAME_BYTES_MAX + 1))), (None, Some("document_limit")));
}

/// Deepest nesting of brackets in what the parser has read.
fn nesting(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter().map(|(_, operation)| {
        let defaults = operation
            .node
            .variable_definitions
            .iter()
            .filter_map(|variable| variable.node.default_value.as_ref().map(|value| 1 + of_value(&value.node)));
        defaults.max().unwrap_or(0).max(of_set(&operation.node.selection_set))
    });
    let fragments = document.fragments.values().map(|fragment| of_set(&fragment.node.selection_set));
    operations.chain(fragments).max().unwrap_or(0)
}

fn of_set(set: &Positioned<SelectionSet>) -> usize {
    let below = set.node.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => {
            let arguments = field.node.arguments.iter().map(|(_, value)| {
                let Ok(value) = value.node.clone().into_const_with(|_| Ok::<_, Infallible>(Value::Null));
                1 + of_value(&value)
            });
            arguments.max().unwrap_or(0).max(of_set(&field.node.selection_set))
        }
        Selection::InlineFragment(fragment) => of_set(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => 0,
    });
    if set.node.items.is_empty() { 0 } else { 1 + below.max().unwrap_or(0) }
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(of_value).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(of_value).max().unwrap_or(0),
        _ => 0,
    }
}

/// Pieces of documents, in any order: most of what comes out is none, some is one.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "\"\"",
        "\"\"\"",
        "\\",
        "\\\"",
        "#",
        "\n",
        "\r",
        " ",
        ",",
        "a",
        "b:",
        "$v",
        "...",
        "on Q",
        "@d",
        "1",
        "-1.5e3",
        "query",
        "fragment F on Q",
        "=",
        ":",
        "!",
        "é",
        "\u{feff}",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// Documents whose values are made of these texts: they can be read more often than not.
fn documents() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec!["a", "[", "]", "{", "}", "\\\"\"\"", "#", "\\n", " ", "\"\" ", "\n"]);
    let texts = prop::collection::vec(text, 0..8).prop_map(|texts| texts.concat());
    let leaf = (texts, 0..4_usize).prop_map(|(text, kind)| match kind {
        // Four quotes begin a block string that has no end; the parser goes back and reads two short strings.
        0 => format!("\"\"\" {text} \"\"\""),
        1 => format!("\"{}\"", text.replace(['"', '\n'], "")),
        2 => format!("1 #{}\n", text.replace('\n', "")),
        _ => "\"\"".to_owned(),
    });
    let value = leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" "))),
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let fields = items.iter().enumerate().map(|(number, item)| format!("f{number}:{item}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    });
    prop::collection::vec(value, 1..4).prop_map(|values| {
        values.iter().fold("a".to_owned(), |inner, value| format!("a(b:{value}){{{inner}}}")).replacen('a', "{a", 1)
            + "}"
    })
}

proptest! {
    #[test]
    fn any_text_is_looked_through_once(text in prop_oneof![any::<String>(), pieces(), documents()]) {
        if let Ok(seen) = scan(&text) {
            prop_assert!(seen.steps <= 3 * text.len() + 3, "{seen:?} for {} bytes", text.len());
        }
    }

    #[test]
    fn the_parser_reads_nothing_deeper_than_was_counted(text in prop_oneof![pieces(), documents()]) {
        if let (Ok(seen), Ok(document)) = (scan(&text), parse_query(&text)) {
            prop_assert!(nesting(&document) <= seen.nesting, "{seen:?}");
        }
    }

    #[test]
    fn a_document_that_can_be_read_is_not_refused(text in documents()) {
        if parse_query(&text).is_ok() {
            prop_assert_eq!(code(&text), None);
        }
    }
}
