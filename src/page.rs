//! Parts of lists: windows, cursors and slices, the same for every list. Every list is ordered by creation, then by id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::ids::SessionId;
use entity::timestamp::Timestamp;

use crate::error::{Error, ErrorKind, Result};

/// Largest page, and that of a list without a size of its own.
pub const PAGE_MAX: u32 = 100;
/// What the items of one answer may take together, bytes. One alone may take more. As much as a page of events.
// Without it, 600 sessions with all the labels that they may have were an answer of 65 MiB.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first so many, 1 to 100. What is said of a list that is asked without this and `last` is up to the list.
    pub first: Option<u32>,
    /// The last so many, 1 to 100.
    pub last: Option<u32>,
    /// Only those behind this cursor.
    pub after: Option<String>,
    /// Only those before this cursor.
    pub before: Option<String>,
}

/// A part of a list, oldest first.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether there are more before these. Only known when asked for the last ones.
    pub has_previous: bool,
    /// Whether there are more behind these. Only known when asked for the first ones.
    pub has_next: bool,
}

/// Where something stands in its list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: String,
}

/// A window that keeps the rules.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Only those behind this key.
    pub after: Option<SortKey>,
    /// Only those before this key.
    pub before: Option<SortKey>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Whether these are the last ones rather than the first.
    pub is_from_end: bool,
}

impl Window {
    /// The window, if it keeps the rules.
    ///
    /// # Errors
    /// `PageSizeLimit`; `Invalid` for a bad cursor, or two sizes.
    pub fn bounds(&self) -> Result<Bounds> {
        if self.first.is_some() && self.last.is_some() {
            return Err(Error::invalid("last", "must not be given together with `first`"));
        }
        for (field, size) in [("first", self.first), ("last", self.last)] {
            if size.is_some_and(|size| !(1..=PAGE_MAX).contains(&size)) {
                return Err(Error::about(ErrorKind::PageSizeLimit, field, format!("must be from 1 to {PAGE_MAX}")));
            }
        }
        let sort_key = |field: &str, text: &Option<String>| {
            let refused = || Error::invalid(field, "must be a cursor that a list gave");
            text.as_deref().map(|text| SortKey::parse(text).ok_or_else(refused)).transpose()
        };
        Ok(Bounds {
            after: sort_key("after", &self.after)?,
            before: sort_key("before", &self.before)?,
            limit: self.first.or(self.last),
            is_from_end: self.last.is_some(),
        })
    }
}

impl SortKey {
    /// The cursor of this key: what stands right behind it comes next.
    pub fn cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", self.created_at.millis(), self.id))
    }

    fn parse(cursor: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (millis, id) = plain.split_once(':')?;
        // Every id has this shape; what has another one did not come from a list.
        let id = SessionId::parse(id).ok()?.as_str().to_owned();
        Some(Self { created_at: Timestamp::from_millis(millis.parse().ok()?), id })
    }
}

impl Bounds {
    /// How many items to look for: one more than asked for tells whether there is another page.
    pub fn reach(&self) -> Option<u64> {
        self.limit.map(|limit| u64::from(limit) + 1)
    }

    /// The slice that these items are, oldest first, of which there is one too many if there are more.
    pub fn slice<T>(&self, mut items: Vec<T>) -> Slice<T> {
        let wanted = self.limit.map_or(usize::MAX, |limit| limit as usize);
        let is_cut = items.len() > wanted;
        let (has_previous, has_next) = (is_cut && self.is_from_end, is_cut && !self.is_from_end);
        if has_previous {
            items.drain(..items.len() - wanted);
        }
        items.truncate(wanted);
        Slice { items, has_previous, has_next }
    }

    /// The slice of a whole list, oldest first.
    pub fn cut<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> SortKey) -> Slice<T> {
        all.retain(|item| {
            let here = key(item);
            self.after.as_ref().is_none_or(|after| here > *after)
                && self.before.as_ref().is_none_or(|before| here < *before)
        });
        self.slice(all)
    }
}

impl<T> Slice<T> {
    /// As much of it as one answer may hold, and always something. It ends early, not in silence: there are more then.
    pub fn within(mut self, bytes_max: usize, is_from_end: bool, size: impl Fn(&T) -> usize) -> Self {
        let mut bytes = 0;
        let mut fits = |item: &T| {
            let is_first = bytes == 0;
            bytes += size(item).max(1);
            is_first || bytes <= bytes_max
        };
        if is_from_end {
            let kept = self.items.iter().rev().take_while(|item| fits(item)).count();
            let excess = self.items.len() - kept;
            self.items.drain(..excess);
            self.has_previous |= excess > 0;
        } else {
            let kept = self.items.iter().take_while(|item| fits(item)).count();
            self.has_next |= kept < self.items.len();
            self.items.truncate(kept);
        }
        self
    }
}

/// What a text takes in JSON, bytes, its quotation marks included.
pub fn json_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort_key(number: &i64) -> SortKey {
        SortKey { created_at: Timestamp::from_millis(*number / 2), id: format!("x{number}") }
    }

    fn cut(window: Window) -> (Vec<i64>, bool, bool) {
        let Slice { items, has_previous, has_next } =
            window.bounds().expect("it keeps the rules").cut((0..6).collect(), sort_key);
        (items, has_previous, has_next)
    }

    #[test]
    fn a_list_is_cut_from_either_end() {
        let cursor = |number: i64| Some(sort_key(&number).cursor());
        let all = Window::default();
        assert_eq!(cut(all.clone()), (vec![0, 1, 2, 3, 4, 5], false, false));
        assert_eq!(cut(Window { first: Some(2), ..all.clone() }), (vec![0, 1], false, true));
        assert_eq!(cut(Window { first: Some(2), after: cursor(3), ..all.clone() }), (vec![4, 5], false, false));
        assert_eq!(cut(Window { last: Some(2), ..all.clone() }), (vec![4, 5], true, false));
        assert_eq!(cut(Window { last: Some(2), before: cursor(2), ..all.clone() }), (vec![0, 1], false, false));
        assert_eq!(cut(Window { after: cursor(1), before: cursor(4), ..all }), (vec![2, 3], false, false));
    }

    #[test]
    fn a_window_that_breaks_a_rule_is_refused_with_its_field() {
        let all = Window::default();
        let rows = [
            (Window { first: Some(0), ..all.clone() }, "`first` must be from 1 to 100"),
            (Window { last: Some(101), ..all.clone() }, "`last` must be from 1 to 100"),
            (Window { first: Some(1), last: Some(1), ..all.clone() }, "`last` must not be given together with `first`"),
            (Window { after: Some("!".to_owned()), ..all.clone() }, "`after` must be a cursor that a list gave"),
            (Window { before: Some("AAAA".to_owned()), ..all }, "`before` must be a cursor that a list gave"),
        ];
        for (window, refusal) in rows {
            assert_eq!(window.bounds().expect_err(refusal).to_string(), refusal);
        }
    }

    #[test]
    fn an_answer_that_gets_too_large_ends_early_at_the_right_end_and_says_so() {
        let slice = |items: &[usize]| Slice { items: items.to_vec(), has_previous: false, has_next: false };
        let within = |items: &[usize], is_from_end| {
            let Slice { items, has_previous, has_next } = slice(items).within(10, is_from_end, |size| *size);
            (items, has_previous, has_next)
        };
        assert_eq!(within(&[4, 6], false), (vec![4, 6], false, false));
        assert_eq!(within(&[4, 6, 1], false), (vec![4, 6], false, true));
        assert_eq!(within(&[4, 6, 1], true), (vec![6, 1], true, false));
        assert_eq!(within(&[40, 1], false), (vec![40], false, true));
        assert_eq!(within(&[1, 40], true), (vec![40], true, false));
        assert_eq!(within(&[], true), (vec![], false, false));
    }

    #[test]
    fn the_size_of_a_text_is_that_of_its_json() {
        for text in ["", "Shop", "\"\\/", "\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}", "é💚\u{2028}"] {
            assert_eq!(json_bytes(text), serde_json::to_string(text).expect("a text").len(), "{text:?}");
        }
    }
}
