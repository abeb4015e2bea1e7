//! The drawn codes: each form shows the same modules, in the form that was asked for.

use std::io::Cursor;

use fast_qr::{ECL, QRBuilder};
use reqwest::Method;

use crate::support::world::{Kind, World};

/// The dark modules of a code, with the four light ones around it that a camera needs.
fn modules(code: &str) -> Vec<Vec<bool>> {
    let qr = QRBuilder::new(code).ecl(ECL::L).build().expect("it is short enough");
    let side = qr.size + 8;
    let is_dark = |x: usize, y: usize| {
        let inside = 4..qr.size + 4;
        inside.contains(&x) && inside.contains(&y) && qr[y - 4][x - 4].value()
    };
    (0..side).map(|y| (0..side).map(|x| is_dark(x, y)).collect()).collect()
}

#[tokio::test]
async fn every_picture_says_what_the_json_says() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let code = world.door.qr("shop").await;

    let expected = modules(&code);
    let side = expected.len();

    let picture = world.door.get("/shop/qr?format=png").await.bytes;
    let mut reader = png::Decoder::new(Cursor::new(picture)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it has a size")];
    let frame = reader.next_frame(&mut pixels).expect("a picture");
    let (width, scale) = (frame.width as usize, frame.width as usize / side);
    assert_eq!((width, width), (side * scale, frame.height as usize));
    for (at, pixel) in pixels.iter().enumerate() {
        let (x, y) = (at % width / scale, at / width / scale);
        assert_eq!(*pixel, if expected[y][x] { 0 } else { 255 }, "module {x}, {y}");
    }

    // Two lines of modules in one of text; a block is light, and so is what lies below the last line.
    let text = world.door.get("/shop/qr?format=text").await.text();
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    assert_eq!(lines.len(), side.div_ceil(2));
    for (row, line) in lines.iter().enumerate() {
        assert_eq!(line.len(), side);
        for (x, block) in line.iter().enumerate() {
            let lower = expected.get(row * 2 + 1).is_some_and(|line| line[x]);
            let right = match (expected[row * 2][x], lower) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            };
            assert_eq!(*block, right, "block {x}, {row}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn the_form_is_that_of_the_word_before_that_of_the_header() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let rows: [(Option<&str>, _, _); 8] = [
        (None, "*/*", "application/json"),
        (None, "", "application/json"),
        (None, "application/pdf", "application/json"),
        (None, "image/png;q=0.9, text/plain", "text/plain"),
        (None, "text/plain", "text/plain"),
        (None, "image/svg+xml", "image/svg+xml"),
        (Some("json"), "image/png", "application/json"),
        (Some("svg"), "image/png", "image/svg+xml"),
    ];
    for (word, accept, expected) in rows {
        let query = word.map_or_else(String::new, |word| format!("?format={word}"));
        let request = world.door.request(Method::GET, &format!("/api/v1/sessions/shop/qr{query}"));
        let answer = world.door.send(request.header("accept", accept)).await;
        let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
        assert_eq!((answer.status, kind.as_str()), (200, expected), "{word:?} {accept}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    world.finish().await;
}
