//! Opens sockets to WhatsApp: directly, or through the operator's proxy.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use http::{HeaderValue, Uri, header};
use rustls::{ClientConfig, RootCertStore};
use tokio_websockets::ClientBuilder;
use wacore::net::{WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL};
use whatsapp_rust::async_channel::Receiver;
use whatsapp_rust::transport::{
    Connector, TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory, default_tls_connector,
    from_websocket,
};

use crate::whatsapp::proxy::ProxySettings;

/// Opens sockets. One for the whole process.
pub(super) struct Sockets {
    url: String,
    direct: TokioWebSocketTransportFactory,
    proxy: ProxySettings,
    /// Some if there is a proxy.
    tls: Option<ClientConfig>,
}

impl Sockets {
    /// `url` stands for WhatsApp's own address.
    pub(super) fn new(url: Option<&str>, proxy: ProxySettings) -> Self {
        let tls = proxy.is_set().then(tls);
        let connector = tls.as_ref().map_or_else(default_tls_connector, connector);
        let mut direct = TokioWebSocketTransportFactory::new().with_connector(connector);
        if let Some(url) = url {
            direct = direct.with_url(url);
        }
        Self { url: url.unwrap_or(WHATSAPP_WEB_WS_URL).to_owned(), direct, proxy, tls }
    }
}

#[async_trait]
impl TransportFactory for Sockets {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        let url: Uri = self.url.parse().context("the address of WhatsApp cannot be read")?;
        let is_secure = url.scheme_str() == Some("wss");
        let host = url.host().ok_or_else(|| anyhow!("the address of WhatsApp has no host"))?.to_owned();
        let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let (Some(proxy), Some(tls)) = (self.proxy.towards(&host, port), &self.tls) else {
            return self.direct.create_transport().await;
        };
        let stream = proxy.connect(tls.clone()).await?;
        let connector = if is_secure { connector(tls) } else { Connector::Plain };
        let stream = connector.wrap(&host, stream).await.context("no TLS with WhatsApp through the proxy")?;
        // As the library says it where there is no proxy.
        let origin = HeaderValue::from_static(WHATSAPP_WEB_ORIGIN);
        let builder = ClientBuilder::from_uri(url).add_header(header::ORIGIN, origin)?;
        let (socket, _) = builder.connect_on(stream).await.context("WhatsApp did not answer through the proxy")?;
        Ok(from_websocket(socket))
    }
}

fn connector(tls: &ClientConfig) -> Connector {
    Connector::Rustls(tokio_rustls::TlsConnector::from(Arc::new(tls.clone())))
}

/// Trusts what browsers trust, and what the operator has this machine trust: proxies that look into TLS have certificates of their own.
/// Without either nothing would be trusted, and a container often has none.
fn tls() -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
