//! Documents as attackers write them: long, nested, repeated, multiplied, broken off, and most of them read to the end.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::api::graphql::guard;

/// Longest document that the guard lets through, bytes.
const LENGTH_MAX: usize = guard::DOCUMENT_BYTES_MAX;
/// Stands for a number in what is written many times: the same in all of them, or each time another one.
const NUMBER: char = '§';

/// Where things stand beside one another: what is before them, the things, and what is behind them.
type Place = (&'static str, &'static [&'static str], &'static str);

const PLACES: &[Place] = &[
    ("{me{", SELECTIONS, "}} fragment F0 on Me{name scopes keyId}"),
    ("{", SELECTIONS, "} fragment F0 on Query{me{name}}"),
    ("subscription{", SELECTIONS, "}"),
    ("{__schema{types{", &["name ", "kind ", "fields{name} ", "interfaces{name} "], "}}}"),
    ("{version(a:[", VALUES, "])}"),
    ("query($v:[Int]=[", VALUES, "]){version}"),
    ("{version @include(if:[", VALUES, "])}"),
    ("{events(filter:{types:[", VALUES, "]}){nextCursor}}"),
    ("{version(", FIELDS, ")}"),
    ("{sessions(filter:{metadata:{", FIELDS, "}}){totalCount}}"),
    ("{version @include(", FIELDS, ")}"),
    ("query(", VARIABLES, "){version}"),
    ("query($v:Boolean!){version ", DIRECTIVES, "}"),
    ("{...F0} fragment F0 on Query ", DIRECTIVES, "{version}"),
    ("", DEFINITIONS, "{version}"),
    ("", PIECES, ""),
    ("{version #", PIECES, "\n}"),
    ("{version(a:\"", PIECES, "\")}"),
    ("{version(a:\"\"\"", PIECES, "\"\"\")}"),
];
const SELECTIONS: &[&str] = &[
    "name ",
    "a§:name ",
    "version ",
    "me{name} ",
    "a(b§:1) ",
    "version(a:[1,2]) ",
    "name@include(if:true) ",
    "name@a@b§ ",
    "...F0 ",
    "...F§ ",
    "...{name} ",
    "... on Me{name scopes} ",
    "...@a{version} ",
    "name#[\n",
    "sessions(first:1){nodes{id}} ",
];
const VALUES: &[&str] = &[
    "1 ",
    "-1.5e+3,",
    "$v ",
    "null ",
    "E§ ",
    "\"\" ",
    "\"a§\" ",
    "\"\\u0041\\n\" ",
    "\"é𝕏[\" ",
    "\"\"\" [ \"\" \\\"\"\" \"\"\" ",
    "[] ",
    "[1[2]] ",
    "{} ",
    "{a:1 b:[$v]} ",
];
const FIELDS: &[&str] = &["a§:1 ", "a§:\"b\" ", "a§:[1,2] ", "a§:{b:{}} ", "a§:$v "];
const VARIABLES: &[&str] = &["$v§:Int ", "$v§:[Int!]! ", "$v§:Boolean=true ", "$v§:Int=[[1]] ", "$v§:Int@a(b:1) "];
const DIRECTIVES: &[&str] = &["@a§ ", "@a§(b:1) ", "@include(if:$v) ", "@skip(if:false) "];
const DEFINITIONS: &[&str] = &[
    "query{version} ",
    "query q§{version} ",
    "query q§($v:Int){me{name}} ",
    "mutation m§{version} ",
    "subscription s§{version} ",
    "fragment F§ on Query{version} ",
    "fragment F§ on Me{...F0} ",
    "query q§{...F0} ",
];
/// What opens something, ends it or means nothing, for texts that are no documents.
const PIECES: &[&str] = &[
    "{",
    "[",
    "(",
    "}",
    "]",
    ")",
    "\"",
    "\"\"",
    "\"\"\"",
    "\\\"\"\"",
    "\\",
    "#",
    "\n",
    "\r",
    "\t",
    " ",
    ",",
    "\0",
    "\u{feff}",
    "é",
    "𝕏",
    "\u{2028}",
    "a",
    "_",
    "a:",
    "...",
    "on ",
    "@",
    "$",
    "$v:",
    "1",
    "-",
    "1e",
    ".5",
    "!",
    "=",
    ":",
    "|",
    "&",
    "query ",
    "fragment ",
    "{a",
    "{a:",
    "({[",
    "\"\\uD83D",
    "null",
];

/// How often something comes: a few times, as often as the tokens or the selections allow, or as the length does.
fn times() -> impl Strategy<Value = usize> {
    prop_oneof![1..100_usize, 100..1_000_usize, 1_000..3_000_usize, 3_000..5_000_usize, 5_000..LENGTH_MAX]
}

/// The same few things again and again, side by side.
fn repeated() -> impl Strategy<Value = String> {
    let things = |(head, things, tail): Place| {
        let some = prop::collection::vec(select(things), 1..5).prop_map(|things| things.concat());
        (some, times(), any::<bool>()).prop_map(move |(things, times, is_numbered)| {
            let mut text = head.to_owned();
            for number in 0..times {
                if text.len() + things.len() + tail.len() > LENGTH_MAX {
                    break;
                }
                let number = if is_numbered { number.to_string() } else { "0".to_owned() };
                text.push_str(&things.replace(NUMBER, &number));
            }
            text + tail
        })
    };
    select(PLACES).prop_flat_map(things)
}

/// Brackets in one another, up to the limit and beyond, and that again and again.
fn nested() -> impl Strategy<Value = String> {
    (1..80_usize, times(), any::<Index>()).prop_map(|(levels, times, index)| {
        let forms = guard::tests::nested_forms(levels);
        let form = index.get(&forms);
        let times = times.min(LENGTH_MAX / form.len());
        match form.strip_prefix('{').and_then(|form| form.strip_suffix('}')) {
            Some(selection) => format!("{{{}}}", format!("{selection} ").repeat(times)),
            None => form.repeat(times),
        }
    })
}

/// Fragments that spread one another: each the next, so often that they multiply, or an earlier one, in a circle.
fn spreading() -> impl Strategy<Value = String> {
    let spread = select(vec![
        "...F§ ",
        "...{...F§} ",
        "... on Me{...F§} ",
        "me{...F§} ",
        "a:me{...F§} ",
        "...F§@include(if:true) ",
    ]);
    let leaf = select(vec!["name ", "version ", "a:name ", "a(b:[1 2 3]) ", "name name ", "... on Me{name} "]);
    let fragment = (spread, 0..30_usize, leaf, 1..60_usize);
    let back = prop_oneof![4 => Just(None), 1 => (0..200_usize).prop_map(Some)];
    (prop::collection::vec(fragment, 1..200), select(vec!["Me", "Query", "Nobody"]), back).prop_map(
        |(fragments, on, back)| {
            let fragments = fragments.iter().enumerate().map(|(number, (spread, spreads, leaf, leaves))| {
                let other = back.and_then(|back| number.checked_sub(back)).unwrap_or(number + 1);
                let spread = spread.replace(NUMBER, &other.to_string()).repeat(*spreads);
                format!("fragment F{number} on {on}{{{spread}{}}} ", leaf.repeat(*leaves))
            });
            format!("{{me{{...F0}} ...F0}} {}", fragments.collect::<String>())
        },
    )
}

/// Pieces at random.
fn mixed() -> impl Strategy<Value = String> {
    let count = prop_oneof![0..100_usize, 0..10_000_usize];
    count.prop_flat_map(|count| prop::collection::vec(select(PIECES), count)).prop_map(|pieces| pieces.concat())
}

/// What is done to a document that is well made.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    CutOff,
    /// With so much nothing in it that it has the full length.
    Filled,
    /// With another one in it.
    Split,
}

/// Any of these, at most of the full length.
pub(super) fn documents() -> impl Strategy<Value = String> {
    let one = || prop_oneof![6 => repeated(), 2 => nested(), 3 => spreading(), 1 => mixed()];
    let change = prop_oneof![
        6 => Just(Change::Nothing), 1 => Just(Change::CutOff), 1 => Just(Change::Filled), 1 => Just(Change::Split)
    ];
    (one(), one(), change, any::<Index>()).prop_map(|(text, other, change, place)| {
        let (before, behind) = text.split_at(text.floor_char_boundary(place.index(text.len() + 1)));
        let changed = match change {
            Change::Nothing => text.clone(),
            Change::CutOff => before.to_owned(),
            Change::Filled => {
                let room = LENGTH_MAX.saturating_sub(text.len());
                format!("{before}{}{behind}", " ,\t\n".repeat(room / 4))
            }
            Change::Split => format!("{before}{other}{behind}"),
        };
        changed[..changed.floor_char_boundary(LENGTH_MAX)].to_owned()
    })
}
