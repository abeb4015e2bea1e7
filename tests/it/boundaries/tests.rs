//! The checks themselves, on small inputs: that each of them can fail, and at what.

use super::circles;
use super::imports::{Crate, Import};
use super::path;
use super::rooms::{Rooms, Table};
use super::source;

fn read(files: &[(&str, &str)]) -> Crate {
    Crate::read(files.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())))
}

/// What is used, as `file:line file item`.
fn used(files: &[(&str, &str)]) -> Vec<String> {
    let imports = read(files).imports();
    imports.iter().map(|Import { from, line, what, to }| format!("{from}:{line} {to} {what}")).collect()
}

fn differences(table: Table<'_>, files: &[(&str, &str)]) -> Vec<String> {
    let files = read(files);
    table.differences(files.places(), &files.imports())
}

#[test]
fn what_is_no_code_is_not_read() {
    let text = r##"
        // use crate::a::A;
        /* use crate::a::A; /* nested */ use crate::a::A; */
        const TEXT: &str = "crate::a::A \" crate::a::A";
        const RAW: &str = r#"crate::a::A " crate::a::A"#;
        const MARK: [char; 3] = ['"', '\'', '\u{22}'];
        fn lives<'a>(it: &'a crate::b::B) {}
    "##;
    assert_eq!(used(&[("a.rs", ""), ("b.rs", ""), ("c.rs", text)]), ["c.rs:7 b.rs b::B"]);
}

#[test]
fn what_is_for_tests_only_does_not_count() {
    let text = "
        #[cfg(test)]
        use crate::{a::A, a::B};
        #[cfg(test)]
        mod tests {
            use crate::a::A;
        }
        struct Both {
            #[cfg(test)]
            one: crate::a::A,
            other: crate::b::B,
        }
        #[cfg(test)]
        #[path = \"checks.rs\"]
        mod checks;
        #[cfg(test)]
        const ONE: crate::a::A = crate::a::A { size: 1 };
        use crate::b::C;
    ";
    let files = [
        ("a.rs", ""),
        ("b.rs", ""),
        ("c.rs", text),
        ("c/checks.rs", "use crate::a::A;"),
        ("c/checks/more.rs", "use crate::a::A;"),
    ];
    assert_eq!(used(&files), ["c.rs:11 b.rs b::B", "c.rs:18 b.rs b::C"]);
    assert_eq!(source::read(text).test_modules, ["checks"]);
}

#[test]
fn each_part_of_a_use_is_a_path_of_its_own() {
    let source = source::read("use crate::a::{self, B, c::{D as E, *}};\nuse f::G;");
    let paths: Vec<_> = path::all(&source.tokens)
        .into_iter()
        .map(|path| (path.segments.join("::"), path.imported_as.unwrap_or_default(), path.line))
        .collect();
    let expected = [
        ("crate::a", "a", 1),
        ("crate::a::B", "B", 1),
        ("crate::a::c::D", "E", 1),
        ("crate::a::c::*", "*", 1),
        ("f::G", "G", 2),
    ];
    assert_eq!(paths, expected.map(|(path, name, line)| (path.to_owned(), name.to_owned(), line)));
}

#[test]
fn a_path_leads_to_the_file_of_what_it_names() {
    let files = [
        ("lib.rs", "pub mod a; pub mod b;"),
        ("main.rs", "fn main() { waypost::a::run() }"),
        ("a/mod.rs", "mod one; mod two; fn f() { one::go(); other::go() }"),
        ("a/one.rs", "use super::two::Two; fn f() { let _ = super::A; self::local(); Self::own() }"),
        ("a/two.rs", "use crate::b::{self, deep as low}; fn f() { b::run(); low::run(); b::deep::walk() }"),
        ("b/mod.rs", ""),
        ("b/deep.rs", "use std::fmt; pub(in crate::b) fn f() -> fmt::Result {}"),
    ];
    let expected = [
        "a/mod.rs:1 a/one.rs a::one::go",
        "a/one.rs:1 a/mod.rs a::A",
        "a/one.rs:1 a/two.rs a::two::Two",
        "a/two.rs:1 b/deep.rs b::deep::run",
        "a/two.rs:1 b/deep.rs b::deep::walk",
        "a/two.rs:1 b/mod.rs b::run",
        "main.rs:1 a/mod.rs a::run",
    ];
    assert_eq!(used(&files), expected);
}

#[test]
fn a_room_that_uses_what_the_table_does_not_let_it_use_is_told_with_file_and_line() {
    let rooms: Rooms<'_> = &[("error", &[]), ("event", &[]), ("session", &["event"]), ("webhook", &["event"])];
    let table = Table { rooms, for_all: &["error"] };
    let event = ("event.rs", "use crate::error::Error;");
    let session = ("session/mod.rs", "use crate::event::Event;");
    let webhook = ("webhook/store.rs", "use crate::event::Event;\n\nuse crate::session::Session;");
    let error = ("error.rs", "");
    let told = ["webhook/store.rs:3: `webhook` may not use `session` (session::Session)"];
    assert_eq!(differences(table, &[error, event, session, webhook]), told);
    let up = ("error.rs", "fn f() { crate::event::say() }");
    let told = ["error.rs:1: `error` may not use `event` (event::say)", told[0]];
    assert_eq!(differences(table, &[up, event, session, webhook]), told);
}

#[test]
fn a_table_that_says_too_much_or_too_little_is_told() {
    let files = [("a.rs", ""), ("b.rs", "use crate::a::A;"), ("c.rs", "")];
    let exact: Rooms<'_> = &[("a", &[]), ("b", &["a"]), ("c", &[])];
    assert_eq!(differences(Table { rooms: exact, for_all: &[] }, &files), Vec::<String>::new());
    let cases: [(Rooms<'_>, &[&str], &str); 6] = [
        (&[("a", &[]), ("b", &["a"])], &[], "the table has no room `c`"),
        (&[("a", &[]), ("b", &["a"]), ("c", &[]), ("d", &[])], &[], "the table has a room `d`, and there is none"),
        (&[("a", &[]), ("b", &["a"]), ("c", &["a"])], &[], "the table lets `c` use `a`, and it does not"),
        (&[("b", &["a"]), ("a", &[]), ("c", &[])], &[], "the table lets `b` use `a`, which does not stand before it"),
        (&[("a", &[]), ("b", &["a"]), ("c", &[])], &["a"], "the table lets `b` use `a`, which all may"),
        (&[("a", &[]), ("b", &["a"]), ("c", &[]), ("c", &[])], &[], "the table has the room `c` twice"),
    ];
    for (rooms, for_all, told) in cases {
        assert_eq!(differences(Table { rooms, for_all }, &files), [told]);
    }
}

#[test]
fn files_that_use_each_other_are_told_with_each_step() {
    let circles = |files: &[(&str, &str)]| circles::all(&read(files).imports());
    let (a, b) = (("x/a.rs", "use crate::x::b::B;"), ("x/b.rs", "\nuse crate::x::c::C;"));
    assert_eq!(circles(&[a, b, ("x/c.rs", "")]), Vec::<String>::new());
    let told = ["a circle: x/a.rs:1 uses x::b::B, x/b.rs:2 uses x::c::C, x/c.rs:1 uses x::a::A"];
    assert_eq!(circles(&[a, b, ("x/c.rs", "use crate::x::a::A;")]), told, "once, and not once for each file");
}

#[test]
fn the_head_of_a_folder_is_a_file_like_any_other() {
    for head in ["x.rs", "x/mod.rs"] {
        let files = [(head, "mod a; use self::a::A;"), ("x/a.rs", "use super::X;"), ("y.rs", "use crate::x::X;")];
        assert_eq!(circles::all(&read(&files).imports()).len(), 1, "{head}");
    }
}

#[test]
fn uses_of_another_crate_are_found_by_its_name() {
    let files = read(&[("a.rs", "use entity::{delivery, ids::WebhookId};\nfn f() { entity::lane::Entity }")]);
    let uses: Vec<_> = files.uses_of("entity").collect();
    let expected = [(1, "delivery"), (1, "ids::WebhookId"), (2, "lane::Entity")];
    assert_eq!(uses, expected.map(|(line, name)| ("a.rs", line, name.to_owned())));
}
