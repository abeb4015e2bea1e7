//! The drawn codes, read by another library than the one that drew them: what a phone's camera would see.

use std::io::Cursor;

use reqwest::Method;

use crate::support::world::{Kind, World};

/// Reads the one QR code in a picture of grey pixels.
fn read(width: usize, height: usize, grey: impl Fn(usize, usize) -> u8) -> String {
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey(x, y));
    let found = picture.detect_grids();
    assert_eq!(found.len(), 1, "one code is in the picture");
    found[0].decode().expect("it can be read").1
}

#[tokio::test]
async fn every_picture_says_what_the_json_says() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let code = world.door.qr("shop").await;

    let picture = world.door.get("/shop/qr?format=png").await.bytes;
    let mut reader = png::Decoder::new(Cursor::new(picture)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it has a size")];
    let frame = reader.next_frame(&mut pixels).expect("a picture");
    let (width, height) = (frame.width as usize, frame.height as usize);
    assert_eq!(read(width, height, |x, y| pixels[y * width + x]), code);

    // Two lines of modules in one of text; a block is light.
    let text = world.door.get("/shop/qr?format=text").await.text();
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let (scale, width) = (4, lines[0].len());
    assert!(lines.iter().all(|line| line.len() == width), "the lines are of one length");
    let grey = |x: usize, y: usize| {
        let (column, row) = (x / scale, y / scale);
        let is_light = match lines[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => !row.is_multiple_of(2),
            ' ' => false,
            other => panic!("{other:?} is no part of a drawing"),
        };
        if is_light { 255 } else { 0 }
    };
    assert_eq!(read(width * scale, lines.len() * 2 * scale, grey), code);
    world.finish().await;
}

#[tokio::test]
async fn the_form_is_that_of_the_word_before_that_of_the_header() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let path = "/api/v1/sessions/shop/qr";
    let rows = [
        (None, "*/*", "application/json"),
        (None, "", "application/json"),
        (None, "application/pdf", "application/json"),
        (None, "image/png;q=0.9, text/plain", "image/png"),
        (None, "text/plain", "text/plain"),
        (None, "image/svg+xml", "image/svg+xml"),
        (Some("json"), "image/png", "application/json"),
        (Some("svg"), "image/png", "image/svg+xml"),
    ];
    for (word, accept, expected) in rows {
        let mut request = world.door.request(Method::GET, path).header("accept", accept);
        if let Some(word) = word {
            request = request.query(&[("format", word)]);
        }
        let answer = world.door.send(request).await;
        let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
        assert_eq!((answer.status, kind.as_str()), (200, expected), "{word:?} {accept}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    world.finish().await;
}
