//! The values of arguments. The framework keeps the type of those to itself in which variables may stand; what can be had
//! is a copy without variables, and word of each.

use std::convert::Infallible;

use async_graphql::parser::types::{Directive, Field};
use async_graphql::{Name, Value};

/// How many values the arguments of a field have. Tells of each variable.
pub(super) fn of_field(field: &Field, tell: &mut impl FnMut(Name)) -> usize {
    let values =
        field.arguments.iter().map(|(_, value)| value.node.clone().into_const_with(|name| nothing(tell, name)));
    values.map(|Ok(value)| count(&value)).sum()
}

/// How many values the arguments of a directive have. Tells of each variable.
pub(super) fn of_directive(directive: &Directive, tell: &mut impl FnMut(Name)) -> usize {
    let arguments = directive.arguments.iter();
    let values = arguments.map(|(_, value)| value.node.clone().into_const_with(|name| nothing(tell, name)));
    values.map(|Ok(value)| count(&value)).sum()
}

fn nothing(tell: &mut impl FnMut(Name), name: Name) -> Result<Value, Infallible> {
    tell(name);
    Ok(Value::Null)
}

/// A value and those in it.
pub(super) fn count(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}
