//! The values of batches. Two drivers bind them, one for each database, and each knows other kinds of values than the other: here
//! they become ones of the kinds that both know, or are refused for both.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as SqliteValue};
use sea_orm::sea_query::OptionEnum;
use sea_orm::{DbErr, RuntimeErr, Value};
use serde_json::Value as Json;

/// A value of a kind that both drivers bind. Without one it is NULL; PostgreSQL wants to know its kind then, too.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bind {
    Bool(Option<bool>),
    Small(Option<i16>),
    Int(Option<i32>),
    Big(Option<i64>),
    Float(Option<f32>),
    Double(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Json(Option<Box<Json>>),
}

/// Every kind is named: a new one is thought about.
impl TryFrom<Value> for Bind {
    type Error = DbErr;

    fn try_from(value: Value) -> Result<Self, DbErr> {
        Ok(match value {
            Value::Bool(value) => Self::Bool(value),
            Value::TinyInt(value) => Self::Small(value.map(i16::from)),
            Value::SmallInt(value) => Self::Small(value),
            Value::Int(value) => Self::Int(value),
            Value::BigInt(value) => Self::Big(value),
            Value::TinyUnsigned(value) => Self::Small(value.map(i16::from)),
            Value::SmallUnsigned(value) => Self::Int(value.map(i32::from)),
            Value::Unsigned(value) => Self::Big(value.map(i64::from)),
            // Neither database has more than 63 bits.
            Value::BigUnsigned(value) => Self::Big(value.map(i64::try_from).transpose().map_err(unwritable)?),
            Value::Float(value) => Self::Float(number(value)?),
            Value::Double(value) => Self::Double(number(value)?),
            Value::String(value) => Self::Text(value),
            Value::Enum(OptionEnum::Some(word)) => Self::Text(Some(word.value.into_owned())),
            Value::Enum(OptionEnum::None(_)) => Self::Text(None),
            Value::Char(value) => Self::Text(value.map(String::from)),
            Value::Bytes(value) => Self::Bytes(value),
            Value::Json(value) => Self::Json(value),
            // The drivers disagree about how SQLite keeps these. Ours are numbers (`Timestamp`) and texts (ids).
            Value::ChronoDate(_)
            | Value::ChronoTime(_)
            | Value::ChronoDateTime(_)
            | Value::ChronoDateTimeUtc(_)
            | Value::ChronoDateTimeLocal(_)
            | Value::ChronoDateTimeWithTimeZone(_)
            | Value::TimeDate(_)
            | Value::TimeTime(_)
            | Value::TimeDateTime(_)
            | Value::TimeDateTimeWithTimeZone(_)
            | Value::Uuid(_)
            | Value::Decimal(_)
            | Value::Array(..) => return Err(DbErr::Type("a batch has no values of this kind".to_owned())),
        })
    }
}

/// SQLite keeps NULL for what is no number.
fn number<T: Copy + Into<f64>>(value: Option<T>) -> Result<Option<T>, DbErr> {
    match value {
        Some(value) if value.into().is_nan() => Err(unwritable("this is no number")),
        value => Ok(value),
    }
}

fn unwritable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(sea_orm::sqlx::Error::Encode(why.into()).into()))
}

impl From<Bind> for Value {
    fn from(bind: Bind) -> Self {
        match bind {
            Bind::Bool(value) => Self::Bool(value),
            Bind::Small(value) => Self::SmallInt(value),
            Bind::Int(value) => Self::Int(value),
            Bind::Big(value) => Self::BigInt(value),
            Bind::Float(value) => Self::Float(value),
            Bind::Double(value) => Self::Double(value),
            Bind::Text(value) => Self::String(value),
            Bind::Bytes(value) => Self::Bytes(value),
            Bind::Json(value) => Self::Json(value),
        }
    }
}

/// As the driver of all other statements binds it.
impl ToSql for Bind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Bool(value) => value.to_sql(),
            Self::Small(value) => value.to_sql(),
            Self::Int(value) => value.to_sql(),
            Self::Big(value) => value.to_sql(),
            Self::Float(value) => {
                let value = value.map_or(SqliteValue::Null, |value| SqliteValue::Real(value.into()));
                Ok(ToSqlOutput::Owned(value))
            }
            Self::Double(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
            Self::Json(None) => Ok(ToSqlOutput::Owned(SqliteValue::Null)),
            Self::Json(Some(json)) => Ok(ToSqlOutput::Owned(SqliteValue::Text(json.to_string()))),
        }
    }
}
