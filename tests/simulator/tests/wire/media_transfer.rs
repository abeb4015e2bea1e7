//! What the unmodified client does when the media hosts fail it on the way.

use std::io::Cursor;

use bytes::Bytes;
use wacore::download::MediaType;
use wacore::upload::encrypt_media_streaming;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::VideoMessage;
use whatsapp_rust::upload::UploadOptions;
use whatsapp_simulator::{FileVerdict, MediaFault, MediaOperation, SidecarVerdict};

use crate::companion::{Companion, OTHER, finish, simulator};
use crate::media::{bytes, image, sent, upload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_refused_asks_for_the_hosts_again() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.spoil_media(MediaOperation::Upload, None, MediaFault::Unauthorized, 1);
    upload(&companion, bytes(1000), MediaType::Image).await.unwrap();
    assert_eq!(sim.media_stats().connections_told, 2);
    sim.expire_media_auth();
    upload(&companion, bytes(2000), MediaType::Image).await.unwrap();
    let stats = sim.media_stats();
    assert_eq!((stats.connections_told, stats.statuses[&401], stats.stored), (3, 2, 2));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_to_the_next_host_when_one_fails() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.spoil_media(MediaOperation::Upload, Some(0), MediaFault::Status { code: 507 }, 1);
    let uploaded = upload(&companion, bytes(1000), MediaType::Image).await.unwrap();
    assert!(uploaded.url.contains(&sim.media_hosts()[1].to_string()), "{}", uploaded.url);
    sim.spoil_media(MediaOperation::Download, Some(0), MediaFault::WrongHash, 1);
    sim.spoil_media(MediaOperation::Download, Some(0), MediaFault::CutOff { after_bytes: 500 }, 1);
    for _ in 0..2 {
        assert_eq!(companion.client().download(&image(&uploaded)).await.unwrap(), bytes(1000));
    }
    let log = sim.media_stats().log;
    let downloads: Vec<_> =
        log.iter().filter(|entry| entry.operation == MediaOperation::Download).map(|entry| entry.host).collect();
    assert_eq!((downloads, sim.media_faults().len()), (vec![0, 1, 0, 1], 0));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_upload_is_gone_on_with() {
    const MIB: usize = 1024 * 1024;
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let after_bytes = 2 * MIB as u64;
    sim.spoil_media(MediaOperation::Upload, Some(0), MediaFault::CutOff { after_bytes }, 1);
    let video = bytes(6 * MIB);
    let uploaded = upload(&companion, video.clone(), MediaType::Video).await.unwrap();
    let log = sim.media_stats().log;
    let uploads: Vec<_> = log.iter().filter(|entry| entry.operation == MediaOperation::Upload).collect();
    assert_eq!((uploads[0].status, uploads[0].offset, uploads[0].bytes), (None, 0, after_bytes));
    assert_eq!((uploads[1].status, uploads[1].offset), (Some(200), after_bytes));
    assert_eq!(uploads[1].bytes, 6 * MIB as u64 + 16 + 10 - after_bytes);
    // The whole file has arrived: it is not sent again.
    let options = UploadOptions::new().with_media_key(uploaded.media_key);
    let again = companion.client().upload(video, MediaType::Video, options).await;
    assert_eq!(again.unwrap().direct_path, uploaded.direct_path);
    let stats = sim.media_stats();
    assert_eq!((stats.requests[&MediaOperation::Upload], stats.stored), (2, 1));
    companion.stop().await;
    finish(sim).await;
}

/// The client's other way, which never has a file in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_up_and_comes_down_as_a_stream() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let (video, mut sealed) = (bytes(300_000), Vec::new());
    let info = encrypt_media_streaming(&video[..], &mut sealed, MediaType::Video).unwrap();
    let size_bytes = sealed.len() as u64;
    sim.spoil_media(MediaOperation::Upload, Some(0), MediaFault::CutOff { after_bytes: 1000 }, 1);
    let uploaded = companion.client().upload_stream(Bytes::from(sealed), info, MediaType::Video).await.unwrap();
    // Small files are not gone on with.
    let log = sim.media_stats().log;
    assert_eq!((log.len(), log[1].offset, log[1].bytes), (2, 0, size_bytes));
    let message = VideoMessage {
        direct_path: Some(uploaded.direct_path.clone()),
        mimetype: Some("video/mp4".to_owned()),
        file_length: Some(uploaded.file_length),
        media_key: Some(uploaded.media_key.to_vec()),
        file_sha256: Some(uploaded.file_sha256.to_vec()),
        file_enc_sha256: Some(uploaded.file_enc_sha256.to_vec()),
        streaming_sidecar: uploaded.streaming_sidecar.clone(),
        ..Default::default()
    };
    let written = companion.client().download_to_writer(&message, Cursor::new(Vec::new())).await.unwrap();
    assert_eq!(written.into_inner(), video);
    let message = wa::Message { video_message: MessageField::some(message), ..Default::default() };
    sent(&sim, &companion, "VIDEO", message).await;
    let opened = sim.phone(OTHER).open_file("VIDEO").await.unwrap();
    assert_eq!((opened.verdict, opened.sidecar), (FileVerdict::Intact, SidecarVerdict::Right));
    companion.stop().await;
    finish(sim).await;
}
