//! TLS to the database, with a server that has a certificate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sandbox::Server;
use store::{DbUrl, Store, Tls};

/// Writes an authority `NAME.pem`, and a certificate `NAME-server.pem` of 127.0.0.1 with its key.
fn certificates(folder: &Path, name: &str) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), authority.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}-server.pem")), server.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}-server.key")), key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn the_connection_is_encrypted_and_the_servers_certificate_is_checked() {
    let mut server = tokio::task::spawn_blocking(|| Server::start_temporary().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "good");
    certificates(folder.path(), "other");
    let path = |name: &str| folder.path().join(name);
    server
        .configure(&format!(
            "ssl-cert={}\nssl-key={}\nrequire_secure_transport=ON\n",
            path("good-server.pem").display(),
            path("good-server.key").display()
        ))
        .unwrap();
    let server = tokio::task::spawn_blocking(move || {
        server.restart().unwrap();
        server
    })
    .await
    .unwrap();
    let url = |tls: Tls| DbUrl {
        host: Some("127.0.0.1".to_owned()),
        port: Some(server.port()),
        socket: None,
        tls,
        ..server.url("")
    };

    let trusted = url(Tls::Required { ca: Some(path("good.pem")) });
    Store::connect(&trusted).await.unwrap();
    let mut sql = store::sql::Connection::open(&trusted).await.unwrap();
    let cipher = sql.row("SHOW SESSION STATUS LIKE 'Ssl_cipher'", &[]).await.unwrap();
    assert!(!cipher.text("Value").unwrap().is_empty(), "not encrypted");

    // Another authority: no connection, and a person is told.
    let stranger = Store::connect(&url(Tls::Required { ca: Some(path("other.pem")) })).await.unwrap_err();
    assert!(stranger.is_refused(), "{stranger:?}");
    // This server wants TLS.
    assert!(Store::connect(&url(Tls::Off)).await.is_err());
    // A server without TLS does not get a plain connection when TLS is required.
    let plain = tokio::task::spawn_blocking(|| Server::start_temporary().unwrap()).await.unwrap();
    let refused = DbUrl { port: Some(plain.port()), ..trusted };
    let refused = Store::connect(&refused).await.unwrap_err();
    assert!(refused.is_refused(), "{refused:?}");
}
