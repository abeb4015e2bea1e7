//! PROPTEST_CASES=1000000 cargo test --lib expansion: the properties for longer than a test run takes.

use async_graphql::parser::parse_query;
use proptest::prelude::*;

use super::*;

fn measured(text: &str) -> Result<Expansion, Refusal> {
    measure(&parse_query(text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn code(text: &str) -> Option<&'static str> {
    measured(text).err().map(|refusal| refusal.code())
}

/// Fragments of which each spreads the next so often, and the last asks for something.
fn multiplying(spreads: usize, levels: usize) -> String {
    let level =
        |number: usize| format!("fragment f{number} on Query{{{}}}", format!("...f{} ", number + 1).repeat(spreads));
    let levels_text: String = (0..levels).map(level).collect();
    format!("{{...f0}}{levels_text}fragment f{levels} on Query{{version}}")
}

#[test]
fn fragments_that_multiply_are_refused_without_being_spread() {
    assert_eq!(code(&multiplying(2, 30)), Some("document_limit"));
    assert_eq!(code(&multiplying(3, 30)), Some("document_limit"));
    assert_eq!(code(&multiplying(1, 2_000)), Some("depth_limit"));
    assert_eq!(code(&multiplying(1, 29)), None);
    // Nobody spreads the first: it is validated all the same.
    assert_eq!(code(&multiplying(2, 30).replace("{...f0}", "{version}")), Some("document_limit"));
    assert_eq!(code(&multiplying(1, 2_000).replace("{...f0}", "{version}")), Some("depth_limit"));
}

#[test]
fn fragments_that_spread_themselves_are_refused() {
    for text in [
        "{...a} fragment a on Query{...a}",
        "{version} fragment a on Query{...a}",
        "{...a} fragment a on Query{me{...b}} fragment b on Me{...{...c}} fragment c on Me{...a}",
        "{...a} fragment a on Query{version ...b} fragment b on Query{...b}",
    ] {
        assert_eq!(code(text), Some("graphql_invalid"), "{text}");
    }
    assert_eq!(code("{...a ...a} fragment a on Query{...b ...nothing} fragment b on Query{version}"), None);
}

#[test]
fn fields_at_the_root_count_through_fragments() {
    for (root, rest) in [
        ("version ".repeat(21), String::new()),
        (format!("...{{{}}}", "version ".repeat(21)), String::new()),
        ("...A".to_owned(), format!("fragment A on Query{{{}}}", "version ".repeat(21))),
        ("...A ".repeat(7), "fragment A on Query{...B version} fragment B on Query{version version}".to_owned()),
        ("...on Query{...A}".repeat(3), format!("fragment A on Query{{{}}}", "version ".repeat(7))),
    ] {
        let text = format!("{{{root}}}{rest}");
        assert_eq!(code(&text), Some("root_field_limit"), "{text}");
        assert_eq!(code(&format!("mutation{text}")), Some("root_field_limit"), "{text}");
        assert_eq!(code(&format!("query A{{version}} query B{text}")), Some("root_field_limit"), "{text}");
    }
    assert_eq!(code("{...A ...A} fragment A on Query{version version version version version}"), None);
}

#[test]
fn aliases_count_through_fragments() {
    let aliases = |count: usize| (0..count).map(|number| format!("a{number}:name ")).collect::<String>();
    assert_eq!(code(&format!("{{me{{{}}}}}", aliases(31))), Some("alias_limit"));
    assert_eq!(code(&format!("{{me{{...A}} me{{...A}}}} fragment A on Me{{{}}}", aliases(16))), Some("alias_limit"));
    assert_eq!(code(&format!("{{me{{...A}} me{{...A}}}} fragment A on Me{{{}}}", aliases(15))), None);
}

#[test]
fn what_the_framework_compares_with_each_other_is_bounded() {
    let many =
        |count: usize, one: &str| (0..count).map(|number| one.replace('#', &number.to_string())).collect::<String>();
    for (text, refused) in [
        (many(101, "query q#{version} "), "document_limit"),
        (format!("query({}){{version}}", many(101, "$v#:Int ")), "document_limit"),
        (format!("{{version({})}}", many(33, "a#:1 ")), "document_limit"),
        (format!("{{version @a({})}}", many(33, "a#:1 ")), "document_limit"),
        (format!("{{version {}}}", "@a ".repeat(11)), "directive_limit"),
        (format!("{{...@a{}{{version}}}}", "@a ".repeat(10)), "directive_limit"),
        (format!("query{}{{version}}", "@a ".repeat(11)), "directive_limit"),
        (format!("query($a:Int{}){{version}}", "@a ".repeat(11)), "directive_limit"),
        (format!("{{version}} fragment A on Query{}{{version}}", "@a ".repeat(11)), "directive_limit"),
        (
            format!("{{me{{{}}}}} fragment A on Me{{{}}}", "...on Me{...A}".repeat(99), "name ".repeat(60)),
            "document_limit",
        ),
        (format!("{{me{}{{{}}}{}}}", "{...".repeat(25), "name ".repeat(1_000), "}".repeat(25)), "document_limit"),
        (format!("{{...A}} fragment A on Query{{a(x:[{}])}}", "0 ".repeat(30_000)), "document_limit"),
        (format!("query($a:Int=[{}]){{version}}", "0 ".repeat(30_000)), "document_limit"),
    ] {
        assert_eq!(code(&text), Some(refused), "{}", &text[..text.len().min(80)]);
    }
}

#[test]
fn the_schema_is_not_asked_for_what_it_could_not_answer() {
    let deep = "{__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}";
    let wide = format!("{{__schema{{types{{fields{{args{{{}}}}}}}}}}}", "name ".repeat(400));
    let apart = "{...A} fragment A on Query{__schema{...B}} fragment B on __Schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}";
    let long = format!("{{__schema{{types{{{}}}}}}}", "name ".repeat(501));
    for text in [deep, wide.as_str(), apart, long.as_str()] {
        assert_eq!(code(text), Some("complexity_limit"), "{text}");
    }
    // What the usual tools ask at their start.
    assert_eq!(code(include_str!("introspection.graphql")), None);
}

#[test]
fn a_subscription_follows_one_field() {
    assert_eq!(code("subscription{a}"), None);
    for text in ["subscription{a b}", "subscription{...{a}}", "subscription{...A} fragment A on Subscription{a}"] {
        assert_eq!(code(text), Some("graphql_invalid"), "{text}");
    }
}

#[test]
fn a_variable_is_used_as_often_as_its_fragments_are_spread() {
    let text = "query($a:Int $b:Int){x(y:[$a $a]) ...A ...A} fragment A on Query{...B ...B x @include(if:$b)}
        fragment B on Query{x(y:{z:$b})}";
    let uses = measured(text).expect("it is within the limits").uses;
    // B comes twice in A, which comes twice, and each is validated once more by itself.
    let of = |name: &str| uses[&Name::new(name)];
    assert_eq!((of("a"), of("b")), (2, (1 + 2) + (1 + 2 * (1 + 2))));
}

/// A size that is found by spreading every fragment wherever it stands; nothing if one spreads itself.
fn spread_out(set: &SelectionSet, document: &ExecutableDocument, path: &mut Vec<String>) -> Option<Size> {
    let mut size = Size::default();
    for selection in &set.items {
        let one = match &selection.node {
            Selection::Field(field) => {
                let below = spread_out(&field.node.selection_set.node, document, path)?;
                let is_leaf = field.node.selection_set.node.items.is_empty();
                Size {
                    selections: 1 + below.selections,
                    nesting: if is_leaf { 0 } else { 1 + below.nesting },
                    aliases: below.aliases + usize::from(field.node.alias.is_some()),
                    fields: 1,
                    values: below.values + field.node.arguments.len(),
                    ..Size::default()
                }
            }
            Selection::InlineFragment(fragment) => {
                let below = spread_out(&fragment.node.selection_set.node, document, path)?;
                Size { selections: 1 + below.selections, nesting: 1 + below.nesting, ..below }
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.to_string();
                if path.contains(&name) {
                    return None;
                }
                let below = match document.fragments.get(name.as_str()) {
                    Some(fragment) => {
                        path.push(name);
                        let below = spread_out(&fragment.node.selection_set.node, document, path)?;
                        path.pop();
                        below
                    }
                    None => Size::default(),
                };
                Size { selections: 1 + below.selections, nesting: 1 + below.nesting, ..below }
            }
        };
        size.beside(one);
    }
    Some(size)
}

/// Documents whose fragments spread one another at random.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("x".to_owned()),
        Just("y:x".to_owned()),
        Just("x(a:1 b:2)".to_owned()),
        (0..7_usize).prop_map(|number| format!("...f{number}")),
    ];
    let set =
        |inner| prop::collection::vec(inner, 1..3).prop_map(|items: Vec<String>| format!("{{{}}}", items.join(" ")));
    let item = leaf.prop_recursive(2, 4, 2, move |inner| {
        let set = prop::collection::vec(inner, 1..3).prop_map(|items| format!("{{{}}}", items.join(" ")));
        (prop::sample::select(vec!["x", "y:x", "...", "...on T"]), set).prop_map(|(head, set)| format!("{head}{set}"))
    });
    (set(item.clone()), prop::collection::vec(set(item), 0..6)).prop_map(|(root, fragments)| {
        let fragments = fragments.iter().enumerate().map(|(number, set)| format!(" fragment f{number} on T{set}"));
        format!("{root}{}", fragments.collect::<String>())
    })
}

proptest! {
    #[test]
    fn what_is_found_without_spreading_is_what_spreading_finds(text in documents()) {
        let document = parse_query(&text).expect("it can be read");
        let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
        let fragments = document.fragments.iter().map(|(name, fragment)| (Some(name), &fragment.node.selection_set.node));
        let mut total = Some(Size::default());
        let mut root = Size::default();
        for (name, set) in operations.map(|set| (None, set)).chain(fragments) {
            let size = spread_out(set, &document, &mut name.map(Name::to_string).into_iter().collect());
            if let (None, Some(size)) = (name, size) {
                root = size;
            }
            total = total.zip(size).map(|(mut total, size)| { total.beside(size); total });
        }
        match (measure(&document), total) {
            (Ok(found), Some(total)) => {
                let found = found.total;
                prop_assert_eq!(
                    (found.selections, found.nesting, found.aliases, found.fields, found.values),
                    (total.selections, total.nesting, total.aliases, total.fields, total.values)
                );
            }
            (Ok(_), None) => prop_assert!(false, "one spreads itself"),
            (Err(refusal), total) => match refusal.code() {
                "graphql_invalid" => prop_assert!(total.is_none()),
                "root_field_limit" => prop_assert!(root.fields > ROOT_FIELDS_MAX),
                "alias_limit" => prop_assert!(root.aliases > ALIASES_MAX),
                "document_limit" => prop_assert!(total.is_some_and(|total| total.selections > SELECTIONS_MAX / 2)),
                other => prop_assert!(false, "{other}"),
            },
        }
    }

    #[test]
    fn measuring_looks_at_each_part_of_the_text_once(spreads in 1..40_usize, levels in 1..40_usize) {
        let text = multiplying(spreads, levels);
        if let Ok(found) = measured(&text) {
            prop_assert!(found.steps <= text.len(), "{} for {} bytes", found.steps, text.len());
        }
    }
}
