//! Closed sets of words: one enum each, one spelling for column, REST, GraphQL and webhooks. One file per subject.

/// Declares a closed set: the column's text, the word that is shown, and the way back from it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Enum, async_graphql::Enum)]
        #[oai(rename_all = "snake_case")]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $($(#[$vdoc])* #[sea_orm(string_value = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The member with this spelling.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::unknown_variant(&word, &[$($word),+]))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

// Behind the macro, which they use.
pub mod access;
pub mod call;
pub mod chat;
pub mod contact;
pub mod event;
pub mod group;
pub mod message;
pub mod outgoing;
pub mod session;
pub mod webhook;

#[cfg(test)]
mod tests {
    use super::session::{SessionStatus, StatusReason};

    #[test]
    fn every_word_reads_back_as_itself() {
        for status in SessionStatus::ALL {
            assert_eq!(SessionStatus::parse(status.as_str()), Some(*status));
        }
        for reason in StatusReason::ALL {
            assert_eq!(StatusReason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(SessionStatus::parse("LOGGED_IN"), None);
    }

    #[test]
    fn the_statuses_are_the_six_of_the_contract() {
        let words: Vec<_> = SessionStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(
            words,
            ["disconnected", "connecting", "waiting_for_qr", "waiting_for_pair_code", "connected", "logged_in"]
        );
    }
}
