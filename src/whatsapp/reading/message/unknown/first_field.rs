//! The name of the first field that something has, without what is in it.
//!
//! A writer of JSON tells as much, but it is compiled for every message of the protocol that could be inside: over four
//! hundred, a fortieth of all the code of this crate.

use std::fmt;

use serde::Serialize;
use serde::ser::{Impossible, SerializeStruct, Serializer};

/// The name of the first field that is not empty.
pub(super) fn first_field(of: &impl Serialize) -> Option<&'static str> {
    match of.serialize(Look) {
        Ok(Seen::Field(name)) => Some(name),
        Ok(Seen::Nothing | Seen::Value) | Err(fmt::Error) => None,
    }
}

/// What a look shows.
enum Seen {
    /// No value.
    Nothing,
    /// A value.
    Value,
    /// A struct, by its first field that has a value.
    Field(&'static str),
}

/// Looks at the fields of a struct, and no deeper.
struct Look;

/// The fields so far.
struct Fields {
    first: Option<&'static str>,
}

impl SerializeStruct for Fields {
    type Ok = Seen;
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), fmt::Error> {
        if self.first.is_none() && !matches!(value.serialize(Look)?, Seen::Nothing) {
            self.first = Some(name);
        }
        Ok(())
    }

    fn end(self) -> Result<Seen, fmt::Error> {
        Ok(self.first.map_or(Seen::Nothing, Seen::Field))
    }
}

/// All kinds of values stand here, since the trait asks for all. A struct that has lists or maps in it has no name.
impl Serializer for Look {
    type Ok = Seen;
    type Error = fmt::Error;
    type SerializeSeq = Impossible<Seen, fmt::Error>;
    type SerializeTuple = Impossible<Seen, fmt::Error>;
    type SerializeTupleStruct = Impossible<Seen, fmt::Error>;
    type SerializeTupleVariant = Impossible<Seen, fmt::Error>;
    type SerializeMap = Impossible<Seen, fmt::Error>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Seen, fmt::Error>;

    fn serialize_none(self) -> Result<Seen, fmt::Error> {
        Ok(Seen::Nothing)
    }

    // The value is not looked at: this is what spares the compiler all that is below.
    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, fmt::Error> {
        Ok(Fields { first: None })
    }

    fn serialize_bool(self, _: bool) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_i8(self, _: i8) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_i16(self, _: i16) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_i32(self, _: i32) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_i64(self, _: i64) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_u8(self, _: u8) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_u16(self, _: u16) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_u32(self, _: u32) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_u64(self, _: u64) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_f32(self, _: f32) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_f64(self, _: f64) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_char(self, _: char) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_str(self, _: &str) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_unit(self) -> Result<Seen, fmt::Error> {
        Ok(Seen::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Seen, fmt::Error> {
        Ok(Seen::Value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}
