use whatsapp_rust::wacore::iq::spec::IqSpec as _;
use whatsapp_rust::wacore::iq::usync::UsyncQuerySpec;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::*;

fn number(digits: &str) -> PhoneNumber {
    PhoneNumber::parse("n", digits).expect("a number")
}

/// What WhatsApp says about somebody: the number that it has, and something about that.
fn user(named: &str, contact: NodeBuilder) -> Node {
    NodeBuilder::new("user").attr("jid", Jid::pn(named)).children([contact.build()]).build()
}

/// Whether there is such an account; with what it repeats of the question.
fn contact(kind: &'static str, content: Option<&str>) -> NodeBuilder {
    let contact = NodeBuilder::new("contact").attr("type", kind);
    match content {
        Some(content) => contact.bytes(content.as_bytes()),
        None => contact,
    }
}

fn response(users: impl IntoIterator<Item = Node>, state: NodeBuilder) -> UsyncResponse {
    let result = NodeBuilder::new("result").children([state.build()]).build();
    let list = NodeBuilder::new("list").children(users).build();
    let usync = NodeBuilder::new("usync").children([result, list]).build();
    let iq = NodeBuilder::new("iq").attr("type", "result").children([usync]).build();
    let asked = question(&[number("15550100001")]).expect("a question");
    UsyncQuerySpec::new(asked, "1").expect("a question").parse_response(&iq.as_node_ref()).expect("a response")
}

fn said<const N: usize>(users: [Node; N]) -> UsyncResponse {
    response(users, NodeBuilder::new("contact"))
}

fn at(digits: &str) -> LookedUp {
    LookedUp::At(format!("{digits}@s.whatsapp.net"))
}

#[test]
fn each_number_gets_the_answer_about_it_whatever_the_order_and_the_spelling() {
    let numbers = ["155509100002", "15550100003", "15550100004"].map(number);
    let said = said([
        user("15550100004", contact("in", Some("+15550100004"))),
        user("15550100003", contact("out", Some("+15550100003"))),
        user("15550100002", contact("in", Some("+155509100002"))),
    ]);
    let found = answers(&numbers, &said).expect("answers");
    assert_eq!(found, [at("15550100002"), LookedUp::Nobody, at("15550100004")]);
}

#[test]
fn an_answer_that_repeats_nothing_is_about_the_number_that_it_names() {
    let numbers = ["15550100003", "155509100002", "15550100004"].map(number);
    let some = said([user("15550100004", contact("in", None)), user("15550100002", contact("in", None))]);
    let found = answers(&numbers, &some).expect("answers");
    assert_eq!(found, [LookedUp::Unanswered, LookedUp::Unanswered, at("15550100004")], "nobody guesses");
    let alone = said([user("15550100002", contact("in", None))]);
    assert_eq!(answers(&[number("155509100002")], &alone).expect("an answer"), [at("15550100002")]);
}

#[test]
fn one_person_under_two_spellings_is_two_answers() {
    let numbers = ["155509100002", "15550100002"].map(number);
    let said = said([
        user("15550100002", contact("in", Some("+15550100002"))),
        user("15550100002", contact("in", Some("+155509100002"))),
    ]);
    assert_eq!(answers(&numbers, &said).expect("answers"), [at("15550100002"), at("15550100002")]);
}

#[test]
fn what_was_asked_too_often_says_for_how_long_it_is_not_to_be_asked() {
    let error = |code: u16| NodeBuilder::new("error").attr("code", code);
    let of_user = NodeBuilder::new("contact").children([error(429).attr("backoff", 7_u32).build()]);
    let refused = answers(&[number("15550100003")], &said([user("15550100003", of_user)]));
    assert_eq!(refused.expect_err("it says nothing").retry_after(), Some(Duration::from_secs(7)));
    let state = NodeBuilder::new("contact").children([error(500).build()]);
    let refused = answers(&[number("15550100003")], &response([], state)).expect_err("it says nothing");
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Upstream, None));
}

#[test]
fn the_lids_of_those_who_were_found_are_known() {
    let lid = NodeBuilder::new("lid").attr("val", Jid::lid("100000000000077")).build();
    let user = NodeBuilder::new("user")
        .attr("jid", Jid::pn("15550100002"))
        .children([contact("in", Some("+155509100002")).build(), lid])
        .build();
    let pair = ("100000000000077".to_owned(), "15550100002".to_owned());
    assert_eq!(pairs(&said([user])), [pair]);
}
