//! A form (`multipart/form-data`) with one part, the file: read as it comes, never as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use multer::{Field, Multipart};

use crate::error::{Error, Result};

/// What is told about a form is about this.
const BODY: &str = "the body";
/// How much of a form may come without a byte of the file in it. The library keeps what it does not understand yet in memory.
const OVERHEAD_MAX: usize = 256 * 1024;

/// A form whose file comes next.
pub(super) struct Form {
    /// What the form calls the file.
    pub(super) file_name: Option<String>,
    /// The bytes of the file.
    pub(super) pieces: BoxStream<'static, Result<Bytes>>,
}

/// Reads a form up to its file.
///
/// # Errors
/// `Invalid`: it is no form, or its first part is no file; and what the pieces fail with.
pub(super) async fn open<S>(content_type: &str, pieces: S) -> Result<Form>
where
    S: Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
{
    let boundary = multer::parse_boundary(content_type).map_err(told)?;
    let overhead = Arc::new(AtomicUsize::new(0));
    let mut parts = Multipart::new(bounded(pieces, Arc::clone(&overhead)), boundary);
    let Some(file) = parts.next_field().await.map_err(told)? else {
        return Err(Error::invalid(BODY, "must have a part: the file"));
    };
    let file_name = file.file_name().map(str::to_owned);
    if file_name.is_none() && file.content_type().is_none() {
        return Err(Error::invalid(BODY, "must have a file, with its name, as its first part"));
    }
    let bytes = stream::try_unfold((parts, Some(file)), move |(mut parts, file)| {
        let overhead = Arc::clone(&overhead);
        async move {
            let Some(mut file) = file else { return Ok(None) };
            if let Some(piece) = file.chunk().await.map_err(told)? {
                overhead.store(0, Ordering::Relaxed);
                return Ok(Some((piece, (parts, Some(file)))));
            }
            drop::<Field<'_>>(file);
            match parts.next_field().await.map_err(told)? {
                // What else there is would be lost in silence.
                Some(_) => Err(Error::invalid(BODY, "must have no part beside the file")),
                None => Ok(None),
            }
        }
    });
    Ok(Form { file_name, pieces: bytes.boxed() })
}

/// The same pieces, one after the other: the library would read on for as long as there is something to read, whoever asks for what it
/// has. And no more than it may keep.
fn bounded<S>(mut pieces: S, overhead: Arc<AtomicUsize>) -> impl Stream<Item = Result<Bytes>> + Send
where
    S: Stream<Item = Result<Bytes>> + Send + Unpin,
{
    let mut is_next_one_too_many = false;
    stream::poll_fn(move |cx| {
        if std::mem::take(&mut is_next_one_too_many) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = ready!(pieces.poll_next_unpin(cx));
        is_next_one_too_many = true;
        let count = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
        if overhead.fetch_add(count, Ordering::Relaxed) > OVERHEAD_MAX {
            return Poll::Ready(Some(Err(Error::invalid(BODY, "must be a form with one part, the file"))));
        }
        Poll::Ready(piece)
    })
}

/// What the library did not understand; what it was only told is told on.
fn told(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::invalid(BODY, "ended before it was whole").because(cause),
        },
        error => Error::invalid(BODY, "is no form that can be read").because(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=edge";

    fn part(head: &str, bytes: &[u8]) -> Vec<u8> {
        [b"--edge\r\nContent-Disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat()
    }

    fn form(parts: &[Vec<u8>]) -> Vec<u8> {
        [parts.concat(), b"--edge--\r\n".to_vec()].concat()
    }

    /// What is read of a form that comes in pieces of this size: the file's name and bytes, or what is told.
    async fn read(
        content_type: &str,
        body: &[u8],
        size: usize,
    ) -> std::result::Result<(Option<String>, Vec<u8>), String> {
        let pieces: Vec<_> = body.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut form = open(content_type, stream::iter(pieces)).await.map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        while let Some(piece) = form.pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        }
        Ok((form.file_name, bytes))
    }

    #[tokio::test]
    async fn a_form_has_one_part_the_file() {
        let file = || part("name=\"file\"; filename=\"tea.txt\"", b"green\r\n--edg");
        let named = Ok((Some("tea.txt".to_owned()), b"green\r\n--edg".to_vec()));
        for size in [1, 2, 7, 10_000] {
            assert_eq!(read(TYPE, &form(&[file()]), size).await, named, "{size}");
        }
        let unreadable = Err("`the body` is no form that can be read".to_owned());
        let rows = [
            (TYPE, form(&[]), Err("`the body` must have a part: the file".to_owned())),
            (TYPE, form(&[file(), file()]), Err("`the body` must have no part beside the file".to_owned())),
            (
                TYPE,
                form(&[part("name=\"caption\"", b"tea"), file()]),
                Err("`the body` must have a file, with its name, as its first part".to_owned()),
            ),
            (TYPE, file(), unreadable.clone()),
            (TYPE, b"tea".to_vec(), unreadable.clone()),
            (TYPE, Vec::new(), unreadable.clone()),
            ("multipart/form-data", form(&[file()]), unreadable),
        ];
        for (content_type, body, expected) in rows {
            assert_eq!(read(content_type, &body, 10).await, expected, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[tokio::test]
    async fn a_form_that_never_comes_to_its_file_is_not_kept_in_memory() {
        let head = [b"--edge\r\nX-Long: ".to_vec(), vec![b'x'; 4 * OVERHEAD_MAX]].concat();
        let told = Err("`the body` must be a form with one part, the file".to_owned());
        assert_eq!(read(TYPE, &head, 16 * 1024).await, told);
        // The file itself may be as long as it likes.
        let long = vec![7; 4 * OVERHEAD_MAX];
        let body = form(&[part("name=\"file\"; filename=\"a\"", &long)]);
        assert_eq!(read(TYPE, &body, 16 * 1024).await, Ok((Some("a".to_owned()), long)));
    }

    #[tokio::test]
    async fn what_the_body_fails_with_is_told_as_it_is() {
        let head = Bytes::from(part("name=\"file\"; filename=\"a\"", b"tea"));
        let failure = || Err(Error::invalid(BODY, "came too slowly"));
        let mut opened = open(TYPE, stream::iter(vec![Ok(head), failure()])).await.expect("the head is whole");
        let mut told = None;
        while let Some(piece) = opened.pieces.next().await {
            told = piece.err().map(|error| error.to_string());
        }
        assert_eq!(told.as_deref(), Some("`the body` came too slowly"));
        let told = open(TYPE, stream::iter(vec![failure()])).await.err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some("`the body` came too slowly"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let whole = [b"--edge\r\n".to_vec(), body.clone()].concat();
            for body in [body, whole] {
                // It ends, whatever it says.
                let _ = runtime.block_on(read(TYPE, &body, size));
            }
        }

        #[test]
        fn the_bytes_of_a_file_come_through(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            prop_assume!(!bytes.windows(8).any(|some| some == b"\r\n--edge"));
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let body = form(&[part("name=\"file\"; filename=\"a\"", &bytes)]);
            prop_assert_eq!(runtime.block_on(read(TYPE, &body, size)), Ok((Some("a".to_owned()), bytes)));
        }
    }
}
