//! Files between the unmodified client and phones.

use sha2::{Digest as _, Sha256};
use wacore::download::{Downloadable, MediaType};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{AudioMessage, DocumentMessage, ImageMessage};
use whatsapp_rust::upload::{UploadOptions, UploadResponse};
use whatsapp_simulator::{FileKind, FileVerdict, MediaOperation, NewFile, SidecarVerdict, Simulator};

use crate::acknowledgement::{nth_ack, send};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

/// Some bytes, the same each time.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 253) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn upload(companion: &Companion, bytes: Vec<u8>, kind: MediaType) -> anyhow::Result<UploadResponse> {
    companion.client().upload(bytes, kind, UploadOptions::default()).await
}

/// A picture as the client's users make it of an upload.
pub(crate) fn image(uploaded: &UploadResponse) -> ImageMessage {
    ImageMessage {
        url: Some(uploaded.url.clone()),
        direct_path: Some(uploaded.direct_path.clone()),
        mimetype: Some("image/jpeg".to_owned()),
        caption: Some("a cat".to_owned()),
        file_length: Some(uploaded.file_length),
        width: Some(640),
        height: Some(480),
        media_key: Some(uploaded.media_key.to_vec()),
        file_sha256: Some(uploaded.file_sha256.to_vec()),
        file_enc_sha256: Some(uploaded.file_enc_sha256.to_vec()),
        jpeg_thumbnail: Some(vec![0xff, 0xd8, 0xff, 0xe0]),
        ..Default::default()
    }
}

fn with_image(image: ImageMessage) -> wa::Message {
    wa::Message { image_message: MessageField::some(image), ..Default::default() }
}

pub(crate) async fn sent(sim: &Simulator, companion: &Companion, id: &str, message: wa::Message) {
    send(companion, id, message).await;
    assert_eq!(nth_ack(companion, id, 0).await, None);
    until("the arrival", || sim.phone(OTHER).inbox().iter().any(|message| message.id == id)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_opens_what_a_companion_sends() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let picture = bytes(100_000);
    let uploaded = upload(&companion, picture.clone(), MediaType::Image).await.unwrap();
    sent(&sim, &companion, "PICTURE", with_image(image(&uploaded))).await;
    let opened = sim.phone(OTHER).open_file("PICTURE").await.unwrap();
    assert_eq!((opened.verdict, opened.size_bytes), (FileVerdict::Intact, Some(100_000)));
    assert_eq!((opened.sha256, opened.caption.as_deref()), (Some(hash(&picture)), Some("a cat")));
    assert_eq!((opened.declared.kind, opened.declared.width), (FileKind::Image, Some(640)));
    let thumbnail = opened.declared.thumbnail.unwrap();
    assert_eq!((thumbnail.format, thumbnail.size_bytes), (Some("jpeg"), 4));
    assert_eq!(sim.phone(OTHER).file_bytes("PICTURE").await.unwrap(), picture);
    assert_eq!(sim.phone(OTHER).thumbnail_bytes("PICTURE").unwrap().len(), 4);
    // The own phone has a copy, and the other's inbox says the same.
    assert_eq!(sim.phone(PHONE).open_file("PICTURE").await.unwrap().verdict, FileVerdict::Intact);
    let content = sim.phone(OTHER).inbox().remove(0).content;
    assert_eq!(content.file.unwrap().direct_path, Some(uploaded.direct_path));
    assert!(sim.phone(OTHER).open_file("NOTHING").await.is_err());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voices_and_documents_are_opened_by_their_own_keys() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let voice = NewFile::sample(FileKind::Voice);
    let uploaded = upload(&companion, voice.bytes.clone(), MediaType::Audio).await.unwrap();
    let audio = AudioMessage {
        direct_path: Some(uploaded.direct_path.clone()),
        mimetype: Some("audio/ogg; codecs=opus".to_owned()),
        file_length: Some(uploaded.file_length),
        seconds: Some(3),
        ptt: Some(true),
        media_key: Some(uploaded.media_key.to_vec()),
        file_sha256: Some(uploaded.file_sha256.to_vec()),
        file_enc_sha256: Some(uploaded.file_enc_sha256.to_vec()),
        streaming_sidecar: uploaded.streaming_sidecar.clone(),
        waveform: Some(vec![50; 64]),
        ..Default::default()
    };
    let audio = wa::Message { audio_message: MessageField::some(audio), ..Default::default() };
    sent(&sim, &companion, "VOICE", audio).await;
    let opened = sim.phone(OTHER).open_file("VOICE").await.unwrap();
    assert_eq!((opened.verdict, opened.sidecar), (FileVerdict::Intact, SidecarVerdict::Right));
    assert!(opened.opus.is_some_and(|opus| opus.plays_on_iphones && opus.seconds == 3));
    assert_eq!((opened.declared.seconds, opened.declared.waveform), (Some(3), Some(vec![50; 64])));
    let uploaded = upload(&companion, bytes(5000), MediaType::Document).await.unwrap();
    let document = DocumentMessage {
        direct_path: Some(uploaded.direct_path.clone()),
        mimetype: Some("application/pdf".to_owned()),
        file_name: Some("bill.pdf".to_owned()),
        file_length: Some(uploaded.file_length),
        media_key: Some(uploaded.media_key.to_vec()),
        file_sha256: Some(uploaded.file_sha256.to_vec()),
        file_enc_sha256: Some(uploaded.file_enc_sha256.to_vec()),
        ..Default::default()
    };
    let document = wa::Message { document_message: MessageField::some(document), ..Default::default() };
    sent(&sim, &companion, "BILL", document).await;
    let opened = sim.phone(OTHER).open_file("BILL").await.unwrap();
    assert_eq!((opened.verdict, opened.sidecar), (FileVerdict::Intact, SidecarVerdict::Absent));
    assert_eq!(opened.declared.file_name.as_deref(), Some("bill.pdf"));
    companion.stop().await;
    finish(sim).await;
}

/// Opens the file of a message as the client does.
async fn download(companion: &Companion, message: &wa::Message) -> anyhow::Result<Vec<u8>> {
    let inner = message.document_with_caption_message.message.as_option().unwrap_or(message);
    let files: [Option<&dyn Downloadable>; 6] = [
        inner.image_message.as_option().map(|file| file as &dyn Downloadable),
        inner.video_message.as_option().map(|file| file as &dyn Downloadable),
        inner.ptv_message.as_option().map(|file| file as &dyn Downloadable),
        inner.audio_message.as_option().map(|file| file as &dyn Downloadable),
        inner.document_message.as_option().map(|file| file as &dyn Downloadable),
        inner.sticker_message.as_option().map(|file| file as &dyn Downloadable),
    ];
    companion.client().download(files.into_iter().flatten().next().expect("there is a file")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_opens_what_a_phone_sends() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let kinds = [
        FileKind::Image,
        FileKind::Video,
        FileKind::Gif,
        FileKind::VideoNote,
        FileKind::Audio,
        FileKind::Voice,
        FileKind::Document,
        FileKind::Sticker,
    ];
    for kind in kinds {
        let mut file = NewFile::sample(kind);
        file.caption = matches!(kind, FileKind::Image | FileKind::Document).then(|| "look".to_owned());
        let expected = file.bytes.clone();
        let id = sim.phone(OTHER).send_file(PHONE, file).await.unwrap();
        let (_, received) = message(&companion, &id).await;
        assert_eq!(download(&companion, &received).await.unwrap(), expected, "{kind:?}");
        let opened = sim.phone(PHONE).open_file(&id).await.unwrap();
        assert_eq!((opened.verdict, opened.declared.kind), (FileVerdict::Intact, kind));
        let found = opened.video.map(|video| (video.width, video.height));
        let found = found.or(opened.dimensions.map(|[width, height]| (width, height)));
        assert_eq!(found, opened.declared.width.zip(opened.declared.height), "{kind:?}");
        assert!(!opened.has_metadata && !opened.is_animated);
        assert_eq!(opened.sidecar == SidecarVerdict::Absent, kind_has_no_sidecar(kind), "{kind:?}");
    }
    let stats = sim.media_stats();
    assert_eq!((stats.requests[&MediaOperation::Download], stats.connections_told), (8, 1));
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

fn kind_has_no_sidecar(kind: FileKind) -> bool {
    matches!(kind, FileKind::Image | FileKind::Document | FileKind::Sticker)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_group_message_is_opened() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let group = sim.phone(OTHER).create_group("trip", &[PHONE]).unwrap();
    let id = sim.phone(OTHER).send_file(&group, NewFile::noise(FileKind::Document, 70_000)).await.unwrap();
    let (_, received) = message(&companion, &id).await;
    assert_eq!(download(&companion, &received).await.unwrap().len(), 70_000);
    assert_eq!(sim.phone(PHONE).open_file(&id).await.unwrap().verdict, FileVerdict::Intact);
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_what_its_message_says_is_found_out() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let uploaded = upload(&companion, bytes(1000), MediaType::Image).await.unwrap();
    let other = upload(&companion, bytes(2000), MediaType::Image).await.unwrap();
    let video = upload(&companion, bytes(1000), MediaType::Video).await.unwrap();
    let wrong = |bytes: [u8; 32]| Some(bytes.map(|byte| byte ^ 1).to_vec());
    let right = || image(&uploaded);
    let cases = [
        (right(), FileVerdict::Intact),
        (ImageMessage { media_key: None, ..right() }, FileVerdict::Incomplete),
        (ImageMessage { mimetype: None, ..right() }, FileVerdict::Incomplete),
        (ImageMessage { direct_path: Some("/v/nothing.enc".to_owned()), ..right() }, FileVerdict::NotFound),
        (ImageMessage { direct_path: Some(video.direct_path.clone()), ..right() }, FileVerdict::WrongFolder),
        (ImageMessage { direct_path: Some(other.direct_path.clone()), ..right() }, FileVerdict::WrongEncSha256),
        (ImageMessage { file_enc_sha256: wrong(uploaded.file_enc_sha256), ..right() }, FileVerdict::WrongEncSha256),
        (ImageMessage { media_key: wrong(uploaded.media_key), ..right() }, FileVerdict::WrongMac),
        (ImageMessage { file_sha256: wrong(uploaded.file_sha256), ..right() }, FileVerdict::WrongSha256),
        (ImageMessage { file_length: Some(999), ..right() }, FileVerdict::WrongLength),
    ];
    for (index, (image, verdict)) in cases.into_iter().enumerate() {
        let id = format!("CASE{index}");
        sent(&sim, &companion, &id, with_image(image)).await;
        assert_eq!(sim.phone(OTHER).open_file(&id).await.unwrap().verdict, verdict, "{id}");
        assert_eq!(sim.phone(OTHER).file_bytes(&id).await.is_ok(), verdict == FileVerdict::Intact);
    }
    companion.stop().await;
    finish(sim).await;
}
