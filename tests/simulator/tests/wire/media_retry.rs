//! Files that have expired: the client asks its phone for them.

use wacore_binary::Jid;
use waproto::whatsapp as wa;
use whatsapp_rust::features::{MediaRetryResult, MediaReuploadError, MediaReuploadRequest};
use whatsapp_simulator::{FileKind, NewFile, ReuploadAnswer, Simulator};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

/// A companion with a picture that has expired.
async fn with_expired_picture(sim: &Simulator) -> (Companion, String, wa::message::ImageMessage) {
    let (companion, _) = Companion::linked(sim).await;
    let id = sim.phone(OTHER).send_file(PHONE, NewFile::sample(FileKind::Image)).await.unwrap();
    let (_, received) = message(&companion, &id).await;
    let image = received.image_message.as_option().unwrap().clone();
    sim.expire_files(410);
    assert!(companion.client().download(&image).await.is_err());
    assert_eq!(sim.media_stats().statuses[&410], 2, "it asks for the hosts again in between");
    (companion, id, image)
}

async fn ask(
    companion: &Companion,
    id: &str,
    image: &wa::message::ImageMessage,
) -> Result<MediaRetryResult, MediaReuploadError> {
    let request = MediaReuploadRequest {
        msg_id: id,
        chat_jid: &Jid::pn(OTHER),
        media_key: image.media_key.as_deref().unwrap(),
        is_from_me: false,
        participant: None,
    };
    companion.client().media_reupload().request(&request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_stores_an_expired_file_once_more() {
    let sim = simulator().await;
    let (companion, id, mut image) = with_expired_picture(&sim).await;
    let Ok(MediaRetryResult::Success { direct_path }) = ask(&companion, &id, &image).await else {
        panic!("the phone has it")
    };
    assert_ne!(Some(&direct_path), image.direct_path.as_ref());
    image.direct_path = Some(direct_path);
    let expected = sim.phone(OTHER).file_content(NewFile::sample(FileKind::Image)).unwrap();
    let expected = expected.image_message.file_length;
    assert_eq!(companion.client().download(&image).await.unwrap().len() as u64, expected.unwrap());
    assert_eq!((sim.phone(PHONE).reuploads().asked, sim.phone(PHONE).reuploads().stored), (1, 1));
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phone_may_not_have_it_or_not_tell() {
    let sim = simulator().await;
    let (companion, id, image) = with_expired_picture(&sim).await;
    let phone = sim.phone(PHONE);
    for (answer, expected) in [
        (ReuploadAnswer::NotFound, "Ok(NotFound)"),
        (ReuploadAnswer::GeneralError, "Ok(GeneralError)"),
        (ReuploadAnswer::DecryptionError, "Ok(DecryptionError)"),
        (ReuploadAnswer::ServerError, "Ok(NotFound)"),
        (ReuploadAnswer::Garbage, "Err(Internal("),
    ] {
        phone.answer_reuploads(answer);
        let said = format!("{:?}", ask(&companion, &id, &image).await);
        assert!(said.starts_with(expected), "{answer:?}: {said}");
    }
    phone.answer_reuploads(ReuploadAnswer::Store);
    let unknown = ask(&companion, "3A00", &image).await;
    assert!(matches!(unknown, Ok(MediaRetryResult::NotFound)), "{unknown:?}");
    assert_eq!(phone.reuploads().stored, 1, "the garbage was about a file that was stored");
    // A phone that is off answers when it is on.
    phone.switch_off();
    let asked = ask(&companion, &id, &image);
    let switched = async {
        until("the request", || phone.reuploads().asked == 7).await;
        phone.switch_on();
    };
    let (late, ()) = tokio::join!(asked, switched);
    assert!(matches!(late, Ok(MediaRetryResult::Success { .. })), "{late:?}");
    until("every acknowledgement", || phone.devices()[0].unnoticed == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_another_key_is_a_broken_rule() {
    let sim = simulator().await;
    let (companion, id, mut image) = with_expired_picture(&sim).await;
    image.media_key = Some(vec![9; 32]);
    let refused = ask(&companion, &id, &image).await;
    assert!(matches!(refused, Ok(MediaRetryResult::DecryptionError)), "{refused:?}");
    assert_eq!(sim.violations().len(), 1, "{:?}", sim.violations());
    companion.stop().await;
    sim.stop().await;
}
