//! Files by way of the control API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::companion::{OTHER, PHONE, finish, simulator};
use crate::control::Control;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_sent_opened_and_spoiled_over_http() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let messages = format!("/phones/{OTHER}/messages");
    let file = json!({ "to": PHONE, "kind": "file", "file": "image", "data": "aGVsbG8=", "caption": "hi", "width": 3 });
    let (status, body) = control.post(&messages, file).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let id = body["ids"][0].as_str().unwrap();
    let opened = control.get(&format!("/phones/{PHONE}/files/{id}")).await;
    assert_eq!(
        (&opened["verdict"], &opened["size_bytes"], &opened["caption"]),
        (&json!("intact"), &json!(5), &json!("hi"))
    );
    assert_eq!((&opened["declared"]["kind"], &opened["declared"]["width"]), (&json!("image"), &json!(3)));
    assert_eq!(control.get(&format!("/phones/{PHONE}/inbox")).await[0]["content"]["file"]["size_bytes"], 5);
    let content = control.http.get(format!("{}/phones/{PHONE}/files/{id}/content", control.base)).send().await.unwrap();
    assert_eq!(content.bytes().await.unwrap(), "hello");
    let (status, body) = control.post(&messages, json!({ "to": PHONE, "kind": "file", "file": "voice" })).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let voice = control.get(&format!("/phones/{PHONE}/files/{}", body["ids"][0].as_str().unwrap())).await;
    assert_eq!((&voice["opus"]["plays_on_iphones"], &voice["sidecar"]), (&json!(true), &json!("right")));
    for wrong in [
        json!({ "file": "picture" }),
        json!({ "file": "image", "data": "?" }),
        json!({ "file": "image", "size_bytes": 1, "data": "" }),
    ] {
        let mut body = json!({ "to": PHONE, "kind": "file" });
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(control.post(&messages, body).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(control.ask(Method::GET, &format!("/phones/{PHONE}/files/3A"), None).await.0, StatusCode::NOT_FOUND);

    let fault = json!({ "operation": "download", "host": 1, "kind": "stall", "after_bytes": 10 });
    let (status, body) = control.post("/media/faults", fault.clone()).await;
    assert_eq!((status, body), (StatusCode::OK, json!([fault])));
    for wrong in [
        json!({ "kind": "none" }),
        json!({ "operation": "upload", "kind": "status", "code": 200 }),
        json!({ "operation": "upload", "host": 9, "kind": "none" }),
    ] {
        assert_eq!(control.post("/media/faults", wrong.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    control.ask(Method::DELETE, "/media/faults", None).await;
    assert_eq!(control.get("/media/faults").await, json!([]));
    let reuploads = format!("/phones/{PHONE}/reuploads");
    let (status, body) = control.ask(Method::PUT, &reuploads, Some(json!({ "answer": "silent" }))).await;
    assert_eq!((status, &body["answer"]), (StatusCode::OK, &json!("silent")));
    assert_eq!(control.get(&reuploads).await, json!({ "answer": "silent", "asked": 0, "stored": 0 }));
    let (status, body) = control.post(&format!("/phones/{PHONE}/media-tokens"), json!({})).await;
    let (auth, token) = (body["auth"].as_str().unwrap(), "A".repeat(43));
    let host = sim.media_hosts()[1];
    let check = format!("http://{host}/mms/image/{token}?auth={auth}&token={token}&resume=1");
    let checked = control.http.post(check).send().await.unwrap();
    assert_eq!((status, checked.json::<Value>().await.unwrap()), (StatusCode::CREATED, json!({ "resume": "0" })));
    let path = opened["declared"]["direct_path"].clone();
    let (status, _) = control.post("/media/expiry", json!({ "status": 404, "direct_path": path })).await;
    assert_eq!((status, &control.get("/media").await["files"][1]["lost"]), (StatusCode::OK, &json!(null)));
    let unknown = json!({ "status": 404, "direct_path": "/v/nothing" });
    assert_eq!(control.post("/media/expiry", unknown).await.0, StatusCode::NOT_FOUND);
    let (status, _) = control.post("/media/expiry", json!({ "status": 410, "auth": true })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(control.post("/media/expiry", json!({ "status": 500 })).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let media = control.get("/media").await;
    assert_eq!((media["hosts"].as_array().unwrap().len(), media["files"].as_array().unwrap().len()), (2, 2));
    assert_eq!((&media["files"][0]["lost"], &media["stats"]["stored"]), (&json!(410), &json!(0)));
    control.stop.cancel();
    finish(sim).await;
}
